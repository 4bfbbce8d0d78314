import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Effects } from '../routing/effects.ts';
import { DecoratedExchange, withEffects } from './decorated.ts';
import { RecordedExchange } from './exchange.fixture.ts';

const effects = (changes: Partial<Effects>): Effects => ({
  responseHeaders: [],
  importantHeaders: [],
  responseEdits: [],
  requestEdits: [],
  ...changes,
});

test('what the answer says goes before what the table says; of some there may be several', () => {
  const own = ['Cache-Control', 'no-store', 'Set-Cookie', 'a=1'];
  assert.equal(withEffects(own, effects({})), own);
  const responseHeaders = ['cache-control', 'max-age=1', 'set-cookie', 'b=2', 'x-table', 'yes', 'vary', 'rsc'];
  assert.deepEqual(withEffects(own, effects({ responseHeaders })), [
    'Cache-Control',
    'no-store',
    'Set-Cookie',
    'a=1',
    'set-cookie',
    'b=2',
    'x-table',
    'yes',
    'vary',
    'rsc',
  ]);
});

test('what is important goes before what the answer says; edits come last', () => {
  const told = effects({
    responseHeaders: ['x-a', 'table'],
    importantHeaders: ['cache-control', 'immutable', 'x-a', 'important'],
    responseEdits: [{ op: 'delete', target: 'x-b' }],
  });
  assert.deepEqual(withEffects(['Cache-Control', 'no-store', 'X-B', '1'], told), [
    'cache-control',
    'immutable',
    'x-a',
    'important',
  ]);
});

test('a status of the table’s is for what was an ordinary answer', () => {
  const told = effects({ responseHeaders: ['x-table', 'yes'] });
  for (const [own, status] of [
    [200, 404],
    [500, 500],
    [301, 301],
  ] as const) {
    const client = new RecordedExchange();
    new DecoratedExchange(client, told, 404).head(own, []);
    assert.deepEqual([client.status, client.header('x-table')], [status, 'yes']);
  }
  const client = new RecordedExchange();
  new DecoratedExchange(client, effects({}), null).reply(200, [], Buffer.from('whole'));
  assert.deepEqual([client.status, client.text, client.ended], [200, 'whole', true]);
});
