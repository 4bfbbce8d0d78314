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
