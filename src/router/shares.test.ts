// Functions that share a machine: what one of them floods, the others still get their part of.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { limits } from '../base/limits.ts';
import type { FunctionConfig, FunctionSpec } from '../model/function.ts';
import type { Spare } from '../provider/machine.ts';
import { type FakeExchange, type FakeInstance, functionSpec, Rig, type RigOptions } from '../../test/router/rig.ts';

/** A machine with memory for so many instances, of which every one takes the same. */
class Small extends Rig {
  readonly fitting: number;
  /** The most that were there at once. */
  most = 0;
  readonly #open = new Map<FakeInstance, number>();

  constructor(fitting: number, options: RigOptions = {}) {
    super({ ...options, machine: () => this.#spare() });
    this.fitting = fitting;
    this.onDrain = (instance) => this.#leaveWhenDone(instance);
  }

  get alive(): FakeInstance[] {
    return this.instances.filter((instance) => instance.usage() !== null);
  }

  /** Instances that have loaded the function and take its invocations. */
  of(spec: FunctionSpec): FakeInstance[] {
    return this.alive.filter(({ load, drains }) => load?.function === spec.id && drains.length === 0);
  }

  /** Every invocation takes so long. */
  answerAfter(ms: number): void {
    this.onRequest = (instance, { stream }) => {
      this.#open.set(instance, (this.#open.get(instance) ?? 0) + 1);
      this.clock.after(ms, () => {
        this.#open.set(instance, this.#open.get(instance)! - 1);
        instance.reply(stream);
        if (instance.drains.length > 0) this.#leaveWhenDone(instance);
      });
    };
  }

  burst(spec: FunctionSpec, count: number): FakeExchange[] {
    return Array.from({ length: count }, () => this.invoke(spec));
  }

  #leaveWhenDone(instance: FakeInstance): void {
    if ((this.#open.get(instance) ?? 0) > 0) return;
    instance.data?.goodbye('DRAINED', '');
    this.clock.after(1, () => instance.die({ kind: 'exited', code: 0 }));
  }

  #spare(): Spare {
    const taken = this.alive.length;
    this.most = Math.max(this.most, taken);
    const freeMemoryMiB = limits.startsLeaveFreeMiB + (this.fitting - taken) * limits.stemRssMiB;
    return { freeMemoryMiB, cores: 2, cpuIdle: false };
  }
}

/** One invocation per instance, so that what waits wants instances. */
const single = (name: string, config: Partial<FunctionConfig> = {}): FunctionSpec =>
  functionSpec(name, { maxConcurrency: 1, ...config });

test('a function that is alone may have all of the machine', () => {
  const rig = new Small(20);
  const only = single('api/only');
  rig.answerAfter(500);
  rig.burst(only, 400);
  rig.clock.advance(2000);
  assert.equal(rig.of(only).length, 20);
  rig.clock.advance(8000);
  assert.equal(rig.most, 20);
});

test('a flood has all of the machine until another function wants its half: then it gives back, instance by instance', () => {
  const rig = new Small(20);
  const [flood, other] = [single('api/flood'), single('api/other')];
  rig.answerAfter(200);
  rig.burst(flood, 4000);
  rig.clock.advance(2000);
  assert.equal(rig.of(flood).length, 20);
  const exchanges = rig.burst(other, 400);
  // Its first instance is there at once, whatever is free.
  rig.clock.advance(100 + 200);
  assert.ok(exchanges.some(({ ends }) => ends[0] === 'reply'));
  rig.clock.advance(4000);
  assert.deepEqual([rig.of(flood).length, rig.of(other).length], [10, 10]);
  assert.ok(rig.most <= 21, `${rig.most} instances where 20 fit, and a first one`);
  // Nobody who had begun was cut off, and what the other does not need any more is the flood's again.
  rig.clock.advance(15_000);
  assert.ok(exchanges.every(({ ends }) => ends[0] === 'reply'));
  assert.ok(rig.of(flood).length >= 18, `${rig.of(flood).length} instances`);
  assert.ok(rig.most <= 21);
});

test('a weight of three is three quarters of the machine', () => {
  const rig = new Small(20);
  const [light, heavy] = [single('api/light'), single('api/heavy', { weight: 3 })];
  rig.answerAfter(200);
  rig.burst(light, 4000);
  rig.clock.advance(2000);
  rig.burst(heavy, 4000);
  rig.clock.advance(6000);
  assert.deepEqual([rig.of(light).length, rig.of(heavy).length], [5, 15]);
});

test('floods that come at the same time share the places to boot, and end up with equal parts', () => {
  const rig = new Small(21);
  const specs = ['a', 'b', 'c'].map((name) => single(`api/${name}`));
  rig.answerAfter(200);
  for (const spec of specs) rig.burst(spec, 3000);
  rig.clock.advance(400);
  const early = specs.map((spec) => rig.of(spec).length);
  assert.ok(Math.min(...early) >= 3, early.join(' '));
  rig.clock.advance(3000);
  assert.deepEqual(
    specs.map((spec) => rig.of(spec).length),
    [7, 7, 7],
  );
});

test('instances without work go when others wait, the longest idle first, and not before', () => {
  const rig = new Small(8);
  const [idle, wants] = [single('api/idle'), single('api/wants')];
  rig.answerAfter(50);
  rig.burst(idle, 6);
  rig.clock.advance(1000);
  const before = rig.of(idle);
  assert.ok(before.length >= 3, `${before.length} instances`);
  // One of them has been used since.
  rig.clock.advance(500);
  rig.invoke(idle);
  rig.clock.advance(100);
  const used = before.find(({ requests }) => requests.length > 1);
  assert.ok(used !== undefined);
  rig.clock.advance(1500);
  assert.equal(rig.of(idle).length, before.length);
  rig.answerAfter(60_000);
  rig.burst(wants, 6);
  rig.clock.runUntil(() => rig.of(wants).length === 6, 1000);
  assert.equal(rig.of(wants).length, 6);
  assert.ok(rig.of(idle).includes(used));
});

test('many rarely used functions on a small machine: each is answered at once, the longest idle ones go', () => {
  for (const gapMs of [100, 1700]) {
    const rig = new Small(5);
    rig.answerAfter(20);
    for (let count = 0; count < 60; count += 1) {
      const exchange = rig.invoke(functionSpec(`api/rare${count}`));
      rig.clock.advance(gapMs);
      assert.deepEqual(exchange.ends, ['reply'], `function ${count}`);
    }
    rig.clock.advance(200);
    assert.ok(rig.alive.length <= 5, `${rig.alive.length} instances where 5 fit`);
    assert.ok(rig.most <= 8, `${rig.most} instances where 5 fit, and 4 in what is left free`);
  }
});

test('a machine that is full of work answers later, and then says when to come again', () => {
  const rig = new Small(3);
  const [busy, other] = ['busy', 'other'].map((name) => single(`api/${name}`, { maxDurationMs: 120_000 }));
  rig.answerAfter(90_000);
  rig.burst(busy!, 3);
  rig.burst(other!, 1);
  rig.clock.advance(500);
  const late = rig.invoke(other!);
  rig.clock.advance(limits.queueWaitMs + 1000);
  assert.deepEqual([late.failure?.code, late.failure?.retryAfterS], ['FUNCTION_THROTTLED', 1]);
  assert.ok(rig.most <= 4);
});
