import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import { test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { installContext } from './context.ts';
import { FakeCall, FakeHost } from './fake-call.fixture.ts';
import { serverInvoker } from './node-invoker.ts';
import { openUpgrade } from './upgrade.ts';
import { webInvoker } from './web.ts';

const host = new FakeHost();
installContext(host);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A real client whose bytes go through a call: what edge and tunnel do, without them. */
class Bridge extends FakeCall {
  readonly client: Duplex;
  readonly #far: Duplex;

  constructor(headers: readonly string[], target: string) {
    super({ upgrade: true, headers, target });
    const [near, far] = duplexPair();
    this.client = near;
    this.#far = far;
  }
  override head(status: number, fields: readonly string[]): void {
    super.head(status, fields);
    let head = `HTTP/1.1 ${status} x\r\n`;
    for (let at = 0; at < fields.length; at += 2) head += `${fields[at]}: ${fields[at + 1]}\r\n`;
    this.#far.write(`${head}\r\n`);
  }
  override write(chunk: Uint8Array): boolean {
    this.#far.write(Buffer.from(chunk));
    return super.write(chunk);
  }
  override end(): void {
    super.end();
    this.#far.end();
  }
  /** A turn of the loop later, as a network would: ws does not expect an answer while it still sends. */
  flow(): void {
    this.#far.on('data', (chunk: Buffer) => {
      setImmediate(() => {
        if (!this.over) this.send(chunk.toString('latin1'));
      });
    });
    this.#far.on('end', () => {
      setImmediate(() => {
        if (!this.over) this.sendEnd();
      });
    });
  }
  override send(chunk: string): void {
    this.listener.body(Buffer.from(chunk, 'latin1'));
  }
}

/** Connects a client of `ws` to an invoker. */
async function connect(invoke: Parameters<FakeCall['begin']>[0], target: string): Promise<[WebSocket, Bridge]> {
  let bridge: Bridge | undefined;
  const [near, far] = duplexPair();
  const socket = new WebSocket(`ws://localhost${target}`, {
    createConnection: () => {
      process.nextTick(() => near.emit('connect'));
      return near;
    },
  });
  // The client's request, as the edge would parse it.
  let text = '';
  while (!text.includes('\r\n\r\n')) text += String((await once(far, 'data'))[0]);
  const fields = text
    .split('\r\n')
    .slice(1)
    .flatMap((line) => (line === '' ? [] : [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]));
  bridge = new Bridge(fields, target);
  bridge.client.on('data', (chunk) => far.write(chunk));
  bridge.client.on('end', () => far.end());
  far.on('data', (chunk: Buffer) => bridge.client.write(chunk));
  far.on('end', () => bridge.client.end());
  bridge.begin(invoke);
  bridge.flow();
  return [socket, bridge];
}

function chat(): ReturnType<typeof serverInvoker> {
  const server = http.createServer();
  const sockets = new WebSocketServer({ server, path: '/chat' });
  sockets.on('connection', (socket, request) => {
    socket.on('message', (data, binary) => socket.send(data, { binary }));
    socket.send(`hello ${request.url} ${request.socket.remoteAddress}`);
  });
  return serverInvoker(server, host);
}

test('the real ws package: text, bytes, large messages, a clean close', { timeout: 20_000 }, async () => {
  const [socket, call] = await connect(chat(), '/chat?room=1');
  assert.equal(String((await once(socket, 'message'))[0]), 'hello /chat?room=1 undefined');
  assert.equal(call.status, 101);
  assert.equal(call.header('upgrade')?.toLowerCase(), 'websocket');
  socket.send('text');
  assert.equal(String((await once(socket, 'message'))[0]), 'text');
  const large = Buffer.alloc(300_000, 7);
  socket.send(large);
  assert.deepEqual((await once(socket, 'message'))[0], large);
  socket.close(1000, 'done');
  const [code] = await once(socket, 'close');
  assert.equal(code, 1000);
  await call.settled();
  assert.equal(call.trace.at(-1), 'end');
});

test('a path that ws refuses is an ordinary answer', { timeout: 20_000 }, async () => {
  const [socket, call] = await connect(chat(), '/elsewhere');
  const [error] = await once(socket, 'error');
  assert.match((error as Error).message, /400/);
  assert.equal(call.status, 400);
  assert.equal(call.header('connection'), undefined);
  await call.settled();
  assert.equal(call.trace.at(-1), 'end');
});

test('a client that leaves closes the socket without an error', async () => {
  const call = new FakeCall({ upgrade: true });
  const { socket } = openUpgrade(call);
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nfirst');
  assert.deepEqual(call.trace, ['head 101', 'write 5']);
  assert.deepEqual(call.fields, ['Upgrade', 'x', 'Connection', 'Upgrade']);
  call.cancel();
  await once(socket, 'close');
  assert.equal(socket.destroyed, true);
});

test('credit holds the writer, and what is read is granted again', async () => {
  const call = new FakeCall({ upgrade: true, creditBytes: 4 });
  const { socket } = openUpgrade(call);
  socket.write('HTTP/1.1 101 x\r\n\r\n');
  let written = 0;
  socket.write('12345678', () => (written += 1));
  socket.write('more', () => (written += 1));
  await turn();
  assert.equal(written, 0);
  call.grant(100);
  await turn();
  assert.equal(written, 2);
  call.send('from the client');
  const [chunk] = await once(socket, 'data');
  assert.equal(String(chunk), 'from the client');
  assert.equal(call.consumedBytes, 15);
  call.sendEnd();
  await once(socket, 'end');
  socket.end();
  await call.settled();
});

test('what is no HTTP head, or none at all, is a failure', async () => {
  const call = new FakeCall({ upgrade: true });
  const { socket } = openUpgrade(call);
  socket.on('error', () => undefined);
  socket.write('hello\r\n\r\n');
  assert.equal((await call.settled()).code, 'FUNCTION_RESPONSE_INVALID');
  const silent = new FakeCall({ upgrade: true });
  openUpgrade(silent).socket.destroy();
  assert.equal((await silent.settled()).code, 'FUNCTION_INVOCATION_FAILED');
});

test('a server without upgrade listeners answers as ever', async () => {
  const server = http.createServer((req, res) => res.end(`plain ${req.headers.upgrade}`));
  const call = new FakeCall({ upgrade: true, headers: ['upgrade', 'websocket', 'connection', 'Upgrade'] });
  await call.begin(serverInvoker(server, host)).settled();
  assert.equal(call.text, 'plain websocket');
});

test('experimental_upgradeWebSocket of the unmodified @vercel/functions', { timeout: 20_000 }, async () => {
  const { experimental_upgradeWebSocket: upgrade } = await import('@vercel/functions');
  const invoke = webInvoker(
    {
      self: {},
      methods: {
        GET: () =>
          upgrade((socket) => void socket.on('message', (data: Buffer) => socket.send(`echo ${data.toString()}`))),
      },
      fetch: null,
    },
    host,
  );
  const [socket, call] = await connect(invoke, '/');
  await once(socket, 'open');
  socket.send('one');
  assert.equal(String((await once(socket, 'message'))[0]), 'echo one');
  socket.close();
  await once(socket, 'close');
  await call.settled();
  const plain = await new FakeCall().begin(invoke).settled();
  assert.equal(plain.code, 'FUNCTION_INVOCATION_FAILED');
  assert.match(host.lines.at(-1)!.text, /not available in the current runtime environment/);
});
