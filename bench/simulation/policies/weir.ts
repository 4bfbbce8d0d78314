import { limits } from '../../../src/base/limits.ts';
import type { Vitals } from '../../../src/model/vitals.ts';
import { freePermille, isStuck } from '../../../src/router/health.ts';
import type { Moment } from '../../../src/scheduler/forecast.ts';
import { FunctionScheduler } from '../../../src/scheduler/function-scheduler.ts';
import type { Schedulable } from '../../../src/scheduler/schedulable.ts';
import type { RouteProfile } from '../../../src/scheduler/routes.ts';
import type { Host, Policy, PolicyKind } from '../policy.ts';
import { cpuMs } from '../workload.ts';
import { SpareRoom } from './spare-room.ts';
import { StemStock } from './stem-stock.ts';

/** Weir's own scheduler (src/scheduler): this carries out what it decides, as src/router does. Nothing is decided here. */
export function weir(name: string, title: string, stems: boolean): PolicyKind {
  return { name, title, watches: true, create: (host) => new Weir(host, stems) };
}

/** The clock on the wall at time 0: a Monday, midnight UTC. */
const wallStartMs = Date.UTC(2026, 0, 5);
/**
 * Where there are more functions than this, those that have nothing to do are looked at this often instead of several times
 * a second, which is most of what a day of them would take to simulate. What would have been observed of them meanwhile
 * (nothing) is made up for.
 */
const manyFunctions = 16;
const seldomMs = 20_000;

/** Tokens of timers: what they are of, times two, and 1 for a function. */
const stockToken = 0;
const reviewToken = 2;

interface Item extends Schedulable {
  readonly id: number;
  sentMs: number;
  index: number;
}

export class Weir implements Policy {
  readonly host: Host;
  readonly room: SpareRoom;
  readonly stock: StemStock;
  /** By invocation, while it is not settled. */
  readonly items: (Item | undefined)[] = [];
  readonly #pools: readonly SimPool[];
  /** By instance. */
  readonly #poolOf: (SimPool | undefined)[] = [];

  constructor(host: Host, stems: boolean) {
    this.host = host;
    this.room = new SpareRoom(host);
    this.stock = new StemStock(host, this.room, stems);
    this.#pools = host.workload.functions.map((_, ofFunction) => new SimPool(this, ofFunction));
  }

  /** Of one function, to look at. */
  schedulerOf(ofFunction: number): FunctionScheduler<Schedulable> {
    return this.#pools[ofFunction]!.scheduler;
  }

  begin(): void {
    this.stock.refill();
    this.host.wakeAt(limits.stemReviewMs, reviewToken);
    for (const pool of this.#pools) pool.begin();
  }

  arrived(invocation: number, ofFunction: number): void {
    const pool = this.#pools[ofFunction]!;
    const item = pool.item(invocation);
    this.items[invocation] = item;
    pool.invoke(item);
  }

  completed(invocation: number, instance: number): void {
    const item = this.items[invocation]!;
    this.items[invocation] = undefined;
    this.#poolOf[instance]!.completed(item, instance);
  }

  returned(invocation: number, instance: number): void {
    this.#poolOf[instance]!.returned(this.items[invocation]!, instance);
  }

  ready(instance: number): void {
    this.room.booting.delete(instance);
    this.#poolOf[instance]!.ready(instance);
  }

  stemReady(instance: number): void {
    this.room.booting.delete(instance);
    this.stock.connected(instance);
  }

  ended(instance: number): void {
    this.room.booting.delete(instance);
    this.#poolOf[instance]?.ended();
  }

  vitals(instance: number, vitals: Vitals): void {
    this.#poolOf[instance]!.vitals(instance, vitals);
  }

  woken(token: number): void {
    if ((token & 1) === 1) {
      this.#pools[token >> 1]!.sweep();
      return;
    }
    if (token === reviewToken) this.host.wakeAt(this.host.nowMs + limits.stemReviewMs, reviewToken);
    else if (this.host.nowMs < this.stock.refillDueMs) return;
    this.stock.refill();
    this.#refillSoon();
  }

  /** An instance for a function: a stem, or a process. −1: no memory. */
  obtain(pool: SimPool, memoryMiB: number): number {
    const stem = this.stock.take(memoryMiB);
    this.#refillSoon();
    let instance = stem;
    if (stem === -1 || !this.host.load(stem, pool.ofFunction)) instance = this.host.start(pool.ofFunction);
    if (instance === -1) return -1;
    if (instance !== stem) this.room.booting.add(instance);
    this.#poolOf[instance] = pool;
    return instance;
  }

  #refillSoon(): void {
    if (this.stock.refillDueMs !== Infinity) this.host.wakeAt(this.stock.refillDueMs, stockToken);
  }
}

/** One function: as Pool and Instance in src/router, with the simulated machine for a tunnel. */
class SimPool {
  readonly ofFunction: number;
  readonly scheduler: FunctionScheduler<Item>;
  readonly #owner: Weir;
  readonly #host: Host;
  readonly #memoryMiB: number;
  readonly #routes: readonly RouteProfile[];
  /** By index in the scheduler. */
  readonly #instances: number[] = [];
  /** By instance: its index. */
  readonly #indices = new Map<number, number>();
  readonly #paused = new Set<number>();
  #live = 0;
  #underWay = 0;
  #newestMs = -Infinity;
  #inFlight = 0;
  readonly #isOneOfMany: boolean;
  #sweptMs = 0;
  #sweepDueMs = Infinity;

  constructor(owner: Weir, ofFunction: number) {
    const { memoryMiB, routes, environment = 'production' } = owner.host.workload.functions[ofFunction]!;
    this.ofFunction = ofFunction;
    this.#owner = owner;
    this.#host = owner.host;
    this.#memoryMiB = memoryMiB;
    this.#isOneOfMany = owner.host.workload.functions.length > manyFunctions;
    this.scheduler = new FunctionScheduler({
      maxConcurrency: 'auto',
      environment,
      maxInstances: limits.instancesPerFunction,
      keepAliveMs: null,
      learned: null,
    });
    this.#routes = routes.map((route) => this.scheduler.routes.of(route, 'GET', route));
  }

  /** Where there are many, one of which nothing has been asked is left alone: its scheduler has nothing to decide. */
  begin(): void {
    this.scheduler.sweep(this.#moment());
    if (!this.#isOneOfMany) this.sweepSoon();
  }

  item(id: number): Item {
    const { workload, nowMs } = this.#host;
    const profile = this.#routes[workload.routeOf[id]!]!;
    return { id, profile, receivedMs: nowMs, lane: 0, queueHandle: -1, sentMs: 0, index: -1 };
  }

  invoke(item: Item): void {
    const { nowMs } = this.#host;
    this.#catchUp();
    const index = this.scheduler.take(item, nowMs);
    if (index !== -1) this.#send(item, index);
    else if (this.scheduler.enqueue(item, nowMs)) this.#scale();
    else this.#refuse(item);
    this.sweepSoon();
  }

  completed(item: Item, instance: number): void {
    const { nowMs, workload } = this.#host;
    const index = this.#indices.get(instance) ?? -1;
    this.#inFlight -= 1;
    // What came from its loop says that the loop came round.
    if (index !== -1 && this.scheduler.placement.inFlight(index) === 1) this.#resume(index, false);
    this.#released(item, index);
    const took = { wallMs: nowMs - item.sentMs, cpuMs: cpuMs(workload, item.id) };
    this.scheduler.settled(item, index, took, nowMs);
  }

  /** Recalled: elsewhere, before those that came later. */
  returned(item: Item, instance: number): void {
    const { nowMs } = this.#host;
    this.#inFlight -= 1;
    this.#released(item, this.#indices.get(instance) ?? -1);
    if (nowMs >= item.receivedMs + limits.queueWaitMs) {
      this.#refuse(item);
      return;
    }
    this.scheduler.returned(item);
    this.#pump();
    this.#scale();
  }

  ready(instance: number): void {
    const { nowMs } = this.#host;
    this.#underWay -= 1;
    const index = this.scheduler.add(this.#memoryMiB, nowMs);
    this.#instances[index] = instance;
    this.#indices.set(instance, index);
    this.#pump();
    if (this.scheduler.waiting > 0) this.#scale();
  }

  ended(): void {
    this.#live -= 1;
    if (this.scheduler.waiting > 0) this.#scale();
  }

  vitals(instance: number, vitals: Vitals): void {
    const index = this.#indices.get(instance);
    if (index === undefined) return;
    const { nowMs, cores } = this.#host;
    if (isStuck(vitals)) {
      this.#paused.add(index);
      this.scheduler.setPaused(index, true);
      this.scheduler.stuck(index, vitals.inFlight, vitals.loopStuckMs, nowMs);
      this.#host.recall(instance);
    } else {
      this.#resume(index, true);
    }
    const free = freePermille(vitals, this.#memoryMiB);
    this.scheduler.vitals(index, { vitals, freePermille: free, machineCores: cores }, nowMs);
    if (this.scheduler.waiting > 0) this.#pump();
  }

  sweepSoon(): void {
    const { nowMs } = this.#host;
    const periodMs = this.#periodMs();
    const dueMs = (Math.floor(nowMs / periodMs) + 1) * periodMs;
    if (dueMs >= this.#sweepDueMs) return;
    this.#sweepDueMs = dueMs;
    this.#host.wakeAt(dueMs, this.ofFunction * 2 + 1);
  }

  sweep(): void {
    const { nowMs } = this.#host;
    if (nowMs < this.#sweepDueMs) return;
    this.#sweepDueMs = Infinity;
    this.#sweptMs = nowMs;
    this.scheduler.expire(nowMs, this.#refuse);
    for (const { index } of this.scheduler.sweep(this.#moment())) this.#reap(index);
    if (this.scheduler.waiting > 0) this.#pump();
    this.#scale();
    this.sweepSoon();
  }

  #moment(): Moment {
    const { nowMs } = this.#host;
    return { nowMs, wallMs: wallStartMs + nowMs, memoryShort: false };
  }

  #periodMs(): number {
    if (this.#inFlight > 0 || this.scheduler.waiting > 0) return limits.sweepMs;
    if (this.#isOneOfMany) return seldomMs;
    return this.#live > 0 ? limits.sweepMs : limits.idleSweepMs;
  }

  /** Nothing was there since the last sweep, and nobody looked: every second counts, once. */
  #catchUp(): void {
    if (!this.#isOneOfMany || this.#inFlight > 0 || this.scheduler.waiting > 0) return;
    const { nowMs } = this.#host;
    const fromMs = Math.max(this.#sweptMs, nowMs - limits.demandWindowMs);
    for (let atMs = (Math.floor(fromMs / 1000) + 1) * 1000; atMs <= nowMs; atMs += 1000) {
      for (const window of this.scheduler.forecast.windows) window.observe(0, atMs);
    }
    this.#sweptMs = nowMs;
  }

  readonly #send = (item: Item, index: number): void => {
    item.index = index;
    item.sentMs = this.#host.nowMs;
    this.#inFlight += 1;
    this.#host.send(item.id, this.#instances[index]!);
  };

  readonly #refuse = (item: Item): void => {
    this.#owner.items[item.id] = undefined;
    this.#host.refuse(item.id);
  };

  #released(item: Item, index: number): void {
    if (index === -1) return;
    this.scheduler.ended(index, item.lane, this.#host.nowMs);
    if (this.scheduler.waiting > 0) this.#pump();
  }

  #resume(index: number, pumps: boolean): void {
    if (!this.#paused.delete(index)) return;
    this.scheduler.setPaused(index, false);
    if (pumps) this.#pump();
  }

  #pump(): void {
    this.scheduler.pump(this.#host.nowMs, this.#underWay > 0, this.#send);
  }

  #scale(): void {
    const { nowMs, cores } = this.#host;
    const { room } = this.#owner;
    const around = {
      cores,
      cpuIdle: room.cpuIdle ?? false,
      starting: this.#underWay,
      sinceStartMs: nowMs - this.#newestMs,
      live: this.#live,
    };
    const { waited, ahead } = this.scheduler.starts(around, nowMs);
    if (this.#obtain(waited.count, false)) this.#obtain(ahead.count, true);
  }

  /** False: the machine could not take as many. */
  #obtain(count: number, isAhead: boolean): boolean {
    if (count === 0) return true;
    const { room, stock } = this.#owner;
    const own = { live: this.#live, eachMiB: this.#memoryMiB, stems: stock.count(this.#memoryMiB) };
    const permitted = room.permit(count, isAhead, own);
    for (let left = permitted; left > 0; left -= 1) {
      if (this.#owner.obtain(this, this.#memoryMiB) === -1) return false;
      this.#underWay += 1;
      this.#live += 1;
      this.#newestMs = this.#host.nowMs;
    }
    return permitted === count;
  }

  #reap(index: number): void {
    if (this.scheduler.placement.inFlight(index) > 0) return;
    const instance = this.#instances[index]!;
    this.scheduler.remove(index);
    this.#paused.delete(index);
    this.#indices.delete(instance);
    this.#host.drain(instance);
  }
}
