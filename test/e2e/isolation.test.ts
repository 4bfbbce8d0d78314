// One invocation gets into trouble: what its neighbours, the instance and the client see.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { test } from 'node:test';
import { dev, project, read } from './weir.ts';

/** Says how many were in its instance at once, at most. */
const counting = `
let inFlight = 0;
let most = 0;
export async function GET() {
  most = Math.max(most, (inFlight += 1));
  await new Promise((resolve) => setTimeout(resolve, 300));
  inFlight -= 1;
  return Response.json({ most, pid: process.pid });
}`;

/** A server of many routes in one function, so that its invocations share an instance. */
const troubles = `
import { createServer } from 'node:http';
createServer((req, res) => {
  const url = new URL(req.url, 'http://x');
  const answer = () => res.end(String(process.pid));
  if (url.pathname === '/wait') return setTimeout(answer, Number(url.searchParams.get('ms')));
  if (url.pathname === '/pid') return answer();
  if (url.pathname === '/throw') return setTimeout(() => { throw new Error('thrown in a timer'); }, 10);
  if (url.pathname === '/reject') return void Promise.reject(new Error('nobody awaited this'));
  if (url.pathname === '/exit') return process.exit(7);
  if (url.pathname === '/abort') return process.abort();
  if (url.pathname === '/head-then-exit') { res.write('part'); return setTimeout(() => process.exit(1), 20); }
  if (url.pathname === '/spin') { console.log('spinning'); for (;;); }
  res.end('?');
}).listen(3000);`;

for (const path of ['/throw', '/reject']) {
  test(`${path}: neighbours finish, the instance takes nothing new and is replaced`, async (t) => {
    const weir = await dev(t, project(t, { 'server.js': troubles }));
    const { text: before } = await weir.get('/pid');
    const neighbour = weir.get('/wait?ms=400');
    const failed = await weir.get(path);
    assert.equal(failed.status, 500);
    assert.equal(failed.headers['x-weir-error'], 'FUNCTION_INVOCATION_FAILED');
    assert.equal(failed.headers['x-vercel-error'], 'FUNCTION_INVOCATION_FAILED');
    const { text: after } = await weir.get('/pid');
    assert.notEqual(after, before, 'a new invocation went to the failed instance');
    const spared = await neighbour;
    assert.deepEqual([spared.status, spared.text], [200, before]);
    assert.match(weir.output(), path === '/throw' ? /thrown in a timer/ : /nobody awaited this/);
    assert.equal(await weir.stop(), 0);
  });
}

for (const [path, how] of [
  ['/exit', /exit(?:ed)?.*7/],
  ['/abort', /SIGABRT/],
] as const) {
  test(`${path}: what had begun gets 502, the next invocation a new instance`, async (t) => {
    const weir = await dev(t, project(t, { 'server.js': troubles }));
    const { text: before } = await weir.get('/pid');
    const neighbour = weir.get('/wait?ms=5000');
    await weir.get('/pid');
    const ended = await weir.get(path);
    for (const answer of [ended, await neighbour]) {
      assert.equal(answer.status, 502);
      assert.equal(answer.headers['x-weir-error'], 'NO_RESPONSE_FROM_FUNCTION');
    }
    await weir.printed(how);
    const { status, text: after } = await weir.get('/pid');
    assert.equal(status, 200);
    assert.notEqual(after, before);
    assert.equal(await weir.stop(), 0);
  });
}

test('an instance killed by SIGKILL', async (t) => {
  const weir = await dev(t, project(t, { 'server.js': troubles }));
  const { text: pid } = await weir.get('/pid');
  const begun = weir.get('/wait?ms=5000');
  await weir.get('/pid');
  process.kill(Number(pid), 'SIGKILL');
  assert.equal((await begun).status, 502);
  assert.equal((await weir.get('/pid')).status, 200);
  assert.equal(await weir.stop(), 0);
});

test('an instance that ends after the head: the client sees a cut connection, never a complete answer', async (t) => {
  const weir = await dev(t, project(t, { 'server.js': troubles }));
  const response = await weir.open('GET', '/head-then-exit');
  assert.equal(response.statusCode, 200);
  await assert.rejects(read(response), /aborted|ECONNRESET/);
  assert.equal(await weir.stop(), 0);
});

test('maxDuration: 504, and the abort signal fires', async (t) => {
  const dir = project(t, {
    'weir.json': '{ "functions": { "api/*.js": { "maxDuration": 1 } } }',
    'api/slow.js': `
export async function GET(request) {
  request.signal.addEventListener('abort', () => console.log('signal fired'));
  await new Promise((resolve) => setTimeout(resolve, 30000));
  return new Response('late');
}`,
  });
  const weir = await dev(t, dir);
  const answer = await weir.get('/api/slow');
  assert.equal(answer.status, 504);
  assert.equal(answer.headers['x-weir-error'], 'FUNCTION_INVOCATION_TIMEOUT');
  await weir.printed(/signal fired/);
  assert.equal(await weir.stop(), 0);
});

test('a loop that never yields is killed after a grace; what had not begun goes elsewhere', async (t) => {
  const dir = project(t, {
    'weir.json': '{ "functions": { "server.js": { "maxDuration": 1 } } }',
    'server.js': troubles,
  });
  const weir = await dev(t, dir);
  const { text: pid } = await weir.get('/pid');
  const spinning = weir.get('/spin');
  await weir.printed(/spinning/);
  const answers = await Promise.all(Array.from({ length: 5 }, () => weir.get('/pid')));
  assert.ok(answers.every(({ status, text }) => status === 200 && text !== pid));
  assert.equal((await spinning).status, 504);
  await weir.printed(/the instance ended: .*killed/);
  assert.throws(() => process.kill(Number(pid), 0), 'the spinning instance is gone');
  assert.equal(await weir.stop(), 0);
});

test('a function that throws at import: a clear 500, the error in the log, no restart storm', async (t) => {
  const weir = await dev(t, project(t, { 'api/broken.js': 'throw new Error("cannot start: no database");' }));
  for (let round = 0; round < 20; round += 1) {
    const answer = await weir.get('/api/broken', { accept: 'application/json' });
    assert.equal(answer.status, 500);
    assert.equal(answer.headers['x-weir-error'], 'FUNCTION_LOAD_FAILED');
  }
  assert.match(weir.output(), /cannot start: no database/);
  const starts = weir.output().match(/broken\.js:1:\d+/g)?.length ?? 0;
  assert.ok(starts <= 6, `${starts} starts for 20 requests`);
  assert.equal(await weir.stop(), 0);
});

test('the client leaves: the abort signal fires', async (t) => {
  const dir = project(t, {
    'api/stream.js': `
export function GET(request) {
  const body = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('first')) });
  request.signal.addEventListener('abort', () => console.log('web: client left'));
  return new Response(body);
}`,
    'api/plain.js': `
export default function handler(req, res) {
  req.on('aborted', () => console.log('plain: aborted'));
  res.on('close', () => console.log('plain: closed', res.writableFinished));
  res.write('first');
}`,
  });
  const weir = await dev(t, dir);
  for (const [path, ...lines] of [
    ['/api/stream', /web: client left/],
    ['/api/plain', /plain: aborted/, /plain: closed false/],
  ] as const) {
    const response = await weir.open('GET', path);
    await once(response, 'data');
    response.destroy();
    for (const line of lines) await weir.printed(line);
  }
  assert.equal(await weir.stop(), 0);
});

test('maxConcurrency 1 is one invocation per instance, exactly', async (t) => {
  const dir = project(t, {
    'weir.json': '{ "functions": { "api/*.js": { "maxConcurrency": 1 } } }',
    'api/wait.js': counting,
  });
  const weir = await dev(t, dir);
  const answers = await Promise.all(Array.from({ length: 8 }, () => weir.get('/api/wait')));
  const seen = answers.map((answer) => answer.json());
  assert.deepEqual(
    seen.map(({ most }) => most),
    seen.map(() => 1),
    'two at once in one instance',
  );
  // How many there are depends on how soon they boot: one that is done takes another.
  assert.ok(new Set(seen.map(({ pid }) => pid)).size > 1);
  assert.equal(await weir.stop(), 0);
});

test('maxInstances 1: what it cannot take at once waits for it', async (t) => {
  const dir = project(t, {
    'weir.json': '{ "functions": { "api/*.js": { "maxConcurrency": 2, "maxInstances": 1 } } }',
    'api/wait.js': counting,
  });
  const weir = await dev(t, dir);
  const answers = await Promise.all(Array.from({ length: 8 }, () => weir.get('/api/wait')));
  const seen = answers.map((answer) => answer.json());
  assert.equal(new Set(seen.map(({ pid }) => pid)).size, 1);
  assert.equal(Math.max(...seen.map(({ most }) => most)), 2);
  assert.equal(await weir.stop(), 0);
});

test('maxConcurrency 1 counts a handler that goes on after its client has left', async (t) => {
  const dir = project(t, {
    'weir.json': '{ "functions": { "api/*.js": { "maxConcurrency": 1 } } }',
    'api/busy.js': `
let running = 0;
export async function GET(request) {
  running += 1;
  const seen = running;
  const ms = Number(new URL(request.url).searchParams.get('ms'));
  console.log('began ' + ms);
  await new Promise((resolve) => setTimeout(resolve, ms));
  running -= 1;
  return Response.json({ seen });
}`,
  });
  const weir = await dev(t, dir);
  for (let round = 0; round < 5; round += 1) {
    const from = weir.output().length;
    const leaving = request({ port: weir.port, path: '/api/busy?ms=1000', agent: false });
    leaving.on('error', () => undefined).end();
    await weir.printed(/began 1000/, from);
    leaving.destroy();
    assert.equal((await weir.get('/api/busy?ms=1')).json().seen, 1, 'two at once');
  }
  assert.equal(await weir.stop(), 0);
});

test('many invocations in one instance', async (t) => {
  const weir = await dev(t, project(t, { 'api/wait.js': counting }));
  const answers = await Promise.all(Array.from({ length: 50 }, () => weir.get('/api/wait')));
  // On a starved machine a second instance may take some of them.
  const most = Math.max(...answers.map((answer) => answer.json().most));
  assert.ok(most >= 25, `at most ${most} at once in one instance`);
  assert.equal(await weir.stop(), 0);
});

test('memory over the limit: the instance is killed, says so, and is replaced', async (t) => {
  const dir = project(t, {
    'weir.json': '{ "functions": { "api/*.js": { "memory": 128 } } }',
    'api/eat.js': `
const eaten = [];
export function GET() {
  const eat = () => { eaten.push(Buffer.alloc(16 * 1024 * 1024, 1)); setTimeout(eat, 5); };
  eat();
  return new Promise(() => {});
}`,
    'api/pid.js': 'export const GET = () => new Response(String(process.pid));',
  });
  const weir = await dev(t, dir);
  const answer = await weir.get('/api/eat');
  assert.equal(answer.status, 502);
  await weir.printed(/out of memory/i);
  assert.equal((await weir.get('/api/pid')).status, 200);
  assert.equal(await weir.stop(), 0);
});
