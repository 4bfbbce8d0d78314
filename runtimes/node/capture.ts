/**
 * Servers that call listen() without a port being opened (I7): the first HTTP server that does is the one invocations go
 * to. `net` is loaded in every instance, `http` only where user code wants it; so the method that both kinds of HTTP
 * server inherit is replaced, and whoever is no HTTP server listens as ever.
 */
import * as net from 'node:net';
import type * as Http from 'node:http';

export type ListeningServer = Http.Server;

/** Resolves with the first server that listens. */
export interface Capture {
  readonly first: Promise<ListeningServer>;
  /** Undefined until then. */
  readonly server: ListeningServer | undefined;
}

let capture: (Capture & { server: ListeningServer | undefined }) | null = null;

/** Replaces listen(). Idempotent: one instance has one capture. */
export function captureServers(): Capture {
  if (capture !== null) return capture;
  let found: (server: ListeningServer) => void = () => undefined;
  const first = new Promise<ListeningServer>((resolve) => {
    found = resolve;
  });
  const made = { first, server: undefined as ListeningServer | undefined };
  capture = made;
  const listen = Reflect.get(net.Server.prototype, 'listen') as (...args: unknown[]) => net.Server;
  function pretend(this: net.Server, ...args: unknown[]): net.Server {
    if (!isHttp(this)) return Reflect.apply(listen, this, args);
    pretendToListen(this, args);
    if (made.server === undefined) {
      made.server = this;
      found(this);
    }
    return this;
  }
  net.Server.prototype.listen = pretend;
  return made;
}

/** HTTP and HTTPS: what comes through the tunnel is plain HTTP to both. */
function isHttp(server: net.Server): server is ListeningServer {
  const { Server } = process.getBuiltinModule('node:http');
  if (server instanceof Server) return true;
  // Loading TLS only to ask would cost milliseconds; who made an HTTPS server has loaded it.
  return server.constructor.name === 'Server' && 'requestTimeout' in server && 'keepAliveTimeout' in server;
}

interface Address {
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly port: number;
}

/** The port that nobody asked for. */
const defaultPort = 3000;

/** The address that the arguments of listen() ask for; a path reads as itself. */
function addressOf(args: readonly unknown[]): Address | string {
  const [first, second] = args;
  const options = typeof first === 'object' && first !== null ? (first as Record<string, unknown>) : null;
  const path = options === null ? first : options['path'];
  if (typeof path === 'string' && !/^\d+$/.test(path)) return path;
  const port = Number(options === null ? first : options['port']);
  const host = options === null ? second : options['host'];
  const address = typeof host === 'string' ? host : '::';
  return {
    address: address === 'localhost' ? '127.0.0.1' : address,
    family: address.includes(':') ? 'IPv6' : 'IPv4',
    port: Number.isInteger(port) && port > 0 ? port : defaultPort,
  };
}

/** What a server says of itself while it listens. */
function pretendToListen(server: net.Server, args: readonly unknown[]): void {
  const address = addressOf(args);
  const own = { configurable: true, enumerable: false, writable: true };
  let listening = true;
  Object.defineProperty(server, 'listening', { configurable: true, enumerable: false, get: () => listening });
  Object.defineProperty(server, 'address', { ...own, value: () => (listening ? address : null) });
  Object.defineProperty(server, 'close', {
    ...own,
    value(callback?: (error?: Error) => void): net.Server {
      const error = listening
        ? undefined
        : Object.assign(new Error('Server is not running.'), { code: 'ERR_SERVER_NOT_RUNNING' });
      listening = false;
      if (callback !== undefined) {
        if (error === undefined) server.once('close', callback);
        else process.nextTick(callback, error);
      }
      // Invocations under way are the core's to finish: it drains the instance.
      if (error === undefined) process.nextTick(() => server.emit('close'));
      return server;
    },
  });
  const callback = args.findLast((arg) => typeof arg === 'function') as (() => void) | undefined;
  if (callback !== undefined) server.once('listening', callback);
  process.nextTick(() => {
    if (listening) server.emit('listening');
  });
}
