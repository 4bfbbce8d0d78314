// How many at once an instance in Python takes: what computes holds the interpreter's lock, and its instance to a few; what waits
// shares its instance with hundreds. How fast: `npm run bench -- --only python`.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { PythonReleases } from '../../src/builder/python-releases.ts';
import { platform, type Platform, specOf } from './platform.ts';
import { project, read } from './weir.ts';

const timeout = 110_000;
const pythons = new PythonReleases({ environment: process.env, home: homedir(), clock: systemClock });

async function served(context: TestContext, name: string, source: string): Promise<Platform> {
  const root = project(context, { 'app.py': source });
  const runtime = await pythons.choose(null);
  return platform(
    context,
    [specOf(name, { root, entry: join(root, 'app.py'), launch: 'python' }, { runtime })],
    pythons,
  );
}

async function get(to: Platform, name: string): Promise<string> {
  const asked = request({
    host: '127.0.0.1',
    port: to.port,
    headers: { host: `${name}.localhost` },
    agent: false,
  }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  const { status, text } = await read(answer);
  assert.equal(status, 200, text);
  return text;
}

/** How many each instance answered. */
async function atOnce(to: Platform, name: string, count: number): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: count }, () => get(to, name)));
  return [...new Set(answers)].map((pid) => answers.filter((each) => each === pid).length);
}

const burn = `
import os, time
def app(environ, start_response):
    until = time.thread_time() + 0.05
    while time.thread_time() < until:
        sum(range(100))
    start_response("200 OK", [])
    return [b"%d" % os.getpid()]
`;

const wait = `
import asyncio, os
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await asyncio.sleep(1)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % os.getpid()})
`;

const block = `
import os, time
def app(environ, start_response):
    time.sleep(1)
    start_response("200 OK", [])
    return [b"%d" % os.getpid()]
`;

test('WSGI that computes: the limit comes down to a few', { timeout }, async (context) => {
  const to = await served(context, 'burn', burn);
  const enough = new AbortController();
  const client = async (): Promise<void> => {
    while (!enough.signal.aborted) await get(to, 'burn');
  };
  const clients = Array.from({ length: 6 }, client);
  const isFound = (): boolean =>
    (to.router.explain('dpl_burn/burn')?.instances ?? []).some(
      ({ limit, inFlight, binding }) => inFlight > 0 && limit <= 3 && binding === 'law',
    );
  while (!isFound()) await new Promise((resolve) => setTimeout(resolve, 50));
  enough.abort();
  await Promise.all(clients);
});

test('ASGI that waits: three hundred at once, hundreds in one instance', { timeout }, async (context) => {
  const to = await served(context, 'wait', wait);
  await get(to, 'wait');
  const instances = await atOnce(to, 'wait', 300);
  assert.ok(Math.max(...instances) >= 100 && instances.length <= 3, `${instances.join(' and ')} in one instance`);
});

test('WSGI that waits: sixty-four at once in one instance, each on a thread', { timeout }, async (context) => {
  const to = await served(context, 'block', block);
  await get(to, 'block');
  assert.deepEqual(await atOnce(to, 'block', 64), [64]);
});
