// Whatever happens to a FunctionScheduler, in any order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { noVitals } from '../model/vitals.ts';
import { FunctionScheduler } from './function-scheduler.ts';
import { laneComputes, laneWaits } from './routes.ts';
import { itemOf, learned, routeOf, schedulerOf, wallMs, type QueuedItem as Item } from './two-routes.fixture.ts';

interface Op {
  readonly kind: (typeof kinds)[number];
  readonly pick: number;
  readonly value: number;
}

/** Each as often as it is named. */
const kinds = [
  ...(['arrive', 'arrive', 'arrive', 'arrive', 'end', 'end', 'end', 'nack', 'leave', 'late'] as const),
  ...(['add', 'add', 'remove', 'pause', 'unpause', 'stuck', 'refuse', 'vitals', 'pump', 'sweep', 'wait'] as const),
] as const;

/** The same by lists, and everything that must be so whatever happens. */
class Model {
  readonly scheduler: FunctionScheduler<Item>;
  nowMs = 1000;
  /** By index: what it has. */
  readonly instances = new Map<number, { readonly items: Item[]; paused: boolean }>();
  /** In turn. */
  readonly waiting: Item[] = [];
  readonly lost: { item: Item; index: number }[] = [];

  /** What a request does changes from one to the next. */
  readonly #isFickle: boolean;

  constructor(isFickle: boolean) {
    this.#isFickle = isFickle;
    this.scheduler = schedulerOf({ keepAliveMs: 1e9, learned: isFickle ? null : learned });
  }

  run(ops: readonly Op[]): void {
    for (const { kind, pick, value } of ops) {
      this.nowMs += 1 + (pick % 7);
      this.#apply(kind, pick, value);
      this.#check();
    }
    this.#windDown();
  }

  #apply(kind: Op['kind'], pick: number, value: number): void {
    const { scheduler, nowMs } = this;
    const indices = [...this.instances.keys()];
    const index = indices[pick % Math.max(1, indices.length)] ?? 99;
    const items = this.instances.get(index)?.items ?? [];
    const item = items[value % Math.max(1, items.length)];
    if (kind === 'arrive') this.#arrive(this.#isFickle ? `/${value % 5}` : routeOf[value % 2]!);
    else if (kind === 'end' && item !== undefined) this.#end(item, index, value);
    else if (kind === 'nack' && item !== undefined) this.#nack(item, index);
    else if (kind === 'leave') this.#leave(pick, value % 2);
    else if (kind === 'late') this.#late(pick);
    else if (kind === 'add') this.#add();
    else if (kind === 'remove') this.#remove(index);
    else if (kind === 'pause') this.#pause(index, true);
    else if (kind === 'unpause') this.#pause(index, false);
    else if (kind === 'stuck') scheduler.stuck(index, value % 5, 20, nowMs);
    else if (kind === 'refuse') scheduler.refused(index, 'memory', nowMs);
    else if (kind === 'pump') this.#pump(value % 2 === 0);
    else if (kind === 'wait') this.nowMs += value * 20;
    else if (kind === 'sweep') this.#sweep();
    else if (kind === 'vitals') {
      const vitals = { ...noVitals, cpuUs: nowMs * value, loopPermille: value, inFlight: items.length };
      scheduler.vitals(index, { vitals: vitals, freePermille: value, machineCores: 4 }, nowMs);
    }
  }

  #pause(index: number, paused: boolean): void {
    this.scheduler.setPaused(index, paused);
    const instance = this.instances.get(index);
    if (instance !== undefined) instance.paused = paused;
  }

  #queue(lane: number): Item[] {
    return this.waiting.filter((item) => item.lane === lane);
  }

  #arrive(route: string): void {
    const item = itemOf(this.scheduler, route, this.nowMs);
    const index = this.scheduler.take(item, this.nowMs);
    assert.equal(item.lane, item.profile.lane);
    if (index !== -1) {
      assert.equal(this.#queue(item.lane).length, 0, 'nobody passes those that wait');
      this.#placed(item, index, false);
    } else if (this.scheduler.enqueue(item, this.nowMs)) this.waiting.push(item);
  }

  #end(item: Item, index: number, value: number): void {
    const { items } = this.instances.get(index)!;
    items.splice(items.indexOf(item), 1);
    this.scheduler.ended(index, item.lane, this.nowMs);
    if (value % 10 !== 0) this.#settle(item, index, value);
  }

  #settle(item: Item, index: number, value: number): void {
    // Of a kind that does now this and now that the averages cross the thresholds again and again.
    if (this.#isFickle)
      this.scheduler.settled(item, index, { wallMs: 30, cpuMs: value % 3 === 0 ? 30 : 1 }, this.nowMs);
    else if (item.lane === laneWaits) this.scheduler.settled(item, index, { wallMs: 1000, cpuMs: 1 }, this.nowMs);
    else this.scheduler.settled(item, index, { wallMs: 100, cpuMs: 100 }, this.nowMs);
  }

  #nack(item: Item, index: number): void {
    const { items } = this.instances.get(index)!;
    items.splice(items.indexOf(item), 1);
    this.scheduler.ended(index, item.lane, this.nowMs);
    this.scheduler.returned(item);
    this.waiting.push(item);
    this.waiting.sort((left, right) => left.receivedMs - right.receivedMs);
  }

  #leave(pick: number, lane: number): void {
    const queue = this.#queue(lane);
    const item = queue[pick % Math.max(1, queue.length)];
    if (item === undefined) return;
    this.#forget(item);
    this.scheduler.leave(item);
    this.scheduler.leave(item);
    assert.equal(item.queueHandle, -1);
  }

  #forget(item: Item): void {
    this.waiting.splice(this.waiting.indexOf(item), 1);
  }

  /** Something is said of an instance that is gone, and its index not used again; or that has nothing. */
  #late(pick: number): void {
    const last = this.lost[pick % Math.max(1, this.lost.length)];
    const index = last?.index ?? 99;
    const isIdle = (this.instances.get(index)?.items.length ?? 0) === 0;
    if (!isIdle) return;
    this.scheduler.ended(index, last?.item.lane ?? laneComputes, this.nowMs);
    if (this.instances.has(index)) return;
    if (last !== undefined) this.#settle(last.item, index, pick);
    this.scheduler.setPaused(index, pick % 2 === 0);
    this.scheduler.stuck(index, 1, 20, this.nowMs);
    this.scheduler.refused(index, 'memory', this.nowMs);
    this.scheduler.vitals(index, { vitals: noVitals, freePermille: 500, machineCores: 4 }, this.nowMs);
    this.scheduler.remove(index);
    assert.equal(this.scheduler.member(index), null);
  }

  #add(): void {
    if (this.instances.size >= 12) return;
    const index = this.scheduler.add(512, this.nowMs);
    assert.ok(!this.instances.has(index) && index < 12, 'indices are used again');
    this.instances.set(index, { items: [], paused: false });
    this.#pump(false);
  }

  #remove(index: number): void {
    const instance = this.instances.get(index);
    if (instance === undefined) return;
    this.scheduler.remove(index);
    this.instances.delete(index);
    this.lost.push(...instance.items.map((item) => ({ item, index })));
    if (this.lost.length > 20) this.lost.splice(0, this.lost.length - 20);
  }

  #pump(isComing: boolean): void {
    this.scheduler.pump(this.nowMs, isComing, (item, index) => {
      assert.equal(this.#queue(item.lane)[0], item, 'first come, first served');
      this.#forget(item);
      const waitMs = isComing ? limits.heldQueueStaleMs : limits.laneWaitMs;
      this.#placed(item, index, this.nowMs - item.receivedMs >= waitMs);
    });
    this.#nothingLeft(isComing);
  }

  /** Nobody waits in vain: what is left in the queues has no place to go to. */
  #nothingLeft(isComing: boolean): void {
    const { placement } = this.scheduler;
    const open = [...this.instances].filter(([, { paused }]) => !paused).map(([index]) => index);
    for (const lane of [laneWaits, laneComputes]) {
      const [head] = this.#queue(lane);
      if (head === undefined) continue;
      const hasRoom = (index: number, of: number): boolean =>
        placement.laneOf(index) === of && placement.inFlight(index) < this.scheduler.member(index)!.limits[of]!.places;
      assert.ok(!open.some((index) => placement.inFlight(index) === 0 || hasRoom(index, lane)), `lane ${lane} waits`);
      // A paused one of its own may be so for long.
      const hasOwn = open.some((index) => placement.laneOf(index) === lane);
      if (isComing || hasOwn || this.nowMs - head.receivedMs < limits.laneWaitMs) continue;
      // One that has some of it beside its own may have all that it may have.
      const beside = open.some((index) => this.scheduler.member(index)!.inFlight[lane]! > 0);
      assert.ok(beside || !open.some((index) => hasRoom(index, 1 - lane)), `lane ${lane} has nowhere to go`);
    }
  }

  /** `mayMix`: it has waited for so long. */
  #placed(item: Item, index: number, mayMix: boolean): void {
    const { items } = this.instances.get(index)!;
    const isMix = items.length > 0 && this.scheduler.placement.laneOf(index) !== item.lane;
    if (isMix) {
      assert.ok(mayMix, 'only what has waited for long goes beside work of another kind');
      const open = [...this.instances].filter(([, { paused }]) => !paused).map(([at]) => at);
      const own = open.filter((at) => this.scheduler.placement.isActive(at, item.lane));
      assert.deepEqual(own, [], 'and only if it has no instance of its own that takes anything');
      const member = this.scheduler.member(index)!;
      assert.ok(member.inFlight[item.lane]! <= member.limits[item.lane]!.places, 'and no more of it than elsewhere');
    }
    assert.equal(item.queueHandle, -1);
    items.push(item);
  }

  #sweep(): void {
    const expired = [laneWaits, laneComputes].map((lane) =>
      this.#queue(lane).filter(({ receivedMs }) => this.nowMs >= receivedMs + limits.queueWaitMs),
    );
    const told: Item[] = [];
    this.scheduler.expire(this.nowMs, (item) => told.push(item));
    assert.deepEqual(told, expired.flat());
    for (const item of told) this.#forget(item);
    // A second that nobody has looked at: its average is what there is now.
    this.nowMs = Math.ceil((this.nowMs + 1) / 1000) * 1000;
    const surplus = this.scheduler.sweep({ nowMs: this.nowMs, wallMs: wallMs + this.nowMs, memoryShort: false });
    assert.deepEqual(surplus, []);
    for (const lane of [laneWaits, laneComputes]) {
      const inFlight = [...this.instances.values()].flatMap(({ items }) => items).filter((each) => each.lane === lane);
      const demand = this.scheduler.forecast.windows[lane]!.average(1000, this.nowMs);
      assert.equal(demand, inFlight.length + this.#queue(lane).length, `demand of lane ${lane}`);
    }
    this.nowMs += 1000;
  }

  #check(): void {
    const { scheduler } = this;
    assert.equal(scheduler.ready, this.instances.size);
    assert.deepEqual(
      scheduler.queues.map(({ length }) => length),
      [laneWaits, laneComputes].map((lane) => this.#queue(lane).length),
    );
    let load = 0;
    for (const [index, { items }] of this.instances) {
      assert.equal(scheduler.placement.inFlight(index), items.length);
      const member = scheduler.member(index)!;
      load += member.load;
      assert.deepEqual(
        member.inFlight,
        [laneWaits, laneComputes].map((lane) => items.filter((item) => item.lane === lane).length),
      );
    }
    assert.ok(
      Math.abs(scheduler.processors.cores - load) < 1e-9,
      `${scheduler.processors.cores} processors, not ${load}`,
    );
  }

  /** Everything ends and goes. What is left is what a scheduler has that had nothing. */
  #windDown(): void {
    for (const [index, { items }] of this.instances) for (const item of items.slice()) this.#end(item, index, 1);
    while (this.waiting.length > 0) this.#leave(0, this.waiting[0]!.lane);
    for (const index of this.instances.keys()) this.#remove(index);
    this.#check();
    this.nowMs += 3_600_000;
    this.#sweep();
    assert.ok(Math.abs(this.scheduler.processors.cores) < 1e-9);
    if (!this.#isFickle) for (const lane of [laneWaits, laneComputes]) this.#asNew(lane);
  }

  /** Counters that had drifted would say that the processors are used, or that there are instances with such work. */
  #asNew(lane: number): void {
    const { scheduler } = this;
    this.#arrive(routeOf[lane]!);
    const around = { cores: 1, cpuIdle: false, starting: 0, sinceStartMs: Infinity, live: 0 };
    const { waited, ahead } = scheduler.starts(around, this.nowMs);
    assert.equal(waited.count + ahead.count, 1);
    this.#add();
    this.#arrive(routeOf[1 - lane]!);
    assert.equal(scheduler.waiting, 1, 'kept apart');
    this.nowMs += limits.laneWaitMs;
    this.#pump(true);
    assert.equal(scheduler.waiting, 1, 'its instance is coming');
    this.#pump(false);
    const [index] = this.instances.keys();
    const hasRoom = scheduler.member(index!)!.limits[lane]!.places > 1;
    assert.equal(scheduler.waiting, hasRoom ? 0 : 1, 'nobody else has any of its kind: beside the other');
    for (const item of this.instances.get(index!)!.items.slice()) this.#end(item, index!, 1);
    this.#leave(0, 1 - lane);
    this.#remove(index!);
    this.nowMs += 3_600_000;
    this.#sweep();
  }
}

const op = fc.record({ kind: fc.constantFrom(...kinds), pick: fc.nat(1000), value: fc.nat(1000) });

for (const [name, isFickle] of [
  ['whose kinds stay what they are', false],
  ['whose kinds move to and fro', true],
] as const) {
  test(`law: of requests ${name}, in whatever order: it is as lists would have it, and nothing is left at the end`, () => {
    fc.assert(
      fc.property(fc.array(op, { maxLength: 250, size: 'max' }), (ops) => new Model(isFickle).run(ops)),
      { numRuns: 600 },
    );
  });
}
