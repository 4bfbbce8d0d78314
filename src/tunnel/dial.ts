import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Connection } from './connection.ts';
import { overAccepted, ReadMemory, SocketConnection } from './socket.ts';
import { TunnelSocket } from './tunnel-socket.ts';

export interface Listener {
  /** As given, with the port that was taken in place of port 0. */
  readonly address: string;
  /** Accepts no more. Connections that were accepted are their owners'. */
  close(): Promise<void>;
}

type Place = { readonly path: string } | { readonly host: string; readonly port: number };

/** `unix:/path`, `tcp:host:port`, `tcp:[ipv6]:port`. Throws UsageError. */
function parseAddress(address: string): Place {
  if (address.startsWith('unix:') && address.length > 5) return { path: address.slice(5) };
  const parts = /^tcp:(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(address);
  const host = parts?.[1] ?? parts?.[2];
  const port = Number(parts?.[3]);
  if (host !== undefined && port <= 65_535) return { host, port };
  throw new UsageError(`'${address}' is no tunnel address: expected unix:/path or tcp:host:port`);
}

/** Connects. Rejects with a UsageError that names the address and what the system said. */
export async function dial(address: string): Promise<Connection> {
  const place = parseAddress(address);
  const { promise, resolve, reject } = Promise.withResolvers<Connection>();
  let connection: SocketConnection | null = null;
  const memory = new ReadMemory();
  const onread = memory.into(() => connection);
  const socket = new TunnelSocket({ onread });
  socket.setTimeout(limits.handshakeTimeoutMs);
  const failed = (error: Error): void => reject(new UsageError(`cannot connect to ${address}: ${error.message}`));
  const late = (): void => void socket.destroy(new UsageError(`no answer in ${limits.handshakeTimeoutMs} ms`));
  socket.once('error', failed);
  socket.once('timeout', late);
  socket.once('connect', () => {
    socket.off('error', failed);
    socket.off('timeout', late);
    socket.setTimeout(0);
    socket.setNoDelay(true);
    connection = new SocketConnection(socket, memory);
    resolve(connection);
  });
  socket.connect(place);
  return promise;
}

/**
 * Listens. `accept` sets the connection's events before it returns. A Unix socket is for this user alone (mode 0600);
 * one that nobody listens on any more is replaced. Rejects with a UsageError.
 */
export async function listen(address: string, accept: (connection: Connection) => void): Promise<Listener> {
  const place = parseAddress(address);
  if ('path' in place) await removeStale(place.path, address);
  const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => accept(overAccepted(socket)));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', (error) => reject(new UsageError(`cannot listen on ${address}: ${error.message}`)));
  server.listen({ ...place, backlog: limits.greetingConnections }, resolve);
  // The file exists as soon as listen() has returned; who slips in before the mode is set still has no token.
  if ('path' in place && server.listening) chmodSync(place.path, 0o600);
  await promise;
  return { address: 'path' in place ? address : withPort(address, server), close: async () => void server.close() };
}

function withPort(address: string, server: Server): string {
  const { port } = server.address() as AddressInfo;
  return address.replace(/\d+$/, String(port));
}

/** A socket file outlives a process that was killed. Whoever answers on it, though, is alive and keeps it. */
async function removeStale(path: string, address: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  const answered = await new Promise<boolean>((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
    socket.once('close', () => socket.removeAllListeners());
    socket.once('connect', () => socket.destroy());
  });
  if (answered) throw new UsageError(`cannot listen on ${address}: another process listens there`);
  unlinkSync(path);
}
