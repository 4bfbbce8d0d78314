// For tests: a machine with instances for one function, on a virtual clock of 1 ms. It carries out what the scheduler decides.
import { limits } from '../base/limits.ts';
import type { Learned } from '../model/learned.ts';
import { noVitals, type Vitals } from '../model/vitals.ts';
import { FunctionScheduler } from './function-scheduler.ts';
import type { RouteProfile } from './routes.ts';
import type { Schedulable } from './schedulable.ts';

/** An invocation: it computes, and then it waits. */
export class Item implements Schedulable {
  readonly route: string;
  readonly cpuMs: number;
  readonly waitMs: number;
  readonly profile: RouteProfile;
  readonly receivedMs: number;
  lane = 0;
  queueHandle = -1;
  leftMs: number;
  begun = false;
  sentMs = 0;
  instance: SimInstance | null = null;

  constructor(profile: RouteProfile, route: string, work: Work, nowMs: number) {
    this.profile = profile;
    this.route = route;
    this.cpuMs = work.cpuMs;
    this.waitMs = work.waitMs;
    this.leftMs = work.cpuMs;
    this.receivedMs = nowMs;
  }
}

export interface Work {
  readonly cpuMs: number;
  readonly waitMs: number;
}

/** One process with one loop: computations in turn, waits in parallel. */
export class SimInstance {
  readonly id: number;
  readonly readyMs: number;
  index = -1;
  isReady = false;
  readonly items = new Set<Item>();
  /** What is to compute, the first of them on the loop. */
  readonly ready: Item[] = [];
  isStuck = false;
  turnMs = 0;
  cpuMs = 0;
  /** Since its last vitals. */
  longestMs = 0;
  busyMs = 0;
  heardMs = 0;

  constructor(id: number, readyMs: number) {
    this.id = id;
    this.readyMs = readyMs;
  }

  vitals(nowMs: number): Vitals {
    const begun = [...this.items].filter((item) => item.begun).length;
    const periodMs = Math.max(1, nowMs - this.heardMs);
    const loopPermille = Math.min(1000, Math.round((this.busyMs * 1000) / periodMs));
    const loopDelayMs = this.longestMs;
    this.busyMs = 0;
    this.longestMs = 0;
    this.heardMs = nowMs;
    return {
      ...noVitals,
      cpuUs: this.cpuMs * 1000,
      rssBytes: (60 + begun / 2) * 1024 * 1024,
      loopPermille,
      loopDelayMs,
      loopStuckMs: this.isStuck ? this.turnMs : 0,
      inFlight: begun,
      waiting: this.items.size - begun,
    };
  }
}

export interface PlatformOptions {
  readonly cores?: number;
  /** Instances that the machine has memory for. */
  readonly room?: number;
  readonly bootMs?: number;
  readonly environment?: 'production' | 'preview';
  readonly maxConcurrency?: number | 'auto';
  readonly keepAliveMs?: number | null;
  readonly learned?: Learned | null;
}

interface Event {
  readonly atMs: number;
  readonly count: number;
  readonly reason: string;
}

const wallStartMs = Date.UTC(2026, 0, 5);

export class Platform {
  readonly scheduler: FunctionScheduler<Item>;
  nowMs = 0;
  arrived = 0;
  readonly instances = new Set<SimInstance>();
  readonly starts: Event[] = [];
  readonly drains: Event[] = [];
  readonly expired: Item[] = [];
  readonly refused: Item[] = [];
  /** By route: milliseconds from received to answered. */
  readonly latencies = new Map<string, number[]>();
  /** Placed beside work of another lane. */
  readonly mixed: { readonly item: Item; readonly atMs: number }[] = [];
  /** Looks at every placement. */
  onSend: (item: Item, instance: SimInstance) => void = () => {};
  readonly #cores: number;
  readonly #room: number;
  readonly #bootMs: number;
  readonly #ready: (SimInstance | undefined)[] = [];
  readonly #due = new Map<number, Item[]>();
  #returns: { readonly item: Item; readonly instance: SimInstance }[] = [];
  #underWay = 0;
  #newestMs = -Infinity;
  #serial = 0;
  /** CPU since the last look at the machine, and between the last looks. */
  #usedMs = 0;
  #looks: number[] = [];
  #isCpuIdle = true;

  constructor(options: PlatformOptions = {}) {
    const { environment = 'production', maxConcurrency = 'auto', keepAliveMs = null, learned = null } = options;
    this.#cores = options.cores ?? 64;
    this.#room = options.room ?? 1000;
    this.#bootMs = options.bootMs ?? 300;
    const maxInstances = limits.instancesPerFunction;
    this.scheduler = new FunctionScheduler({ environment, maxConcurrency, keepAliveMs, learned, maxInstances });
    this.#sweep();
  }

  get started(): number {
    return this.starts.reduce((sum, { count }) => sum + count, 0);
  }

  /** One comes now. */
  arrive(route: string, work: Work): Item {
    this.arrived += 1;
    const item = new Item(this.scheduler.routes.of(route, 'GET', route), route, work, this.nowMs);
    const index = this.scheduler.take(item, this.nowMs);
    if (index !== -1) this.#send(item, index);
    else if (this.scheduler.enqueue(item, this.nowMs)) this.#scale();
    else this.refused.push(item);
    return item;
  }

  /** So many milliseconds; `tick` comes first in each. */
  run(forMs: number, tick: (nowMs: number) => void = () => {}): void {
    for (const untilMs = this.nowMs + forMs; this.nowMs < untilMs; this.nowMs += 1) {
      tick(this.nowMs);
      this.#boot();
      this.#return();
      this.#compute();
      for (const item of this.#due.get(this.nowMs) ?? []) this.#answered(item);
      this.#due.delete(this.nowMs);
      for (const instance of this.instances) {
        if (instance.isReady && this.nowMs - instance.heardMs >= limits.vitalsPeriodMs) this.#vitals(instance);
      }
      if (this.nowMs % limits.sweepMs === 0) this.#sweep();
    }
  }

  /** Its process is gone, with all that it had. */
  crash(instance: SimInstance): void {
    if (instance.index !== -1) this.#retire(instance);
    else this.#underWay -= 1;
    this.instances.delete(instance);
    for (const item of instance.items) item.instance = null;
  }

  #boot(): void {
    for (const instance of this.instances) {
      if (instance.isReady || this.nowMs < instance.readyMs) continue;
      instance.isReady = true;
      instance.heardMs = this.nowMs;
      this.#underWay -= 1;
      instance.index = this.scheduler.add(512, this.nowMs, `#${instance.id}`);
      this.#ready[instance.index] = instance;
      this.#pump();
      if (this.scheduler.waiting > 0) this.#scale();
    }
  }

  /** Every processor gives its millisecond to one instance; those that wait for one take turns. */
  #compute(): void {
    const runnable = [...this.instances].filter(({ ready }) => ready.length > 0);
    const from = runnable.length > this.#cores ? this.nowMs : 0;
    for (let count = Math.min(this.#cores, runnable.length); count > 0; count -= 1) {
      this.#step(runnable[(from + count) % runnable.length]!);
      this.#usedMs += 1;
    }
    if (this.nowMs % limits.machineLookMs !== 0) return;
    const looks = limits.idleCpuWindowMs / limits.machineLookMs;
    this.#looks = [...this.#looks, this.#usedMs].slice(-looks);
    this.#usedMs = 0;
    const usedMs = this.#looks.reduce((sum, each) => sum + each, 0);
    this.#isCpuIdle = usedMs * 1000 < this.#cores * limits.idleCpuWindowMs * limits.idleCpuPermille;
  }

  #step(instance: SimInstance): void {
    const item = instance.ready[0]!;
    item.begun = true;
    item.leftMs -= 1;
    instance.cpuMs += 1;
    instance.busyMs += 1;
    instance.turnMs += 1;
    instance.longestMs = Math.max(instance.longestMs, instance.turnMs);
    if (item.leftMs <= 0) {
      instance.ready.shift();
      this.#wait(item);
      this.#cameRound(instance);
    } else if (!instance.isStuck && instance.turnMs >= limits.loopStuckMs) {
      instance.isStuck = true;
      this.#vitals(instance);
    }
  }

  #cameRound(instance: SimInstance): void {
    instance.turnMs = 0;
    if (!instance.isStuck) return;
    instance.isStuck = false;
    this.#vitals(instance);
  }

  #wait(item: Item): void {
    item.begun = true;
    if (item.waitMs <= 0) {
      this.#answered(item);
      return;
    }
    const atMs = this.nowMs + item.waitMs;
    const due = this.#due.get(atMs);
    if (due === undefined) this.#due.set(atMs, [item]);
    else due.push(item);
  }

  #answered(item: Item): void {
    const { instance } = item;
    if (instance === null) return;
    item.instance = null;
    instance.items.delete(item);
    const latencies = this.latencies.get(item.route) ?? [];
    this.latencies.set(item.route, latencies);
    latencies.push(this.nowMs - item.receivedMs);
    this.#released(item, instance);
    this.scheduler.settled(item, instance.index, { wallMs: this.nowMs - item.sentMs, cpuMs: item.cpuMs }, this.nowMs);
  }

  #released(item: Item, { index }: SimInstance): void {
    if (index === -1) return;
    this.scheduler.ended(index, item.lane, this.nowMs);
    if (this.scheduler.waiting > 0) this.#pump();
  }

  #vitals(instance: SimInstance): void {
    const { index } = instance;
    if (index === -1) return;
    const vitals = instance.vitals(this.nowMs);
    if (instance.isStuck) {
      this.scheduler.setPaused(index, true);
      this.scheduler.stuck(index, vitals.inFlight, vitals.loopStuckMs, this.nowMs);
      this.#recall(instance);
    } else {
      this.scheduler.setPaused(index, false);
    }
    const free = instance.isStuck ? 0 : 1000 - vitals.loopPermille;
    this.scheduler.vitals(index, { vitals: vitals, freePermille: free, machineCores: this.#cores }, this.nowMs);
    if (this.scheduler.waiting > 0) this.#pump();
  }

  /** What has not begun comes back a moment later. */
  #recall(instance: SimInstance): void {
    const taken = instance.ready.filter((item) => !item.begun);
    for (const item of taken) instance.ready.splice(instance.ready.indexOf(item), 1);
    this.#returns.push(...taken.map((item) => ({ item, instance })));
  }

  #return(): void {
    const returns = this.#returns;
    this.#returns = [];
    for (const { item, instance } of returns) {
      if (!instance.items.delete(item)) continue;
      item.instance = null;
      this.#released(item, instance);
      this.scheduler.returned(item);
    }
    this.#pump();
    this.#scale();
  }

  readonly #send = (item: Item, index: number): void => {
    const instance = this.#ready[index]!;
    if (this.scheduler.placement.laneOf(index) !== item.lane) this.mixed.push({ item, atMs: this.nowMs });
    this.onSend(item, instance);
    item.instance = instance;
    item.sentMs = this.nowMs;
    instance.items.add(item);
    if (item.cpuMs > 0) instance.ready.push(item);
    else this.#wait(item);
  };

  #pump(): void {
    this.scheduler.pump(this.nowMs, this.#underWay > 0, this.#send);
  }

  #sweep(): void {
    const { nowMs } = this;
    this.scheduler.expire(nowMs, (item) => this.expired.push(item));
    const surplus = this.scheduler.sweep({ nowMs, wallMs: wallStartMs + nowMs, memoryShort: false });
    for (const { index, reason } of surplus) {
      const instance = this.#ready[index]!;
      if (instance.items.size > 0) throw new Error('an instance with work is to be drained');
      this.#retire(instance);
      this.instances.delete(instance);
      this.drains.push({ atMs: nowMs, count: 1, reason });
    }
    if (this.scheduler.waiting > 0) this.#pump();
    this.#scale();
  }

  #retire(instance: SimInstance): void {
    this.scheduler.remove(instance.index);
    this.#ready[instance.index] = undefined;
    instance.index = -1;
  }

  #scale(): void {
    const around = {
      cores: this.#cores,
      cpuIdle: this.#isCpuIdle,
      starting: this.#underWay,
      sinceStartMs: this.nowMs - this.#newestMs,
      live: this.instances.size,
    };
    const { waited, ahead } = this.scheduler.starts(around, this.nowMs);
    const { reason } = waited.count > 0 ? waited : ahead;
    const most = Math.min(waited.count + ahead.count, this.#room - this.instances.size);
    if (most <= 0) return;
    this.starts.push({ atMs: this.nowMs, count: most, reason });
    this.#newestMs = this.nowMs;
    this.#underWay += most;
    for (let left = most; left > 0; left -= 1) {
      this.#serial += 1;
      this.instances.add(new SimInstance(this.#serial, this.nowMs + this.#bootMs));
    }
  }
}
