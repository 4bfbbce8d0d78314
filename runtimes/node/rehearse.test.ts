import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rehearse } from './rehearse.ts';

test('every invocation of the rehearsal takes the whole way to an answer', async () => {
  const { invocations, answered } = await rehearse();
  assert.ok(invocations > 0);
  assert.equal(answered, invocations);
});
