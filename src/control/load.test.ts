import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { VirtualClock } from '../../test/sim/virtual-clock.ts';
import { routes } from '../api/routes.ts';
import { channels } from '../base/channels.ts';
import { systemClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { requestOf } from './crons/crons.fixture.ts';
import { loadHandlers } from './load.ts';

type Answering = (req: IncomingMessage, res: ServerResponse) => void;

async function edgeOf(t: TestContext, answer: Answering, clock: Clock = systemClock) {
  const server: Server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { address, port } = server.address() as AddressInfo;
  const isServed = (host: string) => host === 'shop.example.com';
  const { load } = loadHandlers({ clock, edge: () => ({ address, port }), isServed });
  const send = async (order: { url?: string; requests?: number; atOnce?: number }, signal?: AbortSignal) => {
    const body = routes.load.body.parse({ url: 'https://shop.example.com/a?b=c', ...order });
    const given = signal === undefined ? { body } : { body, signal };
    return routes.load.answer.parse(await load(requestOf<'load'>(given)));
  };
  return { server, send };
}

/** The router tells of it before, or a little after, the answer has left. */
const settle = (id: string, instance: string | null): void => channels.invocation.publish({ id, instance });

test('so many requests, so many at once, on connections that are kept; statuses and instances are counted', async (t) => {
  let [requests, inFlight, most, sockets] = [0, 0, 0, 0];
  const waiting: (() => void)[] = [];
  const { send, server } = await edgeOf(t, (req, res) => {
    assert.deepEqual([req.method, req.url, req.headers.host], ['GET', '/a?b=c', 'shop.example.com']);
    requests += 1;
    inFlight += 1;
    most = Math.max(most, inFlight);
    const id = `inv_${requests}`;
    const instance = `ins_${requests % 2}`;
    const status = requests % 10 === 0 ? 500 : 200;
    waiting.push(() => {
      inFlight -= 1;
      res.writeHead(status, { 'x-vercel-id': `dev1::${id}` }).end('hello');
      settle(id, instance);
    });
    settle(`inv_f${requests}`, `ins_other${requests}`);
    // All at once are here: they are answered together.
    if (waiting.length === 20) for (const answer of waiting.splice(0)) answer();
  });
  server.on('connection', () => (sockets += 1));
  const result = await send({ requests: 100, atOnce: 20 });
  assert.deepEqual([requests, most, sockets], [100, 20, 20]);
  assert.deepEqual([result.requests, result.answered, result.failed], [100, 100, 0]);
  assert.deepEqual(result.statuses, { 200: 90, 500: 10 });
  assert.equal(result.instances, 2, 'those of its own invocations');
  assert.equal(channels.invocation.hasSubscribers, false);
});

test('percentiles are those of the sorted latencies; who is not told of an instance counts none', async (t) => {
  const clock = new VirtualClock();
  let count = 0;
  const { send } = await edgeOf(
    t,
    (_, res) => {
      count += 1;
      // 1 to 100 ms, in no order.
      clock.advance(((count * 37) % 100) + 1);
      res.end();
    },
    { ...bound(clock), soon: (fire) => void setImmediate(fire) },
  );
  const result = await send({ requests: 100, atOnce: 1 });
  assert.deepEqual(result.latencyMs, { p50: 50, p75: 75, p90: 90, p95: 95, p99: 99, max: 100 });
  assert.deepEqual([result.tookMs, result.instances], [5050, 0]);
});

test('what is not served here is asked nothing', async (t) => {
  let requests = 0;
  const { send } = await edgeOf(t, (_, res) => {
    requests += 1;
    res.end();
  });
  for (const url of ['http://example.com/', 'http://127.0.0.1/', 'file:///etc/passwd', 'ftp://shop.example.com/'])
    await assert.rejects(send({ url }), { code: 'DEPLOYMENT_NOT_FOUND' }, url);
  assert.equal(requests, 0);
});

test('redirects are answers', async (t) => {
  let requests = 0;
  const { send } = await edgeOf(t, (_, res) => {
    requests += 1;
    res.writeHead(302, { location: 'http://example.com/' }).end();
  });
  const { statuses } = await send({ requests: 3, atOnce: 2 });
  assert.deepEqual([statuses, requests], [{ 302: 3 }, 3]);
});

test('one run at a time; when its client leaves it ends, and the next one may begin', async (t) => {
  let requests = 0;
  const arrived = Promise.withResolvers<void>();
  const { send } = await edgeOf(t, (_, res) => {
    requests += 1;
    if (requests > 60) res.end();
    if (requests === 60) arrived.resolve();
  });
  const client = new AbortController();
  const first = send({ requests: 5000, atOnce: 60 }, client.signal);
  await arrived.promise;
  await assert.rejects(send({}), { code: 'TOO_MANY_REQUESTS' });
  client.abort();
  const { requests: sent, answered, failed } = await first;
  assert.deepEqual([sent, answered, failed], [60, 0, 60]);
  assert.equal((await send({ requests: 5, atOnce: 5 })).answered, 5);
});

test('after a minute it tells what there is', async (t) => {
  const clock = new VirtualClock();
  let requests = 0;
  const { send } = await edgeOf(
    t,
    (_, res) => {
      requests += 1;
      if (requests < 4) res.end();
      else clock.advance(limits.loadMs);
    },
    { ...bound(clock), soon: (fire) => void setImmediate(fire) },
  );
  const { requests: sent, answered, failed, tookMs } = await send({ requests: 10, atOnce: 1 });
  assert.deepEqual([sent, answered, failed, tookMs], [4, 3, 1, limits.loadMs]);
  assert.equal(clock.pending, 0);
});

/** Its methods, without `soon`: the sockets are real. */
const bound = (clock: VirtualClock): Omit<Clock, 'soon'> => ({
  nowMs: () => clock.nowMs(),
  wallMs: () => clock.wallMs(),
  after: (delayMs, fire) => clock.after(delayMs, fire),
});
