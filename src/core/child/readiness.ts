import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Holder, holderOf } from './listener.ts';
import { LoadFault } from './load-fault.ts';
import type { ProgramPlace } from './program-pool.ts';

const firstLookMs = 2;
const lastLookMs = 50;
/** `localhost` is either of them. */
const hosts = ['127.0.0.1', '::1'] as const;
/** A connection that is not accepted at once is not to one that listens. */
const connectMs = 1_000;
/** Between two looks a process may have forked, or ended: what they say counts when they say it so often. */
const looks = 3;

/** Whose the listener at a place is. */
export type Look = (place: ProgramPlace) => Promise<Holder>;

/** Of the process `pid`; null: there is none. */
export const lookFor =
  (pid: number | null): Look =>
  async (place) =>
    pid === null ? 'ended' : holderOf(place, pid);

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

/**
 * Where a connection to the port is accepted by the program, as soon as one is. Rejects when `signal` says so, and when another
 * process has the port: on 127.0.0.1, where a program that comes later finds no room. On ::1 it may have come for itself.
 */
export async function accepting(port: number, look: Look, signal: AbortSignal): Promise<ProgramPlace> {
  let strikes = 0;
  for (let delayMs = firstLookMs; ; delayMs = Math.min(2 * delayMs, lastLookMs)) {
    for (const host of hosts) {
      signal.throwIfAborted();
      const place = { host, port };
      if (!(await accepts(place))) continue;
      const holder = await look(place);
      if (holder === 'own' || holder === 'unknown') return place;
      if (holder === 'ended' || (holder === 'foreign' && host !== hosts[0])) continue;
      strikes += 1;
      if (strikes < looks) continue;
      signal.throwIfAborted();
      if (holder === 'foreign') throw takenFault(place);
      // Accepted by what the kernel does not list: somebody has seen to that.
      return place;
    }
    await sleep(delayMs, undefined, { signal });
  }
}

/** Rejects when another process has the place that the program has named. */
export async function verify(place: ProgramPlace, look: Look): Promise<void> {
  for (let left = looks; (await look(place)) === 'foreign'; left -= 1) {
    if (left === 1) throw takenFault(place);
    await sleep(firstLookMs);
  }
}

const takenFault = ({ host, port }: ProgramPlace): LoadFault =>
  new LoadFault(`another process listens on port ${port} of ${host}, which is the program's (PORT)`);

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
