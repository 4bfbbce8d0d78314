import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { limits } from '../../base/limits.ts';
import { seededRandom } from '../../base/random.ts';
import { ApiError } from '../../api/errors.ts';
import type { RouteName } from '../../api/routes.ts';
import { loggingTo } from '../../../test/control/local.ts';
import { VirtualClock } from '../../../test/sim/virtual-clock.ts';
import { Database } from '../store/database.ts';
import { TokenStore } from '../store/tokens.ts';
import type { Handlers, ServerEvent } from './handler.ts';
import { ApiServer } from './server.ts';

interface Bench {
  readonly port: number;
  readonly logged: string[];
  readonly clock: VirtualClock;
  readonly server: ApiServer;
  readonly token: string;
  readonly assets: string[];
  readonly call: (method: string, path: string, body?: string, headers?: Record<string, string>) => Promise<Response>;
}

type Some = Partial<Record<RouteName, (request: never) => unknown>>;

async function bench(t: TestContext, handlers: Some): Promise<Bench> {
  const db = new Database(':memory:');
  const clock = new VirtualClock();
  const tokens = new TokenStore(db, clock);
  const token = tokens.createOwn('test');
  const logged: string[] = [];
  const assets: string[] = [];
  const server = new ApiServer({
    clock,
    log: loggingTo(logged),
    tokens,
    handlers: handlers as unknown as Handlers,
    dashboard: {
      answer({ path }) {
        assets.push(path);
        return null;
      },
    },
  });
  const { port } = await server.listen(0, '127.0.0.1');
  t.after(async () => {
    await server.close();
    db.close();
  });
  const call = (method: string, path: string, body?: string, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    });
  return { port, logged, clock, server, token, assets, call };
}

const codeOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { error: { code: string } }).error.code;
const id = 'dep_0123456789';

test('a body that is none, too long, of another type, or with a name twice in the query', async (t) => {
  const { call, port, logged } = await bench(t, { createProject: () => ({}), createToken: () => ({}) });
  assert.equal(await codeOf(await call('POST', '/v1/projects', '{"name":')), 'INVALID_REQUEST');
  assert.equal(await codeOf(await call('POST', '/v1/projects', '{"name":"A B"}')), 'INVALID_REQUEST');
  for (const type of [
    'text/plain',
    'application/jsonx',
    'application/json-patch+json',
    'application/x-www-form-urlencoded',
  ])
    assert.equal(
      await codeOf(await call('POST', '/v1/projects', '{"name":"a"}', { 'content-type': type })),
      'UNSUPPORTED_BODY',
      type,
    );
  assert.equal(
    (await call('POST', '/v1/projects', '{"name":"a"}', { 'content-type': 'Application/JSON; charset=utf-8' })).status,
    201,
  );
  const long = JSON.stringify({ name: 'x'.repeat(limits.apiBodyBytes) });
  assert.equal(await codeOf(await call('POST', '/v1/projects', long)), 'BODY_TOO_LARGE');
  assert.equal(await codeOf(await call('GET', '/v1/projects/a/deployments?limit=1&limit=2')), 'INVALID_REQUEST');
  assert.equal(await codeOf(await call('GET', '/v1/nothing')), 'NOT_FOUND');
  const wrong = await call('DELETE', '/v1/projects');
  assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'GET, POST']);
  assert.equal(await codeOf(await call('PUT', '/dashboard')), 'METHOD_NOT_ALLOWED');
  // One that does not say how long it is.
  const sent = httpRequest({
    port,
    method: 'POST',
    path: '/v1/projects',
    headers: { 'content-type': 'application/json' },
  });
  sent.end('{}');
  const [answer] = (await once(sent, 'response')) as [{ statusCode: number }];
  assert.equal(answer.statusCode, 401);
  assert.deepEqual(logged, []);
});

for (const begun of ['{"name"', '']) {
  test(`a body that ${begun === '' ? 'does not begin' : 'does not go on'} is given up`, async (t) => {
    const { port, clock, token, logged } = await bench(t, { createProject: () => ({}) });
    const authorization = `Bearer ${token}`;
    const sent = httpRequest({
      port,
      method: 'POST',
      path: '/v1/projects',
      headers: { authorization, 'content-type': 'application/json', 'content-length': 20 },
    });
    const gone = once(sent, 'error');
    sent.flushHeaders();
    if (begun !== '') sent.write(begun);
    while (clock.pending === 0) await new Promise(setImmediate);
    clock.advance(limits.apiStallMs);
    await gone;
    assert.deepEqual(logged, []);
  });
}

test('what goes wrong in a handler is logged, and not told', async (t) => {
  const { call, logged } = await bench(t, {
    projects() {
      throw new Error('the secret is hunter2');
    },
    async project() {
      throw new ApiError('PROJECT_NOT_FOUND');
    },
    domains() {
      throw Object.assign(new Error('database or disk is full'), { errcode: 13 });
    },
  });
  const response = await call('GET', '/v1/projects');
  assert.equal(response.status, 500);
  assert.equal((await response.text()).includes('hunter2'), false);
  assert.equal(logged.length, 1);
  assert.equal(await codeOf(await call('GET', '/v1/projects/a')), 'PROJECT_NOT_FOUND');
  assert.equal(await codeOf(await call('GET', '/v1/domains')), 'DISK_FULL');
  assert.equal(logged.length, 1);
});

test('HEAD of a blob is its own; of a stream there is none', async (t) => {
  const { call } = await bench(t, {
    blobOffset: () => ({ answer: undefined, headers: { 'Upload-Offset': '7' } }),
    health: () => ({ status: 'ok', version: '1' }),
  });
  const path = `/v1/blobs/${'a'.repeat(64)}`;
  const head = await call('HEAD', path);
  assert.deepEqual([head.status, head.headers.get('upload-offset')], [204, '7']);
  const got = await call('GET', path);
  assert.deepEqual([got.status, got.headers.get('allow')], [405, 'HEAD, PUT']);
  assert.equal((await call('HEAD', '/v1/health')).status, 200);
  assert.equal((await call('HEAD', `/v1/deployments/${id}/events`)).status, 405);
});

test('paths with dots, escapes and other tricks lead to no asset that they should not', async (t) => {
  const { port, assets } = await bench(t, {});
  const paths = [
    '/../etc/passwd',
    '/a/../../b',
    '/%2e%2e/x',
    '/a/%2e%2e%2fb',
    '/..%5cx',
    '/a\\..\\b',
    '/%00',
    '/%zz',
    '//x/../y',
    '/.%2e/x',
    '/a/..;/b',
  ];
  for (const path of paths) await raw(port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  for (const path of assets) assert.equal(path.split('/').includes('..'), false, path);
});

/** What comes of bytes that are sent as they are, until the end. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

test('what is no HTTP, or hardly, is answered and changes nothing', async (t) => {
  const { port, call } = await bench(t, { health: () => ({ status: 'ok', version: '1' }) });
  const heads = [
    'GET /v1/health HTTP/1.0\r\n\r\n',
    'GET /v1/health HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n',
    'GET http://other/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n',
    'TRACE /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    'GET /v1/health HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\n\r\n',
    'POST /v1/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'GET /v1/health HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\n b\r\nConnection: close\r\n\r\n',
    '\0\0\0\0\r\n\r\n',
  ];
  for (const head of heads) await raw(port, head);
  assert.equal((await call('GET', '/v1/health')).status, 200);
});

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise(setImmediate);
};

test('a stream: what is refused first is an answer; what ends it reaches whoever makes the events', async (t) => {
  const ended: string[] = [];
  const { port, token, server, logged } = await bench(t, {
    async *deploymentEvents({
      params,
      signal,
    }: {
      params: { id: string };
      signal: AbortSignal;
    }): AsyncGenerator<ServerEvent> {
      if (params.id === 'dep_00000000') throw new ApiError('DEPLOYMENT_NOT_FOUND');
      try {
        yield { event: 'log', data: { text: 'line\nbreak' } };
        if (params.id === 'dep_11111111') throw new Error('in the middle');
        if (params.id === 'dep_22222222') return;
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      } finally {
        ended.push(params.id);
      }
    },
  });
  const events = (which: string, signal?: AbortSignal) =>
    fetch(`http://127.0.0.1:${port}/v1/deployments/${which}/events`, {
      headers: { authorization: `Bearer ${token}` },
      signal: signal ?? null,
    });
  assert.equal(await codeOf(await events('dep_00000000')), 'DEPLOYMENT_NOT_FOUND');
  const whole = await events('dep_22222222');
  assert.equal(whole.headers.get('content-type'), 'text/event-stream');
  assert.equal(await whole.text(), ': weir\n\nevent: log\ndata: {"text":"line\\nbreak"}\n\n');
  assert.match(await (await events('dep_11111111')).text(), /line/);
  assert.equal(logged.length, 1, 'the error in the middle');
  assert.deepEqual(ended.splice(0), ['dep_22222222', 'dep_11111111']);

  const leaving = new AbortController();
  const left = await events('dep_33333333', leaving.signal);
  await left.body!.getReader().read();
  leaving.abort();
  await until(() => ended.length > 0);
  assert.deepEqual(ended.splice(0), ['dep_33333333']);

  const cut = await events('dep_44444444');
  const read = cut.text().catch(() => 'cut');
  await server.close();
  await until(() => ended.length > 0);
  assert.match(await read, /cut|line/);
  assert.equal(logged.length, 1);
});

test('a client that does not read is not written to without end, and when it is gone the events end', async (t) => {
  let made = 0;
  let ended = 0;
  const { token, port } = await bench(t, {
    async *deploymentEvents(): AsyncGenerator<ServerEvent> {
      try {
        for (;;) {
          made += 1;
          yield { event: 'log', data: 'x'.repeat(10_000) };
        }
      } finally {
        ended += 1;
      }
    },
  });
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  socket.write(`GET /v1/deployments/${id}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  // The kernel takes some megabytes; then nothing more is made.
  const afterTurns = async (): Promise<number> => {
    for (let turn = 0; turn < 200; turn += 1) await new Promise(setImmediate);
    return made;
  };
  for (let before = -1, now = await afterTurns(); before !== now || now === 0; now = await afterTurns()) before = now;
  assert.ok(made < 5_000, `${made} events for a client that reads nothing`);
  assert.equal(ended, 0);
  socket.destroy();
  await until(() => ended === 1);
});

test('clients that leave at any moment harm nobody', async (t) => {
  const rejected: unknown[] = [];
  const note = (error: unknown): void => void rejected.push(error);
  process.on('unhandledRejection', note);
  t.after(() => process.off('unhandledRejection', note));
  let open = 0;
  const { port, token, call } = await bench(t, {
    projects: () => ({ items: [] }),
    createProject: () => ({}),
    async putBlob({ bytes }: { bytes: AsyncIterable<Uint8Array> }) {
      for await (const _ of bytes);
    },
    async *deploymentEvents({ signal }: { signal: AbortSignal }): AsyncGenerator<ServerEvent> {
      open += 1;
      try {
        while (!signal.aborted) {
          yield { event: 'log', data: 'x' };
          await new Promise(setImmediate);
        }
      } finally {
        open -= 1;
      }
    },
  });
  const head = (line: string, more = '') =>
    `${line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n${more}\r\n`;
  const json = 'Content-Type: application/json\r\nContent-Length: 14\r\n';
  const orders = [
    head(`GET /v1/deployments/${id}/events`),
    head(`PUT /v1/blobs/${'a'.repeat(64)}`, 'Content-Length: 100\r\n') + 'x'.repeat(100),
    head(`PUT /v1/blobs/${'a'.repeat(64)}`, 'Transfer-Encoding: chunked\r\n') + '5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n',
    head('POST /v1/projects', json) + '{"name":"abc"}',
    head('GET /v1/projects').repeat(3),
  ];
  const random = seededRandom(3);
  const one = async (): Promise<void> => {
    const order = orders[random.below(orders.length)]!;
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(order.slice(0, random.below(order.length + 1)));
    for (let turns = random.below(6); turns > 0; turns -= 1) await new Promise(setImmediate);
    if (random.below(2) === 0) socket.resetAndDestroy();
    else socket.destroy();
  };
  for (let round = 0; round < 60; round += 1) await Promise.all(Array.from({ length: 10 }, one));
  await until(() => open === 0);
  assert.equal((await call('GET', '/v1/projects')).status, 200);
  assert.deepEqual(rejected, []);
});
