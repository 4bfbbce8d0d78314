import { type FunctionSpec, releaseOf } from '../model/function.ts';
import type { StemDemand } from '../provider/stems.ts';

/** Functions of one release and memory size, which can use the same stems. */
interface StemClass {
  readonly release: string;
  readonly memoryMiB: number;
  functions: number;
  /** When instances of it were needed, as far back as counts. */
  neededMs: number[];
}

const demandWindowMs = 60_000;

/** What stems are wanted for: the functions there are, and the instances they needed lately. */
export class StemDemands {
  readonly #classes = new Map<string, StemClass>();

  /** The functions that may need stems from now on. */
  publish(specs: readonly FunctionSpec[]): void {
    for (const known of this.#classes.values()) known.functions = 0;
    for (const spec of specs) this.#classOf(spec).functions += 1;
    for (const [key, known] of this.#classes) if (known.functions === 0) this.#classes.delete(key);
  }

  needed(spec: FunctionSpec, nowMs: number): void {
    this.#classOf(spec).neededMs.push(nowMs);
  }

  at(nowMs: number): StemDemand[] {
    return [...this.#classes.values()].map((each) => {
      each.neededMs = each.neededMs.filter((atMs) => nowMs - atMs < demandWindowMs);
      const { release, memoryMiB, functions, neededMs } = each;
      return { release, memoryMiB, functions, recentStarts: neededMs.length };
    });
  }

  #classOf(spec: FunctionSpec): StemClass {
    const release = releaseOf(spec);
    const { memoryMiB } = spec.config;
    const key = `${release}/${memoryMiB}`;
    const known = this.#classes.get(key);
    if (known !== undefined) return known;
    const made: StemClass = { release, memoryMiB, functions: 0, neededMs: [] };
    this.#classes.set(key, made);
    return made;
  }
}
