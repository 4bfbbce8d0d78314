import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rule } from '../../model/routing.ts';
import { repeatsRepetition } from './backtracking.ts';
import { routingFaults } from './compile.ts';
import { nextRules } from './next.fixture.ts';
import { routing } from './routing.fixture.ts';

test('a repetition that repeats what repeats itself', () => {
  const loose = [
    '^/(a+)+$',
    '^/(a*)*b',
    '^/(?:a+){2,}$',
    '^(?:/.*)*$',
    '^/((?:\\w+\\s?)*)$',
    '^/(?:[a-z]+|x)+$',
    '^/(?<n>(?:\\d|[a-f])+)*x',
    '^/(?!(?:a+)+$)b',
    '^/(?:(?:[^/]+)/?)+$',
    '^/(?:\\u0061+\\w?)*$',
    '^/(?:é+è?)*$',
    '^/(?:x?[\\x00-\\x20]+)+$',
  ];
  for (const source of loose) assert.ok(repeatsRepetition(source), source);
});

test('what is kept apart, or repeats once, is as it may be', () => {
  const tight = [
    '^/(.*)$',
    '^(?:/((?:[^/]+?)(?:/(?:[^/]+?))*))?$',
    '^/((?:[^/]+/)*[^/\\.]+)$',
    '^/(?:a+b+)+$',
    '^/(?:[^/]{1,}/)*$',
    '^/(?:(?!x)[a-c]){1,3}.+$',
    '^/[(+)*]+$',
    '^/a{b}+\\(c+\\)*$',
    '^/(?<a>x+)\\k<a>$',
    '^/(?:\\.[^./]+)*$',
    '^/(?:\\u0061+\\d)*$',
    '^/(?:[a-z]+\\x2f)*$',
    '^/]+{a}(?:b|c)*$',
  ];
  for (const source of tight) {
    assert.doesNotThrow(() => new RegExp(source), source);
    assert.ok(!repeatsRepetition(source), source);
  }
});

test('whoever deploys one is told; frameworks’ own tables are none of it', () => {
  const condition: Rule = { src: '^/a$', has: [{ type: 'header', key: 'x', value: '(a+)+' }], dest: '/b' };
  assert.match(routingFaults(routing([{ src: '^/(a+)+$', dest: '/b' }]))[0]!, /^routes\[0\] \(src .*\): a repetition/);
  assert.match(routingFaults(routing([condition]))[0]!, /a repetition/);
  assert.deepEqual(routingFaults(routing(nextRules({ middleware: true, extra: 3 }))), []);
});
