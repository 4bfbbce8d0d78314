// Hot path: every (req, res) answer passes through here.
/**
 * Where http.ServerResponse would turn an answer into bytes, these take its place. They are put onto each response
 * itself, and not onto a subclass's prototype: Express replaces the prototype of every response it is handed.
 */
import type { Exchange } from './exchange.ts';
import { roleOf } from './header-role.ts';
import { type Callback, exchangeOf, type HeaderInput, http, outHeaders, type Outgoing } from './internals.ts';

export function hook(res: Outgoing, exchange: Exchange): void {
  res[exchangeOf] = exchange;
  res._storeHeader = storeHeader;
  res._send = send;
  res._writeRaw = writeRaw;
  res._finish = finish;
  res.end = end;
}

/** Builds the head that leaves through the tunnel. Values were validated by setHeader(), or are here. */
function storeHeader(this: Outgoing, firstLine: string, headers: HeaderInput): void {
  const head: string[] = [];
  let sized = false;
  if (headers === null || headers === undefined) {
    sized = false;
  } else if (headers === (this as unknown as Record<symbol, unknown>)[outHeaders]) {
    const set = headers as Readonly<Record<string, readonly [string, unknown]>>;
    for (const key in set) {
      if (addFields(this, head, set[key]![0], set[key]![1])) sized = true;
    }
  } else {
    sized = addUnchecked(this, head, headers);
  }
  if (!sized && this._hasBody && !this._removedContLen && typeof this._contentLength === 'number') {
    head.push('Content-Length', String(this._contentLength));
  }
  this[exchangeOf].head = head;
  this._header = `${firstLine}\r\n`;
  this._headerSent = false;
}

/** Headers given to writeHead() alone: an object, pairs, or a flat list. True: their body's size is settled. */
function addUnchecked(res: Outgoing, head: string[], headers: NonNullable<HeaderInput>): boolean {
  let sized = false;
  const add = (name: string, value: unknown): void => {
    http.validateHeaderName(name);
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) {
      http.validateHeaderValue(name, one as string);
    }
    if (addFields(res, head, name, value)) sized = true;
  };
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers)) add(name, value);
  } else if (Array.isArray(headers[0])) {
    for (const [name, value] of headers as readonly (readonly [string, unknown])[]) add(name, value);
  } else {
    if (headers.length % 2 !== 0) {
      throw Object.assign(new TypeError("The argument 'headers' is invalid"), { code: 'ERR_INVALID_ARG_VALUE' });
    }
    for (let at = 0; at < headers.length; at += 2) add(headers[at] as string, headers[at + 1]);
  }
  return sized;
}

/** One header with one value or several. True: it settles how the body is delimited, so that no length is added. */
function addFields(res: Outgoing, head: string[], name: string, value: unknown): boolean {
  const role = roleOf(name);
  if (role === 'hop') return name.length === 17;
  if (role === 'length') {
    // RFC 9110, 8.6: a 204 has none.
    if (res.statusCode === 204) return true;
    res._contentLength = Number(value);
    res._removedContLen = false;
  }
  if (!Array.isArray(value)) head.push(name, typeof value === 'string' ? value : String(value));
  else if (value.length > 1 && name.length === 6 && name.toLowerCase() === 'cookie') head.push(name, value.join('; '));
  else for (const one of value as unknown[]) head.push(name, typeof one === 'string' ? one : String(one));
  return role === 'length';
}

/** Node hands over a piece of the body, or nothing ('') when only the head is to leave or the answer to finish. */
function send(
  this: Outgoing,
  data: string | Uint8Array,
  encoding?: BufferEncoding | Callback | null,
  callback?: Callback | null,
): boolean {
  const exchange = this[exchangeOf];
  const done = (typeof encoding === 'function' ? encoding : callback) ?? null;
  const coding = typeof encoding === 'function' ? undefined : (encoding ?? undefined);
  // As on a connection that is gone: what comes too late is dropped, and so are its callbacks.
  if (exchange.phase === 'settled') return false;
  if (exchange.ending && (exchange.phase === 'waiting' || data.length === 0)) {
    if (data.length > 0) exchange.whole = wholeBody(data, coding);
    this._headerSent = true;
    if (done !== null) exchange.finishWith(done);
    return true;
  }
  this._headerSent = true;
  exchange.start();
  return exchange.write(typeof data === 'string' ? Buffer.from(data, coding) : data, done);
}

const wholeBody = (data: string | Uint8Array, encoding: BufferEncoding | undefined): string | Uint8Array =>
  typeof data !== 'string' || encoding === undefined || encoding === 'utf8' || encoding === 'utf-8'
    ? data
    : Buffer.from(data, encoding);

/** Node writes interim answers (100, 102, 103) as text. */
function writeRaw(
  this: Outgoing,
  data: string | Uint8Array,
  encoding?: BufferEncoding | Callback | null,
  callback?: Callback | null,
): boolean {
  const exchange = this[exchangeOf];
  const done = (typeof encoding === 'function' ? encoding : callback) ?? null;
  if (exchange.phase === 'waiting') {
    const lines = String(data).split('\r\n');
    const headers: string[] = [];
    for (const line of lines.slice(1)) {
      const colon = line.indexOf(': ');
      if (colon > 0) headers.push(line.slice(0, colon), line.slice(colon + 2));
    }
    exchange.call.inform(Number(lines[0]!.split(' ', 2)[1]), headers);
  }
  if (done !== null) process.nextTick(done, null);
  return true;
}

/** Node calls this at the end of end(), when everything was handed over. */
function finish(this: Outgoing): void {
  http.ServerResponse.prototype.emit.call(this as never, 'prefinish');
  this[exchangeOf].complete();
}

/** Node's own end(), with a note that what it sends is the last of the answer. */
function end(this: Outgoing, ...args: readonly unknown[]): unknown {
  const exchange = this[exchangeOf];
  exchange.ending = true;
  try {
    let owner = Object.getPrototypeOf(this) as { end: (...args: readonly unknown[]) => unknown };
    while (owner.end === end) owner = Object.getPrototypeOf(owner) as typeof owner;
    return owner.end.apply(this, args as unknown[]);
  } finally {
    exchange.ending = false;
  }
}
