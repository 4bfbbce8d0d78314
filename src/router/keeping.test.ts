// Functions that would be kept without work, and a machine that has no memory for all of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { limits } from '../base/limits.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { Learned } from '../model/learned.ts';
import { functionSpec, Rig, snapshotOf, type RigOptions } from '../../test/router/rig.ts';

const minuteMs = 60_000;
const eachMiB = limits.stemRssMiB;

/** Production functions, of which the first was invoked longest ago, on a machine with so much memory. */
class Small extends Rig {
  readonly specs: readonly FunctionSpec[];

  constructor(options: { functions: number; totalMiB: number } & RigOptions) {
    const { functions, totalMiB } = options;
    super({
      machine: () => ({ freeMemoryMiB: Math.max(0, totalMiB - this.alive.length * eachMiB), cores: 2, cpuIdle: true }),
      memory: { recall: (spec) => this.#learned(spec), remember: () => undefined },
      stems: false,
      ...options,
    });
    this.specs = Array.from({ length: functions }, (_, at) => ({
      ...functionSpec(`api/${at}`),
      environment: 'production' as const,
    }));
    this.onDrain = (instance) => {
      instance.data?.goodbye('DRAINED', '');
      this.clock.after(20, () => instance.die({ kind: 'exited', code: 0 }));
    };
    this.onRequest = (instance, { stream }) => instance.reply(stream);
  }

  get alive() {
    return this.instances.filter((instance) => instance.usage() !== null);
  }

  /** Whose instances are there, by their place in the order of functions. */
  get kept(): number[] {
    return this.alive
      .map(({ load }) => this.specs.findIndex(({ id }) => id === load?.function))
      .filter((at) => at !== -1)
      .toSorted((left, right) => left - right);
  }

  #learned({ name }: FunctionSpec): Learned {
    const nowMs = this.clock.wallMs();
    const agoMs = (100 - Number(name.slice('api/'.length))) * 10 * minuteMs;
    const lastWallMs = nowMs - agoMs;
    const arrivals = {
      lastWallMs,
      watchedWallMs: nowMs,
      idleMinutes: [],
      beyond: 0,
      beyondMinutes: [],
      minutePeaks: [],
    };
    return { limits: [null, null], routes: [], arrivals };
  }
}

test('an hour without traffic: those that are likeliest to be invoked are there after a minute, and nothing else happens', () => {
  const rig = new Small({ functions: 50, totalMiB: 2600 });
  rig.router.publish(snapshotOf(...rig.specs));
  rig.clock.advance(5_000);
  assert.ok(rig.kept.length > 0 && rig.kept.length <= 5 * limits.keptStartsAtOnce, `${rig.kept.join(' ')} after 5 s`);
  assert.equal(rig.kept[0], 50 - rig.kept.length, `in order: ${rig.kept.join(' ')}`);
  rig.clock.advance(minuteMs - 5_000);
  const after = [...rig.kept];
  const fit = Math.floor((2600 - limits.keptLeaveFreeMiB - limits.keptStartFreeMiB) / eachMiB);
  assert.deepEqual(
    after,
    Array.from({ length: fit }, (_, at) => 50 - fit + at),
  );
  const { length } = rig.instances;
  rig.clock.advance(59 * minuteMs);
  assert.deepEqual(rig.kept, after);
  assert.equal(rig.instances.length, length);
});

test('one that is invoked takes the place of the one that is least likely to be', () => {
  const rig = new Small({ functions: 50, totalMiB: 2600 });
  rig.router.publish(snapshotOf(...rig.specs));
  rig.clock.advance(minuteMs);
  const before = rig.kept.length;
  for (let at = 0; at < 10; at += 1) rig.invoke(rig.specs[at]!);
  rig.clock.advance(10 * minuteMs);
  assert.deepEqual(rig.kept.slice(0, 10), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.equal(rig.kept.at(-1), 49);
  assert.ok(rig.kept.length >= before);
  const free = 2600 - rig.alive.length * eachMiB;
  assert.ok(free >= limits.keptLeaveFreeMiB, `${free} MiB are free`);
  const { length } = rig.instances;
  rig.clock.advance(60 * minuteMs);
  assert.equal(rig.instances.length, length);
  assert.match(rig.router.explain(rig.specs[10]!.id)!.kept.reason, /^nothing kept: memory is short, /);
});

test('one that cannot be started keeps no others out', () => {
  const rig = new Small({ functions: 10, totalMiB: 2600 });
  const bad = new Set(rig.specs.slice(-4).map(({ id }) => id));
  rig.loads = false;
  rig.router.publish(snapshotOf(...rig.specs));
  for (let turn = 0; turn < 600; turn += 1) {
    rig.clock.advance(100);
    for (const instance of rig.alive) {
      const isBad = instance.load !== null && bad.has(instance.load.function);
      if (isBad) instance.say((writer) => writer.loaded({ ok: false, code: 'FUNCTION_LOAD_FAILED', message: 'Error' }));
      else if (instance.load !== null) instance.say((writer) => writer.loaded({ ok: true, initMs: 1 }));
    }
  }
  for (let at = 0; at < 6; at += 1) assert.ok(rig.kept.includes(at), `api/${at}`);
});
