import type { Clock } from '../base/clock.ts';
import { instanceId } from '../base/id.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { FunctionSpec, Runtime } from '../model/function.ts';
import type { Spare } from '../provider/machine.ts';
import type { Provider, ProviderEvents } from '../provider/provider.ts';
import { stemsWanted, type StemDemand } from '../provider/stems.ts';
import type { LogFrame } from '../tunnel/payload.ts';
import { Backoff } from './backoff.ts';
import type { Flusher } from './flusher.ts';
import type { InstanceState } from './instance-state.ts';
import { Instance } from './instance.ts';
import type { Home, Keeper } from './keeper.ts';
import type { InstanceSource } from './starts.ts';
import type { Tokens } from './tokens.ts';

export interface SupplyOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly provider: Provider;
  readonly tokens: Tokens<Instance>;
  readonly flusher: Flusher;
  /** Null: not known; then no stems are kept either. */
  readonly machine: (() => Spare) | null;
  readonly stems: boolean;
  /** An instance exists. */
  readonly onStarted: () => void;
  /** A stem has ended. */
  readonly onQuiet: () => void;
}

/** Functions of one runtime and memory size, which can use the same stems. */
interface StemClass {
  readonly runtime: Runtime;
  readonly memoryMiB: number;
  functions: number;
  /** When instances of it were needed, as far back as counts. */
  neededMs: number[];
}

const demandWindowMs = 60_000;

/** Where instances come from: the stock of stems, and the provider. Keeps the stems until a function takes them. */
export class Supply implements Keeper, InstanceSource {
  /** Free to be taken: connected or booting. */
  readonly stems = new Set<Instance>();
  /** Stems on their way out. */
  readonly leaving = new Set<Instance>();
  readonly #options: SupplyOptions;
  readonly #classes = new Map<string, StemClass>();
  readonly #backoff = new Backoff();
  /** Processes that have not connected yet, as far as it is known. */
  readonly #booting = new Set<Instance>();
  /** Stems that are no longer needed: their end is no failure. */
  readonly #dismissed = new WeakSet<Instance>();
  #seen: Spare | null = null;
  #memoryShortMs = -Infinity;
  #seenMs = -Infinity;
  #refillArmed = false;
  #reviewMs = 0;
  #closed = false;

  constructor(options: SupplyOptions) {
    this.#options = options;
  }

  /** The functions that may need stems from now on. */
  publish(specs: readonly FunctionSpec[]): void {
    for (const known of this.#classes.values()) known.functions = 0;
    for (const spec of specs) this.#classOf(spec).functions += 1;
    for (const [key, known] of this.#classes) if (known.functions === 0) this.#classes.delete(key);
    this.#options.clock.soon(() => this.#refill());
  }

  /** For a function that needs an instance now: a stem, one that is booting, or a process of its own. */
  obtain(spec: FunctionSpec, keeper: Home): Instance {
    const { clock } = this.#options;
    const { runtime, memoryMiB } = spec.config;
    if (this.#options.stems && this.#options.machine !== null) this.#classOf(spec).neededMs.push(clock.nowMs());
    this.#refillSoon();
    const stem = this.#best(runtime, memoryMiB);
    if (stem !== null) this.stems.delete(stem);
    const instance = stem ?? this.#start(runtime, memoryMiB, keeper);
    instance.keeper = keeper;
    instance.home = keeper;
    instance.kind = instance.state.kind === 'stem' ? 'prewarmed' : 'cold';
    return instance;
  }

  get cores(): number {
    return this.#look()?.cores ?? Infinity;
  }

  get cpuIdle(): boolean {
    return this.#look()?.cpuIdle ?? false;
  }

  get memoryShort(): boolean {
    const machine = this.#look();
    return machine !== null && machine.freeMemoryMiB < limits.keptLeaveFreeMiB;
  }

  room(spec: FunctionSpec, first: boolean): number {
    const machine = this.#look();
    if (machine === null) return Infinity;
    const { runtime, memoryMiB } = spec.config;
    let stems = 0;
    for (const stem of this.stems) if (stem.runtime === runtime && stem.memoryMiB === memoryMiB) stems += 1;
    return stems + this.#bootable(machine, first);
  }

  /**
   * How many processes may be started now. The last place and the last bit of memory are for functions that have no
   * instance at all: one of which much is asked does not keep the others from being there.
   */
  #bootable(machine: Spare, first: boolean): number {
    for (const instance of this.#booting) if (instance.state.kind !== 'starting') this.#booting.delete(instance);
    const reserved = first ? 0 : 1;
    const atOnce = Math.max(limits.startsAtOnce, limits.startsPerCore * machine.cores) - this.#booting.size - reserved;
    // What is booting has not taken its memory yet.
    const taken = (this.#booting.size + reserved) * limits.stemRssMiB;
    const fitting = Math.floor((machine.freeMemoryMiB - limits.startsLeaveFreeMiB - taken) / limits.stemRssMiB);
    if (fitting <= 0) this.#tellMemory(machine.freeMemoryMiB);
    // A figure of free memory may be wrong; that somebody waits is not.
    return Math.max(0, Math.min(atOnce, first ? Math.max(1, fitting) : fitting));
  }

  /** Once for as long as it goes on: near the limit it comes and goes with every process that boots. */
  #tellMemory(freeMemoryMiB: number): void {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - this.#memoryShortMs >= limits.memoryTellMs) {
      this.#options.log.warn('too little memory is free: functions that have an instance get no more', {
        freeMemoryMiB,
      });
    }
    this.#memoryShortMs = nowMs;
  }

  /** The machine, as it was a moment ago. */
  #look(): Spare | null {
    const { machine, clock } = this.#options;
    if (machine === null) return null;
    const nowMs = clock.nowMs();
    if (this.#seen === null || nowMs - this.#seenMs >= limits.machineLookMs) {
      this.#seen = machine();
      this.#seenMs = nowMs;
    }
    return this.#seen;
  }

  /** Every limits.sweepMs. */
  sweep(nowMs: number): void {
    for (const stem of this.stems) stem.sweep(nowMs);
    for (const stem of this.leaving) stem.sweep(nowMs);
    if (nowMs < this.#reviewMs) return;
    this.#reviewMs = nowMs + limits.stemReviewMs;
    this.#refill();
  }

  /** No more stems: those that are there end. */
  drain(): void {
    this.#closed = true;
    for (const stem of this.stems) this.#dismiss(stem, 'the router is stopping');
  }

  close(): void {
    this.#closed = true;
    for (const stem of [...this.stems, ...this.leaving]) stem.kill('the router was stopped');
  }

  // — Keeper, of those that belong to no function —

  connected(instance: Instance): void {
    this.#backoff.succeeded(instance.startedMs);
  }

  logged(line: LogFrame, instance: Instance): void {
    this.#options.log.debug(line.text, { instance: instance.id, source: line.source });
  }

  retired(instance: Instance): void {
    this.stems.delete(instance);
    this.leaving.add(instance);
  }

  ended(instance: Instance, from: InstanceState['kind'], cause: string): void {
    this.leaving.delete(instance);
    if ((from === 'starting' || from === 'stem') && !this.#dismissed.has(instance)) {
      const nowMs = this.#options.clock.nowMs();
      this.#backoff.failed({ code: 'INTERNAL_FUNCTION_NOT_READY', detail: cause }, instance.startedMs, nowMs);
      if (!this.#closed) this.#options.log.warn('a stem ended before it was used', { instance: instance.id, cause });
    }
    this.#options.onQuiet();
  }

  // — stock —

  /** One that is connected, else the one that has been booting for longest. */
  #best(runtime: Runtime, memoryMiB: number): Instance | null {
    let booting: Instance | null = null;
    for (const stem of this.stems) {
      if (stem.runtime !== runtime || stem.memoryMiB !== memoryMiB) continue;
      if (stem.state.kind === 'stem') return stem;
      booting ??= stem;
    }
    return booting;
  }

  #classOf(spec: FunctionSpec): StemClass {
    const { runtime, memoryMiB } = spec.config;
    const key = `${runtime}/${memoryMiB}`;
    const known = this.#classes.get(key);
    if (known !== undefined) return known;
    const made: StemClass = { runtime, memoryMiB, functions: 0, neededMs: [] };
    this.#classes.set(key, made);
    return made;
  }

  #refillSoon(): void {
    if (this.#refillArmed || this.#closed) return;
    this.#refillArmed = true;
    this.#options.clock.after(limits.stemRefillMs, () => {
      this.#refillArmed = false;
      this.#refill();
    });
  }

  /** Brings the stock to what is wanted now. */
  #refill(): void {
    const nowMs = this.#options.clock.nowMs();
    const machine = this.#look();
    if (machine === null || !this.#options.stems || this.#closed || this.#backoff.blocks(nowMs)) return;
    const { loadPerCore } = machine;
    const freeMemoryMiB = machine.freeMemoryMiB + this.stems.size * limits.stemRssMiB;
    const demands = [...this.#classes.values()].map((each) => demandOf(each, nowMs));
    const surplus = new Set(this.stems);
    let bootable = this.#bootable(machine, false);
    for (const { runtime, memoryMiB, count } of stemsWanted({ demands, freeMemoryMiB, loadPerCore })) {
      let missing = count;
      for (const stem of this.stems) {
        if (missing === 0 || stem.runtime !== runtime || stem.memoryMiB !== memoryMiB) continue;
        surplus.delete(stem);
        missing -= 1;
      }
      if (missing > bootable) this.#refillSoon();
      for (; missing > 0 && bootable > 0; missing -= 1, bootable -= 1) {
        this.stems.add(this.#start(runtime, memoryMiB, this));
      }
    }
    for (const stem of surplus) this.#dismiss(stem, 'no longer needed');
  }

  #dismiss(stem: Instance, reason: string): void {
    this.#dismissed.add(stem);
    stem.drain(reason, limits.terminateGraceMs);
  }

  #start(runtime: Runtime, memoryMiB: number, keeper: Keeper): Instance {
    const { clock, random, log, provider, tokens, flusher } = this.#options;
    const instance = new Instance({ id: instanceId(random), memoryMiB, runtime, keeper, clock, flusher, log });
    const token = tokens.issue(instance, 'data', clock.nowMs());
    const events: ProviderEvents = {
      // Never from within start: whoever asked for the instance has yet to learn of it.
      exited: (exit) => clock.soon(() => instance.exited(exit)),
      output: (source, line) => {
        const level = source === 'stderr' ? 'error' : 'info';
        instance.keeper.logged({ level, source, text: line.slice(0, limits.logLineBytes) }, instance, null);
      },
    };
    instance.process = provider.start({ instance: instance.id, token, runtime, memoryMiB }, events);
    instance.pid = instance.process.pid;
    this.#booting.add(instance);
    this.#options.onStarted();
    return instance;
  }
}

function demandOf(each: StemClass, nowMs: number): StemDemand {
  each.neededMs = each.neededMs.filter((atMs) => nowMs - atMs < demandWindowMs);
  const { runtime, memoryMiB, functions, neededMs } = each;
  return { runtime, memoryMiB, functions, recentStarts: neededMs.length };
}
