import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Explanation, InstanceExplanation } from './explain.ts';
import { explainText, functionLines } from './explain-text.ts';
import { noonMs, sample } from '../edge/explain.fixture.ts';

const reading = { nowMs: noonMs, timeOfDay: (wallMs: number) => new Date(wallMs).toISOString().slice(11, 23) };
const textOf = (changes: Partial<Explanation>): string => explainText({ ...sample, ...changes }, reading);
const quiet: Explanation = {
  ...sample,
  queued: 0,
  lanes: [],
  routes: [],
  instances: [],
  decisions: [],
  nacks: {},
  kept: { instances: 0, reason: 'a preview' },
};

test('a function that is busy', () => {
  assert.equal(
    explainText(sample, reading),
    `shop/api/chat
  id                 dpl_2/api/chat
  maxConcurrency     auto
  queued             3, the oldest for 120 ms
  kept without work  1 instance: its last invocation was 2 minutes ago

Limits of a new instance
  work that  limit  full at  no gain above  queued  wanted, 6 s  wanted, 60 s  because
  waits         14     18.3              –       0         12.0             9  18.3 use an instance fully
  computes       1     1.10              1       3            4          0.50  more at once brought no more throughput

Routes, as learned
  route           work that      CPU     time  invocations
  /api/chat       waits      1.52 ms  2413 ms         1000
  POST /api/図/…  computes     84 ms    85 ms           12

Instances: 2
  id                    state                          work that  in flight  of  bound by  law: in flight ÷ utilisation = full at
  ins_00112233aabbccdd  open                           waits              9   9  loop      8.60 ÷ 0.47 = 18.2
      last change: limit 14 → 9: event loop delay 84 ms > 50 ms
      guards: loop delay 84 of 50 ms; errors and timeouts 0 of 5
  ins_99                open, paused: memory, resting  –                  0  14  prior     –

Decisions, the newest last
    3 days ago                        1 kept for 14 days: production
  11:58:58.500                        start 1: 3 wait, the oldest for 102 ms
  11:59:59.750  ins_00112233aabbccdd  limit 14 → 9: event loop delay 84 ms > 50 ms

Came back before they began
  recalled  17
  memory     2
`,
  );
});

test('one of which nothing is known', () => {
  assert.equal(
    explainText(quiet, reading),
    `shop/api/chat
  id                 dpl_2/api/chat
  maxConcurrency     auto
  queued             0
  kept without work  0 instances: a preview

Limits of a new instance
  work that  limit  full at  no gain above  queued  wanted, 6 s  wanted, 60 s  because

Routes, as learned
  none

Instances: 0
  none

Decisions, the newest last
  none

Came back before they began
  none
`,
  );
});

test('why a limit is what it is', () => {
  const [lane] = sample.lanes;
  const why = (changes: object, maxConcurrency: number | 'auto' = 'auto'): string =>
    textOf({ lanes: [{ ...lane!, ...changes }], maxConcurrency }).split('\n')[8]!;
  assert.match(why({}, 14), /maxConcurrency of the function$/);
  assert.match(why({}, 15), /18\.3 use an instance fully$/);
  assert.match(why({ saturation: null }), /nothing is known yet$/);
  assert.match(
    textOf({ backingOff: 'FUNCTION_LOAD_FAILED: no such file' }),
    /\n {2}starts nothing +FUNCTION_LOAD_FAILED/,
  );
});

test('of many instances and routes the first ones, and how many more', () => {
  const [instance] = sample.instances;
  const [route] = sample.routes;
  const instances = Array.from({ length: 1000 }, (_, at): InstanceExplanation => ({ ...instance!, id: `ins_${at}` }));
  const text = textOf({ instances, routes: Array.from({ length: 256 }, () => route!) });
  assert.match(text, /\nInstances: 1000\n/);
  assert.match(text, /\n {2}and 970 more\n/);
  assert.match(text, /\n {2}and 236 more\n/);
  assert.ok(text.split('\n').length < 200);
});

test('nothing in a name is acted on by a terminal, or begins a line', () => {
  const evil = 'a\u001B]0;x\u0007\n\u009B2J\u202Eb';
  const [instance] = sample.instances;
  const text = explainText(
    {
      id: evil,
      label: evil,
      maxConcurrency: 'auto',
      queued: 1,
      oldestQueuedMs: 1,
      lanes: sample.lanes,
      routes: [{ ...sample.routes[0]!, pattern: evil }],
      instances: [
        {
          ...instance!,
          id: evil,
          state: evil,
          binding: evil,
          paused: evil,
          lastChange: evil,
          guards: [{ name: evil, value: 1, threshold: 2, unit: evil }],
        },
      ],
      decisions: [{ wallMs: noonMs, text: evil, instance: evil }],
      nacks: { [evil]: 1 },
      kept: { instances: 1, reason: evil },
      backingOff: evil,
    },
    reading,
  );
  const shown = 'a\\u001b]0;x\\u0007\\u000a\\u009b2J\\u202eb';
  assert.equal(text.split(shown).length - 1, 15);
  assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\u202E]/u);
  assert.equal(text.split('\n').filter((line) => line.startsWith('a')).length, 1, 'the title');
});

test('the list of functions', () => {
  assert.deepEqual(
    functionLines([
      { id: 'dpl_2/api/a', label: 'shop/api/a', retired: false },
      { id: 'dpl_1/api/a', label: 'shop/api/a', retired: true },
    ]),
    ['shop/api/a', 'dpl_1/api/a (an earlier version)'],
  );
  assert.deepEqual(functionLines([]), ['none']);
  const many = Array.from({ length: 60 }, (_, at) => ({ id: `${at}`, label: `p/${at}`, retired: false }));
  assert.equal(functionLines(many).at(-1), 'and 10 more');
});
