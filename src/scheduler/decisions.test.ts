import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { Decisions } from './decisions.ts';

test('law: the last ones, oldest first, each as it was told', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string(), fc.option(fc.string()), fc.nat()), { maxLength: 70 }), (all) => {
      const told = all.map(([text, about, atMs]) => ({ atMs, text, about }));
      const decisions = new Decisions();
      for (const [count, { text, about, atMs }] of told.entries()) {
        const before = decisions.all;
        decisions.add(text, about, atMs);
        assert.deepEqual(
          before,
          told.slice(0, count).slice(-limits.decisionsKept),
          'what was handed out stays as it was',
        );
        assert.deepEqual(decisions.all, told.slice(0, count + 1).slice(-limits.decisionsKept));
      }
    }),
  );
});

test('none at all; and never more than are kept, however many there were', () => {
  assert.deepEqual(new Decisions().all, []);
  const decisions = new Decisions();
  for (let count = 0; count < 1000; count += 1) decisions.add(String(count), null, count);
  assert.equal(decisions.all.length, limits.decisionsKept);
  assert.deepEqual([decisions.all[0]?.text, decisions.all.at(-1)?.text], [String(1000 - limits.decisionsKept), '999']);
});

test('what goes on takes the place of the newest, and of nothing else', () => {
  const decisions = new Decisions();
  decisions.add('started 1', null, 0);
  for (let count = 1; count <= 100; count += 1) decisions.add(`no room ${count}`, null, count, 'short');
  decisions.add('no room', 'i-1', 101, 'short');
  decisions.add('limit 5', 'i-1', 102);
  decisions.add('no room', 'i-1', 103, 'short');
  assert.deepEqual(
    decisions.all.map(({ text, atMs }) => [text, atMs]),
    [
      ['started 1', 0],
      ['no room 100', 100],
      ['no room', 101],
      ['limit 5', 102],
      ['no room', 103],
    ],
  );
});
