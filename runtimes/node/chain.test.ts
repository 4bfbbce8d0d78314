import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Call } from '../../src/core/call.ts';
import { carryChain } from './chain.ts';
import { FakeCall, FakeHost } from './fake-call.fixture.ts';

let current: Call | undefined;
const host = new FakeHost();
host.currentCall = () => current;
carryChain(host);
const begun = new FakeCall({ headers: ['x-vercel-id', 'dev1::1'] }) as unknown as Call;
const called = new FakeCall({ headers: ['x-vercel-id', 'dev1::1', 'x-weir-chain', 'a.b'] }) as unknown as Call;

test('requests of node:http, however their headers are given', async (t) => {
  const server = createServer((req, res) => void res.end(JSON.stringify(req.rawHeaders))).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const send = async (call: Call | undefined, headers: Record<string, string> | string[]): Promise<string[]> => {
    current = call;
    const asked = request({ port, host: '127.0.0.1', headers, agent: false, method: 'POST' });
    current = undefined;
    asked.end('body');
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of answer) text += String(chunk);
    const fields = JSON.parse(text) as string[];
    return fields.filter((_, index) => /^x-(?:vercel|weir)/i.test(fields[index & ~1]!));
  };
  const ids = ['x-vercel-id', 'dev1::1', 'x-weir-chain', 'a.b'];
  assert.deepEqual(await send(undefined, {}), []);
  assert.deepEqual(await send(begun, {}), ['x-vercel-id', 'dev1::1', 'x-weir-chain', 'start']);
  assert.deepEqual(await send(called, {}), ids);
  assert.deepEqual(await send(called, ['Host', 'a', 'Content-Length', '4']), ids);
  assert.deepEqual(await send(called, { expect: '100-continue' }), ids);
  const own = ['X-Vercel-ID', 'own', 'X-Weir-Chain', 'mine'];
  assert.deepEqual(await send(called, { 'X-Vercel-ID': 'own', 'X-Weir-Chain': 'mine' }), own);
  assert.deepEqual(await send(called, ['Host', 'a', 'Content-Length', '4', ...own]), own);
});

test('requests of undici, of any age', () => {
  const publish = (call: Call | undefined, headers: string | string[]): string[] => {
    const added: string[] = [];
    current = call;
    channel('undici:request:create').publish({
      request: { headers, addHeader: (name: string, value: string) => added.push(name, value) },
    });
    current = undefined;
    return added;
  };
  const ids = ['x-vercel-id', 'dev1::1', 'x-weir-chain', 'a.b'];
  assert.deepEqual(publish(undefined, []), []);
  assert.deepEqual(publish(called, ['accept', 'x-weir-chain']), ids);
  assert.deepEqual(publish(called, 'accept: x-weir-chain\r\n'), ids);
  assert.deepEqual(publish(called, ['X-Weir-Chain', 'mine']), ids.slice(0, 2));
  assert.deepEqual(publish(called, 'accept: a\r\nX-Vercel-Id: own\r\n'), ids.slice(2));
});
