import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { silentLog } from '../base/log.ts';
import { client, converse, deployment, route, spec, startEdge } from './edge.fixture.ts';
import type { Started } from './edge.fixture.ts';
import { indexFiles } from './files.ts';
import type { HttpExchange } from './respond.ts';

function directory(context: TestContext, files: Readonly<Record<string, string | Buffer>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'weir-static-'));
  context.after(() => rmSync(dir, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  return dir;
}

/** Files, and one function at /api/x. */
const serve = (context: TestContext, publicDir: string): Promise<Started> =>
  startEdge(context, ({ exchange }) => exchange.reply(200, [], Buffer.from('function')), {
    deployments: [deployment({ publicDir, functions: [spec('x')], routes: [route('/api/x', 'dpl_1/x')] })],
  });

const ask = (context: TestContext, port: number, line: string, ...fields: readonly string[]): Promise<string> =>
  converse(context, port, [`${line} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...fields, '', ''].join('\r\n'));

const bodyOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4);
const statusOf = (text: string): number => Number(text.slice(9, 12));

test('files with their type, length and validators; index.html for directories', async (t) => {
  const dir = directory(t, {
    'index.html': '<p>home',
    'docs/index.html': '<p>docs',
    'a b.css': 'p{}',
    'x.unknown': '?',
    'api/x': 'file',
  });
  const { port } = await serve(t, dir);
  const home = await ask(t, port, 'GET /');
  assert.match(home, /^HTTP\/1\.1 200 OK\r\n/);
  for (const field of [
    'Content-Type: text/html; charset=utf-8',
    'Content-Length: 7',
    'Accept-Ranges: bytes',
    'Server: Weir',
  ]) {
    assert.ok(home.includes(`\r\n${field}\r\n`), field);
  }
  assert.match(home, /\r\nETag: "[^"]+"\r\nLast-Modified: [^\r]+ GMT\r\n/);
  assert.equal(bodyOf(home), '<p>home');
  for (const path of ['/docs', '/docs/', '/docs/index.html'])
    assert.equal(bodyOf(await ask(t, port, `GET ${path}`)), '<p>docs');
  assert.match(await ask(t, port, 'GET /a%20b.css?v=1'), /Content-Type: text\/css; charset=utf-8\r\n(?:.|\r\n)*p\{\}$/);
  assert.match(await ask(t, port, 'GET /x.unknown'), /Content-Type: application\/octet-stream/);
  assert.equal(bodyOf(await ask(t, port, 'GET /api/x')), 'file', 'a file comes before a function');
  assert.equal(bodyOf(await ask(t, port, 'POST /api/x')), 'function', 'but for GET and HEAD alone');
  assert.match(
    await ask(t, port, 'POST /index.html'),
    /^HTTP\/1\.1 405 (?:.|\r\n)*X-Weir-Error: INVALID_REQUEST_METHOD/,
  );
  assert.match(await ask(t, port, 'GET /nothing'), /^HTTP\/1\.1 404 (?:.|\r\n)*X-Weir-Error: NOT_FOUND/);
});

test('HEAD is GET without the body; the connection goes on', async (t) => {
  const { port } = await serve(t, directory(t, { 'small.txt': 'small', 'large.bin': Buffer.alloc(200_000, 'l') }));
  const connection = client(t, port).send(
    ['small.txt', 'large.bin'].map((name) => `HEAD /${name} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join(''),
  );
  const text = await connection.reads(/Content-Length: 200000\r\n(?:.+\r\n)*\r\n/);
  assert.match(text, /Content-Length: 5\r\n/);
  connection.send('GET /small.txt HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await connection.reads(/\r\n\r\nsmall$/);
});

test('conditions and ranges', async (t) => {
  const { port } = await serve(t, directory(t, { 'a.txt': '0123456789' }));
  const whole = await ask(t, port, 'GET /a.txt');
  const tag = /ETag: (\S+)/.exec(whole)![1]!;
  const date = /Last-Modified: ([^\r]+)/.exec(whole)![1]!;
  for (const field of [`If-None-Match: ${tag}`, `If-Modified-Since: ${date}`]) {
    const unchanged = await ask(t, port, 'GET /a.txt', field);
    assert.deepEqual([statusOf(unchanged), bodyOf(unchanged)], [304, '']);
    assert.ok(unchanged.includes(tag));
  }
  const part = await ask(t, port, 'GET /a.txt', 'Range: bytes=2-4');
  assert.match(
    part,
    /^HTTP\/1\.1 206 Partial Content\r\n(?:.+\r\n)*Content-Range: bytes 2-4\/10\r\n(?:.+\r\n)*Content-Length: 3\r\n/,
  );
  assert.equal(bodyOf(part), '234');
  assert.equal(bodyOf(await ask(t, port, 'GET /a.txt', 'Range: bytes=-2', `If-Range: ${tag}`)), '89');
  assert.equal(bodyOf(await ask(t, port, 'GET /a.txt', 'Range: bytes=-2', 'If-Range: "old"')), '0123456789');
  const none = await ask(t, port, 'GET /a.txt', 'Range: bytes=10-');
  assert.match(none, /^HTTP\/1\.1 416 (?:.|\r\n)*Content-Range: bytes \*\/10\r\n/);
  assert.equal(statusOf(await ask(t, port, 'GET /a.txt', 'If-Match: "old"')), 412);
  assert.match(
    await ask(t, port, 'HEAD /a.txt', 'Range: bytes=2-4'),
    /^HTTP\/1\.1 200 (?:.|\r\n)*Content-Length: 10\r\n/,
  );
});

test('a large file streams, whole or in part; a reader that leaves closes it', async (t) => {
  const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => (at * 31) & 0xff));
  const { port } = await serve(t, directory(t, { 'large.bin': bytes }));
  assert.ok(Buffer.from(bodyOf(await ask(t, port, 'GET /large.bin')), 'latin1').equals(bytes));
  const part = bodyOf(await ask(t, port, 'GET /large.bin', 'Range: bytes=1000-2000999'));
  assert.ok(Buffer.from(part, 'latin1').equals(bytes.subarray(1000, 2_001_000)));
  const leaving = client(t, port).send('GET /large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await leaving.reads(/HTTP\/1\.1 200/);
  leaving.close();
  assert.equal(bodyOf(await ask(t, port, 'GET /large.bin')).length, bytes.length);
});

test('what is not in the directory is not served', async (t) => {
  const outside = directory(t, { 'secret.txt': 'not for you', 'dir/secret.txt': 'not for you' });
  const dir = directory(t, {
    'a.txt': 'a',
    '.env': 'not for you',
    '.git/config': 'not for you',
    'sub/.hidden': 'not for you',
    '.well-known/x': 'known',
  });
  symlinkSync(join(outside, 'secret.txt'), join(dir, 'link.txt'));
  symlinkSync(join(outside, 'dir'), join(dir, 'linked'));
  symlinkSync(join(dir, 'a.txt'), join(dir, 'inside.txt'));
  symlinkSync(dir, join(dir, 'loop'));
  symlinkSync(dir, join(dir, 'other-loop'));
  symlinkSync('nowhere', join(dir, 'broken'));
  const { port } = await serve(t, dir);
  const hidden = [
    '.env',
    '.git/config',
    'sub/.hidden',
    'link.txt',
    'linked/secret.txt',
    'broken',
    '%2eenv',
    'sub',
    'sub/',
  ];
  for (const path of hidden) {
    const text = await ask(t, port, `GET /${path}`);
    assert.deepEqual([statusOf(text), text.includes('not for you')], [404, false], path);
  }
  for (const path of [
    '../a.txt',
    '%2e%2e/a.txt',
    'sub/../a.txt',
    '..%2fa.txt',
    'a.txt%00',
    '..\\a.txt',
    '%5c..%5ca.txt',
  ]) {
    assert.equal(statusOf(await ask(t, port, `GET /${path}`)), 400, path);
  }
  assert.equal(bodyOf(await ask(t, port, 'GET /.well-known/x')), 'known');
  assert.equal(bodyOf(await ask(t, port, 'GET /inside.txt')), 'a');
  assert.equal(statusOf(await ask(t, port, 'GET /a.txt/')), 404);
});

test('a file that changes after the index was made is served as it is now; one that is gone, or a link now, is not', async (t) => {
  const outside = directory(t, { 'secret.txt': 'not for you' });
  const dir = directory(t, { 'grows.txt': 'a', 'goes.txt': 'b', 'turns.txt': 'c' });
  const { port } = await serve(t, dir);
  const before = /ETag: (\S+)/.exec(await ask(t, port, 'GET /grows.txt'))![1]!;
  writeFileSync(join(dir, 'grows.txt'), 'a and more');
  utimesSync(join(dir, 'grows.txt'), 1000, 1000);
  rmSync(join(dir, 'goes.txt'));
  rmSync(join(dir, 'turns.txt'));
  symlinkSync(join(outside, 'secret.txt'), join(dir, 'turns.txt'));
  assert.equal(bodyOf(await ask(t, port, 'GET /grows.txt', `If-None-Match: ${before}`)), 'a and more');
  for (const path of ['goes.txt', 'turns.txt']) assert.equal(statusOf(await ask(t, port, `GET /${path}`)), 404, path);
});

test('a file that shrinks while it is sent ends the connection', async (t) => {
  const dir = directory(t, { 'large.bin': Buffer.alloc(64 * 1024 * 1024, 'l') });
  const { port } = await serve(t, dir);
  const connection = client(t, port).send('GET /large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await connection.reads(/\r\n\r\nl/);
  connection.socket.pause();
  truncateSync(join(dir, 'large.bin'), 1024 * 1024);
  connection.socket.resume();
  assert.ok((await connection.untilClosed()).length < 64 * 1024 * 1024);
});

test('a publish makes the index anew', async (t) => {
  const dir = directory(t, { 'a.txt': 'a' });
  const { edge, port } = await serve(t, dir);
  writeFileSync(join(dir, 'b.txt'), 'b');
  assert.equal(statusOf(await ask(t, port, 'GET /b.txt')), 404);
  edge.publish({ version: 2, deployments: [deployment({ publicDir: dir })] });
  assert.equal(bodyOf(await ask(t, port, 'GET /b.txt')), 'b');
});

test('a directory that cannot be read is an empty one, and logged', (t) => {
  const dir = directory(t, { 'closed/a.txt': 'a' });
  const warned: string[] = [];
  const log = { ...silentLog, warn: (message: string) => void warned.push(message) };
  assert.equal(indexFiles(join(dir, 'nowhere'), log).size, 0);
  assert.equal(warned.length, 1);
  assert.deepEqual([...indexFiles(dir, log).keys()], ['/closed/a.txt']);
});

test('a file behind an answer that takes its time: the client is cut off when it takes nothing, not before', async (t) => {
  const dir = directory(t, { 'large.bin': '' });
  truncateSync(join(dir, 'large.bin'), 64 * 1024 * 1024);
  const { port, invoker } = await startEdge(t, () => undefined, {
    deployments: [deployment({ publicDir: dir, functions: [spec('x')], routes: [route('/api/x', 'dpl_1/x')] })],
    edge: { timeouts: { stallMs: 100 } },
  });
  const lines = ['/api/x', '/large.bin'].map((path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  const connection = client(t, port).send(lines.join(''));
  connection.socket.pause();
  const { exchange } = await invoker.nth(1);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const { socket } = (exchange as HttpExchange).connection;
  assert.equal(socket.destroyed, false);
  exchange.reply(200, [], null);
  await once(socket, 'close');
});
