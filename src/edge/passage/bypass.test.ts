import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Condition } from '../../model/routing.ts';
import type { RequestHead } from '../../model/invoke.ts';
import { matchesAny } from './bypass.ts';

const head: RequestHead = {
  id: 'i',
  method: 'GET',
  target: '/a?draft=1',
  headers: ['Host', 'Shop.example.:8080', 'Cookie', 'preview=yes'],
  hasBody: false,
  upgrade: false,
  route: '/a',
};

test('one of the conditions holds; the host is its name', () => {
  const holds = (...conditions: readonly Condition[]): boolean => matchesAny(conditions, head);
  assert.ok(holds({ type: 'host', value: 'shop\\.example' }));
  assert.ok(holds({ type: 'header', key: 'x' }, { type: 'cookie', key: 'preview', value: 'yes' }));
  assert.ok(holds({ type: 'query', key: 'draft' }));
  assert.ok(!holds({ type: 'query', key: 'other' }));
});
