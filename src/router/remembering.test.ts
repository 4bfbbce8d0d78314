import assert from 'node:assert/strict';
import { test } from 'node:test';

import { limits } from '../base/limits.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { Learned } from '../model/learned.ts';
import { functionSpec, Rig, snapshotOf } from '../../test/router/rig.ts';

/** What was handed over, and what was known before. */
class Told {
  readonly known: Learned | null;
  readonly all: { readonly name: string; readonly learned: Learned; readonly wallMs: number }[] = [];

  constructor(known: Learned | null = null) {
    this.known = known;
  }

  recall(): Learned | null {
    return this.known;
  }

  remember({ name }: FunctionSpec, learned: Learned, wallMs: number): void {
    this.all.push({ name, learned, wallMs });
  }
}

const arrivals = { lastWallMs: 1, watchedWallMs: 1, idleMinutes: [], beyond: 0, beyondMinutes: [], minutePeaks: [] };

test('what nobody asked is not handed over to be kept, however long it is there', async () => {
  const told = new Told({ limits: [null, null], routes: [], arrivals });
  const rig = new Rig({ memory: told });
  rig.router.publish(snapshotOf(...Array.from({ length: 50 }, (_, at) => functionSpec(`api/${at}`))));
  rig.clock.advance(10 * limits.rememberMs);
  await rig.router.close();
  assert.deepEqual(told.all, []);
});

test('what was invoked is handed over once, as of when that was', async () => {
  const told = new Told();
  const rig = new Rig({ memory: told });
  const spec = functionSpec();
  rig.warm(spec);
  const invokedMs = rig.clock.wallMs();
  rig.clock.advance(10 * limits.rememberMs);
  assert.equal(told.all.length, 1);
  assert.ok(Math.abs(told.all[0]!.wallMs - invokedMs) < 100, 'not as of when it was handed over');
  assert.notEqual(told.all[0]!.learned.arrivals, null);
  rig.warm(spec);
  rig.onDrain = (instance) => instance.die({ kind: 'exited', code: 0 });
  const drained = rig.router.drain();
  rig.clock.advance(1_000);
  await drained;
  assert.equal(told.all.length, 2, 'at the end, too, what has changed');
  await rig.router.close();
  assert.equal(told.all.length, 2);
});

test('few are handed over at once, and all of them in time', () => {
  const told = new Told();
  const rig = new Rig({ memory: told, keepAliveMs: 1_000 });
  rig.onRequest = (instance, { stream }) => instance.reply(stream);
  const specs = Array.from({ length: 100 }, (_, at) => functionSpec(`api/${at}`));
  for (const spec of specs) rig.invoke(spec);
  for (let before = 0; rig.clock.nowMs() < 2 * limits.rememberMs; before = told.all.length) {
    rig.clock.advance(limits.sweepMs);
    assert.ok(told.all.length - before <= limits.rememberAtOnce);
  }
  assert.equal(new Set(told.all.map(({ name }) => name)).size, 100);
  assert.equal(told.all.length, 100);
});
