// The request context by way of the unmodified package that most user code reads it with.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { geolocation, getDeadline, getEnv, ipAddress, waitUntil } from '@vercel/functions';
import { installContext, InvocationContext } from './context.ts';
import { FakeCall, FakeHost } from './fake-call.fixture.ts';
import type { FakeOptions } from './fake-call.fixture.ts';
import { webInvoker } from './web.ts';
import type { WebHandler } from './web.ts';

const host = new FakeHost();
installContext(host);
const run = (fetch: WebHandler, options?: FakeOptions): Promise<FakeCall> =>
  new FakeCall(options).begin(webInvoker({ self: {}, methods: {}, fetch }, host)).settled();

interface Getter {
  get(): Record<string, unknown> | undefined;
}
const vercel = (globalThis as unknown as Record<symbol, Getter>)[Symbol.for('@vercel/request-context')]!;
const next = (globalThis as unknown as Record<symbol, Getter>)[Symbol.for('@next/request-context')]!;

test('waitUntil counts until the promise settles', async () => {
  let settle: (value?: unknown) => void = () => undefined;
  await run(() => {
    waitUntil(new Promise((resolve) => (settle = resolve)));
    return new Response();
  });
  assert.equal(host.outstanding, 1);
  const change = host.backgroundChange();
  settle();
  await change;
  assert.equal(host.outstanding, 0);
});

test('waitUntil: a rejection is logged with its invocation and goes no further', async () => {
  const change = host.backgroundChange();
  const call = await run(() => {
    waitUntil(Promise.reject(new Error('background trouble')));
    return new Response();
  });
  await change;
  while (host.outstanding > 0) await host.backgroundChange();
  assert.match(host.lines.at(-1)!.text, /waitUntil: Error: background trouble\n\s+at /);
  assert.equal(host.lines.at(-1)!.call, call);
});

test('waitUntil ends with maxDuration, and its late end changes nothing', async () => {
  let settle: (value?: unknown) => void = () => undefined;
  const change = host.backgroundChange();
  await run(
    () => {
      waitUntil(new Promise((resolve) => (settle = resolve)));
      return new Response();
    },
    { leftMs: 20 },
  );
  await change;
  // The timer of user code's deadline does not keep a process alive; this one does.
  const alive = setTimeout(() => undefined, 10_000);
  while (host.outstanding > 0) await host.backgroundChange();
  clearTimeout(alive);
  assert.match(host.lines.at(-1)!.text, /had not settled when maxDuration was up/);
  settle();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(host.outstanding, 0);
});

test('waitUntil takes promises only', async () => {
  const call = await run(() => {
    assert.throws(() => waitUntil((() => undefined) as never), TypeError);
    assert.throws(() => (vercel.get()!['waitUntil'] as (work: unknown) => void)(5), TypeError);
    return new Response('refused');
  });
  assert.equal(call.text, 'refused');
});

test('getDeadline, ipAddress, geolocation, getEnv', async () => {
  const headers = ['x-real-ip', '192.0.2.7', 'x-vercel-ip-city', 'M%C3%BCnchen', 'x-vercel-ip-country', 'DE'];
  process.env['VERCEL_ENV'] = 'preview';
  const call = await run(
    (request) =>
      Response.json({
        leftMs: getDeadline()!.getTime() - Date.now(),
        ip: ipAddress(request),
        geo: geolocation(request),
        env: getEnv().VERCEL_ENV,
      }),
    { headers, leftMs: 5000 },
  );
  const answer = JSON.parse(call.text) as Record<string, unknown>;
  assert.ok((answer['leftMs'] as number) > 4000 && (answer['leftMs'] as number) <= 5000);
  assert.equal(answer['ip'], '192.0.2.7');
  assert.deepEqual(answer['geo'], { city: 'München', country: 'DE', flag: '🇩🇪', region: 'dev1' });
  assert.equal(answer['env'], 'preview');
});

test('headers by lower-case name; one context for an invocation, none outside', async () => {
  const headers = ['X-Twice', 'a', 'x-twice', 'b', 'Cookie', 'a=1', 'cookie', 'b=2'];
  const call = await run(
    async (_, context) => {
      const before = vercel.get();
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(vercel.get(), before);
      assert.equal(before, context);
      assert.ok(context instanceof InvocationContext);
      const { waitUntil: taken } = next.get() as unknown as { waitUntil: (work: unknown) => void };
      taken(Promise.resolve());
      assert.equal(context.upgradeWebSocket, undefined);
      return Response.json(context.headers);
    },
    { headers },
  );
  assert.deepEqual(JSON.parse(call.text), { 'x-twice': 'a, b', cookie: 'a=1; b=2' });
  assert.equal(vercel.get(), undefined);
  assert.equal(next.get(), undefined);
  assert.equal(waitUntil(Promise.resolve()), undefined);
});

test('a header may be named like what every object has', async () => {
  const headers = ['constructor', 'a', '__proto__', 'b', '__PROTO__', 'c', 'toString', 'd', 'host', 'app'];
  const call = await run((_, context) => Response.json(Object.entries(context.headers)), { headers });
  assert.deepEqual(JSON.parse(call.text), [
    ['constructor', 'a'],
    ['__proto__', 'b, c'],
    ['tostring', 'd'],
    ['host', 'app'],
  ]);
});
