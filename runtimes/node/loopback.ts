/**
 * Servers of user code that really listen (what the function's own server does, see capture.ts): on this machine's
 * loopback, whatever address they ask for, so that an instance is on no port that others can reach (I7). Several
 * instances of a function share the machine: where the port is taken, another one is, instead of an 'error' that would
 * end the second instance of whatever keeps a port of its own.
 */
import dns from 'node:dns';
import type * as net from 'node:net';

export type Listen = (...args: unknown[]) => net.Server;

/** What listen() was asked for. */
export interface Asked {
  /** 0: any. */
  readonly port: number;
  readonly address: string | undefined;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Null: no port, but a path, a descriptor or a handle; those are nobody's to reach from outside. */
export function askedOf(args: readonly unknown[]): Asked | null {
  const [first, second, third] = args;
  if (typeof first === 'object' && first !== null) {
    const options = first as Readonly<Record<string, unknown>>;
    const { port, host } = options;
    const portless = ['path', 'fd', 'handle', '_handle'].some((name) => options[name] !== undefined);
    if (portless && (port === undefined || port === null)) return null;
    return { port: Number(port ?? 0), address: typeof host === 'string' ? host : undefined, options };
  }
  if (typeof first === 'string' && !/^\s*\d+\s*$/.test(first)) return null;
  const backlog = [second, third].find((arg) => typeof arg === 'number');
  return {
    port: typeof first === 'function' ? 0 : Number(first ?? 0),
    address: typeof second === 'string' ? second : undefined,
    options: backlog === undefined ? {} : { backlog },
  };
}

export const callbackOf = (args: readonly unknown[]): (() => void) | undefined =>
  args.findLast((arg) => typeof arg === 'function') as (() => void) | undefined;

interface Loopback {
  readonly listen: Listen;
  /** Its 'listening' was emitted before. */
  readonly announced?: boolean;
  /** It listens on this port; `taken`: on another than it asked for. */
  bound?(port: number, taken: boolean): void;
}

export function listenOnLoopback(server: net.Server, args: readonly unknown[], options: Loopback): void {
  const asked = askedOf(args);
  if (asked === null) return void Reflect.apply(options.listen, server, args);
  const host = isLoopback(asked.address) ? asked.address : '127.0.0.1';
  const { ipv6Only: _, ...rest } = asked.options;
  const callback = callbackOf(args);
  const attempt = (port: number, last: boolean): void => {
    onOutcome(server, (event, error) => {
      if (event === 'listening') {
        const address = server.address();
        if (typeof address === 'object' && address !== null) options.bound?.(address.port, last);
        return options.announced === true;
      }
      if (last || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') return false;
      attempt(0, true);
      return true;
    });
    const listener = last || callback === undefined ? [] : [callback];
    bindAtOnce(() => Reflect.apply(options.listen, server, [{ ...rest, port, host }, ...listener]));
  };
  attempt(asked.port, false);
}

const isLoopback = (address: string | undefined): address is string =>
  address !== undefined && (address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address));

/**
 * With no host Node binds within listen(), and address() answers in the line after it; with one it asks the resolver
 * first. An address needs no resolver, so here both are at once.
 */
function bindAtOnce(listen: () => void): void {
  const { lookup } = dns;
  const known = (address: string, options: { all?: boolean }, done: (...answer: unknown[]) => void): void => {
    const family = address.includes(':') ? 6 : 4;
    if (options.all === true) done(null, [{ address, family }]);
    else done(null, address, family);
  };
  dns.lookup = known as unknown as typeof lookup;
  try {
    listen();
  } finally {
    dns.lookup = lookup;
  }
}

/** Sees the 'listening' or the 'error' that comes of a listen() before its listeners do. True: they are not told. */
function onOutcome(server: net.Server, outcome: (event: 'listening' | 'error', error: unknown) => boolean): void {
  const own = Object.getOwnPropertyDescriptor(server, 'emit');
  const emit: unknown = Reflect.get(server, 'emit');
  function look(this: net.Server, event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'listening' || event === 'error') {
      if (server.emit === look) {
        if (own === undefined) Reflect.deleteProperty(server, 'emit');
        else Object.defineProperty(server, 'emit', own);
      }
      if (outcome(event, args[0])) return true;
    }
    return Reflect.apply(emit as (...args: unknown[]) => boolean, this, [event, ...args]);
  }
  Object.defineProperty(server, 'emit', { value: look, configurable: true, enumerable: false, writable: true });
}
