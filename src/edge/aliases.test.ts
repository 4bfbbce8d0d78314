// Aliases over real sockets: what clients of them get, and what their answers have besides.
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { silentLog } from '../base/log.ts';
import type { Log } from '../base/log.ts';
import type { Output } from '../model/output.ts';
import type { Alias, Deployment } from '../model/snapshot.ts';
import { client, deployment, route, spec, startEdge } from './edge.fixture.ts';
import type { Handler } from './edge.fixture.ts';
import { fakePrerender, HandClock } from './prerender/prerender.fixture.ts';
import { PageStore } from './prerender/store.ts';
import { buildSites, noSites } from './site.ts';

const clock = new HandClock();
const hourMs = 3_600_000;

/** Its function has its name. */
const named = (name: string, changes: Partial<Deployment> = {}): Deployment =>
  deployment({
    id: `dpl_${name}`,
    hosts: [`${name}.own.test`],
    functions: [spec(name, 'server')],
    routes: [route('/[...path]', `dpl_1/${name}`)],
    createdMs: clock.wallMs(),
    ...changes,
  });
const alias = (to: string, changes: Partial<Alias> = {}): Alias => ({
  host: 'shop.test',
  project: 'demo',
  deployment: `dpl_${to}`,
  canary: null,
  skewMaxAgeMs: 0,
  ...changes,
});

/** Answers with the name of the function. */
const sayName: Handler = ({ target, exchange }) => void exchange.reply(200, [], Buffer.from(target.name));

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** As a browser sends it back; empty: none was set. */
  readonly cookie: string;
}

interface Asking {
  readonly path?: string;
  readonly host?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent;
}

async function ask(port: number, asking: Asking = {}): Promise<Answer> {
  const { path = '/', host = 'shop.test', method = 'GET', headers = {}, agent = false } = asking;
  const got = await new Promise<Answer>((resolve, reject) => {
    const made = request({ port, host: '127.0.0.1', path, method, agent, headers: { host, ...headers } });
    made.on('error', reject);
    made.on('response', (answer) => {
      const cookie = answer.headers['set-cookie']?.find((each) => each.startsWith('_vcrr_'))?.split(';')[0] ?? '';
      const { statusCode: status = 0, headers: all } = answer;
      text(answer).then((body) => resolve({ status, headers: all, body, cookie }), reject);
    });
    made.end();
  });
  return got;
}

test('an alias leads to its deployment, before hosts of deployments’ own; functions see what was asked', async (t) => {
  const deployments = [named('one'), named('two', { hosts: ['two.own.test', 'shop.test'] })];
  const { port, invoker } = await startEdge(t, sayName, { deployments, aliases: [alias('one')] });
  assert.equal((await ask(port, { host: `SHOP.test:${port}` })).body, 'one');
  assert.equal((await ask(port, { host: 'two.own.test' })).body, 'two');
  const [seen] = invoker.all;
  assert.equal(seen!.header('host'), `SHOP.test:${port}`);
  assert.equal(seen!.header('x-forwarded-host'), `SHOP.test:${port}`);
  assert.equal(seen!.header('x-vercel-deployment-url'), 'one.own.test');
});

test('aliases are moved under load: no request fails, and whoever comes later gets what it leads to then', async (t) => {
  const later: Handler = (seen) => setImmediate(() => sayName(seen));
  const deployments = [named('one'), named('two')];
  const { edge, port } = await startEdge(t, later, { deployments, aliases: [alias('one')] });
  const agent = new Agent({ keepAlive: true, maxSockets: 9 });
  t.after(() => agent.destroy());
  const load = { answered: 0, over: false };
  let moves = 0;
  const at = (move: number): string => (move % 2 === 0 ? 'one' : 'two');
  const keepAsking = async (): Promise<void> => {
    while (!load.over) {
      const asked = moves;
      const { status, body } = await ask(port, { agent });
      assert.equal(status, 200);
      // What it led to at some time between the request and the answer.
      assert.ok(body === at(asked) || (moves > asked && body === at(asked + 1)), `${body} at ${asked} to ${moves}`);
      load.answered += 1;
    }
  };
  const clients = Promise.all(Array.from({ length: 8 }, keepAsking));
  while (moves < 200) {
    edge.publish({ version: moves + 2, deployments, aliases: [alias(at(moves + 1))] });
    moves += 1;
    assert.equal((await ask(port, { agent })).body, at(moves));
  }
  load.over = true;
  await clients;
  assert.ok(load.answered >= 200, `${load.answered} requests beside`);
});

test('a snapshot that only moves an alias has the sites of the one before', () => {
  const deployments = [named('one'), named('two')];
  const before = buildSites({ version: 1, deployments, aliases: [alias('one')] }, noSites, silentLog);
  const after = buildSites({ version: 2, deployments, aliases: [alias('two')] }, before, silentLog);
  assert.ok(after.all.length === 2 && after.all.every((site, at) => site === before.all[at]));
  assert.equal(before.hosts.find('shop.test')!.place!.site, after.all[0]);
  assert.equal(after.hosts.find('shop.test')!.place!.site, after.all[1]);
});

test('an alias that leads nowhere, and a rolling release of nothing, are logged and left out', async (t) => {
  const errors: string[] = [];
  const log: Log = { ...silentLog, error: (message, fields) => errors.push(`${message}: ${String(fields?.host)}`) };
  const canary = { deployment: 'dpl_none', percent: 100 };
  const aliases = [
    alias('none', { host: 'lost.test' }),
    alias('none', { host: 'one.own.test' }),
    alias('one', { canary }),
    alias('one', { host: 'twice.test' }),
    alias('two', { host: 'twice.test' }),
  ];
  const deployments = [named('one'), named('two')];
  const { port } = await startEdge(t, sayName, { deployments, aliases, edge: { log } });
  const lost = await ask(port, { host: 'lost.test' });
  assert.deepEqual([lost.status, lost.headers['x-weir-error']], [404, 'DEPLOYMENT_NOT_FOUND']);
  for (const host of ['one.own.test', 'shop.test', 'twice.test']) {
    const { body, cookie } = await ask(port, { host });
    assert.deepEqual([body, cookie], ['one', ''], host);
  }
  assert.deepEqual(errors, [
    'an alias leads to a deployment that is not there: lost.test',
    'an alias leads to a deployment that is not there: one.own.test',
    'a rolling release is of a deployment that is not there: shop.test',
    'two aliases claim one host: the first has it: twice.test',
  ]);
});

test('a rolling release: a client gets its cookie once, and stays; no cache may share the answer that has it', async (t) => {
  const deployments = [named('one'), named('two')];
  const says: Handler = ({ target, exchange }) => {
    const headers = ['Cache-Control', 'public, s-maxage=60, max-age=5', 'CDN-Cache-Control', 'max-age=9'];
    exchange.reply(200, [...headers, 'Set-Cookie', 'own=1'], Buffer.from(target.name));
  };
  const at = (percent: number): readonly Alias[] => [alias('one', { canary: { deployment: 'dpl_two', percent } })];
  const { edge, port } = await startEdge(t, says, { deployments, aliases: at(0) });
  const first = await ask(port);
  assert.equal(first.body, 'one');
  assert.match(first.cookie, /^_vcrr_[0-9a-f]{10}=dpl_two\|0\.\d{6}$/);
  assert.equal(first.headers['set-cookie']!.length, 2);
  assert.equal(first.headers['cache-control'], 'private, max-age=5');
  assert.equal(first.headers['cdn-cache-control'], undefined);
  assert.equal((await ask(port, { host: 'unknown.test' })).cookie, '');
  const headers = { cookie: first.cookie };
  const second = await ask(port, { headers });
  assert.deepEqual([second.body, second.headers['set-cookie']], ['one', ['own=1']]);
  assert.equal(second.headers['cache-control'], 'public, s-maxage=60, max-age=5');
  assert.equal(second.headers['cdn-cache-control'], 'max-age=9');
  edge.publish({ version: 2, deployments, aliases: at(100) });
  assert.equal((await ask(port, { headers })).body, 'two');
  const stable = await ask(port, { path: '/?vcrrForceStable=true', headers });
  assert.deepEqual([stable.body, stable.cookie.endsWith('=dpl_two|1|forced')], ['one', true]);
  assert.equal((await ask(port, { headers: { cookie: stable.cookie } })).body, 'one');
  edge.publish({ version: 3, deployments, aliases: [alias('two')] });
  const over = await ask(port, { headers: { cookie: stable.cookie } });
  assert.deepEqual([over.body, over.cookie], ['two', '']);
});

test('the parameter that forces goes on to the function', async (t) => {
  const canary = { deployment: 'dpl_two', percent: 0 };
  const deployments = [named('one'), named('two')];
  const { port, invoker } = await startEdge(t, sayName, { deployments, aliases: [alias('one', { canary })] });
  assert.equal((await ask(port, { path: '/a?vcrrForceCanary=true&b=1' })).body, 'two');
  assert.equal(invoker.all[0]!.head.target, '/a?vcrrForceCanary=true&b=1');
});

/** A built deployment with a kept page, a file, a function and a redirect. */
async function everyKind(context: TestContext): Promise<{ built: Deployment; pages: PageStore }> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'weir-aliases-')));
  writeFileSync(join(directory, 'note.txt'), 'a note');
  writeFileSync(join(directory, 'large.bin'), Buffer.alloc(100_000));
  const pages = await PageStore.open({ directory: join(directory, 'kept'), clock, log: silentLog });
  context.after(async () => {
    await pages.settled();
    rmSync(directory, { recursive: true, force: true });
  });
  const file = (name: string): Output => ({ kind: 'file', file: join(directory, name), contentType: null });
  const outputs = new Map<string, Output>([
    ['function', { kind: 'function', functionId: 'dpl_1/built' }],
    ['page', { kind: 'prerender', functionId: 'dpl_1/built', prerender: fakePrerender() }],
    ['note.txt', file('note.txt')],
    ['large.bin', file('large.bin')],
  ]);
  const rules = [{ src: '^/old$', status: 308, headers: { Location: '/page' } }];
  const routing = { rules, wildcard: [], images: null, afterCacheBypass: [] };
  const built = named('built', { functions: [spec('built')], routes: [], outputs, routing, environment: 'preview' });
  return { built, pages };
}

const kinds = ['/function', '/page', '/note.txt', '/large.bin', '/old', '/nowhere'];

test('every kind of answer has the cookie, and none that is kept', async (t) => {
  const { built, pages } = await everyKind(t);
  const canary = { deployment: 'dpl_built', percent: 100 };
  const options = { deployments: [named('one'), built], aliases: [alias('one', { canary })], edge: { pages, clock } };
  const { port, invoker } = await startEdge(t, sayName, options);
  let cookie = '';
  for (const path of kinds) {
    for (const method of ['GET', 'HEAD']) {
      const without = await ask(port, { path, method });
      assert.match(without.cookie, /^_vcrr_\w+=dpl_built\|0\.\d{6}$/, path);
      assert.match(without.headers['cache-control'] ?? 'private', /^private\b/, path);
      cookie = without.cookie;
      const having = await ask(port, { path, method, headers: { cookie } });
      assert.equal(having.headers['set-cookie'], undefined, path);
      assert.equal(having.status, without.status);
    }
  }
  const kept = await ask(port, { path: '/page', headers: { cookie } });
  assert.deepEqual([kept.headers['x-vercel-cache'], kept.headers['set-cookie']], ['HIT', undefined]);
  assert.equal(kept.headers['cache-control'], 'public, max-age=0, must-revalidate');
  assert.equal(invoker.all.filter(({ head }) => head.target === '/page').length, 1);
});

test('an upgraded connection has the cookie as well, and one that is declined', async (t) => {
  const accept: Handler = ({ head, exchange }) => {
    if (head.target === '/no') exchange.reply(403, [], null);
    else exchange.head(101, ['Sec-WebSocket-Accept', 'abc']);
  };
  const canary = { deployment: 'dpl_one', percent: 50 };
  const options = { deployments: [named('one')], aliases: [alias('one', { canary })] };
  const { port } = await startEdge(t, accept, options);
  const lines = ['Host: shop.test', 'Connection: Upgrade', 'Upgrade: websocket', '', ''].join('\r\n');
  for (const path of ['/yes', '/no']) {
    const head = await client(t, port)
      .send(`GET ${path} HTTP/1.1\r\n${lines}`)
      .reads(/\r\n\r\n/);
    assert.match(head, /\r\nSet-Cookie: _vcrr_\w+=dpl_one\|0\.\d{6}; Path=\/;/, path);
  }
});

test('clients that hold on to a deployment, until it is too old', async (t) => {
  const deployments = [named('new'), named('old', { ownId: 'sha' }), named('other', { project: 'other' })];
  const aliases = [alias('new', { skewMaxAgeMs: hourMs }), alias('new', { host: 'plain.test' })];
  const { edge, port, invoker } = await startEdge(t, sayName, { deployments, aliases, edge: { clock } });
  const pins: readonly Asking[] = [
    { path: '/a?dpl=dpl_old' },
    { path: '/a?dpl=sha' },
    { headers: { 'x-deployment-id': 'dpl_old' } },
    { headers: { cookie: '__vdpl=dpl_old' } },
    { headers: { cookie: '__vdpl=dpl_old', 'sec-fetch-dest': 'document', 'sec-fetch-site': 'cross-site' } },
  ];
  for (const pin of pins) {
    assert.equal((await ask(port, pin)).body, 'old', JSON.stringify(pin));
    for (const host of ['plain.test', 'new.own.test']) assert.equal((await ask(port, { ...pin, host })).body, 'new');
  }
  assert.equal(invoker.all[0]!.header('x-vercel-deployment-url'), 'old.own.test');
  assert.equal(invoker.all[0]!.head.target, '/a?dpl=dpl_old');
  const navigation = { 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate' };
  assert.equal((await ask(port, { path: '/?dpl=dpl_old', headers: navigation })).body, 'new');
  const unknown = await ask(port, { path: '/?dpl=dpl_other', headers: { accept: 'application/json' } });
  assert.deepEqual([unknown.status, unknown.headers['x-weir-error']], [404, 'DEPLOYMENT_NOT_FOUND']);
  assert.match(unknown.body, /the deployment dpl_other, which is gone or too old/);
  edge.publish({ version: 2, deployments, aliases, incomplete: true });
  assert.equal((await ask(port, { path: '/?dpl=dpl_other' })).headers['x-weir-error'], 'DEPLOYMENT_NOT_READY');
  edge.publish({ version: 3, deployments, aliases });
  clock.ms += hourMs;
  assert.equal((await ask(port, { path: '/?dpl=dpl_old' })).status, 404);
  assert.equal((await ask(port, { path: '/?dpl=dpl_new' })).body, 'new');
  assert.equal((await ask(port, { headers: { cookie: '__vdpl=dpl_old' } })).body, 'new');
});

test('previews by their own hosts are not for search engines, unless a function says so', async (t) => {
  const { built, pages } = await everyKind(t);
  const says: Handler = ({ head, exchange }) => {
    const own = head.target === '/function?own' ? ['x-robots-tag', 'all'] : [];
    exchange.reply(200, own, Buffer.from('x'));
  };
  const deployments = [built, named('live')];
  const aliases = [alias('built')];
  const { edge, port } = await startEdge(t, says, { deployments, aliases, edge: { pages, clock } });
  const robots = async (host: string, path: string): Promise<string | string[] | undefined> =>
    (await ask(port, { host, path })).headers['x-robots-tag'];
  for (const path of kinds) {
    assert.equal(await robots('built.own.test', path), 'noindex', path);
    assert.equal(await robots('shop.test', path), undefined, path);
  }
  assert.equal(await robots('built.own.test', '/function?own'), 'all');
  assert.equal(await robots('live.own.test', '/'), undefined);
  edge.publish({ version: 2, deployments });
  assert.equal(await robots('built.own.test', '/function'), undefined);
  edge.publish({ version: 3, deployments, aliases: [] });
  assert.equal(await robots('built.own.test', '/function'), 'noindex');
});

test('the status page is there where no site answers, and beside aliases of this machine', async (t) => {
  const aliases = [alias('one', { host: 'shop.localhost', skewMaxAgeMs: hourMs })];
  const { port } = await startEdge(t, sayName, { deployments: [named('one')], aliases });
  const headers = { accept: 'application/json' };
  const status = await ask(port, { host: 'localhost', headers });
  assert.deepEqual(JSON.parse(status.body), { functions: [], links: [`http://one.own.test:${port}`] });
  assert.equal((await ask(port, { host: 'shop.localhost', headers })).body, 'one');
  assert.equal((await ask(port, { host: 'shop.localhost', path: '/_weir/status', headers })).body, status.body);
});
