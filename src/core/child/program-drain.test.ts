// What a program gets to end when it is drained. What goes on after `end` is known to nobody but a program that speaks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { start } from './program-rig.fixture.ts';

const timeout = 60_000;
const killed = { kind: 'signalled', signal: 'SIGKILL', outOfMemory: false };

test('a program that speaks finishes what it has, within the time of the drain', { timeout }, async () => {
  await using rig = await start({ speaks: true, mood: 'finishes' });
  rig.router.data.drain(30_000, 'the test');
  await rig.router.logged('ends in order');
  assert.deepEqual(await rig.exit, { kind: 'exited', code: 0 });
});

test('and no longer', { timeout }, async () => {
  await using rig = await start({ speaks: true, mood: 'stays' });
  rig.router.data.drain(1_000, 'the test');
  assert.deepEqual(await rig.exit, killed);
});

test('any other has half a second, whatever the drain has', { timeout }, async () => {
  await using rig = await start({ mood: 'stays' });
  rig.router.data.drain(300_000, 'the test');
  assert.deepEqual(await rig.exit, killed);
});

test('without its platform a program that speaks has no more than that', { timeout }, async () => {
  await using rig = await start({ speaks: true, mood: 'stays' });
  rig.router.data.drain(300_000, 'the test');
  await rig.router.logged('stays');
  await rig.router.vanish();
  assert.deepEqual(await rig.exit, killed);
});
