import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { stopping } from './stopping.ts';

/** Everything a stopping command did, with a clock that stands still until it is moved. */
function rig({ waits = null, hasTerminal = true }: { waits?: string | null; hasTerminal?: boolean } = {}) {
  const done: string[] = [];
  const drained = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const exited = Promise.withResolvers<number>();
  const state = { nowMs: 0 };
  const stop = stopping({
    clock: { ...systemClock, nowMs: () => state.nowMs },
    drain() {
      done.push('drain');
      return drained.promise;
    },
    close() {
      done.push('close');
      return closed.promise;
    },
    hasTerminal,
    say: (line) => void done.push(line),
    waitingFor: () => waits,
    exit(code) {
      done.push(`exit ${code}`);
      exited.resolve(code);
    },
  });
  return { done, drained, closed, exited, state, stop };
}

test('the first signal drains, and the end of that is the end, with exit code 0', async () => {
  const { done, drained, closed, exited, stop } = rig();
  stop('SIGTERM');
  assert.deepEqual(done, ['draining', 'drain']);
  drained.resolve();
  closed.resolve();
  assert.equal(await exited.promise, 0);
  assert.deepEqual(done.slice(2), ['close', 'exit 0']);
});

test('it says what it waits for', () => {
  const { done, stop } = rig({ waits: '2 invocations of p/api/a' });
  stop('SIGINT');
  assert.equal(done[0], 'draining: waiting for 2 invocations of p/api/a; Ctrl-C ends at once');
});

test('a second signal ends at once, and only once however the drain goes on', async () => {
  const { done, drained, closed, exited, state, stop } = rig();
  stop('SIGINT');
  state.nowMs = 300;
  stop('SIGINT');
  assert.deepEqual(done, ['draining', 'drain', 'close']);
  drained.resolve();
  closed.resolve();
  assert.equal(await exited.promise, 130);
  state.nowMs = 600;
  stop('SIGINT');
  assert.deepEqual(done, ['draining', 'drain', 'close', 'exit 130']);
});

test('without a terminal there are no echoes', () => {
  const { done, stop } = rig({ hasTerminal: false });
  stop('SIGINT');
  stop('SIGINT');
  assert.deepEqual(done, ['draining', 'drain', 'close']);
});

test('the echo of a signal is not a second one; SIGHUP does not drain', async () => {
  const echoed = rig();
  echoed.stop('SIGINT');
  echoed.state.nowMs = 100;
  echoed.stop('SIGINT');
  echoed.state.nowMs = 200;
  echoed.stop('SIGINT');
  assert.deepEqual(echoed.done, ['draining', 'drain']);

  const hung = rig();
  hung.stop('SIGHUP');
  hung.closed.resolve();
  assert.equal(await hung.exited.promise, 129);
  assert.deepEqual(hung.done, ['close', 'exit 129']);
});
