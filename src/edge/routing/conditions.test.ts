import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Condition, ConditionValue } from '../../model/routing.ts';
import { type Conditioned, compileCondition, compileValue, cookieOf, holdsAll, holdsAny } from './conditions.ts';

const holds = (value: ConditionValue, text: string): boolean => compileValue(value)(text) !== null;

test('every operator', () => {
  const table: readonly (readonly [ConditionValue, readonly string[], readonly string[]])[] = [
    [{ eq: 'a' }, ['a'], ['A', 'ab', '']],
    [{ eq: 5 }, ['5'], ['5.0']],
    [{ neq: 'a' }, ['b', ''], ['a']],
    [{ inc: ['a', 'b'] }, ['a', 'b'], ['c', 'ab']],
    [{ ninc: ['a', 'b'] }, ['c'], ['a', 'b']],
    [{ pre: 'ab' }, ['ab', 'abc'], ['a', 'cab']],
    [{ suf: 'bc' }, ['bc', 'abc'], ['bcd']],
    [{ re: 'b+' }, ['abbc'], ['ac']],
    [{ re: '^b' }, ['bc'], ['ab']],
    [{ gt: 5 }, ['5.1', '6'], ['5', 'x', '', ' ']],
    [{ gte: 5 }, ['5', '6'], ['4.9', 'x']],
    [{ lt: 5 }, ['4', '-1'], ['5', 'x', '']],
    [{ lte: 5 }, ['5', '4'], ['5.1', '']],
    [{ pre: 'a', suf: 'c' }, ['abc'], ['ab', 'bc']],
    ['a|bc', ['a', 'bc'], ['ab', 'abc', 'A', '']],
    ['(?P<n>\\d+)', ['12'], ['a12', '12a']],
  ];
  for (const [value, yes, no] of table) {
    for (const text of yes) assert.ok(holds(value, text), `${JSON.stringify(value)} ${text}`);
    for (const text of no) assert.ok(!holds(value, text), `${JSON.stringify(value)} not ${text}`);
  }
});

const request: Conditioned = {
  hostname: 'shop.example.com',
  header: (name) => ({ cookie: 'a=1; b=two=2; a=3', 'x-tier': 'gold' })[name],
  cookie: (name) => cookieOf('a=1; b=two=2; a=3', name),
  parameter: (name) => (name === 'page' ? '7' : undefined),
};

const captured = (...conditions: readonly Condition[]): unknown =>
  holdsAll(
    conditions.map((condition) => compileCondition(condition)),
    request,
  );

test('all of them hold, and what they captured goes together', () => {
  assert.deepEqual(
    captured(
      { type: 'host', value: '(?<sub>[^.]+)\\.example\\.com' },
      { type: 'query', key: 'page', value: '(?<number>\\d+)' },
      { type: 'cookie', key: 'a', value: '1' },
    ),
    { sub: 'shop', number: '7' },
  );
  assert.equal(captured({ type: 'host', value: 'shop.example.com' }, { type: 'header', key: 'x-none' }), null);
});

test('a condition without value names what is there by its key, a host without groups by `host`', () => {
  assert.deepEqual(captured({ type: 'header', key: 'X-Tier' }), { 'x-tier': 'gold', 'X-Tier': 'gold', XTier: 'gold' });
  assert.deepEqual(captured({ type: 'query', key: 'page', value: '' }), { page: '7' });
  assert.deepEqual(captured({ type: 'host', value: '.*\\.com' }), { host: 'shop.example.com' });
});

test('what is not there holds under no condition', () => {
  assert.equal(captured({ type: 'header', key: 'x-none', value: { neq: 'a' } }), null);
  assert.equal(captured({ type: 'cookie', key: 'c', value: { ninc: ['a'] } }), null);
  const missing = [{ type: 'header', key: 'x-none' } as const, { type: 'query', key: 'page' } as const];
  assert.ok(
    holdsAny(
      missing.map((condition) => compileCondition(condition)),
      request,
    ),
  );
  assert.ok(!holdsAny([compileCondition(missing[0]!)], request));
});

test('cookies: the first of a name, whatever is in it', () => {
  assert.equal(cookieOf('a=1; b=two=2; a=3', 'a'), '1');
  assert.equal(cookieOf('a=1; b=two=2; a=3', 'b'), 'two=2');
  assert.equal(cookieOf('=x; nothing', ''), 'x');
  assert.equal(cookieOf('nothing; aa=1', 'a'), undefined);
  assert.equal(cookieOf(undefined, 'a'), undefined);
});
