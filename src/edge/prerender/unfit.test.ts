import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CacheBypass } from '../../model/routing.ts';
import { unfitBy } from './unfit.ts';

const bots: CacheBypass = {
  name: 'bots',
  hasAll: [
    { type: 'request.header', key: 'User-Agent', value: '.*Bot.*' },
    { type: 'cache.response.header', key: 'x-nextjs-postponed', value: { eq: '1' } },
  ],
};
const named: CacheBypass = { name: null, hasAll: [{ type: 'request.header', key: 'x-anew', value: null }] };

const head = { id: 'i', method: 'GET', target: '/', hasBody: false, upgrade: false, route: '/' };
const holds = (bypasses: readonly CacheBypass[], kept: readonly string[], request: readonly string[]): boolean =>
  unfitBy(bypasses)!(kept, { ...head, headers: request });

test('all conditions of one of the rules', () => {
  assert.equal(unfitBy([]), null);
  const postponed = ['X-NextJS-Postponed', '1'];
  assert.ok(holds([bots], postponed, ['user-agent', 'a Bot']));
  assert.equal(holds([bots], [], ['user-agent', 'a Bot']), false);
  assert.equal(holds([bots], postponed, ['user-agent', 'a person']), false);
  assert.equal(holds([bots], ['User-Agent', 'Bot'], postponed), false);
  assert.ok(holds([bots, named], [], ['X-Anew', '']));
  assert.equal(unfitBy([bots]) === unfitBy([bots]), false, 'compiled for each table');
});
