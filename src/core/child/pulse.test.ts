import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../test/sim/virtual-clock.ts';
import { Pulse } from './pulse.ts';

function bench() {
  const clock = new VirtualClock();
  const seen: string[] = [];
  const state = { working: 0, share: 1, lastMs: 0 };
  const pulse = new Pulse({
    clock,
    silentMs: 50,
    silentMaxMs: 400,
    ask: () => void seen.push('ask'),
    working: () => state.working,
    held: (isHeld) => void seen.push(isHeld ? 'held' : 'free'),
    usedMs: (nowMs) => {
      const used = (nowMs - state.lastMs) * state.share;
      state.lastMs = nowMs;
      return used;
    },
    stuck: (ms) => void seen.push(ms > 0 ? 'stuck' : 'well'),
  });
  const begin = (): void => {
    pulse.arriving(clock.nowMs());
    state.working += 1;
    pulse.began(clock.nowMs());
  };
  return { clock, pulse, seen, state, begin };
}

test('one that is silent with work in hand is asked; until it answers nothing is handed over', () => {
  const { clock, pulse, seen, begin } = bench();
  begin();
  clock.advance(45);
  assert.deepEqual(seen, []);
  clock.advance(10);
  assert.deepEqual(seen, ['held', 'ask']);
  clock.advance(5);
  pulse.answered(clock.nowMs());
  assert.deepEqual(seen, ['held', 'ask', 'free']);
  assert.ok(pulse.takeLongestMs() >= 5);
  assert.equal(pulse.takeLongestMs(), 0);
});

test('one that does not answer is stuck, at once and as long as it is', () => {
  const { clock, pulse, seen, begin } = bench();
  begin();
  clock.advance(200);
  assert.deepEqual(seen, ['held', 'ask', 'stuck']);
  assert.ok(pulse.stuckMs > 100 && pulse.takeLongestMs() > 100);
  pulse.answered(clock.nowMs());
  assert.deepEqual(seen, ['held', 'ask', 'stuck', 'well', 'free']);
  assert.equal(pulse.stuckMs, 0);
});

test('time in which it got no CPU does not count', () => {
  const { clock, pulse, seen, state, begin } = bench();
  state.share = 0.05;
  begin();
  clock.advance(300);
  assert.deepEqual(seen, ['held', 'ask']);
  assert.equal(pulse.stuckMs, 0);
});

test('before something is handed to one that has been silent it is asked; nobody asks one at rest', () => {
  const { clock, pulse, seen, state, begin } = bench();
  begin();
  clock.advance(60);
  pulse.answered(clock.nowMs());
  // It answered, so it is left in peace for longer, unless something is about to be handed to it.
  clock.advance(60);
  seen.length = 0;
  begin();
  assert.deepEqual(seen, ['held', 'ask']);
  pulse.answered(clock.nowMs());
  state.working = 0;
  clock.advance(10_000);
  begin();
  assert.deepEqual(seen, ['held', 'ask', 'free'], 'it is handed over at once');
});

test('one that always answers is asked less and less often; one that says something of its own, as before', () => {
  const { clock, pulse, seen, begin } = bench();
  begin();
  const asked = (): number => seen.filter((each) => each === 'ask').length;
  for (let ms = 0; ms < 4_000; ms += 10) {
    clock.advance(10);
    pulse.answered(clock.nowMs());
  }
  assert.ok(asked() >= 8 && asked() <= 14, `${asked()} times in 4 s`);
  pulse.heard(clock.nowMs());
  const before = asked();
  // By the end of the pause that it had come to, at the latest.
  clock.advance(460);
  assert.equal(asked(), before + 1);
});
