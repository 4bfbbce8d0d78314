// Recursion protection: what calls itself for ever is cut short, what calls others and comes back is not.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import type { TestContext } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { dev, project } from './weir.ts';
import type { Weir } from './weir.ts';

/** Each calls itself by another client, and answers with what it got. */
const clients = {
  fetch: `
    export async function GET(request) {
      const answer = await fetch(request.url);
      return new Response(await answer.text(), { status: answer.status });
    }`,
  get: `
    import { get } from 'node:http';
    export default (req, res) => void get('http://' + req.headers.host + req.url, (answer) => {
      res.writeHead(answer.statusCode);
      answer.pipe(res);
    });`,
  // As axios does: an agent that keeps connections, and a list of headers.
  keep: `
    import { Agent, request } from 'node:http';
    const agent = new Agent({ keepAlive: true });
    export default (req, res) => {
      const { hostname, port } = new URL('http://' + req.headers.host);
      const headers = ['Host', req.headers.host, 'Accept', 'text/plain'];
      request({ agent, hostname, port, path: req.url, headers }, (answer) => {
        res.writeHead(answer.statusCode);
        answer.pipe(res);
      }).end();
    };`,
  tls: `
    import { Agent, get } from 'node:https';
    const agent = new Agent({
      keepAlive: true,
      ciphers: 'PSK',
      maxVersion: 'TLSv1.2',
      pskCallback: () => ({ psk: Buffer.from('a key'), identity: 'function' }),
      checkServerIdentity: () => undefined,
    });
    export default (req, res) => void get({ agent, port: Number(req.query.tls), path: req.url }, (answer) => {
      res.writeHead(answer.statusCode);
      answer.pipe(res);
    });`,
};

const files = Object.fromEntries(Object.entries(clients).map(([name, code]) => [`api/${name}.js`, code]));

/** Every answer on the way is the 508 of the last call. */
async function assertCut(weir: Weir, name: string, path: string): Promise<void> {
  const before = await invocationsOf(weir, name);
  const answer = await weir.get(path, { accept: 'application/json' });
  assert.equal(answer.status, 508, name);
  assert.match(answer.text, /INFINITE_LOOP_DETECTED/);
  // The client's own, which was in no chain, and as many as may be.
  assert.equal((await invocationsOf(weir, name)) - before, limits.chainRecursions + 1, name);
}

async function invocationsOf(weir: Weir, name: string): Promise<number> {
  const { functions } = await weir.status();
  return functions.find((each: { label: string }) => each.label.endsWith(`/api/${name}`))?.invocations ?? 0;
}

/** What ends TLS in front of the platform, as people's proxies do. A key that both have spares the certificate. */
async function tlsFront(context: TestContext, port: number): Promise<number> {
  const pskCallback = (): Buffer => Buffer.from('a key');
  const front = createTlsServer({ ciphers: 'PSK', maxVersion: 'TLSv1.2', pskCallback }, (client) => {
    const platform = connect(port, '127.0.0.1');
    client.pipe(platform).pipe(client);
    client.on('error', () => platform.destroy());
    platform.on('error', () => client.destroy());
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  context.after(() => front.close());
  return (front.address() as AddressInfo).port;
}

test('a function that calls itself for ever gets a 508: fetch, http, https, agents', async (t) => {
  const weir = await dev(t, project(t, files));
  for (const name of ['fetch', 'get', 'keep']) await assertCut(weir, name, `/api/${name}`);
  await assertCut(weir, 'tls', `/api/tls?tls=${await tlsFront(t, weir.port)}`);
  // And nothing goes on behind it.
  const { functions } = await weir.status();
  for (const { instances } of functions) {
    for (const { inFlight } of instances) assert.equal(inFlight, 0);
  }
  assert.equal(await weir.stop(), 0);
});

test('functions that call each other a few times are left alone, and their requests say whose they are', async (t) => {
  const call = (other: string): string => `
    export async function GET(request) {
      const url = new URL(request.url);
      const left = Number(url.searchParams.get('left'));
      const own = [request.headers.get('x-vercel-id')];
      if (left === 0) return Response.json(own);
      url.pathname = '/api/${other}';
      url.searchParams.set('left', String(left - 1));
      return Response.json([...own, ...(await (await fetch(url)).json())]);
    }`;
  const weir = await dev(t, project(t, { 'api/a.js': call('b'), 'api/b.js': call('a'), ...outward }));
  const answer = await weir.get('/api/a?left=10');
  assert.equal(answer.status, 200);
  assert.equal(new Set(answer.json()).size, 11);

  const seen = (await weir.get('/api/outward')).json();
  const id = seen.id as string;
  for (const name of ['fetch', 'http', 'list']) assert.deepEqual(seen[name], [id, 'start'], name);
  assert.deepEqual(seen.own, ['mine', 'start']);
  assert.deepEqual(seen.outside, [null, null]);
  assert.equal(await weir.stop(), 0);
});

/** What a host outside sees of a function's requests. The function is its own host outside. */
const outward = {
  'api/outward.js': `
    import { createServer, get } from 'node:http';
    const outside = createServer((req, res) => res.end(JSON.stringify([req.headers['x-vercel-id'] ?? null, req.headers['x-weir-chain'] ?? null])));
    const listening = new Promise((resolve) => outside.listen(0, '127.0.0.1', () => resolve(outside.address().port)));
    const read = async (answer) => { let text = ''; for await (const chunk of answer) text += chunk; return JSON.parse(text); };
    const early = listening.then((port) => new Promise((resolve) => get({ port, host: '127.0.0.1' }, (answer) => resolve(read(answer)))));
    export default async (req, res) => {
      const port = await listening;
      const url = 'http://127.0.0.1:' + port;
      const asked = (options) => new Promise((resolve) => get({ port, host: '127.0.0.1', ...options }, (answer) => resolve(read(answer))));
      res.json({
        id: req.headers['x-vercel-id'],
        fetch: await (await fetch(url)).json(),
        http: await asked({}),
        list: await asked({ headers: ['Host', 'x'] }),
        own: await (await fetch(url, { headers: { 'X-Vercel-Id': 'mine' } })).json(),
        outside: await early,
      });
    };`,
};
