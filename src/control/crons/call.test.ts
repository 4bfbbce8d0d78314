import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { VirtualClock } from '../../../test/sim/virtual-clock.ts';
import { limits } from '../../base/limits.ts';
import { systemClock } from '../../base/clock.ts';
import { deployment, type Handler, route, spec, startEdge } from '../../edge/edge.fixture.ts';
import { cronCaller } from './call.ts';

async function edgeOf(t: TestContext, answer: (req: IncomingMessage, res: ServerResponse) => void) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const clock = new VirtualClock();
  const { address, port } = server.address() as AddressInfo;
  const call = cronCaller({ edge: () => ({ address, port }), clock, key: 'key' });
  const order = {
    host: 'shop.example.com',
    path: '/tick?a=b%20c',
    schedule: '0 5 * * *',
    headers: { authorization: 'Bearer x' },
    withinMs: 1000,
  };
  return { clock, call: () => call(order), server };
}

test('GET on the edge, by the host of the project; the id of the invocation, the time to the last byte', async (t) => {
  let seen: unknown;
  const { call, clock } = await edgeOf(t, (req, res) => {
    const { host, authorization } = req.headers;
    seen = [req.method, req.url, host, authorization];
    res.writeHead(200, { 'x-vercel-id': 'dev1::inv_0123456789abcdef01234567' }).write('a'.repeat(100_000));
    clock.advance(250);
    res.end();
  });
  assert.deepEqual(await call(), {
    status: 200,
    invocation: 'inv_0123456789abcdef01234567',
    error: null,
    durationMs: 250,
  });
  assert.deepEqual(seen, ['GET', '/tick?a=b%20c', 'shop.example.com', 'Bearer x']);
  assert.equal(clock.pending, 0);
});

test('a redirect is an answer, and is not followed; an error of the platform is named', async (t) => {
  let requests = 0;
  const { call } = await edgeOf(t, (_, res) => {
    requests += 1;
    if (requests === 1) res.writeHead(307, { location: '/elsewhere' }).end();
    else res.writeHead(502, { 'x-vercel-error': 'FUNCTION_INVOCATION_FAILED' }).end();
  });
  assert.equal((await call()).status, 307);
  assert.equal(requests, 1);
  assert.deepEqual(await call(), { status: 502, invocation: null, error: 'FUNCTION_INVOCATION_FAILED', durationMs: 0 });
});

test('no answer in time, one that breaks off, nobody there: each is told, once, and nothing is tried again', async (t) => {
  let requests = 0;
  const { call, clock, server } = await edgeOf(t, (_, res) => {
    requests += 1;
    if (requests === 1) return clock.advance(1000);
    res.writeHead(200, { 'content-length': 10 }).write('half');
    res.destroy();
    return undefined;
  });
  await assert.rejects(call(), { message: 'No whole answer within 1000 ms.' });
  await assert.rejects(call(), /aborted|hang up|ECONNRESET/);
  assert.equal(requests, 2);
  server.close();
  await assert.rejects(call(), /ECONNREFUSED/);
  assert.equal(clock.pending, 0);
});

test('of an answer without end only so much is read', async (t) => {
  let written = 0;
  const { call } = await edgeOf(t, (_, res) => {
    const chunk = Buffer.alloc(1024 * 1024);
    const more = (): void => {
      do written += chunk.length;
      while (res.write(chunk));
    };
    res.on('drain', more);
    more();
  });
  assert.equal((await call()).status, 200);
  assert.ok(written >= limits.cronAnswerBytes && written < limits.cronAnswerBytes + 64 * 1024 * 1024, `${written}`);
});

test('a function behind the edge gets the schedule from the platform, and from nobody else', async (t) => {
  const a = spec('a');
  const answer: Handler = ({ exchange }) => void exchange.reply(200, [], null);
  const deployments = [deployment({ functions: [a], routes: [route('/tick', a.id)] })];
  const { port, invoker } = await startEdge(t, answer, { deployments, edge: { cronKey: 'key' } });
  const edge = () => ({ address: '127.0.0.1', port });
  const order = { host: 'localhost', path: '/tick', schedule: '0 5 * * *', withinMs: 5000 };
  const headers = { 'user-agent': 'vercel-cron/1.0', authorization: 'Bearer x', 'x-vercel-cron-schedule': 'forged' };
  const seen = async (key: string): Promise<(string | undefined)[]> => {
    const { status, invocation } = await cronCaller({ edge, clock: systemClock, key })({ ...order, headers });
    const last = invoker.all.at(-1)!;
    assert.deepEqual([status, invocation], [200, last.head.id]);
    return ['x-vercel-cron-schedule', 'user-agent', 'authorization', 'x-weir-cron'].map((name) => last.header(name));
  };
  assert.deepEqual(await seen('key'), ['0 5 * * *', 'vercel-cron/1.0', 'Bearer x', undefined]);
  for (const key of ['kez', 'ke', 'keyy', ''])
    assert.deepEqual(await seen(key), [undefined, 'vercel-cron/1.0', 'Bearer x', undefined], key);
  const other = await startEdge(t, answer, { deployments });
  await cronCaller({ edge: () => ({ address: '127.0.0.1', port: other.port }), clock: systemClock, key: 'null' })({
    ...order,
    headers: {},
  });
  assert.equal(other.invoker.all[0]!.header('x-vercel-cron-schedule'), undefined, 'an edge that has no key');
});
