// What is refused is told by its own code, and nothing has changed then.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ApiClient } from '../../src/api/client.ts';
import { ApiError, type ApiErrorCode } from '../../src/api/errors.ts';
import type { NewDeployment } from '../../src/api/deployments.ts';
import { rig, sha256, type Rig } from './rig.ts';

const page = { 'public/index.html': 'here' };
const hash = sha256('x');
const file = (path: string, bytes = 1) => ({ path, sha256: hash, bytes });

/** All that is kept, but when a token was used last. */
function kept({ platform, dir }: Rig): unknown {
  const { db } = platform.control!.control;
  const tables = db.all<{ name: string }>(
    `select name from sqlite_schema where type = 'table' and name not like 'sqlite%'`,
  );
  const rows = tables.map(({ name }) => [
    name,
    db
      .all<Record<string, unknown>>(`select * from ${name}`)
      .map((row) => Object.assign({}, row, { last_used_ms: null })),
  ]);
  const files = readdirSync(join(dir, 'blobs'), { recursive: true, encoding: 'utf8' });
  return [rows, files.toSorted(), readdirSync(join(dir, 'deployments')).toSorted()];
}

const manifest = (client: ApiClient, order: Partial<NewDeployment>) =>
  client.call('createDeployment', { params: { project: 'shop' }, body: { files: [], ...order } });

test('each refusal has its code, and changes nothing', async (t) => {
  const platform = await rig(t);
  const { client } = platform;
  const live = await platform.deploy('shop', page);
  const older = live.id;
  const newer = await platform.deploy('shop', { 'public/index.html': 'newer' });
  await platform.deploy('other', page);
  await client.call('addDomain', { params: { project: 'other' }, body: { host: 'taken.example' } });
  const failed = await platform.deploy('shop', { 'weir.json': '{' });
  assert.equal(failed.state, 'failed');
  const { deployment: unfinished } = await manifest(client, { files: [file('a')] });
  const { token: admin } = await client.call('createToken', { body: { name: 'only', role: 'admin' } });
  for (const { id, role } of (await client.call('tokens')).items)
    if (role === 'admin' && id !== admin.id) await client.call('revokeToken', { params: { token: id } });

  const shop = { project: 'shop' };
  const none = { id: 'dep_0000000000' };
  const domain = (host: string) => client.call('addDomain', { params: shop, body: { host } });
  const blob = (query: { offset?: number }, bytes: string) =>
    client.request('putBlob', { params: { sha256: hash }, query, bytes });
  const release = (deployment: string, percents = [10, 100]) =>
    client.call('startRelease', {
      params: shop,
      body: { deployment, stages: percents.map((percent) => ({ percent, minutes: null })) },
    });
  const rows: [string, ApiErrorCode, () => Promise<unknown>][] = [
    ['no token', 'NO_TOKEN', () => platform.as(null).call('deleteProject', { params: shop })],
    ['a wrong token', 'WRONG_TOKEN', () => platform.as('weir_wrong').call('deleteProject', { params: shop })],
    ['..', 'INVALID_PATH', () => manifest(client, { files: [file('../x')] })],
    ['.. inside', 'INVALID_PATH', () => manifest(client, { files: [file('a/../../x')] })],
    ['an absolute path', 'INVALID_PATH', () => manifest(client, { files: [file('/etc/passwd')] })],
    ['a directory with ..', 'INVALID_PATH', () => manifest(client, { files: [file('a')], directory: '../..' })],
    ['a link that leads out', 'INVALID_PATH', () => manifest(client, { links: [{ path: 'l', link: '../../x' }] })],
    [
      'a file through a link',
      'INVALID_PATH',
      () => manifest(client, { files: [file('l/x')], links: [{ path: 'l', link: 'd' }] }),
    ],
    ['a file twice', 'INVALID_PATH', () => manifest(client, { files: [file('a'), file('a')] })],
    ['a file of 10 GB', 'BLOB_TOO_LARGE', () => manifest(client, { files: [file('a', 10e9)] })],
    [
      '10 GB in all',
      'DEPLOYMENT_TOO_LARGE',
      () => manifest(client, { files: Array.from({ length: 10 }, (_, at) => file(`${at}`, 1e9)) }),
    ],
    ['folders without end', 'TOO_MANY_FILES', () => manifest(client, { files: [file(`${'d/'.repeat(70)}f`)] })],
    [
      'a tree like a bomb',
      'TOO_MANY_FILES',
      () =>
        manifest(client, { files: Array.from({ length: 4_000 }, (_, at) => file(`${at}/${`${at}/`.repeat(60)}f`)) }),
    ],
    [
      'a new project with a bad path',
      'INVALID_PATH',
      () => client.call('createDeployment', { params: { project: 'brand-new' }, body: { files: [file('..')] } }),
    ],
    ['a name that is none', 'INVALID_REQUEST', () => client.call('createProject', { body: { name: 'Not/One' } })],
    ['a project twice', 'PROJECT_EXISTS', () => client.call('createProject', { body: { name: 'shop' } })],
    ['an unknown project', 'PROJECT_NOT_FOUND', () => client.call('project', { params: { project: 'nope' } })],
    ['an unknown deployment', 'DEPLOYMENT_NOT_FOUND', () => client.call('promote', { params: none })],
    ['events of an unknown one', 'DEPLOYMENT_NOT_FOUND', () => client.request('deploymentEvents', { params: none })],
    ['an id that is none', 'INVALID_REQUEST', () => client.call('deployment', { params: { id: '../x' } })],
    [
      'finish without its files',
      'BLOBS_MISSING',
      () => client.call('finishDeployment', { params: { id: unfinished.id } }),
    ],
    ['finish what is ready', 'WRONG_STATE', () => client.call('finishDeployment', { params: { id: newer.id } })],
    ['promote what failed', 'WRONG_STATE', () => client.call('promote', { params: { id: failed.id } })],
    ['promote what is unfinished', 'WRONG_STATE', () => client.call('promote', { params: { id: unfinished.id } })],
    ['delete the live one', 'DEPLOYMENT_IN_USE', () => client.call('deleteDeployment', { params: { id: newer.id } })],
    [
      'roll back to the live one',
      'WRONG_STATE',
      () => client.call('rollback', { params: shop, body: { to: newer.id } }),
    ],
    [
      'roll back where nothing was',
      'NOTHING_BEFORE',
      () => client.call('rollback', { params: { project: 'other' }, body: {} }),
    ],
    [
      'roll back to what failed',
      'WRONG_STATE',
      () => client.call('rollback', { params: shop, body: { to: failed.id } }),
    ],
    [
      'roll back to another project’s',
      'DEPLOYMENT_NOT_FOUND',
      () => client.call('rollback', { params: { project: 'other' }, body: { to: older } }),
    ],
    ['release the live one', 'WRONG_STATE', () => release(newer.id)],
    ['release what failed', 'WRONG_STATE', () => release(failed.id)],
    ['release an unknown one', 'DEPLOYMENT_NOT_FOUND', () => release(none.id)],
    ['stages that go down', 'INVALID_REQUEST', () => release(older, [50, 10, 100])],
    ['approve without a release', 'WRONG_STATE', () => client.call('approveRelease', { params: shop })],
    ['abort without a release', 'WRONG_STATE', () => client.call('abortRelease', { params: shop })],
    ['an alias of another project', 'DOMAIN_TAKEN', () => domain('taken.example')],
    ['its own again', 'DOMAIN_TAKEN', () => domain('shop.localhost')],
    ['the name of another project', 'DOMAIN_TAKEN', () => domain('other.localhost')],
    ['the address of a deployment', 'DOMAIN_TAKEN', () => domain(new URL(live.url).hostname)],
    ['the platform’s own', 'INVALID_REQUEST', () => domain('localhost')],
    ['an address of this machine', 'INVALID_REQUEST', () => domain('127.0.0.1')],
    ...[
      'Shop.example',
      'shop.example.',
      'shop.example:80',
      'shöp.example',
      'a..b',
      '-a.example',
      'a/b',
      'a b',
      `${'x'.repeat(64)}.example`,
      '*.example',
      'a\r\nb',
      '',
    ].map((host): [string, ApiErrorCode, () => Promise<unknown>] => [
      `host ${JSON.stringify(host)}`,
      'INVALID_REQUEST',
      () => domain(host),
    ]),
    [
      'remove what it has for good',
      'WRONG_STATE',
      () => client.call('removeDomain', { params: { ...shop, host: 'shop.localhost' } }),
    ],
    [
      'remove what it has not',
      'DOMAIN_NOT_FOUND',
      () => client.call('removeDomain', { params: { ...shop, host: 'taken.example' } }),
    ],
    [
      'a variable with a NUL',
      'INVALID_REQUEST',
      () => client.call('setVariable', { params: { ...shop, name: 'A' }, body: { value: 'a\0b' } }),
    ],
    [
      'a variable’s name',
      'INVALID_REQUEST',
      () => client.call('setVariable', { params: { ...shop, name: 'A=B' }, body: { value: '' } }),
    ],
    [
      'a variable that is not there',
      'VARIABLE_NOT_FOUND',
      () => client.call('removeVariable', { params: { ...shop, name: 'A' }, query: {} }),
    ],
    ['a token that is not there', 'TOKEN_NOT_FOUND', () => client.call('revokeToken', { params: { token: 'tok_x' } })],
    ['the last admin', 'WRONG_STATE', () => client.call('revokeToken', { params: { token: admin.id } })],
    [
      'a cursor that is none',
      'INVALID_REQUEST',
      () => client.call('deployments', { params: shop, query: { cursor: 'x' } }),
    ],
    ['a blob with another hash', 'HASH_MISMATCH', () => blob({}, 'not x')],
    ['a blob from nowhere', 'OFFSET_MISMATCH', () => blob({ offset: 7 }, 'x')],
  ];
  const before = kept(platform);
  for (const [what, code, act] of rows) {
    const error = await act().then(
      () => null,
      (caught: unknown) => caught,
    );
    assert.ok(error instanceof ApiError, `${what}: ${String(error)}`);
    assert.equal(error.code, code, `${what}: ${error.message}`);
    assert.ok(error.message.length > 0 && error.message.length < 500, what);
    assert.deepEqual(kept(platform), before, what);
  }
  assert.equal((await platform.get('shop.localhost')).text, 'newer');
});

test('an upload of 10 GB is refused before it is sent, and the next one is not', async (t) => {
  const { url, platform, client } = await rig(t);
  const { port } = new URL(url);
  const sent = request({
    port,
    method: 'PUT',
    path: `/v1/blobs/${hash}`,
    headers: { authorization: `Bearer ${platform.control!.ownToken}`, 'content-length': 10e9 },
  });
  sent.on('error', () => undefined);
  sent.write('x'.repeat(100_000));
  const [answer] = (await once(sent, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  assert.equal(answer.statusCode, 413);
  assert.match(text, /BLOB_TOO_LARGE/);
  sent.destroy();
  const head = await client.request('blobOffset', { params: { sha256: hash } });
  assert.deepEqual([head.headers.get('upload-offset'), head.headers.get('upload-complete')], ['0', '?0']);
  await client.request('putBlob', { params: { sha256: hash }, query: {}, bytes: 'x' });
  const whole = await client.request('blobOffset', { params: { sha256: hash } });
  assert.deepEqual([whole.headers.get('upload-offset'), whole.headers.get('upload-complete')], ['1', '?1']);
});

test('an upload that breaks off goes on from where HEAD says', async (t) => {
  const { url, platform, client } = await rig(t);
  const text = 'in two parts';
  const params = { sha256: sha256(text) };
  const offsetOf = async () => Number((await client.request('blobOffset', { params })).headers.get('upload-offset'));
  const sent = request({
    port: new URL(url).port,
    method: 'PUT',
    path: `/v1/blobs/${params.sha256}`,
    headers: { authorization: `Bearer ${platform.control!.ownToken}`, 'content-length': text.length },
  });
  sent.on('error', () => undefined);
  sent.write(text.slice(0, 6));
  while ((await offsetOf()) !== 6);
  sent.destroy();
  await client.request('putBlob', { params, query: { offset: 6 }, bytes: text.slice(6) });
  assert.equal(await offsetOf(), text.length);
});
