// What user code finds in an instance, and what it must not find.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { createGzip } from 'node:zlib';
import { WebSocket } from 'ws';
import { dev, project, repository } from './weir.ts';

test('an instance leaves nothing of the platform in the environment, and does not comment on the module', async (t) => {
  const dir = project(t, {
    'package.json': '{}',
    'api/env.js': `
import { spawnSync } from 'node:child_process';
import { getCompileCacheDir } from 'node:module';
export function GET() {
  const child = spawnSync(process.execPath, ['-p', 'JSON.stringify(process.env)'], { encoding: 'utf8' });
  const names = [...Object.keys(process.env), ...Object.keys(JSON.parse(child.stdout))];
  return Response.json({ names, cached: getCompileCacheDir() !== undefined });
}`,
  });
  const weir = await dev(t, dir);
  const { names, cached } = (await weir.get('/api/env')).json();
  assert.ok(names.includes('VERCEL_URL'));
  assert.deepEqual(
    names.filter((name: string) => /^WEIR_(?:ADDRESS|SENTINEL)|COMPILE_CACHE/.test(name)),
    [],
  );
  assert.equal(cached, true, 'the instance itself has its bytecode');
  assert.equal(await weir.stop(), 0);
  assert.doesNotMatch(weir.output(), /TYPELESS|to eliminate this warning/i);
});

test('variables of the machine that the hosted platform hides do not reach functions; those of the project do', async (t) => {
  const hidden = [
    'AWS_LAMBDA_FUNCTION_NAME',
    'AWS_EXECUTION_ENV',
    '_AWS_XRAY_DAEMON_PORT',
    'LAMBDA_TASK_ROOT',
    '_HANDLER',
  ];
  for (const name of hidden) process.env[name] = 'of the machine';
  t.after(() => hidden.forEach((name) => delete process.env[name]));
  const dir = project(t, {
    '.env': 'AWS_ACCESS_KEY_ID=of-the-project',
    'api/env.js': 'export const GET = () => Response.json(process.env);',
  });
  const weir = await dev(t, dir);
  const seen = (await weir.get('/api/env')).json();
  const names = Object.keys(seen).filter((name) => /AWS|LAMBDA|_HANDLER/.test(name));
  assert.deepEqual(names, ['AWS_ACCESS_KEY_ID']);
  assert.equal(await weir.stop(), 0);
});

test('an edge function, which may replace the process that the platform’s own code needs', async (t) => {
  const dir = project(t, {
    'api/edge.ts': `
export const config = { runtime: 'edge' };
(globalThis as { process: unknown }).process = { env: {} };
export default async (request: Request, { waitUntil }: { waitUntil(work: Promise<unknown>): void }): Promise<Response> => {
  waitUntil(Promise.resolve());
  return new Response([typeof EdgeRuntime, request.method, await request.text()].join());
};
declare const EdgeRuntime: unknown;`,
  });
  const weir = await dev(t, dir);
  for (let count = 0; count < 3; count += 1) {
    assert.equal((await weir.send('POST', '/api/edge', 'body')).text, 'string,POST,body');
  }
  assert.equal((await weir.status()).functions[0].invocations, 3);
  assert.equal(await weir.stop(), 0);
  assert.doesNotMatch(weir.output(), /error|warn/i);
});

test('a server that listens has its WebSockets, though its file exports the app; a second server is no secret', async (t) => {
  const dir = project(t, {
    'server.js': `
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
createServer((req, res) => res.end('metrics')).listen(39581, '0.0.0.0');
const app = (req, res) => res.end('app');
const server = createServer(app);
new WebSocketServer({ server }).on('connection', (socket) => socket.on('message', (text) => socket.send('heard ' + text)));
server.listen(process.env.PORT);
export default app;`,
  });
  symlinkSync(join(repository, 'node_modules'), join(dir, 'node_modules'));
  const weir = await dev(t, dir);
  assert.equal((await weir.get('/')).text, 'app');
  const client = new WebSocket(`ws://127.0.0.1:${weir.port}`);
  await once(client, 'open');
  client.send('this');
  const [text] = (await once(client, 'message')) as [Buffer];
  assert.equal(String(text), 'heard this');
  const [said] = await weir.printed(/a server listens on 127\.0\.0\.1:39581.*$/m);
  assert.match(said, /requests go to the function's server \(port 3000\)/);
  client.terminate();
  assert.equal(await weir.stop(), 0);
});

test('what a model answers, compressed, streams through return fetch(…), token by token', async (t) => {
  let next: (token: string | null) => void = () => undefined;
  const model = createServer((_, res) => {
    const gzip = createGzip();
    gzip.pipe(res.setHeader('content-encoding', 'gzip'));
    next = (token) => void (token === null ? gzip.end() : gzip.write(token, () => gzip.flush(() => undefined)));
    res.flushHeaders();
  });
  t.after(() => model.close());
  await once(model.listen(0, '127.0.0.1'), 'listening');
  const { port } = model.address() as AddressInfo;
  const dir = project(t, {
    'api/chat.js': `
export const GET = () => fetch('http://127.0.0.1:${port}/');
export const POST = async () => {
  const upstream = await fetch('http://127.0.0.1:${port}/');
  return new Response(upstream.body, upstream);
};`,
  });
  const weir = await dev(t, dir);
  for (const method of ['GET', 'POST']) {
    const response = await weir.open(method, '/api/chat');
    assert.deepEqual(
      [response.headers['content-encoding'], response.headers['content-length']],
      [undefined, undefined],
    );
    const tokens: string[] = [];
    next('one ');
    for await (const chunk of response) {
      tokens.push(String(chunk));
      next(tokens.length === 1 ? 'two' : null);
    }
    assert.deepEqual(tokens, ['one ', 'two']);
  }
  assert.equal(await weir.stop(), 0);
});

test('a Response from a (req, res) function is an error that says what to export, at once', async (t) => {
  const dir = project(t, { 'api/hi.js': "export default (request) => new Response('hi');" });
  const weir = await dev(t, dir);
  const answer = await weir.get('/api/hi', { accept: 'text/plain' });
  assert.deepEqual([answer.status, answer.headers['x-weir-error']], [500, 'FUNCTION_INVOCATION_FAILED']);
  assert.match(answer.text, /export it as GET \(or another method\), or as `export default \{ fetch \}`/);
  await weir.printed(/returned a Response/);
  assert.equal(await weir.stop(), 0);
});

test('a server for HTTP/2 alone is told what to use', async (t) => {
  const dir = project(t, { 'server.js': "import { createServer } from 'node:http2'; createServer().listen(3000);" });
  const weir = await dev(t, dir);
  const answer = await weir.get('/', { accept: 'text/plain' });
  assert.equal(answer.headers['x-weir-error'], 'FUNCTION_LOAD_FAILED');
  await weir.printed(/Expected: http\.createServer instead of http2\.createServer/);
  assert.equal(await weir.stop(), 0);
});
