import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProgramPlace } from './program-pool.ts';

const firstLookMs = 2;
const lastLookMs = 50;
/** `localhost` is either of them. */
const hosts = ['127.0.0.1', '::1'] as const;
/** A connection that is not accepted at once is not to one that listens. */
const connectMs = 1_000;

/** A port of the loopback device that nobody listens on now. */
export async function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    server.close(() => resolve(port));
  });
  return promise;
}

/** Where a connection to the port is accepted, as soon as one is. Rejects when `signal` says so. */
export async function accepting(port: number, signal: AbortSignal): Promise<ProgramPlace> {
  for (let delayMs = firstLookMs; ; delayMs = Math.min(2 * delayMs, lastLookMs)) {
    for (const host of hosts) {
      signal.throwIfAborted();
      if (await accepts({ host, port })) return { host, port };
    }
    await sleep(delayMs, undefined, { signal });
  }
}

async function accepts(place: ProgramPlace): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ ...place, timeout: connectMs });
  const settle = (is: boolean): void => {
    resolve(is);
    socket.destroy();
  };
  socket.once('connect', () => settle(true));
  socket.once('timeout', () => settle(false));
  socket.once('error', () => settle(false));
  return promise;
}
