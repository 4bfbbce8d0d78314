import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deploymentPage } from '../../src/api/deployments.ts';
import { ApiError } from '../../src/api/errors.ts';
import { rig, sha256, temporary } from './rig.ts';

const answering = (text: string) => ({
  'api/hello.js': `export const GET = () => new Response(${JSON.stringify(text)} + (process.env.GREETING ?? ''));`,
  'package.json': '{"type":"module"}',
});

const refused = (code: string) => (error: unknown) => error instanceof ApiError && error.code === code;

test('a project from its first deployment to a rollback, over a restart', async (t) => {
  const dir = temporary(t);
  const first = await rig(t, dir);
  const { client } = first;
  const one = await first.deploy('shop', answering('one'));
  assert.equal(one.state, 'ready');
  assert.equal(one.isLive, true);
  assert.deepEqual(one.aliases, ['shop.localhost']);
  assert.deepEqual(
    one.functions.map(({ label, routes }) => ({ label, routes })),
    [{ label: 'shop/api/hello', routes: ['/api/hello'] }],
  );
  assert.equal((await first.get('shop.localhost', '/api/hello')).text, 'one');
  assert.equal((await first.get(new URL(one.url).hostname, '/api/hello')).text, 'one');

  // A file that is there already does not travel again.
  const { missing } = await client.call('createDeployment', {
    params: { project: 'shop' },
    body: { files: [{ path: 'package.json', sha256: sha256('{"type":"module"}'), bytes: 17 }] },
  });
  assert.deepEqual(missing, []);

  await client.call('setVariable', {
    params: { project: 'shop', name: 'GREETING' },
    body: { value: '!', secret: true },
  });
  const two = await first.deploy('shop', answering('two'));
  assert.equal((await first.get('shop.localhost', '/api/hello')).text, 'two!');
  // The one before is as it was made.
  assert.equal((await first.get(new URL(one.url).hostname, '/api/hello')).text, 'one');

  const preview = await first.deploy('shop', answering('three'), { target: 'preview' });
  assert.deepEqual([preview.isLive, preview.aliases], [false, []]);
  const page = await first.get(new URL(preview.url).hostname, '/api/hello');
  assert.deepEqual([page.text, page.headers.get('x-robots-tag')], ['three!', 'noindex']);
  assert.equal((await first.get('shop.localhost', '/api/hello')).text, 'two!');

  const back = await client.call('rollback', { params: { project: 'shop' }, body: {} });
  assert.equal(back.id, one.id);
  assert.equal((await first.get('shop.localhost', '/api/hello')).text, 'one');
  await assert.rejects(client.call('rollback', { params: { project: 'shop' }, body: {} }), refused('NOTHING_BEFORE'));
  // What is deployed after a rollback waits.
  const four = await first.deploy('shop', answering('four'));
  assert.equal(four.isLive, false);
  await first.platform.close();

  const second = await rig(t, dir);
  assert.equal((await second.get('shop.localhost', '/api/hello')).text, 'one');
  assert.equal((await second.get(new URL(two.url).hostname, '/api/hello')).text, 'two!');
  const promoted = await second.client.call('promote', { params: { id: four.id } });
  assert.equal(promoted.isLive, true);
  assert.equal((await second.get('shop.localhost', '/api/hello')).text, 'four!');
  const listed = deploymentPage.parse(
    await second.client.call('deployments', { params: { project: 'shop' }, query: { limit: 2 } }),
  );
  assert.equal(listed.items[0]!.id, four.id);
  assert.equal(listed.next !== null, true);
});

test('what is wrong with the files is told, and nothing changes', async (t) => {
  const { client, ...platform } = await rig(t);
  await platform.deploy('shop', answering('good'));
  const bad = await platform.deploy('shop', { ...answering('bad'), 'weir.json': '{"functions": {"nope/*": {}}}' });
  assert.equal(bad.state, 'failed');
  assert.match(bad.error!, /^weir\.json: functions/);
  const none = await platform.deploy('shop', { 'weir.json': '{ "runtime": "executable", "command": ["nope-7"] }' });
  assert.match(none.error!, /^weir\.json: command: there is no nope-7 in the project/);
  assert.equal((await platform.get('shop.localhost', '/api/hello')).text, 'good');
  const events = await (await client.request('deploymentEvents', { params: { id: bad.id } })).text();
  assert.match(events, /"state":"failed"/);
});
