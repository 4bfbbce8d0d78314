import assert from 'node:assert/strict';
import { test } from 'node:test';

import { limits } from '../base/limits.ts';
import { silentLog } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { Vitals } from '../model/vitals.ts';
import type { Spare } from '../provider/machine.ts';
import { type FakeInstance, functionSpec, Rig } from '../../test/router/rig.ts';
import { memoryConnections, type MemoryConnection } from '../../test/sim/memory-connection.ts';
import { Doorman } from './doorman.ts';
import { Flusher } from './flusher.ts';
import type { Instance } from './instance.ts';
import type { Home } from './keeper.ts';
import { Supply } from './supply.ts';
import { Tokens } from './tokens.ts';

const mebibyte = 1024 * 1024;

/** A supply without pools: what it starts dials in and loads what it is told. */
class Stand extends Rig {
  #spare: Spare = { freeMemoryMiB: 100_000, cores: 2, cpuIdle: null };
  readonly tokens = new Tokens<Instance>(seededRandom(3));
  readonly doorman = new Doorman({ clock: this.clock, log: silentLog, tokens: this.tokens, serving: null });
  readonly supply = new Supply({
    clock: this.clock,
    random: seededRandom(5),
    log: silentLog,
    provider: this,
    tokens: this.tokens,
    flusher: new Flusher(this.clock),
    machine: () => this.#spare,
    stems: true,
    onStarted: () => undefined,
    onQuiet: () => undefined,
  });

  /** From now on the machine is so, and that was seen. */
  set(changes: Partial<Spare>): void {
    this.#spare = { ...this.#spare, ...changes };
    this.clock.advance(limits.machineLookMs);
  }

  override dial(): MemoryConnection {
    const { near, far } = memoryConnections({ clock: this.clock });
    this.doorman.accept(far);
    return near;
  }

  /** Instances of it, ready. */
  have(spec: FunctionSpec, count: number): FakeInstance[] {
    const before = this.instances.length;
    const home: Home = { ...nothing, connected: (instance) => instance.load(spec, 100) };
    for (let left = count; left > 0; left -= 1) {
      const instance = this.supply.obtain(spec, home);
      if (instance.state.kind === 'stem') home.connected(instance);
    }
    this.clock.advance(100);
    return this.instances.slice(before);
  }

  /** A look at the machine, with vitals that are as new. */
  sweep(told: readonly (readonly [FakeInstance, Partial<Vitals>])[] = []): void {
    for (const [instance, vitals] of told) instance.vitals({ ...vitals, cpuUs: this.clock.nowMs() });
    this.clock.advance(limits.sweepMs);
    this.supply.sweep(this.clock.nowMs());
    this.clock.settle();
  }

  room(spec: FunctionSpec, wanted: number, ahead = false) {
    return this.supply.room(spec, { wanted, ahead });
  }
}

const ignore = (): void => undefined;
const nothing: Home = {
  spec: functionSpec(),
  connected: ignore,
  logged: ignore,
  retired: ignore,
  ended: ignore,
  loaded: ignore,
  loadFailed: ignore,
  released: ignore,
  paused: ignore,
  background: ignore,
  vitals: ignore,
};

const leavesFree = (instances: number): number => limits.startsLeaveFreeMiB + instances * limits.stemRssMiB;
const computing = { loopPermille: 1000, inFlight: 1 };

test('processors are shared by weight among those that compute and have something waiting', () => {
  const stand = new Stand();
  stand.set({ cores: 8 });
  const [light, heavy, waits] = [functionSpec('light'), functionSpec('heavy', { weight: 3 }), functionSpec('waits')];
  const instances = [light, heavy, waits].map((spec) => stand.have(spec, 1)[0]!);
  const vitals = [computing, computing, { loopPermille: 100 }] as const;
  const told = instances.map((instance, at) => [instance, vitals[at]!] as const);
  assert.equal(stand.supply.coresFor(light), 8, 'nobody waits');
  for (const spec of [light, heavy, waits]) stand.supply.waits(spec);
  stand.sweep(told);
  assert.deepEqual(
    [light, heavy, waits].map((spec) => stand.supply.coresFor(spec)),
    [2, 6, 2],
  );
  for (let count = 0; count < 4; count += 1) {
    stand.supply.waits(light);
    stand.sweep(told);
  }
  assert.equal(stand.supply.coresFor(light), 7, 'nothing waits for heavy: it has what it uses');
  for (let count = 0; count < 4; count += 1) stand.sweep(told);
  assert.equal(stand.supply.coresFor(light), 8, 'nobody waits any more');
});

test('who computes on more than its share gives back to who has waited for it; one at a time each, and singles never', () => {
  for (const [maxConcurrency, left] of [
    ['auto', 1],
    [1, 3],
  ] as const) {
    const stand = new Stand();
    const [flood, other] = [functionSpec('flood', { maxConcurrency }), functionSpec('other')];
    const instances = [...stand.have(flood, 3), ...stand.have(other, 1)];
    stand.set({ cpuIdle: false });
    const drained: number[] = [];
    for (let count = 0; count < 16; count += 1) {
      stand.supply.waits(flood);
      stand.supply.waits(other);
      const staying = instances.filter(({ drains }) => drains.length === 0);
      drained.push(instances.length - staying.length);
      stand.sweep(staying.map((instance) => [instance, computing] as const));
    }
    assert.equal(drained[9], 0, 'not for a moment’s wait');
    assert.ok(drained.every((count, at) => at === 0 || count - drained[at - 1]! <= 1));
    const stay = instances.filter(({ drains }) => drains.length === 0).map(({ load }) => load?.function);
    assert.deepEqual(stay, [...Array.from({ length: left }, () => flood.id), other.id]);
  }
});

test('without a look at the machine nothing is bounded', () => {
  const rig = new Rig();
  const spec = functionSpec('api/x', { maxConcurrency: 1 });
  for (let count = 0; count < 50; count += 1) rig.invoke(spec);
  rig.settle();
  assert.equal(rig.instances.length, 50);
});

test('an instance is reckoned by what those of its function take', () => {
  const stand = new Stand();
  const spec = functionSpec();
  const [first] = stand.have(spec, 1);
  first!.vitals({ rssBytes: 300 * mebibyte });
  stand.clock.settle();
  stand.set({ freeMemoryMiB: limits.startsLeaveFreeMiB + 700 });
  assert.ok(stand.room(spec, 9).count > 2, 'as long as nobody has looked');
  stand.sweep();
  assert.deepEqual(stand.room(spec, 9), {
    count: 2,
    reason: '956 MiB of memory are free, 256 stay so, and an instance takes 300',
  });
  // What is on its way has not taken its memory yet, and will.
  stand.loads = false;
  stand.have(spec, 2);
  stand.sweep();
  assert.equal(stand.room(spec, 9).count, 0);
});

test('why a function gets no more is said', () => {
  const stand = new Stand();
  const [flood, other] = [functionSpec('flood', { weight: 2 }), functionSpec('other')];
  stand.have(flood, 4);
  stand.have(other, 1);
  stand.set({ freeMemoryMiB: leavesFree(1) });
  stand.room(flood, 100);
  stand.room(other, 100);
  stand.sweep();
  assert.deepEqual(stand.room(flood, 100), {
    count: 0,
    reason: 'its share of memory is used: 4 of 4 instances (256 of 256 MiB), weight 2 of 3',
  });
  assert.equal(stand.room(other, 100).count, 1);
  stand.startMs = null;
  stand.have(functionSpec('more'), 3);
  assert.equal(stand.room(functionSpec('next'), 2).reason, '3 processes boot already: no more at once');
});

test('what is started ahead of need drains nobody, and waits for those who wait', () => {
  const stand = new Stand();
  const [spec, other] = [functionSpec('ahead'), functionSpec('other')];
  stand.have(other, 4);
  assert.equal(stand.room(spec, 1, true).count, 1);
  stand.set({ freeMemoryMiB: leavesFree(0) });
  assert.equal(stand.room(spec, 1, true).count, 0, 'not even the first');
  stand.sweep();
  assert.ok(stand.instances.every(({ drains }) => drains.length === 0));
  stand.set({ freeMemoryMiB: leavesFree(3) });
  stand.room(other, 100);
  stand.sweep();
  assert.deepEqual(stand.room(spec, 1, true), { count: 0, reason: 'others wait for what is left of the machine' });
  assert.equal(stand.supply.keepRoom(stand.clock.nowMs())?.places, 0);
});

test('when no memory is left at all, first instances come one at a time', () => {
  const stand = new Stand();
  stand.set({ freeMemoryMiB: 10 });
  stand.startMs = null;
  assert.equal(stand.room(functionSpec('a'), 3).count, 1);
  stand.have(functionSpec('a'), 1);
  assert.equal(stand.room(functionSpec('b'), 1).count, 0);
  stand.instances[0]!.connect();
  stand.clock.settle();
  assert.equal(stand.room(functionSpec('b'), 1).count, 1);
});

test('stems are booted when the processors have time to spare; only a class in demand that has none gets one before', () => {
  const stand = new Stand();
  const [used, rare] = [functionSpec('used'), functionSpec('rare', { memoryMiB: 512 })];
  stand.set({ cpuIdle: false });
  stand.supply.publish([used, rare]);
  stand.sweep();
  assert.equal(stand.supply.stems.size, 0);
  stand.have(used, 1);
  stand.clock.advance(limits.stemRefillMs);
  assert.deepEqual(
    [...stand.supply.stems].map(({ memoryMiB }) => memoryMiB),
    [used.config.memoryMiB],
  );
  stand.clock.advance(10 * limits.stemRefillMs);
  assert.equal(stand.supply.stems.size, 1);
  stand.set({ cpuIdle: true });
  stand.clock.advance(limits.stemRefillMs);
  assert.equal(stand.supply.stems.size, 4);
});

test('stems go first when functions wait for memory, and are not booted while any waits', () => {
  const stand = new Stand();
  const [spec, other] = [functionSpec(), functionSpec('other', { memoryMiB: 512 })];
  stand.supply.publish([spec, other]);
  stand.sweep();
  assert.equal(stand.supply.stems.size, 3);
  stand.have(spec, 1);
  const first = stand.instances.find(({ load }) => load?.function === spec.id);
  stand.clock.advance(1000);
  stand.set({ freeMemoryMiB: leavesFree(0) });
  for (let count = 0; count < 20; count += 1) {
    const { count: stems } = stand.room(spec, 9);
    if (stems > 0) stand.have(spec, stems);
    stand.sweep();
  }
  assert.equal(stand.supply.stems.size, 0);
  assert.deepEqual(first?.drains, []);
});
