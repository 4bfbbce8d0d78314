/**
 * Servers that call listen(). One HTTP server is the function: its port is never opened (I7), invocations are handed to
 * it. That is the first that listens, one on $PORT before others, or the one that the module exports; when the module
 * exports something else that takes requests, it is none. All others listen for real, on loopback: what the function
 * keeps for itself works, and who expected requests there is told where they go.
 *
 * `net` is loaded in every instance, `http` only where user code wants it; so the method that both kinds of HTTP server
 * inherit is replaced.
 */
import * as net from 'node:net';
import type * as Http from 'node:http';
import type { LoadOrder } from '../../src/core/call.ts';
import type { Host } from './host.ts';
import { type Asked, askedOf, callbackOf, type Listen, listenOnLoopback } from './loopback.ts';

export type ListeningServer = Http.Server;

/** The port that nobody asked for. */
const defaultPort = 3000;

let capture: Capture | null = null;

/** Replaces listen(). Idempotent: one instance has one capture. */
export function captureServers(host: Host): Capture {
  capture ??= new Capture(host);
  return capture;
}

export class Capture {
  /** Resolves with the first HTTP server that listens. */
  readonly first: Promise<ListeningServer>;
  /** Resolves when a server listens that speaks HTTP/2 alone. */
  readonly http2: Promise<void>;
  /** The server of an API file may be none of the function's: if it leaves the port to the system, it has one at once. */
  launch: LoadOrder['launch'] = 'server';
  /** Another server is the function from now on. */
  changed: (server: ListeningServer) => void = () => undefined;
  readonly #host: Host;
  readonly #listen: Listen;
  #server: ListeningServer | undefined;
  #decided = false;
  /** What it was that the captured server asked for, and how it ends the pretence. */
  #asked: readonly unknown[] = [];
  #pretence: Pretence | null = null;
  /** Warnings that wait for the decision. */
  #untold: (() => void)[] | null = null;
  #found: (server: ListeningServer) => void = () => undefined;
  #foundHttp2: () => void = () => undefined;

  constructor(host: Host) {
    this.#host = host;
    this.first = new Promise((resolve) => (this.#found = resolve));
    this.http2 = new Promise((resolve) => (this.#foundHttp2 = resolve));
    this.#listen = Reflect.get(net.Server.prototype, 'listen') as Listen;
    const listened = (server: net.Server, args: readonly unknown[]): void => this.#listened(server, args);
    net.Server.prototype.listen = function pretend(this: net.Server, ...args: unknown[]): net.Server {
      listened(this, args);
      return this;
    };
  }

  /** The function, so far. */
  get server(): ListeningServer | undefined {
    return this.#server;
  }

  /** Invocations go to this server; null: to something that is none. Whoever was captured instead listens for real. */
  decide(chosen: ListeningServer | null): void {
    const [captured, args, pretence] = [this.#server, this.#asked, this.#pretence];
    this.#decided = true;
    this.#server = chosen ?? undefined;
    if (captured !== chosen) this.#pretence = null;
    const untold = this.#untold ?? [];
    this.#untold = null;
    for (const tell of untold) tell();
    if (captured !== undefined && captured !== chosen) this.#release(captured, args, pretence);
  }

  #listened(server: net.Server, args: readonly unknown[]): void {
    const asked = askedOf(args);
    if (!isHttp(server)) {
      if (isHttp2(server)) this.#foundHttp2();
      return listenOnLoopback(server, args, { listen: this.#listen });
    }
    if (this.#isFunction(server, asked)) return this.#capture(server, args, asked);
    if (server !== this.#server && !this.#isOtherAddress(asked)) return this.#open(server, args, false);
    const pretence = new Pretence(server, args, asked);
    if (server === this.#server) [this.#asked, this.#pretence] = [args, pretence];
  }

  /** A server for metrics or WebSockets alone may listen before the one that the port in the environment is for. */
  #isFunction(server: ListeningServer, asked: Asked | null): boolean {
    if (this.#decided || server === this.#server) return false;
    const port = Number(process.env['PORT']);
    return this.#server === undefined || (asked?.port === port && askedOf(this.#asked)?.port !== port);
  }

  #capture(server: ListeningServer, args: readonly unknown[], asked: Asked | null): void {
    const [earlier, earlierArgs, earlierPretence] = [this.#server, this.#asked, this.#pretence];
    const isOpen = this.launch === 'module' && asked?.port === 0;
    this.#server = server;
    this.#asked = args;
    this.#pretence = isOpen ? null : new Pretence(server, args, asked);
    if (isOpen) listenOnLoopback(server, args, { listen: this.#listen });
    this.#found(server);
    this.changed(server);
    if (earlier !== undefined) this.#release(earlier, earlierArgs, earlierPretence);
  }

  /** A server that was captured listens after all, unless it was closed, or has been open all the time. */
  #release(server: ListeningServer, args: readonly unknown[], pretence: Pretence | null): void {
    if (pretence === null || pretence.closed) return;
    const { announced } = pretence;
    pretence.end();
    // Its callback waits for 'listening', or has heard of it.
    const rest = args.filter((arg) => typeof arg !== 'function');
    this.#open(server, rest, announced);
  }

  /** The function's server on one more address: Fastify has a server for each that `localhost` stands for. */
  #isOtherAddress(asked: Asked | null): boolean {
    return asked !== null && asked.port > 0 && asked.port === this.#pretence?.port;
  }

  #at(): string {
    return this.#pretence === null || this.#pretence.port === 0 ? '' : ` (port ${this.#pretence.port})`;
  }

  /** `announced`: its 'listening' was emitted before. */
  #open(server: ListeningServer, args: readonly unknown[], announced: boolean): void {
    const port = askedOf(args)?.port ?? 0;
    const call = this.#host.currentCall() ?? null;
    const bound = (at: number, taken: boolean): void => {
      // Who leaves the port to the system asks for it, and talks to itself.
      if (port === 0) return;
      const moved = taken ? ` (port ${port} is taken, by another instance of the function perhaps)` : '';
      const tell = (): void => {
        const to = this.#server === undefined ? 'what the module exports' : `the function's server${this.#at()}`;
        const text = `a server listens on 127.0.0.1:${at}${moved}, for this machine alone; requests go to ${to}`;
        this.#host.log('warn', 'platform', text, call);
      };
      if (this.launch === 'module' && !this.#decided) (this.#untold ??= []).push(tell);
      else tell();
    };
    listenOnLoopback(server, args, { listen: this.#listen, announced, bound });
  }
}

/** HTTP and HTTPS: what comes through the tunnel is plain HTTP to both. */
function isHttp(server: net.Server): server is ListeningServer {
  const { Server } = process.getBuiltinModule('node:http');
  if (server instanceof Server) return true;
  // Loading TLS only to ask would cost milliseconds; who made an HTTPS server has loaded it.
  return server.constructor.name === 'Server' && 'requestTimeout' in server && 'keepAliveTimeout' in server;
}

/** Its classes have no public name. */
export const isHttp2 = (server: object): boolean => /^Http2(?:Secure)?Server$/.test(server.constructor.name);

/** What address() says; a path reads as itself. */
function addressOf(args: readonly unknown[], asked: Asked | null): net.AddressInfo | string | null {
  if (asked === null) {
    const path = typeof args[0] === 'object' ? (args[0] as { path?: unknown }).path : args[0];
    return typeof path === 'string' ? path : null;
  }
  const address = asked.address ?? '::';
  return {
    address: address === 'localhost' ? '127.0.0.1' : address,
    family: address.includes(':') ? 'IPv6' : 'IPv4',
    port: Number.isInteger(asked.port) && asked.port > 0 ? asked.port : defaultPort,
  };
}

/** A server that believes it listens. */
class Pretence {
  /** 0: it asked for a path. */
  readonly port: number;
  readonly #server: net.Server;
  /** 'listening' was emitted. */
  announced = false;
  closed = false;
  #ended = false;

  constructor(server: net.Server, args: readonly unknown[], asked: Asked | null) {
    this.#server = server;
    const address = addressOf(args, asked);
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
    const own = { configurable: true, enumerable: false };
    const close = (callback?: (error?: Error) => void): net.Server => this.#close(callback);
    Object.defineProperties(server, {
      listening: { ...own, get: () => !this.closed },
      address: { ...own, writable: true, value: () => (this.closed ? null : address) },
      close: { ...own, writable: true, value: close },
    });
    const callback = callbackOf(args);
    if (callback !== undefined) server.once('listening', callback);
    process.nextTick(() => {
      if (this.closed || this.#ended) return;
      this.announced = true;
      server.emit('listening');
    });
  }

  /** The server is as Node made it again. */
  end(): void {
    this.#ended = true;
    for (const name of ['listening', 'address', 'close']) Reflect.deleteProperty(this.#server, name);
  }

  #close(callback: ((error?: Error) => void) | undefined): net.Server {
    const server = this.#server;
    if (this.closed) {
      const error = Object.assign(new Error('Server is not running.'), { code: 'ERR_SERVER_NOT_RUNNING' });
      if (callback !== undefined) process.nextTick(callback, error);
      return server;
    }
    this.closed = true;
    if (callback !== undefined) server.once('close', callback);
    // Invocations under way are the core's to finish: it drains the instance.
    process.nextTick(() => server.emit('close'));
    return server;
  }
}
