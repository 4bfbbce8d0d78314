/**
 * The few members of node:http's messages that have no public name, found once and by description. They are the
 * documented seams of nothing, so every one is held by a test that fails when a Node version moves it; the version that
 * instances run on is the platform's choice.
 */
import type * as Http from 'node:http';
import type { Exchange } from './exchange.ts';

export const http: typeof Http = process.getBuiltinModule('node:http');

export type HeaderInput =
  | Readonly<Record<string, unknown>>
  | readonly (readonly [string, unknown])[]
  | readonly unknown[]
  | null
  | undefined;
export type Callback = (error?: Error | null) => void;

/** The exchange that a response belongs to. */
export const exchangeOf: unique symbol = Symbol('exchange');

/** http.ServerResponse as its own methods see it. Writable names are those that an exchange replaces on each response. */
export interface Outgoing extends Omit<Http.ServerResponse, 'end' | 'socket'> {
  [exchangeOf]: Exchange;
  socket: unknown;
  _header: string | null;
  _headerSent: boolean;
  _hasBody: boolean;
  _contentLength: number | null;
  _removedContLen: boolean;
  _closed: boolean;
  _storeHeader(firstLine: string, headers: HeaderInput): void;
  _send(data: string | Uint8Array, encoding?: BufferEncoding | Callback | null, callback?: Callback | null): boolean;
  _writeRaw(
    data: string | Uint8Array,
    encoding?: BufferEncoding | Callback | null,
    callback?: Callback | null,
  ): boolean;
  _finish(): void;
  end: unknown;
}

/** http.IncomingMessage as node's parser sees it. */
export interface Incoming extends Http.IncomingMessage {
  _consuming: boolean;
  upgrade: boolean | null;
  _addHeaderLines(headers: readonly string[], count: number): void;
  _dump(): void;
}

export type RequestClass = new (socket: never) => Http.IncomingMessage;
export type ResponseClass = new (req: never, options?: { highWaterMark?: number }) => Http.ServerResponse;

const probe = new http.ServerResponse(Object.assign(Object.create(null), { httpVersionMajor: 1, httpVersionMinor: 1 }));

const named = (owner: object, description: string): symbol => {
  for (let from: object | null = owner; from !== null; from = Object.getPrototypeOf(from)) {
    const found = Object.getOwnPropertySymbols(from).find((symbol) => symbol.description === description);
    if (found !== undefined) return found;
  }
  throw new TypeError(`this Node (${process.version}) has no ${description} in its http messages`);
};

/** Headers by lower-case name, each [name, value], once setHeader() was used. */
export const outHeaders = named(probe, 'kOutHeaders');
/** True after write() returned false, until 'drain'. */
export const needDrain = named(probe, 'kNeedDrain');

/** The message classes a server was made with: createServer({ IncomingMessage, ServerResponse }). */
export function messageClasses(server: Http.Server): { request: RequestClass; response: ResponseClass } {
  const options = server as unknown as Record<symbol, unknown>;
  const request = options[named(server, 'IncomingMessage')];
  const response = options[named(server, 'ServerResponse')];
  return { request: request as RequestClass, response: response as ResponseClass };
}
