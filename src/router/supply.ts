import type { Clock } from '../base/clock.ts';
import { instanceId } from '../base/id.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { type FunctionSpec, releaseOf } from '../model/function.ts';
import type { Spare } from '../provider/machine.ts';
import type { Provider, ProviderEvents } from '../provider/provider.ts';
import { stemsToBoot, stemsWanted } from '../provider/stems.ts';
import type { KeepRoom } from '../scheduler/keep.ts';
import { coresOf, mayStart, type Permit, type Room } from '../scheduler/share.ts';
import type { LogFrame } from '../tunnel/payload.ts';
import { Backoff } from './backoff.ts';
import type { Flusher } from './flusher.ts';
import { Holdings, takenMiB } from './holdings.ts';
import type { Death } from './crash.ts';
import { Instance } from './instance.ts';
import type { Home, Keeper } from './keeper.ts';
import type { Ask, InstanceSource } from './starts.ts';
import { StemDemands } from './stem-demand.ts';
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

/**
 * Where instances come from: the stock of stems, and the provider. Keeps the stems until a function takes them, and sees to
 * it that functions which want the machine share it (src/scheduler/share.ts).
 */
export class Supply implements Keeper, InstanceSource {
  /** Free to be taken: connected or booting. */
  readonly stems = new Set<Instance>();
  /** Stems on their way out. */
  readonly leaving = new Set<Instance>();
  readonly #options: SupplyOptions;
  readonly #demands = new StemDemands();
  readonly #holdings = new Holdings();
  readonly #backoff = new Backoff();
  /** Processes that have not connected yet, as far as it is known. */
  readonly #booting = new Set<Instance>();
  /** Those that have not taken all of their memory yet, with what each is reckoned to take, MiB. */
  readonly #arriving = new Map<Instance, number>();
  #pendingMiB = 0;
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
    this.#demands.publish(specs);
    this.#options.provider.expect?.(new Set(specs.map(releaseOf)));
    this.#holdings.publish(specs);
    this.#options.clock.soon(() => this.#refill());
  }

  /** For a function that needs an instance now: a stem, one that is booting, or a process of its own. */
  obtain(spec: FunctionSpec, keeper: Home): Instance {
    const release = releaseOf(spec);
    const { memoryMiB } = spec.config;
    if (this.#options.stems && this.#options.machine !== null) this.#demands.needed(spec, this.#options.clock.nowMs());
    this.#refillSoon();
    const stem = this.#best(release, memoryMiB);
    if (stem !== null) this.stems.delete(stem);
    const instance = stem ?? this.#start(release, memoryMiB, keeper, spec.bytecodeDir);
    instance.keeper = keeper;
    instance.home = keeper;
    instance.kind = instance.state.kind === 'stem' ? 'prewarmed' : 'cold';
    this.#arrives(instance, this.#holdings.took(spec, instance));
    return instance;
  }

  get cores(): number {
    return this.#look()?.cores ?? Infinity;
  }

  get cpuIdle(): boolean {
    return this.#look()?.cpuIdle ?? false;
  }

  get cpuFull(): boolean {
    return this.#look()?.cpuFull ?? false;
  }

  /** For instances without work, to the moment; null: it is not known. */
  keepRoom(nowMs: number): KeepRoom | null {
    const machine = this.#look(0);
    if (machine === null) return null;
    const freeMiB = machine.freeMemoryMiB - this.#pendingMiB;
    const leavingMiB = this.#holdings.leavingMiB + this.leaving.size * limits.stemRssMiB;
    const mayStart = !this.#holdings.isMemoryShort && !this.#holdings.isContested(nowMs);
    // The last place is for who has no instance at all.
    const places = mayStart ? Math.max(0, placesOf(machine) - this.#stillBooting().size - 1) : 0;
    return { freeMiB, leavingMiB, places };
  }

  /** What one instance of it takes, as far as that was seen. */
  eachMiB(spec: FunctionSpec): number {
    return this.#holdings.eachMiB(spec);
  }

  coresFor(spec: FunctionSpec): number {
    return coresOf(spec.config.weight, this.#holdings.division.levelCores, this.cores);
  }

  waits(spec: FunctionSpec): void {
    if (this.#options.machine !== null) this.#holdings.waits(spec, this.#options.clock.nowMs());
  }

  room(spec: FunctionSpec, { wanted, ahead }: Ask): Permit {
    const machine = this.#look();
    if (machine === null) return { count: wanted, reason: null };
    const nowMs = this.#options.clock.nowMs();
    const claim = this.#holdings.claim(spec, wanted, nowMs);
    const room = this.#roomFor(spec, machine);
    const permit = mayStart(claim, ahead, this.#holdings.division, room);
    if (room.freeMiB < claim.eachMiB) this.#tellMemory(machine.freeMemoryMiB);
    if (ahead) return permit;
    this.#holdings.refused(spec, wanted - permit.count, nowMs);
    if (permit.count > 0 && room.freeMiB + room.stems * limits.stemRssMiB < claim.eachMiB) this.#holdings.owe(nowMs);
    return permit;
  }

  #roomFor(spec: FunctionSpec, machine: Spare): Room {
    const { memoryMiB } = spec.config;
    const release = releaseOf(spec);
    let stems = 0;
    for (const stem of this.stems) if (stem.runtime === release && stem.memoryMiB === memoryMiB) stems += 1;
    let own = 0;
    for (const instance of this.#stillBooting()) if (this.#holdings.ownerOf(instance) === spec.id) own += 1;
    return { freeMiB: this.#spareMiB(machine), places: placesOf(machine), booting: this.#booting.size, own, stems };
  }

  #stillBooting(): ReadonlySet<Instance> {
    for (const instance of this.#booting) if (instance.state.kind !== 'starting') this.#booting.delete(instance);
    return this.#booting;
  }

  /** Free memory beyond what is left free, without what those on their way have yet to take, MiB. */
  #spareMiB(machine: Spare): number {
    return machine.freeMemoryMiB - limits.startsLeaveFreeMiB - this.#pendingMiB;
  }

  #arrives(instance: Instance, takesMiB: number): void {
    const beforeMiB = this.#arriving.get(instance) ?? takenMiB(instance);
    this.#pendingMiB += Math.max(0, takesMiB - beforeMiB);
    this.#arriving.set(instance, takesMiB);
  }

  /** To be done when free memory is looked at: then what they have by now is no longer in it. */
  #countPending(): void {
    this.#pendingMiB = 0;
    for (const [instance, takesMiB] of this.#arriving) {
      const { kind } = instance.state;
      const isComing = kind === 'starting' || kind === 'loading' || (kind === 'stem' && instance.home !== null);
      if (isComing) this.#pendingMiB += Math.max(0, takesMiB - takenMiB(instance));
      else this.#arriving.delete(instance);
    }
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

  /** The machine, as it was at most so long ago. */
  #look(ageMs: number = limits.machineLookMs): Spare | null {
    const { machine, clock } = this.#options;
    if (machine === null) return null;
    const nowMs = clock.nowMs();
    if (this.#seen === null || nowMs - this.#seenMs >= ageMs) {
      this.#seen = machine();
      this.#seenMs = nowMs;
      this.#countPending();
    }
    return this.#seen;
  }

  /** Every limits.sweepMs. */
  sweep(nowMs: number): void {
    for (const stem of this.stems) stem.sweep(nowMs);
    for (const stem of this.leaving) stem.sweep(nowMs);
    this.#share(nowMs);
    if (nowMs < this.#reviewMs) return;
    this.#reviewMs = nowMs + limits.stemReviewMs;
    this.#refill();
  }

  /** Who may have how much from now on; and what has to go for it: stems that nobody waits for, then instances. */
  #share(nowMs: number): void {
    // What has ended since an earlier look would be missing twice: from what is free, and from what is about to be.
    const machine = this.#holdings.isAsked(nowMs) ? this.#look(0) : null;
    if (machine === null) {
      this.#holdings.rest();
      return;
    }
    const spareMiB = this.#spareMiB(machine);
    const leavingMiB = this.leaving.size * limits.stemRssMiB;
    const places = placesOf(machine);
    const stockMiB = this.stems.size * limits.stemRssMiB + leavingMiB;
    this.#holdings.review(spareMiB, stockMiB, { cores: machine.cores, places: places - 1 }, nowMs);
    if (machine.cpuIdle === false) {
      const surplus = this.#holdings.surplusOfCores(machine.cores, nowMs);
      surplus?.drain('another function waits for its share of the processors');
    }
    if (!this.#holdings.isShort(spareMiB, leavingMiB, places, nowMs)) return;
    if (this.stems.size > 0) {
      for (const stem of this.stems) this.#dismiss(stem, 'its memory is needed');
      return;
    }
    for (const instance of this.#holdings.surplus(spareMiB, leavingMiB, places, nowMs)) {
      instance.drain('another function waits for its share of the memory');
    }
  }

  /** No more stems: those that are there end. */
  drain(): void {
    this.#closed = true;
    for (const stem of this.stems) this.#dismiss(stem, 'the router is stopping');
  }

  close(): void {
    this.#closed = true;
    for (const stem of [...this.stems, ...this.leaving]) stem.stop('the router was stopped');
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

  ended(instance: Instance, { from, cause }: Death): void {
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
  #best(release: string, memoryMiB: number): Instance | null {
    let booting: Instance | null = null;
    for (const stem of this.stems) {
      if (stem.runtime !== release || stem.memoryMiB !== memoryMiB) continue;
      if (stem.state.kind === 'stem') return stem;
      booting ??= stem;
    }
    return booting;
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
    // Who waits for the machine comes before those of whom nobody knows whether they will be needed.
    if (this.#holdings.isContested(nowMs)) {
      this.#refillSoon();
      return;
    }
    const demands = this.#demands.at(nowMs);
    const freeMemoryMiB = machine.freeMemoryMiB + this.stems.size * limits.stemRssMiB;
    const surplus = new Set(this.stems);
    let bootable = this.#bootable(machine);
    for (const { release, memoryMiB, count, isNeeded } of stemsWanted({ demands, freeMemoryMiB })) {
      let has = 0;
      for (const stem of this.stems) {
        if (has === count || stem.runtime !== release || stem.memoryMiB !== memoryMiB) continue;
        surplus.delete(stem);
        has += 1;
      }
      const booting = Math.min(bootable, stemsToBoot({ count, has, isNeeded, cpuIdle: machine.cpuIdle }));
      if (booting < count - has) this.#refillSoon();
      for (let left = booting; left > 0; left -= 1) this.stems.add(this.#start(release, memoryMiB, this, null));
      bootable -= booting;
    }
    for (const stem of surplus) this.#dismiss(stem, 'no longer needed');
  }

  /** Stems that may be booted now; the last place is for who has no instance at all. */
  #bootable(machine: Spare): number {
    const places = placesOf(machine) - this.#stillBooting().size - 1;
    return Math.max(0, Math.min(places, Math.floor(this.#spareMiB(machine) / limits.stemRssMiB)));
  }

  #dismiss(stem: Instance, reason: string): void {
    this.#dismissed.add(stem);
    stem.drain(reason, limits.terminateGraceMs);
  }

  /** `bytecodeDir`: as in StartOrder. */
  #start(release: string, memoryMiB: number, keeper: Keeper, bytecodeDir: string | null | undefined): Instance {
    const { clock, random, log, provider, tokens, flusher } = this.#options;
    const instance = new Instance({ id: instanceId(random), memoryMiB, runtime: release, keeper, clock, flusher, log });
    const token = tokens.issue(instance, 'data', clock.nowMs());
    const events: ProviderEvents = {
      // Never from within start: whoever asked for the instance has yet to learn of it.
      exited: (exit) =>
        clock.soon(() => {
          this.#holdings.gone(instance);
          instance.exited(exit);
        }),
      output: (source, line) => {
        const level = source === 'stderr' ? 'error' : 'info';
        instance.keeper.logged({ level, source, text: line.slice(0, limits.logLineBytes) }, instance, null);
      },
    };
    instance.process = provider.start(
      { instance: instance.id, token, release, memoryMiB, ...(bytecodeDir === undefined ? {} : { bytecodeDir }) },
      events,
    );
    instance.pid = instance.process.pid;
    this.#booting.add(instance);
    this.#arrives(instance, limits.stemRssMiB);
    this.#options.onStarted();
    return instance;
  }
}

/** Processes that may boot at once. */
const placesOf = ({ cores }: Spare): number => Math.max(limits.startsAtOnce, limits.startsPerCore * cores);
