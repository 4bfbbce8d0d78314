import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../base/limits.ts';
import { noVitals } from '../model/vitals.ts';
import { FunctionScheduler } from './function-scheduler.ts';
import { itemOf, routeOf, schedulerOf, type QueuedItem as Item } from './two-routes.fixture.ts';
import { laneComputes, laneWaits } from './routes.ts';

// — pump —

/** One instance, and so many that wait; nothing is coming. */
function waiting(count: number, route: string = '/wait'): { scheduler: FunctionScheduler<Item>; items: Item[] } {
  const scheduler = schedulerOf();
  const items = Array.from({ length: count }, (_, at) => {
    const item = itemOf(scheduler, route, at);
    assert.equal(scheduler.take(item, at), -1);
    assert.equal(scheduler.enqueue(item, at), true);
    return item;
  });
  return { scheduler, items };
}

test('pump ends, also when everything it sends comes back at once; nobody loses its turn', () => {
  const { scheduler, items } = waiting(50);
  const index = scheduler.add(512, 100);
  let sent = 0;
  scheduler.pump(100, false, (item) => {
    assert.ok((sent += 1) < 1000, 'for ever');
    scheduler.ended(index, item.lane, 100);
    scheduler.putBack(item);
  });
  assert.equal(scheduler.waiting, 50);
  assert.deepEqual(
    items.map(() => scheduler.shift()),
    items,
  );
});

test('what ends at once may pump: that is no recursion, and all get their turn', () => {
  const { scheduler, items } = waiting(9000);
  const index = scheduler.add(512, 9000);
  const sent: Item[] = [];
  let depth = 0;
  const send = (item: Item): void => {
    assert.ok((depth += 1) < 50, 'a stack of them');
    sent.push(item);
    scheduler.ended(index, item.lane, 9000);
    scheduler.settled(item, index, { wallMs: 1000, cpuMs: 1 }, 9000);
    scheduler.pump(9000, false, send);
    depth -= 1;
  };
  scheduler.pump(9000, false, send);
  assert.deepEqual([scheduler.waiting, scheduler.placement.inFlight(index)], [0, 0]);
  assert.deepEqual(sent, items);
});

test('what is sent may take others out of the queue, put new ones in, and end its instance', () => {
  const { scheduler, items } = waiting(10);
  for (let count = 0; count < 3; count += 1) scheduler.add(512, 100);
  const sent: Item[] = [];
  scheduler.pump(100, false, (item, index) => {
    sent.push(item);
    const next = items[sent.length * 2 - 1];
    if (next !== undefined) scheduler.leave(next);
    const another = itemOf(scheduler, '/wait', 100);
    assert.equal(scheduler.take(another, 100), -1, 'others wait');
    scheduler.enqueue(another, 100);
    if (sent.length === 2) scheduler.remove(index);
  });
  assert.deepEqual(
    sent.slice(0, 5),
    items.filter((_, at) => at % 2 === 0),
  );
  assert.equal(new Set(sent).size, sent.length);
  assert.deepEqual([scheduler.ready, scheduler.waiting], [2, 5]);
});

test('a send that throws leaves a scheduler that pumps', () => {
  const { scheduler } = waiting(2);
  scheduler.add(512, 100);
  assert.throws(() =>
    scheduler.pump(100, false, () => {
      throw new Error('no');
    }),
  );
  let sent = 0;
  scheduler.pump(100, false, () => (sent += 1));
  assert.deepEqual([sent, scheduler.waiting], [1, 0]);
});

// — a kind that moves —

/** What waits of these routes, in turn, behind one that is begun and the instance that has it. */
function behind(routes: readonly string[]): { scheduler: FunctionScheduler<Item>; items: Item[]; move: () => void } {
  const scheduler = schedulerOf({ learned: null });
  const index = scheduler.add(512, 0);
  const begun = itemOf(scheduler, '/b', 0);
  assert.equal(scheduler.take(begun, 0), index);
  scheduler.setPaused(index, true);
  const items = routes.map((route, at) => {
    const item = itemOf(scheduler, route, at);
    assert.equal(scheduler.take(item, at), -1);
    assert.ok(scheduler.enqueue(item, at));
    return item;
  });
  const move = (): void => {
    scheduler.ended(index, begun.lane, 20_000);
    scheduler.settled(begun, index, { wallMs: 1000, cpuMs: 1000 }, 20_000);
    assert.equal(begun.profile.lane, laneComputes);
  };
  return { scheduler, items, move };
}

test('when a kind moves to the other lane all that waits of it moves too, and everybody keeps the turn', () => {
  const { scheduler, items, move } = behind(['/b', '/a', '/b', '/a', '/a', '/b', '/b']);
  move();
  const of = (lane: number): Item[] => items.filter((item) => item.lane === lane);
  assert.deepEqual(
    of(laneComputes).map(({ profile }) => profile.pattern),
    ['/b', '/b', '/b', '/b'],
  );
  for (const lane of [laneWaits, laneComputes]) {
    const inTurn = of(lane).map(() => scheduler.queues[lane]!.shift());
    assert.deepEqual(inTurn, of(lane));
    assert.equal(scheduler.queues[lane]!.length, 0);
  }
});

test('a full queue of two kinds, one of which moves: handles stay good, deadlines stay theirs', () => {
  const { scheduler, items, move } = behind(
    Array.from({ length: limits.queueInvocations }, (_, at) => (at % 3 === 0 ? '/a' : '/b')),
  );
  const another = itemOf(scheduler, '/b', 20_000);
  scheduler.take(another, 20_000);
  assert.equal(scheduler.enqueue(another, 20_000), false, 'it is full');
  move();
  for (const item of items.slice(0, 100)) scheduler.leave(item);
  assert.equal(scheduler.waiting, items.length - 100);
  const expired: Item[] = [];
  scheduler.expire(limits.queueWaitMs + 199, (item) => expired.push(item));
  assert.deepEqual(new Set(expired), new Set(items.slice(100, 200)));
});

test('when all there is computes, so does what instances have of it already', () => {
  const scheduler = schedulerOf({ learned: null });
  const index = scheduler.add(512, 0);
  const items = [0, 0, 0].map(() => itemOf(scheduler, '/b', 0));
  for (const item of items) scheduler.take(item, 0);
  const end = (item: Item, nowMs: number): void => {
    scheduler.ended(index, item.lane, nowMs);
    scheduler.settled(item, index, { wallMs: 900, cpuMs: 300 }, nowMs);
  };
  end(items[0]!, 900);
  assert.equal(scheduler.placement.laneOf(index), laneComputes);
  end(items[1]!, 1000);
  end(items[2]!, 1000);
  assert.equal(scheduler.take(itemOf(scheduler, '/b', 1000), 1000), index);
  // What waits has no instance, and goes beside it after a while: nothing counts as its own any more.
  const other = itemOf(scheduler, '/w', 1000);
  assert.equal(scheduler.take(other, 1000), -1);
  scheduler.enqueue(other, 1000);
  scheduler.pump(1000 + limits.laneWaitMs, false, () => {});
  assert.equal(scheduler.waiting, 0);
});

// — what periods say —

/** Vitals of an instance whose loop was busy all the time, and one period of it. */
function period(scheduler: FunctionScheduler<Item>, index: number, nowMs: number): void {
  scheduler.vitals(
    index,
    { vitals: { ...noVitals, cpuUs: nowMs * 1000, loopPermille: 1000 }, freePermille: 0, machineCores: 4 },
    nowMs,
  );
}

const placesOf = (scheduler: FunctionScheduler<Item>, index: number): number[] =>
  scheduler.member(index)!.limits.map(({ places }) => places);

test('what computes beside what waits says nothing of either, also in a period in which nothing comes or goes', () => {
  const scheduler = schedulerOf({ maxConcurrency: 3 });
  const index = scheduler.add(512, 0);
  for (let count = 0; count < 2; count += 1) scheduler.take(itemOf(scheduler, '/wait', 0), 0);
  const burn = itemOf(scheduler, '/burn', 0);
  assert.equal(scheduler.take(burn, 0), -1);
  scheduler.enqueue(burn, 0);
  scheduler.pump(limits.laneWaitMs, false, () => {});
  assert.equal(scheduler.placement.inFlight(index), 3);
  for (let nowMs = 300; nowMs < 20_000; nowMs += 200) period(scheduler, index, nowMs);
  assert.deepEqual(placesOf(scheduler, index), [3, 1]);
  assert.deepEqual(
    scheduler.known.map(({ saturation }) => saturation),
    [4, 1],
  );
});

test('a period in which the instance went from one kind to the other says nothing of either', () => {
  const scheduler = schedulerOf();
  const index = scheduler.add(512, 0);
  period(scheduler, index, 0);
  for (let nowMs = 0; nowMs < 20_000; nowMs += 200) {
    for (const [route, count, cpuMs, atMs] of [
      ['/burn', 1, 100, nowMs],
      ['/wait', 3, 10, nowMs + 50],
    ] as const) {
      const items = Array.from({ length: count }, () => itemOf(scheduler, route, atMs));
      for (const item of items) assert.equal(scheduler.take(item, atMs), index);
      for (const item of items) scheduler.ended(index, item.lane, atMs + 49);
      for (const item of items) scheduler.settled(item, index, { wallMs: 100, cpuMs: cpuMs }, atMs + 49);
    }
    period(scheduler, index, nowMs + 200);
  }
  assert.deepEqual(placesOf(scheduler, index), [3, 1]);
  assert.deepEqual(
    scheduler.known.map(({ saturation }) => saturation),
    [4, 1],
  );
});

test('what an instance has from before all was known to compute does not keep its periods from telling', () => {
  const scheduler = schedulerOf({ learned: null });
  const index = scheduler.add(512, 0);
  const items = Array.from({ length: 10 }, () => itemOf(scheduler, '/b', 0));
  for (const item of items) scheduler.take(item, 0);
  const end = (item: Item, nowMs: number): void => {
    scheduler.ended(index, item.lane, nowMs);
    scheduler.settled(item, index, { wallMs: 300, cpuMs: 200 }, nowMs);
  };
  end(items[0]!, 200);
  for (let nowMs = 400; nowMs <= 2000; nowMs += 200) {
    period(scheduler, index, nowMs);
    const item = items[nowMs / 400];
    if (item !== undefined) end(item, nowMs);
  }
  const [waits, computes] = scheduler.known;
  assert.equal(waits!.invocations, 0, 'what ends now was sent as what waits, and says nothing of that');
  assert.notEqual(computes!.saturation, null);
  for (const item of items.slice(6)) end(item, 2100);
  assert.equal(scheduler.member(index)!.isAdopted, false);
});

// — instances —

test('who comes back goes before those that came later, and behind those that came before', () => {
  const { scheduler } = waiting(3);
  const item = itemOf(scheduler, '/wait', 0);
  scheduler.returned(item);
  const index = scheduler.add(512, 10);
  const sent: unknown[] = [];
  scheduler.pump(10, false, (each) => sent.push(each));
  assert.equal(sent.indexOf(item), sent.filter((each) => (each as typeof item).receivedMs <= 0).length - 1);
  assert.equal(scheduler.placement.inFlight(index), sent.length);
});

test('what was sent before its kind had moved comes back as what it is', () => {
  const scheduler = schedulerOf({ learned: null });
  const first = scheduler.add(512, 0);
  const items = [0, 1, 2].map((at) => itemOf(scheduler, at === 0 ? '/wait' : '/burn', at));
  for (const item of items) assert.equal(scheduler.take(item, 3), first);
  scheduler.ended(first, items[1]!.lane, 1000);
  scheduler.settled(items[1]!, first, { wallMs: 1000, cpuMs: 900 }, 1000);
  const second = scheduler.add(512, 1000);
  scheduler.ended(first, items[2]!.lane, 1000);
  scheduler.returned(items[2]!);
  scheduler.pump(1000, false, (_, index) => assert.equal(index, second, 'not beside what waits'));
  assert.deepEqual([scheduler.placement.laneOf(first), scheduler.placement.laneOf(second)], [laneWaits, laneComputes]);
});

test('a paused one gets nothing, whatever waits, and what its loop holds counts until it says otherwise', () => {
  const { scheduler } = waiting(3);
  const index = scheduler.add(512, 10);
  scheduler.setPaused(index, true);
  scheduler.stuck(index, 1, 30, 10);
  assert.equal(scheduler.processors.cores, 1);
  scheduler.pump(1000, false, () => assert.fail('it is paused'));
  assert.equal(scheduler.take(itemOf(scheduler, '/burn', 1000), 1000), -1);
  scheduler.setPaused(index, false);
  assert.equal(scheduler.processors.cores, 1, 'as it was, until it tells');
  scheduler.vitals(index, { vitals: noVitals, freePermille: 1000, machineCores: 2 }, 1000);
  scheduler.vitals(
    index,
    { vitals: { ...noVitals, cpuUs: 20_000, loopPermille: 100 }, freePermille: 1000, machineCores: 2 },
    1200,
  );
  assert.ok(Math.abs(scheduler.processors.cores - 0.1) < 1e-9);
  scheduler.remove(index);
  assert.ok(Math.abs(scheduler.processors.cores) < 1e-9);
});

test('decisions name the instance, and the function where it is about all of it', () => {
  const scheduler = schedulerOf({ learned: null });
  const index = scheduler.add(512, 0, 'one');
  const item = itemOf(scheduler, '/b', 0);
  scheduler.take(item, 0);
  scheduler.ended(index, item.lane, 1000);
  scheduler.settled(item, index, { wallMs: 1000, cpuMs: 990 }, 1000);
  const next = itemOf(scheduler, '/a', 1000);
  scheduler.take(next, 1000);
  scheduler.stuck(index, 1, 25, 1020);
  assert.deepEqual(scheduler.decisions.all, [
    { atMs: 1000, text: '/b computes (990 ms of CPU in 1000 ms): kept apart', about: null },
    { atMs: 1000, text: 'limit 100 → 1: what was learned of the function', about: 'one' },
    { atMs: 1020, text: 'limit 100 → 1: event loop held for 25 ms with 1 begun', about: 'one' },
  ]);
});

test('what was learned is there again: limits by lane, routes with their lanes', () => {
  const scheduler = schedulerOf();
  const again = schedulerOf({ learned: JSON.parse(JSON.stringify(scheduler.learned())) });
  assert.deepEqual(
    again.known.map(({ limit }) => limit),
    [3, 1],
  );
  assert.equal(again.limit, 3);
  const [waits, burns] = routeOf.map((route) => again.routes.of(route, 'GET', route).lane);
  assert.deepEqual([waits, burns], [laneWaits, laneComputes]);
  const index = again.add(512, 0);
  assert.deepEqual(
    again.member(index)!.limits.map(({ places }) => places),
    [3, 1],
  );
});

test('no user limit is passed, and 1 is one at a time for every kind', () => {
  for (const maxConcurrency of [1, 2, 8192] as const) {
    const scheduler = new FunctionScheduler<Item>({
      maxConcurrency,
      environment: 'production',
      maxInstances: 10,
      keepAliveMs: null,
      learned: null,
    });
    const index = scheduler.add(512, 0);
    let placed = 0;
    while (placed < 200 && scheduler.take(itemOf(scheduler, '/a', 0), 0) === index) placed += 1;
    assert.equal(placed, Math.min(maxConcurrency, limits.concurrencyDefault));
  }
});
