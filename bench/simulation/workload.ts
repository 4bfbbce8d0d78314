/** What a function does with one kind of request, and what its instances take. */
interface SimFunction {
  readonly name: string;
  /** By the index that invocations carry. */
  readonly routes: readonly string[];
  readonly memoryMiB: number;
  /** Production when left out. */
  readonly environment?: 'production' | 'preview';
}

export interface MachineSpec {
  readonly cores: number;
  readonly memoryMiB: number;
}

/**
 * Invocations in the order in which they come, as columns. The phases of invocation i are
 * `phasesMs[phaseStart[i]]` up to `phaseStart[i + 1]`: CPU, wait, CPU, wait, … in turn, beginning with CPU.
 */
export interface Workload {
  readonly name: string;
  readonly title: string;
  /** What it is, for the report: one paragraph. */
  readonly about: string;
  /** Why, where ours is worse than Knative's on it: it needs more GB-hours, or (if that is another reason) is slower. */
  readonly whenItLoses: string;
  readonly whenSlower?: string;
  readonly machine: MachineSpec;
  readonly functions: readonly SimFunction[];
  readonly arrivalMs: Float64Array;
  readonly functionOf: Uint16Array;
  readonly routeOf: Uint8Array;
  readonly phaseStart: Uint32Array;
  readonly phasesMs: Float64Array;
  readonly durationMs: number;
  /** Figures are of what comes from here on. */
  readonly measureFromMs: number;
}

export type WorkloadText = Pick<Workload, 'name' | 'title' | 'about' | 'whenItLoses' | 'whenSlower'>;

/** Collects invocations in any order. */
export class WorkloadBuilder {
  readonly #arrivalMs: number[] = [];
  readonly #functionOf: number[] = [];
  readonly #routeOf: number[] = [];
  readonly #phaseStart: number[] = [0];
  readonly #phasesMs: number[] = [];

  /** `phasesMs`: CPU, wait, CPU, … */
  add(arrivalMs: number, phasesMs: readonly number[], ofFunction = 0, route = 0): void {
    this.#arrivalMs.push(arrivalMs);
    this.#functionOf.push(ofFunction);
    this.#routeOf.push(route);
    for (const phaseMs of phasesMs) this.#phasesMs.push(phaseMs);
    this.#phaseStart.push(this.#phasesMs.length);
  }

  build(text: WorkloadText, rest: Pick<Workload, 'machine' | 'functions' | 'durationMs' | 'measureFromMs'>): Workload {
    const arrivals = this.#arrivalMs;
    const order = Uint32Array.from(arrivals.keys());
    // Stable: what comes at the same time stays in the order in which it was added.
    order.sort((a, b) => arrivals[a]! - arrivals[b]! || a - b);
    const phasesMs = new Float64Array(this.#phasesMs.length);
    const phaseStart = new Uint32Array(order.length + 1);
    let at = 0;
    order.forEach((from, index) => {
      for (let phase = this.#phaseStart[from]!; phase < this.#phaseStart[from + 1]!; phase += 1, at += 1) {
        phasesMs[at] = this.#phasesMs[phase]!;
      }
      phaseStart[index + 1] = at;
    });
    return {
      ...text,
      ...rest,
      arrivalMs: Float64Array.from(order, (index) => arrivals[index]!),
      functionOf: Uint16Array.from(order, (index) => this.#functionOf[index]!),
      routeOf: Uint8Array.from(order, (index) => this.#routeOf[index]!),
      phaseStart,
      phasesMs,
    };
  }
}

/** What an invocation takes on an instance of its own that is warm, with a core to itself. */
export function unloadedMs(workload: Workload, invocation: number): number {
  let sumMs = 0;
  const end = workload.phaseStart[invocation + 1]!;
  for (let phase = workload.phaseStart[invocation]!; phase < end; phase += 1) sumMs += workload.phasesMs[phase]!;
  return sumMs;
}

export function cpuMs(workload: Workload, invocation: number): number {
  let sumMs = 0;
  const end = workload.phaseStart[invocation + 1]!;
  for (let phase = workload.phaseStart[invocation]!; phase < end; phase += 2) sumMs += workload.phasesMs[phase]!;
  return sumMs;
}

/** The same invocations `rate` times as fast. */
export function faster(workload: Workload, rate: number): Workload {
  if (rate === 1) return workload;
  return {
    ...workload,
    arrivalMs: workload.arrivalMs.map((atMs) => atMs / rate),
    durationMs: workload.durationMs / rate,
    measureFromMs: workload.measureFromMs / rate,
  };
}

/** The same over and over, until there are at least so many. */
export function repeated(workload: Workload, invocations: number): Workload {
  const once = workload.arrivalMs.length;
  const times = Math.max(1, Math.ceil(invocations / Math.max(1, once)));
  if (times === 1) return workload;
  const { durationMs, phaseStart, phasesMs } = workload;
  const phases = phaseStart[once]!;
  return {
    ...workload,
    durationMs: durationMs * times,
    arrivalMs: tiled(new Float64Array(once * times), workload.arrivalMs, durationMs),
    functionOf: tiled(new Uint16Array(once * times), workload.functionOf, 0),
    routeOf: tiled(new Uint8Array(once * times), workload.routeOf, 0),
    phasesMs: tiled(new Float64Array(phases * times), phasesMs, 0),
    phaseStart: tiled(new Uint32Array(once * times + 1), phaseStart.subarray(0, once), phases),
  };
}

function tiled<T extends Float64Array | Uint16Array | Uint8Array | Uint32Array>(into: T, from: T, step: number): T {
  for (let index = 0; index < into.length; index += 1) {
    into[index] = from[index % from.length]! + step * Math.floor(index / from.length);
  }
  return into;
}
