import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { client, converse, deployment, FakeInvoker, route, spec, startEdge } from './edge.fixture.ts';
import type { Handler } from './edge.fixture.ts';
import { Edge } from './server.ts';

const get = (path: string, ...fields: readonly string[]): string =>
  [`GET ${path} HTTP/1.1`, 'Host: localhost', ...fields].map((line) => `${line}\r\n`).join('') + '\r\n';
const last = (path: string, ...fields: readonly string[]): string => get(path, 'Connection: close', ...fields);

/** Answers with the path it was asked for. */
const echo: Handler = ({ head, exchange }) =>
  exchange.reply(200, ['Content-Type', 'text/plain'], Buffer.from(head.target));
const never: Handler = () => undefined;

test('hosts lead to deployments; a publish replaces them all between two requests', async (t) => {
  const site = (name: string, hosts: readonly string[]) =>
    deployment({
      id: `dpl_${name}`,
      hosts,
      functions: [spec(name, 'server')],
      routes: [route('/[...path]', `dpl_1/${name}`)],
    });
  const { edge, port, invoker } = await startEdge(
    t,
    ({ target, exchange }) => exchange.reply(200, [], Buffer.from(target.name)),
    {
      deployments: [site('one', ['one.localhost']), site('two', ['two.test', 'zwei.test'])],
    },
  );
  const ask = async (host: string): Promise<string> =>
    converse(t, port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  assert.match(await ask('one.localhost:3000'), /\r\n\r\none$/);
  assert.match(await ask('ZWEI.test.'), /\r\n\r\ntwo$/);
  assert.match(await ask('three.test'), /^HTTP\/1\.1 404 (?:.|\r\n)*X-Weir-Error: DEPLOYMENT_NOT_FOUND\r\n/);
  const connection = client(t, port).send('GET / HTTP/1.1\r\nHost: two.test\r\n\r\n');
  await connection.reads(/two$/);
  edge.publish({ version: 2, deployments: [site('new', ['two.test']), site('any', [])] });
  connection.send('GET / HTTP/1.1\r\nHost: two.test\r\n\r\n');
  await connection.reads(/new$/);
  assert.match(await ask('anything.test'), /any$/);
  assert.equal(invoker.all[0]!.header('x-vercel-deployment-url'), 'one.localhost');
  assert.equal(invoker.all.at(-1)!.header('x-vercel-deployment-url'), 'anything.test');
});

test('until all projects are ready, hosts that nothing answers for are told to come again', async (t) => {
  const one = deployment({
    id: 'dpl_one',
    hosts: ['one.localhost'],
    functions: [spec('x')],
    routes: [route('/', 'dpl_1/x')],
  });
  const { edge, port } = await startEdge(t, echo, { deployments: [one] });
  const ask = (host: string): Promise<string> =>
    converse(t, port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  edge.publish({ version: 2, deployments: [one], incomplete: true });
  const waiting = await ask('two.localhost');
  assert.match(waiting, /^HTTP\/1\.1 503 (?:.|\r\n)*X-Weir-Error: DEPLOYMENT_NOT_READY\r\n/);
  assert.match(waiting, /\r\nRetry-After: 2\r\n/);
  assert.match(await ask('one.localhost'), /^HTTP\/1\.1 200 /);
  edge.publish({ version: 3, deployments: [one] });
  assert.match(await ask('two.localhost'), /^HTTP\/1\.1 404 /);
});

test('what a function is told of the request', async (t) => {
  const { port, invoker } = await startEdge(t, echo, {
    deployments: [deployment({ functions: [spec('u')], routes: [route('/u/[id]', 'dpl_1/u')] })],
  });
  const startedMs = performance.now();
  const text = await converse(
    t,
    port,
    last('/u/7?a=b', 'X-Mine: yes', 'X-Vercel-Id: forged', 'Next-Resume: 1', 'x-next-resume-state-length: 0'),
  );
  const { head } = invoker.all[0]!;
  assert.deepEqual(
    [head.method, head.target, head.route, head.hasBody, head.upgrade],
    ['GET', '/u/7?a=b&id=7', '/u/[id]', false, false],
  );
  assert.match(head.id, /^inv_[0-9a-f]{24}$/);
  const stamps = [startedMs, head.receivedMs!, head.admittedMs!, head.matchedMs!, performance.now()];
  assert.deepEqual(
    stamps.toSorted((one, other) => one - other),
    stamps,
  );
  const added = {
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-host': 'localhost',
    'x-forwarded-port': String(port),
    'x-forwarded-proto': 'http',
    'x-real-ip': '127.0.0.1',
    'x-vercel-deployment-url': 'localhost',
    'x-vercel-forwarded-for': '127.0.0.1',
    'x-vercel-id': `dev1::${head.id}`,
  };
  assert.deepEqual(head.headers, ['Host', 'localhost', 'X-Mine', 'yes', ...Object.entries(added).flat()]);
  assert.ok(text.includes(`X-Vercel-Id: dev1::${head.id}\r\n`));
  assert.match(text, /\r\nServer: Weir\r\n/);
  assert.match(text, /\r\nCache-Control: public, max-age=0, must-revalidate\r\n/);
  assert.match(text, /\r\nDate: /);
});

test('a parameter that is too long for the query it goes into', async (t) => {
  const { port, invoker } = await startEdge(t, echo, {
    deployments: [deployment({ functions: [spec('u')], routes: [route('/u/[id]', 'dpl_1/u')] })],
  });
  assert.match(await converse(t, port, last(`/u/${'&'.repeat(12_000)}`)), /^HTTP\/1\.1 414 /);
  assert.equal(invoker.all.length, 0);
  assert.match(await converse(t, port, last(`/u/${'a'.repeat(12_000)}`)), /^HTTP\/1\.1 200 /);
});

test('requests in a pipeline are answered in order, whichever is done first', async (t) => {
  const { port, invoker } = await startEdge(t, never);
  const connection = client(t, port).send(get('/1') + get('/2') + get('/3'));
  const third = await invoker.nth(3);
  echo(third);
  echo(invoker.all[1]!);
  assert.equal(connection.text, '');
  echo(invoker.all[0]!);
  const text = await connection.reads(/\/3$/);
  assert.deepEqual(
    [...text.matchAll(/\r\n\r\n(\/\d)/g)].map((found) => found[1]),
    ['/1', '/2', '/3'],
  );
});

test('noise behind a request waits for its answer, and is refused after it', async (t) => {
  const { port, invoker } = await startEdge(t, never);
  const connection = client(t, port).send(`${get('/1')}${get('/2')}NOISE\x01\r\n\r\n`);
  const second = await invoker.nth(2);
  echo(second);
  echo(invoker.all[0]!);
  const text = await connection.untilClosed();
  assert.deepEqual(
    [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((found) => found[1]),
    ['200', '200', '400'],
  );
  assert.ok(text.indexOf('/2') < text.indexOf('HTTP/1.1 400'));
});

test('a client that leaves: its functions are told, once; nothing that comes after reaches anybody', async (t) => {
  const { port, invoker } = await startEdge(t, never);
  const connection = client(t, port).send(get('/1') + get('/2'));
  const second = await invoker.nth(2);
  const first = invoker.all[0]!;
  first.exchange.head(200, []);
  await connection.reads(/HTTP\/1\.1 200/);
  connection.close();
  await first.until(({ cancelled }) => cancelled > 0);
  await second.until(({ cancelled }) => cancelled > 0);
  for (const { exchange } of [first, second]) {
    assert.equal(exchange.body(Buffer.from('late')), true);
    exchange.end();
    exchange.reply(200, [], null);
    exchange.fail({ code: 'NO_RESPONSE_FROM_FUNCTION', detail: '' });
  }
  assert.deepEqual([first.cancelled, second.cancelled], [1, 1]);
});

test('a function that has answered is not told that its client left', async (t) => {
  const { port, invoker } = await startEdge(t, echo);
  const connection = client(t, port).send(get('/1'));
  await connection.reads(/\/1$/);
  connection.close();
  await converse(t, port, last('/2'));
  assert.deepEqual(
    invoker.all.map(({ cancelled }) => cancelled),
    [0, 0],
  );
});

test('a head that does not come in time is answered 408; an idle connection just ends', async (t) => {
  const timeouts = { headMs: 400, idleMs: 400, checkMs: 50 };
  const { port } = await startEdge(t, echo, { edge: { timeouts } });
  const slow = client(t, port).send('GET / HTTP/1.1\r\nHost: localh');
  const silent = client(t, port);
  const idle = client(t, port).send(get('/1'));
  assert.match(await slow.untilClosed(), /^HTTP\/1\.1 408 (?:.|\r\n)*X-Weir-Error: REQUEST_TIMEOUT/);
  assert.match(await silent.untilClosed(), /^HTTP\/1\.1 408 /);
  const text = await idle.untilClosed();
  assert.equal([...text.matchAll(/HTTP\/1\.1/g)].length, 1);
});

test('bodies and answers may take longer than heads', async (t) => {
  const timeouts = { headMs: 200, idleMs: 200, checkMs: 20 };
  const { port, invoker } = await startEdge(t, never, { edge: { timeouts } });
  const connection = client(t, port).send('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\na');
  const seen = await invoker.nth(1);
  await new Promise((resolve) => setTimeout(resolve, 500));
  connection.send('b');
  await seen.until(({ bodyEnded }) => bodyEnded);
  seen.exchange.reply(200, [], Buffer.from(seen.body));
  await connection.reads(/ab$/);
});

test('error pages by Accept, with code, id and Retry-After', async (t) => {
  const { port } = await startEdge(t, ({ exchange }) =>
    exchange.fail({ code: 'FUNCTION_THROTTLED', detail: 'All <busy>.', retryAfterS: 1.2 }),
  );
  const json = await converse(t, port, last('/', 'Accept: application/json'));
  assert.match(json, /^HTTP\/1\.1 503 Service Unavailable\r\n/);
  for (const name of ['X-Weir-Error', 'X-Vercel-Error']) assert.ok(json.includes(`${name}: FUNCTION_THROTTLED\r\n`));
  assert.match(json, /\r\nRetry-After: 2\r\n/);
  const id = /X-Vercel-Id: (\S+)/.exec(json)![1];
  assert.deepEqual(JSON.parse(json.split('\r\n\r\n')[1]!).error, {
    code: 'FUNCTION_THROTTLED',
    message: 'No instance could take the invocation in time.',
    detail: 'All <busy>.',
    id,
  });
  assert.match(
    await converse(t, port, last('/', 'Accept: text/html')),
    /Content-Type: text\/html(?:.|\s)*All &lt;busy&gt;\./,
  );
  assert.match(await converse(t, port, last('/')), /Content-Type: text\/plain(?:.|\s)*All <busy>\./);
});

test('an invoker that throws costs one client an error page', async (t) => {
  const { port, invoker } = await startEdge(t, () => {
    throw new TypeError('a mistake');
  });
  assert.match(
    await converse(t, port, last('/')),
    /^HTTP\/1\.1 500 (?:.|\r\n)*X-Weir-Error: INTERNAL_UNEXPECTED_ERROR/,
  );
  invoker.handler = echo;
  assert.match(await converse(t, port, last('/fine')), /\/fine$/);
});

test('the status page: for clients of this machine, under its own names', async (t) => {
  const one = {
    label: 'demo/api/hello',
    instances: [{ inFlight: 2 }, { inFlight: 1 }],
    queued: 0,
    invocations: 12,
    starts: { cold: 1, prewarmed: 1, warm: 10 },
    activeCpu: { totalMs: 123 },
    memoryGbSeconds: 4.5,
    cost: { totalUsd: 0.001, onePerInstanceUsd: 0.01, savedPercent: 90 },
  };
  const { port } = await startEdge(t, echo, {
    deployments: [deployment({ hosts: ['demo.localhost'] })],
    edge: { status: () => ({ functions: [one] }) },
  });
  const ask = async (host: string, path: string, accept: string): Promise<string> =>
    converse(t, port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAccept: ${accept}\r\nConnection: close\r\n\r\n`);
  const json = JSON.parse((await ask('localhost', '/', 'application/json')).split('\r\n\r\n')[1]!);
  assert.deepEqual(json, { functions: [one], links: [`http://demo.localhost:${port}`] });
  const text = await ask('127.0.0.1', '/', '*/*');
  assert.match(text, /demo\/api\/hello +2 +3 +0 +12 +1 +1 +10 +123 ms +4\.50 +\$0\.001000 +\$0\.010000 +90\.0 %\n$/);
  assert.match(await ask('demo.localhost', '/_weir/status', 'text/html'), /<td>demo\/api\/hello<\/td>/);
  assert.match(await ask('demo.localhost', '/', '*/*'), /\r\n\r\n\/$/);
  assert.match(await ask('rebound.test', '/_weir/status', '*/*'), /^HTTP\/1\.1 404 /);
  for (const field of ['X-Forwarded-For: 203.0.113.9', 'Via: 1.1 proxy', 'Forwarded: for=203.0.113.9']) {
    const proxied = await ask('127.0.0.1', '/_weir/status', `*/*\r\n${field}`);
    assert.match(proxied, /^HTTP\/1\.1 404 /, field);
  }
  assert.match(await ask('localhost', '/other', '*/*'), /^HTTP\/1\.1 404 /);
});

test('a drain ends idle connections, finishes what is under way, and takes nothing new', async (t) => {
  const { edge, port, invoker } = await startEdge(t, never);
  const idle = client(t, port).send(get('/idle'));
  echo(await invoker.nth(1));
  await idle.reads(/\/idle$/);
  const fresh = client(t, port);
  await once(fresh.socket, 'connect');
  const busy = client(t, port).send(get('/busy'));
  const seen = await invoker.nth(2);
  const drained = edge.drain(60_000);
  await Promise.all([idle.untilClosed(), fresh.untilClosed()]);
  const refused = client(t, port);
  await refused.untilClosed();
  assert.equal(busy.closed, false);
  echo(seen);
  assert.match(await busy.untilClosed(), /\r\nConnection: close\r\n(?:.|\r\n)*\/busy$/);
  await drained;
});

test('a drain lets a client take the whole of a complete answer', async (t) => {
  const body = Buffer.alloc(32 * 1024 * 1024, 'x');
  const { edge, port, invoker } = await startEdge(t, ({ exchange }) => exchange.reply(200, [], body));
  const slow = client(t, port).send(get('/large'));
  slow.socket.pause();
  await invoker.nth(1);
  const drained = edge.drain(60_000);
  // Other connections' ends have gone through by now.
  await client(t, port).untilClosed();
  slow.socket.resume();
  const text = await slow.untilClosed();
  assert.equal(text.length - text.indexOf('\r\n\r\n') - 4, body.length);
  await drained;
});

test('a drain cuts at its deadline; closing twice is closing once', async (t) => {
  const { edge, port, invoker } = await startEdge(t, never);
  const connection = client(t, port).send(get('/'));
  const seen = await invoker.nth(1);
  await edge.drain(1);
  assert.equal(await connection.untilClosed(), '');
  await seen.until(({ cancelled }) => cancelled === 1);
  await Promise.all([edge.close(), edge.close(), edge.drain(1)]);
});

test('a port that is taken is an error with its code', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const edge = new Edge({
    invoker: new FakeInvoker(echo),
    clock: systemClock,
    random: seededRandom(1),
    log: silentLog,
    status: () => ({ functions: [] }),
  });
  await assert.rejects(edge.listen((other.address() as AddressInfo).port, '127.0.0.1'), { code: 'EADDRINUSE' });
  assert.ok((await edge.listen(0, '127.0.0.1')).port > 0, 'and the next port may be tried');
  await edge.close();
});
