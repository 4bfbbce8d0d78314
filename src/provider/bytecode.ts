import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { type FunctionSpec, releaseOf } from '../model/function.ts';
import type { Deployment } from '../model/snapshot.ts';
import type { Exit, Provider } from './provider.ts';

export interface BytecodeOptions {
  readonly provider: Provider;
  /** Where it is put, a directory a deployment; this platform's alone. */
  readonly dir: string;
  /** What an instance is told of a function: LOAD. */
  readonly orderOf: (spec: FunctionSpec) => unknown;
  /** Scratch instances at once. Where several deployments are made ready, each has one, whatever the others wait for. */
  readonly atOnce: number;
  /** Whether a deployment is what its project serves now. */
  readonly isServed: (deployment: string) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Has V8's bytecode of a deployment ready before anybody asks for it: each function is loaded once in a scratch instance,
 * which is given no invocations. Each gets a directory that only its own instances use, so that none decides what another
 * function runs. What an instance loads later is added when it ends.
 */
export class BytecodeMaker {
  readonly #options: BytecodeOptions;
  /** Deployments that have theirs, by project, oldest first. */
  readonly #made = new Map<string, string[]>();
  readonly #places: Places;
  readonly #budget: Budget;
  #count = 0;

  constructor(options: BytecodeOptions) {
    this.#options = options;
    this.#places = new Places(options.atOnce - 1);
    this.#budget = new Budget(options.clock);
  }

  /** The deployment, with the bytecode of the functions that could be loaded in time. Never rejects for one that could not. */
  async settle(deployment: Deployment): Promise<Deployment> {
    const functions = this.#placed(deployment);
    await this.#makeAll(deployment, functions);
    return { ...deployment, functions };
  }

  /**
   * The deployment at once, with the directories that it is put into: it is made in a while, when whoever deployed has had
   * a first answer. Instances that are started before find nothing in them, and add what they load.
   */
  settleLater(deployment: Deployment): Deployment {
    const functions = this.#placed(deployment);
    const { clock, log } = this.#options;
    clock.after(limits.bytecodeLaterMs, () => {
      this.#makeAll(deployment, [...functions]).catch((error: Error) =>
        log.warn(`${deployment.project}: bytecode`, { why: error.message }),
      );
    });
    return { ...deployment, functions };
  }

  #dirOf({ id }: Deployment, at: number): string {
    return join(this.#options.dir, id, String(at));
  }

  /** What is not JavaScript has none. */
  #placed(deployment: Deployment): FunctionSpec[] {
    return deployment.functions.map((spec, at) =>
      releaseOf(spec).startsWith('nodejs') ? { ...spec, bytecodeDir: this.#dirOf(deployment, at) } : spec,
    );
  }

  /** Of each in its turn: those that could not be made have no directory in `functions` afterwards. */
  async #makeAll(deployment: Deployment, functions: FunctionSpec[]): Promise<void> {
    const { clock, log, atOnce } = this.#options;
    const fromMs = clock.nowMs();
    let next = 0;
    const make = async (at: number): Promise<void> => {
      functions[at] = await this.#make(deployment.functions[at]!, this.#dirOf(deployment, at));
    };
    // The first has a place of its own; the others ask for one for a function at a time, so deployments take turns.
    const work = async (_: unknown, worker: number): Promise<void> => {
      while (next < functions.length && this.#budget.leftMs() > 0) {
        const at = next;
        next += 1;
        await (worker === 0 ? make(at) : this.#places.within(() => make(at)));
      }
    };
    await this.#budget.spend(() => Promise.all(Array.from({ length: atOnce }, work)));
    // Those that were not begun in time have none.
    for (let at = next; at < functions.length; at += 1) functions[at] = deployment.functions[at]!;
    const made = functions.filter(({ bytecodeDir }) => bytecodeDir !== undefined).length;
    const tookMs = Math.round(clock.nowMs() - fromMs);
    log.debug(`${deployment.project}: bytecode of ${made} of ${functions.length} functions`, { tookMs });
    await this.#trim(deployment);
  }

  async #make(spec: FunctionSpec, dir: string): Promise<FunctionSpec> {
    const { log } = this.#options;
    // It may have waited for its place. What is not JavaScript has none.
    if (this.#budget.leftMs() <= 0 || !releaseOf(spec).startsWith('nodejs')) return spec;
    await mkdir(dir, { recursive: true });
    const { exit, said } = await this.#load(spec, dir);
    if (exit.kind === 'exited' && exit.code === 0) return { ...spec, bytecodeDir: dir };
    // Its first invocation will say so in full.
    const why = exit.kind === 'failed' ? exit.reason : said === '' ? 'it ended early, or was not ready in time' : said;
    log.debug(`${spec.label}: no bytecode could be made ahead: ${why}`);
    await rm(dir, { recursive: true, force: true });
    return spec;
  }

  #load(spec: FunctionSpec, bytecodeDir: string): Promise<{ readonly exit: Exit; readonly said: string }> {
    const { provider, clock, orderOf } = this.#options;
    const { memoryMiB } = spec.config;
    const token = JSON.stringify(orderOf({ ...spec, bytecodeDir }));
    this.#count += 1;
    const order = {
      instance: `scratch_${process.pid}_${this.#count}`,
      token,
      release: releaseOf(spec),
      memoryMiB,
      bytecodeDir,
      isScratch: true,
    };
    return new Promise((resolve) => {
      let said = '';
      const started = provider.start(order, {
        exited(exit) {
          timer.cancel();
          resolve({ exit, said });
        },
        output: (_, line) => void (said ||= line.slice(0, limits.detailBytes)),
      });
      const timer = clock.after(Math.min(limits.bytecodeFunctionMs, this.#budget.leftMs()), () => started.kill());
    });
  }

  /** Of each project the last few, and what is served. Instances of older deployments that still start go without. */
  async #trim({ id, project }: Deployment): Promise<void> {
    const made = [...(this.#made.get(project) ?? []), id];
    const older = made.slice(0, -limits.bytecodeVersions).filter((each) => !this.#options.isServed(each));
    this.#made.set(
      project,
      made.filter((each) => !older.includes(each)),
    );
    for (const old of older) await rm(join(this.#options.dir, old), { recursive: true, force: true });
  }
}

/** So many at once, in the order in which they ask. */
class Places {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async within<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

/** Time in which bytecode is made, whatever for: limits.bytecodeMs. All of it is there again when none was made for as long. */
class Budget {
  readonly #clock: Clock;
  #users = 0;
  #spentMs = 0;
  /** When the first of the users came, or the last one left. */
  #changedMs = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  leftMs(): number {
    const goingMs = this.#users === 0 ? 0 : this.#clock.nowMs() - this.#changedMs;
    return limits.bytecodeMs - this.#spentMs - goingMs;
  }

  async spend(work: () => Promise<unknown>): Promise<void> {
    if (this.#users === 0) {
      const nowMs = this.#clock.nowMs();
      if (nowMs - this.#changedMs >= limits.bytecodeMs) this.#spentMs = 0;
      this.#changedMs = nowMs;
    }
    this.#users += 1;
    try {
      await work();
    } finally {
      if (this.#users === 1) {
        this.#spentMs = limits.bytecodeMs - this.leftMs();
        this.#changedMs = this.#clock.nowMs();
      }
      this.#users -= 1;
    }
  }
}
