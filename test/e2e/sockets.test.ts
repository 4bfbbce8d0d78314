// WebSockets as people write them, and how they end: by a close frame, on both ends.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { dev, project, repository } from './weir.ts';

/** With this repository's libraries. */
function withLibraries(context: TestContext, files: Readonly<Record<string, string>>): string {
  const dir = project(context, files);
  symlinkSync(join(repository, 'node_modules'), join(dir, 'node_modules'));
  return dir;
}

/** Says how each of its connections was closed. */
const closing = `
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
const server = createServer((req, res) => res.end('version 1'));
server.on('upgrade', (req, socket) => {
  if (req.headers.upgrade !== 'other') return;
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: other\\r\\n\\r\\nfirst');
  socket.on('close', () => console.log('other closed'));
});
const sockets = new WebSocketServer({ noServer: true });
server.on('upgrade', (req, socket, head) => {
  if (req.headers.upgrade === 'websocket') sockets.handleUpgrade(req, socket, head, (socket) => sockets.emit('connection', socket));
});
sockets.on('connection', (socket) => {
  socket.on('message', (data) => socket.send(process.pid + ' ' + data));
  socket.on('close', (code, reason) => console.log('closed: ' + code + ' ' + reason));
});
server.listen(process.env.PORT);
`;

interface Opened {
  readonly socket: WebSocket;
  readonly maxDuration: string | undefined;
  readonly closed: Promise<[number, string]>;
}

async function open(url: string): Promise<Opened> {
  const socket = new WebSocket(url);
  let maxDuration: string | undefined;
  socket.once('upgrade', ({ headers }) => (maxDuration = headers['x-weir-max-duration'] as string | undefined));
  const closed = once(socket, 'close').then(([code, reason]): [number, string] => [code as number, String(reason)]);
  await once(socket, 'open');
  return { socket, maxDuration, closed };
}

async function ask(socket: WebSocket, text: string): Promise<string> {
  socket.send(text);
  const [data] = (await once(socket, 'message')) as [Buffer];
  return String(data);
}

const settings = (maxDuration: number): string => JSON.stringify({ functions: { 'server.js': { maxDuration } } });

test('ws: each socket stays on its instance, in flight for as long as they are open', async (t) => {
  const weir = await dev(t, withLibraries(t, { 'server.js': closing }));
  const all = await Promise.all(Array.from({ length: 20 }, () => open(`ws://127.0.0.1:${weir.port}/`)));
  assert.equal(all[0]!.maxDuration, '300');
  const before = await Promise.all(all.map(({ socket }) => ask(socket, 'who')));
  const inFlight = async (): Promise<number> => {
    const { functions } = await weir.status();
    return functions[0].instances.reduce((sum: number, instance: { inFlight: number }) => sum + instance.inFlight, 0);
  };
  assert.equal(await inFlight(), 20);
  // Each stays where it is.
  assert.deepEqual(await Promise.all(all.map(({ socket }) => ask(socket, 'who'))), before);
  for (const { socket } of all) socket.close(1000);
  assert.deepEqual(
    await Promise.all(all.map(({ closed }) => closed)),
    all.map(() => [1000, '']),
  );
  while ((await inFlight()) !== 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await weir.stop(), 0);
});

test('at maxDuration: 1001 to the client, whose answer closes the function’s end; what is no WebSocket just ends', async (t) => {
  const weir = await dev(t, withLibraries(t, { 'server.js': closing, 'weir.json': settings(1) }));
  const { closed, maxDuration } = await open(`ws://127.0.0.1:${weir.port}/`);
  assert.equal(maxDuration, '1');
  const other = connect(weir.port, '127.0.0.1');
  other.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n');
  let heard = '';
  other.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  assert.deepEqual(await closed, [1001, 'maxDuration is up']);
  await weir.printed(/closed: 1001 maxDuration is up/);
  if (!other.closed) await once(other, 'close');
  assert.match(heard, /first$/);
  await weir.printed(/other closed/);
  const { functions } = await weir.status();
  // The WebSocket was answered to its end. The other was in the middle of whatever it was.
  assert.deepEqual(functions[0].failures, { CLIENT_CLOSED_REQUEST: 1 });
  assert.equal(await weir.stop(), 0);
});

/** False: its time was up before there was a new version, on a machine that is that slow. */
async function outlivesItsVersion(t: TestContext, maxDuration: number): Promise<boolean> {
  const dir = withLibraries(t, { 'server.js': closing, 'weir.json': settings(maxDuration) });
  const weir = await dev(t, dir);
  const { socket, closed } = await open(`ws://127.0.0.1:${weir.port}/`);
  const before = await ask(socket, 'who');
  writeFileSync(join(dir, 'server.js'), closing.replace('version 1', 'version 2'));
  while ((await weir.get('/')).text !== 'version 2') await new Promise((resolve) => setImmediate(resolve));
  const after = await Promise.race([ask(socket, 'who'), closed]);
  if (typeof after === 'string') {
    assert.equal(after, before);
    assert.deepEqual(await closed, [1012, 'replaced by a newer instance']);
    await weir.printed(/closed: 1012 replaced by a newer instance/);
  }
  assert.equal(await weir.stop(), 0);
  return typeof after === 'string';
}

test('after a new version: the socket stays where it is, and is closed with 1012 at maxDuration', async (t) => {
  let maxDuration = 6;
  while (!(await outlivesItsVersion(t, maxDuration))) {
    assert.ok(maxDuration < 60, 'sockets never outlive their version');
    maxDuration *= 2;
  }
});

test('a shutdown closes sockets with 1001, and does not wait for maxDuration', async (t) => {
  const weir = await dev(t, withLibraries(t, { 'server.js': closing }));
  const { closed } = await open(`ws://127.0.0.1:${weir.port}/`);
  const stopped = weir.stop();
  assert.deepEqual(await closed, [1001, 'the platform shuts down']);
  assert.equal(await stopped, 0);
  assert.match(weir.output(), /closed: 1001 the platform shuts down/);
});

test('an instance that crashes: 1011', async (t) => {
  const crash = closing.replace("socket.send(process.pid + ' ' + data)", 'process.kill(process.pid, 9)');
  const weir = await dev(t, withLibraries(t, { 'server.js': crash }));
  const { socket, closed } = await open(`ws://127.0.0.1:${weir.port}/`);
  socket.send('crash');
  assert.deepEqual(await closed, [1011, 'the function failed']);
  assert.equal(await weir.stop(), 0);
});

test('socket.io: websocket transport, acknowledgements, rooms, binary', async (t) => {
  const server = `
import { createServer } from 'node:http';
import { Server } from 'socket.io';
const server = createServer();
const sockets = new Server(server, { transports: ['websocket'] });
sockets.on('connection', (socket) => {
  socket.on('join', (room, done) => { socket.join(room); done([...socket.rooms].length); });
  socket.on('say', (room, text) => socket.to(room).emit('said', text));
  socket.on('bytes', (bytes, done) => done(Buffer.concat([bytes, Buffer.from([bytes.length])])));
});
server.listen(process.env.PORT);`;
  const weir = await dev(t, withLibraries(t, { 'server.js': server }));
  const join = async () => {
    const socket = io(weir.origin, { transports: ['websocket'], reconnection: false });
    t.after(() => socket.close());
    await new Promise<void>((resolve, reject) => {
      socket.on('connect', resolve);
      socket.on('connect_error', reject);
    });
    assert.equal(await socket.emitWithAck('join', 'room'), 2);
    return socket;
  };
  const [one, two] = [await join(), await join()];
  const said = new Promise((resolve) => one.on('said', resolve));
  two.emit('say', 'room', { text: 'hello' });
  assert.deepEqual(await said, { text: 'hello' });
  assert.deepEqual(
    await two.emitWithAck('bytes', Buffer.alloc(100_000, 1)),
    Buffer.concat([Buffer.alloc(100_000, 1), Buffer.from([100_000 & 0xff])]),
  );
  const left = new Promise((resolve) => one.on('disconnect', resolve));
  one.close();
  assert.equal(await left, 'io client disconnect');
  assert.equal(await weir.stop(), 0);
});

test('experimental_upgradeWebSocket of @vercel/functions in a route handler', async (t) => {
  const chat = `
import { experimental_upgradeWebSocket as upgradeWebSocket } from '@vercel/functions';
export function GET(request) {
  const name = new URL(request.url).searchParams.get('name');
  return upgradeWebSocket((socket) => {
    socket.send('hello ' + name);
    socket.on('message', (data) => socket.send('heard ' + data));
    socket.on('close', (code) => console.log('closed: ' + code));
  });
}
export const maxDuration = 2;`;
  const weir = await dev(t, withLibraries(t, { 'api/chat.js': chat }));
  const socket = new WebSocket(`ws://127.0.0.1:${weir.port}/api/chat?name=you`);
  const [greeting] = (await once(socket, 'message')) as [Buffer];
  assert.equal(String(greeting), 'hello you');
  assert.equal(await ask(socket, 'this'), 'heard this');
  const [code] = (await once(socket, 'close')) as [number];
  assert.equal(code, 1001);
  await weir.printed(/closed: 1001/);
  assert.equal((await weir.get('/api/chat')).status, 500);
  assert.equal(await weir.stop(), 0);
});

test('a framework that answers by (req, res) when its route has upgraded: that goes nowhere', async (t) => {
  const chat = (answer: string): string => `
import { experimental_upgradeWebSocket as upgradeWebSocket } from '@vercel/functions';
export default async (req, res) => {
  const { status } = await upgradeWebSocket((socket) => socket.on('message', (data) => socket.send('heard ' + data)));
  ${answer}
};`;
  const files = {
    'api/whole.js': chat('res.writeHead(status); res.end();'),
    'api/parts.js': chat('res.writeHead(status); res.flushHeaders(); setImmediate(() => res.end());'),
    'api/body.js': chat("res.writeHead(200); res.write('a body'); res.end('of it');"),
  };
  const weir = await dev(t, withLibraries(t, files));
  for (const name of ['whole', 'parts', 'body']) {
    const { socket } = await open(`ws://127.0.0.1:${weir.port}/api/${name}`);
    // By the second answer, what the framework said would have come.
    assert.equal(await ask(socket, 'this'), 'heard this', name);
    assert.equal(await ask(socket, 'that'), 'heard that', name);
    socket.close();
    await once(socket, 'close');
  }
  assert.equal(await weir.stop(), 0);
});
