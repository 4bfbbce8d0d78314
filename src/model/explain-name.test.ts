import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Explainable, Explanation } from './explain.ts';
import { explainByName } from './explain-name.ts';

const one = (label: string, deployment = 'dpl_2', retired = false): Explainable => ({
  id: `${deployment}/${label.slice(label.indexOf('/') + 1)}`,
  label,
  retired,
});
const functions = [
  one('shop/api/hello'),
  one('shop/api/hello', 'dpl_1', true),
  one('shop/api/users/[id]'),
  one('shop/server'),
  one('blog/api/posts', 'dpl_3'),
  one('blog/server', 'dpl_3'),
  one('blog/api/gone', 'dpl_0', true),
];
const explain = (id: string): Explanation => ({ id }) as Explanation;
/** The id that was found, or what else it is. */
function ask(name: string | null): unknown {
  const told = explainByName(name, functions, explain);
  if (told.kind === 'found') return told.explanation.id;
  return told.kind === 'ambiguous' ? told.candidates.map(({ label }) => label) : told;
}

test('a function by its label, the end of it, its id, its file or its path', () => {
  for (const name of [
    'shop/api/hello',
    'api/hello',
    'hello',
    'dpl_2/api/hello',
    'api/hello.ts',
    'hello.mjs',
    '/api/hello',
  ])
    assert.equal(ask(name), 'dpl_2/api/hello', name);
  assert.equal(ask('users/[id]'), 'dpl_2/api/users/[id]');
  assert.equal(ask('blog/server'), 'dpl_3/server');
});

test('of several versions the one that is served; an earlier one by its id, or when there is no other', () => {
  assert.equal(ask('dpl_1/api/hello'), 'dpl_1/api/hello');
  assert.equal(ask('gone'), 'dpl_0/api/gone');
});

test('an end that several have is ambiguous; half a segment is no end', () => {
  assert.deepEqual(ask('server'), ['shop/server', 'blog/server']);
  assert.equal(explainByName('ello', functions, explain).kind, 'unknown');
  assert.equal(explainByName('', functions, explain).kind, 'unknown');
  assert.equal(explainByName('///', functions, explain).kind, 'unknown');
});

test('one that is unknown: what comes close, and all that there are', () => {
  for (const [name, meant] of [
    ['helo', 'shop/api/hello'],
    ['api/hlelo', 'shop/api/hello'],
    ['HELLO', 'shop/api/hello'],
    ['shop/api/helllo.ts', 'shop/api/hello'],
    ['api/post', 'blog/api/posts'],
    ['payments', null],
    ['x', null],
    ['h'.repeat(10_000), null],
  ] as const) {
    assert.deepEqual(ask(name), { kind: 'unknown', name, meant, functions });
  }
});

test('without a name: the list', () => {
  assert.deepEqual(ask(null), { kind: 'list', functions });
});

test('one of which nothing has been asked yet is idle; where there are none, every name is unknown', () => {
  assert.deepEqual(
    explainByName('hello', functions, () => null),
    { kind: 'idle', function: functions[0] },
  );
  assert.equal(explainByName('hello', [], explain).kind, 'unknown');
});
