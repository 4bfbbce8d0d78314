/**
 * A request that asks for an upgrade, as a server's 'upgrade' listener gets it: the request, a Duplex, and no first
 * bytes. What is written to the Duplex begins with an HTTP/1.1 head, as libraries write it by hand: after a 101 all is
 * raw bytes both ways; any other status is an ordinary answer.
 */
import type { Duplex as NodeDuplex } from 'node:stream';
import type { Call, CallListener } from '../../src/core/call.ts';
import { limits } from '../../src/base/limits.ts';
import { roleOf } from './header-role.ts';
import { http, type Incoming } from './internals.ts';
import { addressFamily, clientAddress, isEncrypted } from './peer.ts';

const { Duplex } = process.getBuiltinModule('node:stream');

export interface Upgrade {
  readonly req: Incoming;
  readonly socket: NodeDuplex;
  readonly head: Buffer;
}

type Phase =
  /** The head that is written has no end yet. */
  | 'head'
  /** 101: raw bytes. */
  | 'raw'
  /** Another status: what follows is its body. */
  | 'body'
  | 'over';

export const transitions: Readonly<Record<Phase, readonly Phase[]>> = {
  head: ['raw', 'body', 'over'],
  raw: ['over'],
  body: ['over'],
  over: [],
};

type Done = (error?: Error | null) => void;

class UpgradeSocket extends Duplex {
  readonly call: Call;
  readonly listener: CallListener;
  connecting = false;
  timeout = 0;
  server: unknown = undefined;
  bytesRead = 0;
  bytesWritten = 0;
  #phase: Phase = 'head';
  #headBytes: Buffer = Buffer.alloc(0);
  #held = 0;
  /** Of the write that waits for credit. */
  #blocked: Done | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(call: Call) {
    super({ allowHalfOpen: true, autoDestroy: true, emitClose: true });
    this.call = call;
    this.listener = {
      body: (chunk) => this.#received(chunk),
      bodyEnd: () => void this.push(null),
      writable: () => this.#release(null),
      cancelled: () => this.#lost(),
    };
  }

  get encrypted(): boolean {
    return isEncrypted(this.call.headers);
  }
  get remoteAddress(): string | undefined {
    return clientAddress(this.call.headers);
  }
  get remoteFamily(): string | undefined {
    return addressFamily(this.remoteAddress);
  }
  get remotePort(): number {
    return 0;
  }
  get localAddress(): string {
    return '127.0.0.1';
  }
  get localPort(): number {
    return 0;
  }
  get bufferSize(): number {
    return this.writableLength;
  }
  get readyState(): string {
    return this.destroyed ? 'closed' : 'open';
  }
  get pending(): boolean {
    return false;
  }
  address(): { address: string; family: string; port: number } {
    return { address: this.localAddress, family: 'IPv4', port: 0 };
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  /** Milliseconds without a byte either way until 'timeout'; 0: never. */
  setTimeout(timeoutMs: number, listener?: () => void): this {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.timeout = timeoutMs;
    if (timeoutMs > 0 && !this.destroyed) {
      this.#timer = setTimeout(() => this.emit('timeout'), timeoutMs);
      this.#timer.unref();
    }
    if (listener !== undefined) this.once('timeout', listener);
    return this;
  }

  #received(chunk: Buffer): void {
    this.#timer?.refresh();
    this.bytesRead += chunk.length;
    if (this.push(chunk)) this.call.consumed(chunk.length);
    else this.#held += chunk.length;
  }

  override _read(): void {
    const bytes = this.#held;
    this.#held = 0;
    if (bytes > 0) this.call.consumed(bytes);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#timer?.refresh();
    this.bytesWritten += chunk.length;
    if (this.#phase !== 'head') return this.#pass(chunk, done);
    const bytes = Buffer.concat([this.#headBytes, chunk]);
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0 && bytes.length <= limits.headBytes) {
      this.#headBytes = bytes;
      return done();
    }
    const head = end < 0 ? null : parseHead(bytes.toString('latin1', 0, end));
    if (head === null) {
      this.#phase = 'over';
      this.call.fail(
        'FUNCTION_RESPONSE_INVALID',
        'The function wrote something to an upgraded socket that is no HTTP.',
      );
      return done(new TypeError('expected an HTTP/1.1 response head, ended by an empty line, as the first bytes'));
    }
    this.#phase = head.status === 101 ? 'raw' : 'body';
    this.call.head(head.status, head.fields);
    this.#pass(bytes.subarray(end + 4), done);
  }

  #pass(bytes: Buffer, done: Done): void {
    if (this.#phase === 'over' || bytes.length === 0 || this.call.write(bytes)) done();
    else this.#blocked = done;
  }

  #release(error: Error | null): void {
    const done = this.#blocked;
    this.#blocked = null;
    done?.(error);
  }

  override _final(done: Done): void {
    this.#finish();
    done();
  }

  /** Our side is complete, and with it the stream: the client's bytes are not wanted any more. */
  #finish(): void {
    if (this.#phase === 'over') return;
    const answered = this.#phase !== 'head';
    this.#phase = 'over';
    if (answered) this.call.end();
    else this.call.fail('FUNCTION_INVOCATION_FAILED', 'The function closed the connection instead of upgrading it.');
    if (!this.readableEnded && !this.destroyed) this.push(null);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.setTimeout(0);
    this.#finish();
    this.#release(error);
    done(error);
  }

  /** The client is gone. No error: libraries wait for 'close', and an 'error' that nobody hears ends the process. */
  #lost(): void {
    this.#phase = 'over';
    this.destroy();
  }
}

/** Status line and header lines; null when they are none. */
function parseHead(text: string): { status: number; fields: string[] } | null {
  const lines = text.split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(lines[0]!)?.[1];
  if (status === undefined) return null;
  const upgraded = status === '101';
  const fields: string[] = [];
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':');
    if (colon <= 0) return null;
    const name = line.slice(0, colon);
    if (upgraded || roleOf(name) !== 'hop') fields.push(name, line.slice(colon + 1).trim());
  }
  return { status: Number(status), fields };
}

/** Takes the call over: from here on it is answered through the socket. */
export function openUpgrade(call: Call): Upgrade {
  const socket = new UpgradeSocket(call);
  call.listener.detached?.();
  call.listener = socket.listener;
  const req = new http.IncomingMessage(socket as never) as Incoming;
  req.httpVersionMajor = 1;
  req.httpVersionMinor = 1;
  req.httpVersion = '1.1';
  req.method = call.method;
  req.url = call.target;
  req.upgrade = true;
  req._addHeaderLines(call.headers, call.headers.length);
  req.complete = true;
  req.push(null);
  return { req, socket, head: Buffer.alloc(0) };
}
