import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../base/limits.ts';
import { scheduleFault } from '../../model/cron-schedule.ts';
import { seededRandom } from '../../base/random.ts';
import { decide, missed } from './decide.ts';
import { scheduleOf } from './schedule.ts';

const at = (text: string): number => Date.parse(text);
const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
const schedule = scheduleOf('*/10 * * * *');
const ten = at('2026-01-01T10:00:00Z');
const usual = { schedule, decidedMs: ten, overlap: true, enabled: true, isRunning: false };

test('times are in UTC, to the minute, whatever the zone of the machine is', () => {
  for (const [text, from, after, until] of [
    ['* * * * *', '2026-01-01T10:00:00.000Z', '2026-01-01T10:01:00.000Z', '2026-01-01T10:00:00.000Z'],
    ['* * * * *', '2026-01-01T10:00:00.001Z', '2026-01-01T10:01:00.000Z', '2026-01-01T10:00:00.000Z'],
    ['* * * * *', '2026-01-01T09:59:59.999Z', '2026-01-01T10:00:00.000Z', '2026-01-01T09:59:00.000Z'],
    ['30 2 * * *', '2026-03-29T00:00:00.000Z', '2026-03-29T02:30:00.000Z', '2026-03-28T02:30:00.000Z'],
    ['0 0 29 2 *', '2026-01-01T00:00:00.000Z', '2028-02-29T00:00:00.000Z', '2024-02-29T00:00:00.000Z'],
    ['5/20 * * * *', '2026-01-01T10:45:00.000Z', '2026-01-01T11:05:00.000Z', '2026-01-01T10:45:00.000Z'],
    ['0 0 * * 7', '2026-01-04T00:00:00.000Z', '2026-01-11T00:00:00.000Z', '2026-01-04T00:00:00.000Z'],
  ] as const) {
    assert.equal(iso(scheduleOf(text).after(at(from))), after, text);
    assert.equal(iso(scheduleOf(text).until(at(from))), until, text);
  }
  assert.deepEqual([scheduleOf('nonsense').after(ten), scheduleOf('nonsense').until(ten)], [null, null]);
});

test('what a build accepts has a next time, in its fields', () => {
  const random = seededRandom(7);
  const field = (least: number, most: number): string => {
    const one = () => least + random.below(most - least + 1);
    const [low, high] = [one(), one()].toSorted((a, b) => a - b);
    return [
      `*`,
      `${one()}`,
      `${low}-${high}`,
      `${one()},${one()}`,
      `*/${1 + random.below(most)}`,
      `${low}-${high}/2`,
      `${low}/3`,
    ][random.below(7)]!;
  };
  let tried = 0;
  while (tried < 300) {
    const days = random.below(2) === 0 ? [field(1, 31), '*'] : ['*', field(0, 7)];
    const text = `${field(0, 59)} ${field(0, 23)} ${days[0]} ${field(1, 12)} ${days[1]}`;
    if (scheduleFault(text) !== null) continue;
    tried += 1;
    const next = scheduleOf(text).after(ten);
    assert.ok(next !== null && next > ten && next % 60_000 === 0, text);
    assert.equal(scheduleOf(text).until(next), next, text);
  }
});

test('nothing is due; due; late by minutes', () => {
  assert.deepEqual(decide({ ...usual, nowMs: ten + 599_999 }), { kind: 'wait', decidedMs: ten });
  assert.deepEqual(decide({ ...usual, nowMs: ten + 600_000 }), { kind: 'run', dueMs: ten + 600_000, detail: null });
  assert.deepEqual(decide({ ...usual, nowMs: ten + 720_000 }), { kind: 'run', dueMs: ten + 600_000, detail: null });
});

test('a clock that jumped makes up for one run', () => {
  assert.deepEqual(decide({ ...usual, nowMs: at('2026-01-01T18:05:00Z') }), {
    kind: 'run',
    dueMs: at('2026-01-01T18:00:00Z'),
    detail: 'The clock jumped: what was due since 2026-01-01T10:10Z is made up for once.',
  });
});

test('a clock that was set back a little repeats nothing; by more than that it was wrong before', () => {
  const littleMs = ten - limits.cronSetBackMs;
  assert.deepEqual(decide({ ...usual, nowMs: littleMs }), { kind: 'wait', decidedMs: ten });
  assert.deepEqual(decide({ ...usual, nowMs: littleMs - 1 }), { kind: 'wait', decidedMs: littleMs - 1 });
});

test('while the run before has not ended: called, unless overlap is off', () => {
  const due = { ...usual, nowMs: ten + 600_000, isRunning: true };
  assert.equal(decide(due).kind, 'run');
  assert.deepEqual(decide({ ...due, overlap: false }), {
    kind: 'skip',
    dueMs: ten + 600_000,
    detail: 'The run before had not ended.',
  });
  assert.equal(decide({ ...due, overlap: false, isRunning: false }).kind, 'run');
});

test('one that is paused has nothing due, now or later', () => {
  const nowMs = ten + 700_000;
  assert.deepEqual(decide({ ...usual, enabled: false, nowMs }), { kind: 'wait', decidedMs: nowMs });
  assert.equal(missed({ ...usual, enabled: false, nowMs }), null);
});

test('what was due while the platform did not run is told once', () => {
  assert.equal(missed({ ...usual, nowMs: ten + 599_999 }), null);
  assert.deepEqual(missed({ ...usual, nowMs: ten + 600_000 }), {
    dueMs: ten + 600_000,
    detail: 'The platform was not running.',
  });
  assert.deepEqual(missed({ ...usual, nowMs: ten + 1_300_000 }), {
    dueMs: ten + 1_200_000,
    detail: 'The platform was not running, since 2026-01-01T10:10Z.',
  });
});
