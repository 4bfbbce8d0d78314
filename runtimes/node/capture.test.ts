// Which server is the function, and what becomes of the others. Each case is a process: listen() is replaced for good.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { loadSource as load } from './load-source.fixture.ts';

/** Calls a server of the function's own, and says what it answered or which error came instead. */
const ask = `
import { get } from 'node:http';
const ask = (port, host = '127.0.0.1') => new Promise((resolve) => {
  get({ port, host, agent: false }, (res) => res.setEncoding('utf8').on('data', resolve)).on('error', (error) => resolve(error.code));
});`;

test('a server entry that exports its app: the server that listens is the function, early or late', () => {
  const source = (when: string): string => `
import { createServer } from 'node:http';
const server = createServer((req, res) => res.end('server'));
export default (req, res) => { res.end('app'); ${when === 'late' ? 'server.listen(3000);' : ''} };
${when === 'early' ? 'server.listen(3000);' : ''}`;
  const early = load('early.mjs', source('early'), { launch: 'server' });
  assert.equal(early.answers[0]?.[1], 'server');
  const late = load('late.mjs', source('late'), { launch: 'server', calls: Array.from({ length: 20 }, () => ({})) });
  assert.deepEqual([late.answers[0]?.[1], late.answers.at(-1)?.[1]], ['app', 'server']);
});

test('a later server listens on loopback, and a warning says which one has the traffic', () => {
  const source = `${ask}
import { createServer } from 'node:http';
const second = createServer((req, res) => res.end('second'));
const own = createServer((req, res) => res.end('own'));
createServer(async (req, res) => {
  const said = [await ask(second.address().port), await ask(own.address().port), second.address().address];
  res.end(JSON.stringify(said));
}).listen(3000);
second.listen({ port: 39571, host: '0.0.0.0' });
own.listen(0);
if (own.address().address !== '127.0.0.1') throw new Error('address() is not there at once');
await new Promise((resolve) => second.once('listening', resolve));`;
  const { answers, lines } = load('second.mjs', source, { launch: 'server' });
  assert.deepEqual(JSON.parse(answers[0]![1]), ['second', 'own', '127.0.0.1']);
  assert.equal(lines.length, 1);
  assert.match(
    lines[0]!,
    /^a server listens on 127\.0\.0\.1:39571, for this machine alone; requests go to the function's server \(port 3000\)$/,
  );
});

test('the server on PORT is the function, though another one listened before it', () => {
  const source = `${ask}
import { createServer } from 'node:http';
let heard = 0;
const metrics = createServer((req, res) => res.end('metrics')).on('listening', () => heard += 1).listen(39575);
await new Promise((resolve) => metrics.once('listening', resolve));
const start = () => createServer(async (req, res) => res.end('app ' + (await ask(39575)) + heard)).listen(process.env.PORT);`;
  const now = load('port.mjs', `${source}\nstart();`, { launch: 'server' });
  assert.equal(now.answers[0]?.[1], 'app metrics1');
  assert.match(now.lines.join(), /^a server listens on 127\.0\.0\.1:39575, .* requests go to the function's server/);
  const later = source.replace("res.end('metrics')", "(res.end('metrics'), start())");
  const { answers } = load('later.mjs', later, { launch: 'server', calls: Array.from({ length: 20 }, () => ({})) });
  assert.deepEqual([answers[0]?.[1], answers.at(-1)?.[1].slice(0, 3)], ['metrics', 'app']);
});

test('a port that another instance has taken: the next one, and no error', async (t) => {
  const other = createServer();
  t.after(() => other.close());
  await once(other.listen(0, '127.0.0.1'), 'listening');
  const { port } = other.address() as AddressInfo;
  const source = `${ask}
import { createServer } from 'node:http';
let calls = 0;
const second = createServer((req, res) => res.end('second'));
createServer(async (req, res) => res.end(calls + (await ask(second.address().port)))).listen(3000);
second.listen(${port}, () => calls += 1);
await new Promise((resolve) => second.once('listening', resolve));`;
  const { answers, lines } = load('taken.mjs', source, { launch: 'server' });
  assert.equal(answers[0]?.[1], '1second');
  assert.match(lines[0]!, new RegExp(`port ${port} is taken`));
});

test('a taken port of a server that listened first, in the very turn in which the function’s did', async (t) => {
  const other = createServer();
  t.after(() => other.close());
  await once(other.listen(0, '127.0.0.1'), 'listening');
  const { port } = other.address() as AddressInfo;
  const source = `${ask}
import { createServer } from 'node:http';
const heard = [];
const sockets = createServer((req, res) => res.end('sockets')).on('listening', () => heard.push('event'));
sockets.listen(${port}, () => heard.push('callback'));
createServer(async (req, res) => res.end((await ask(sockets.address().port)) + heard)).listen(3000);
await new Promise((resolve) => sockets.once('listening', resolve));`;
  const { answers, lines } = load('turn.mjs', source, { launch: 'server' });
  assert.equal(answers[0]?.[1], 'socketsevent,callback');
  assert.match(lines[0]!, new RegExp(`port ${port} is taken`));
});

test('an error that is not about a taken port is the function’s to hear', () => {
  const source = `
import { createServer } from 'node:http';
createServer((req, res) => {
  createServer().on('error', (error) => res.end(error.code)).listen({ port: 0, host: '::1', ipv6Only: 'no', path: undefined, fd: 12345 });
}).listen(3000);`;
  assert.match(load('fd.mjs', source, { launch: 'server' }).answers[0]![1], /^E[A-Z]+$/);
});

test('the same port on another address is the function too', () => {
  const source = `
import { createServer } from 'node:http';
const handle = (req, res) => res.end('one service');
createServer(handle).listen({ port: 3000, host: '127.0.0.1' });
const other = createServer(handle).listen({ port: 3000, host: '::1' });
await new Promise((resolve) => other.once('listening', resolve));`;
  const { answers, lines } = load('addresses.mjs', source, { launch: 'server' });
  assert.deepEqual([answers[0]?.[1], lines], ['one service', []]);
});

test('beside exports a server is not the function: it listens for real, while loading and later', () => {
  const source = `${ask}
import { createServer } from 'node:http';
const any = createServer((req, res) => res.end('any'));
await new Promise((resolve) => any.listen(0, resolve));
const { port } = any.address();
let heard = 0;
const fixed = createServer((req, res) => res.end('fixed')).on('listening', () => heard += 1).listen(39572);
await new Promise((resolve) => fixed.once('listening', resolve));
export const GET = async () => {
  const later = createServer((req, res) => res.end('later')).listen(0);
  const said = [await ask(port), await ask(fixed.address().port), await ask(later.address().port), heard];
  return Response.json(said);
};`;
  const { answers, lines } = load('beside.mjs', source);
  assert.deepEqual(JSON.parse(answers[0]![1]), ['any', 'fixed', 'later', 1]);
  assert.match(lines.join(), /^a server listens on 127\.0\.0\.1:39572, .*; requests go to what the module exports$/);
  const single = `${ask}
import { createServer } from 'node:http';
let heard = 0;
const fixed = createServer((req, res) => res.end('fixed')).on('listening', () => heard += 1).listen(39573);
await new Promise((resolve) => fixed.once('listening', resolve));
export const GET = async () => Response.json([await ask(39573), fixed.address(), heard]);`;
  const released = load('released.mjs', single);
  const address = { address: '127.0.0.1', family: 'IPv4', port: 39573 };
  assert.deepEqual(JSON.parse(released.answers[0]![1]), ['fixed', address, 1]);
  assert.match(released.lines[0]!, /requests go to what the module exports/);
});

test('an exported server is the function, whatever else listens before it', () => {
  const source = `
import { createServer } from 'node:http';
createServer((req, res) => res.end('metrics')).listen(0);
const server = createServer((req, res) => res.end('exported ' + server.address()?.port));
export default server;
setImmediate(() => server.listen(39574));`;
  assert.equal(load('exported.mjs', source, { calls: [{}] }).answers[0]?.[1]?.slice(0, 8), 'exported');
});

test('servers that are no HTTP/1 servers listen on loopback, whatever they ask for', () => {
  const source = `
import { createServer } from 'node:net';
import { createServer as createHttp2 } from 'node:http2';
const listening = (server, ...args) => new Promise((resolve) => server.listen(...args, () => resolve(server.address().address)));
const path = process.cwd() + '/s.sock';
const local = createServer();
const seen = [
  await listening(createServer(), 0, '0.0.0.0'),
  await listening(createServer(), { port: 0, host: '::' }),
  await listening(createHttp2(), 0),
  await listening(createServer(), { port: 0, host: '127.0.0.2' }),
  createServer().listen().address().address,
  await new Promise((resolve) => local.listen(path, () => resolve(local.address() === path))),
];
export const GET = () => { local.close(); return Response.json(seen); };`;
  const { answers } = load('plain.mjs', source);
  const host = '127.0.0.1';
  assert.deepEqual(JSON.parse(answers[0]![1]), [host, host, host, '127.0.0.2', host, true]);
});

test('a server for HTTP/2 alone fails soon and clearly; beside an HTTP/1 server it is fine', () => {
  const alone = `import { createServer } from 'node:http2'; createServer().listen(3000);`;
  const started = performance.now();
  const failed = load('http2.mjs', alone, { launch: 'server', serverListenMs: 60_000 });
  assert.match(failed.error, /takes HTTP\/2 alone.*\nExpected: http\.createServer instead of http2\.createServer/);
  assert.ok(performance.now() - started < 30_000);
  const exported = `
import { createServer } from 'node:http2';
export default createServer((req, res) => res.end());`;
  assert.match(load('exported2.mjs', exported).error, /takes HTTP\/2 alone/);
  const beside = `
import { createServer as createHttp2 } from 'node:http2';
import { createServer } from 'node:http';
createHttp2().listen(0);
setTimeout(() => createServer((req, res) => res.end('late')).listen(3000), 20);`;
  assert.equal(load('grpc.mjs', beside, { launch: 'server' }).answers[0]?.[1], 'late');
});
