// Idle WebSockets on one function: what the router keeps for each of them.
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { rssMiB } from './cpu.ts';
import { section } from './report.ts';
import type { Section } from './report.ts';
import { weir } from './targets.ts';

const server = `
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';
const server = createServer((req, res) => res.end('up'));
new WebSocketServer({ server }).on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))));
server.listen(process.env.PORT ?? 3000);
`;
const files = {
  'server.js': server,
  'weir.json': JSON.stringify({ functions: { 'server.js': { maxConcurrency: 8192, maxInstances: 1 } } }),
};

/** At once, so that no queue is what is measured. */
const batch = 50;

/** Resolves with a socket after its 101; rejects with what came instead. */
async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  const key = 'AAAAAAAAAAAAAAAAAAAAAA==';
  socket.write(
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  const [head] = (await once(socket, 'data')) as [Buffer];
  if (!head.toString('latin1').startsWith('HTTP/1.1 101 ')) throw new Error(head.toString('latin1'));
  return socket;
}

/** A text frame of one letter, masked by zeros, and its echo. */
async function echo(socket: Socket): Promise<void> {
  socket.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61]));
  await once(socket, 'data');
}

interface Reported {
  readonly functions: readonly { readonly instances: readonly { readonly pid: number; readonly inFlight: number }[] }[];
}

export async function idleSockets(count: number): Promise<Section[]> {
  const target = await weir({ name: 'Weir sockets', files });
  const sockets: Socket[] = [];
  try {
    const port = Number(new URL(target.origin).port);
    sockets.push(await open(port));
    const before = rssMiB(target.frontPid);
    const startedMs = performance.now();
    while (sockets.length < count) {
      const some = Math.min(batch, count - sockets.length);
      sockets.push(...(await Promise.all(Array.from({ length: some }, () => open(port)))));
    }
    const openedMs = performance.now() - startedMs;
    // What opening them left behind is not what they hold.
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const after = rssMiB(target.frontPid);
    const status = await fetch(`${target.origin}/_weir/status`, { headers: { accept: 'application/json' } });
    const instances = ((await status.json()) as Reported).functions.flatMap((each) => each.instances);
    const echoMs = performance.now();
    for (const socket of sockets) await echo(socket);
    const row = {
      sockets: count,
      instances: instances.filter(({ inFlight }) => inFlight > 0).length,
      'opened per s': (count / openedMs) * 1000,
      'router RSS before, MiB': before,
      'router RSS after, MiB': after,
      'per socket, KiB': ((after - before) * 1024) / count,
      'instances RSS, MiB': instances.reduce((sum, { pid }) => sum + rssMiB(pid), 0),
      'echo, one after the other, µs': ((performance.now() - echoMs) / count) * 1000,
    };
    return [section(`${count} idle WebSockets`, [row])];
  } finally {
    for (const socket of sockets) socket.destroy();
    await target.stop();
  }
}
