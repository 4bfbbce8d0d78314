import assert from 'node:assert/strict';
import { test } from 'node:test';

import { limits } from '../base/limits.ts';
import { seededRandom } from '../base/random.ts';
import { Tokens } from './tokens.ts';

test('a token works once, for its owner and role, until it expires (I7)', () => {
  const tokens = new Tokens<string>(seededRandom(1));
  const one = tokens.issue('a', 'data', 0);
  assert.match(one, /^[0-9a-f]{48}$/);
  assert.equal(tokens.redeem(one, 'data', 1), 'a');
  assert.equal(tokens.redeem(one, 'data', 1), null);
  assert.equal(tokens.redeem('unknown', 'data', 1), null);

  const control = tokens.issue('a', 'control', 0);
  assert.equal(tokens.redeem(control, 'data', 1), null);
  assert.equal(tokens.redeem(control, 'control', 1), null);

  const late = tokens.issue('a', 'data', 0);
  assert.equal(tokens.redeem(late, 'data', limits.tokenLifeMs), null);
});

test('tokens that nobody used are forgotten', () => {
  const tokens = new Tokens<string>(seededRandom(1));
  tokens.issue('a', 'data', 0);
  tokens.issue('b', 'data', 10);
  tokens.expire(limits.tokenLifeMs);
  assert.equal(tokens.outstanding, 1);
});
