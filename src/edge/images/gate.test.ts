import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gate } from './gate.ts';

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test('those of one who take for ever leave room for others, who take turns', async () => {
  const gate = new Gate({ inside: 3, insideOfOne: 2, waiting: 6, waitingOfOne: 4 });
  const [slow, quick, other] = [{}, {}, {}];
  const ends: (() => void)[] = [];
  const begun: string[] = [];
  const go = (whose: object, name: string): Promise<{ value: void } | null> =>
    gate.through(whose, () => {
      begun.push(name);
      return new Promise<void>((resolve) => void ends.push(resolve));
    });
  const all = [1, 2, 3, 4, 5, 6].map((at) => go(slow, `slow ${at}`));
  assert.equal(await go(slow, 'one too many'), null, 'so many of one wait');
  all.push(go(quick, 'quick 1'), go(quick, 'quick 2'), go(other, 'other 1'));
  assert.equal(await go(other, 'one too many'), null, 'so many wait');
  await turn();
  assert.deepEqual(begun, ['slow 1', 'slow 2', 'quick 1']);
  // The slow ones hold what they have; the third place goes round.
  ends[2]!();
  await turn();
  ends[3]!();
  await turn();
  assert.deepEqual(begun.slice(3), ['quick 2', 'other 1']);
  for (const end of ends) end();
  while (begun.length < 9) {
    await turn();
    for (const end of ends) end();
  }
  for (const end of ends) end();
  await Promise.all(all);
  assert.deepEqual(begun.slice(5), ['slow 3', 'slow 4', 'slow 5', 'slow 6']);
});

test('what rejects leaves its place', async () => {
  const gate = new Gate({ inside: 1, insideOfOne: 1, waiting: 0, waitingOfOne: 0 });
  const whose = {};
  await assert.rejects(
    gate.through(whose, () => Promise.reject(new Error('no'))),
    /no/,
  );
  assert.deepEqual(await gate.through(whose, () => Promise.resolve(1)), { value: 1 });
});
