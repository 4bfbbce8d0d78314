// Hot path: one per (req, res) invocation.
/**
 * What `req.socket` and `res.socket` are. There is no socket: the invocation came as a stream of the tunnel, so this
 * says what a keep-alive connection would say, and ends the invocation when user code destroys it. It is an emitter
 * and not a Duplex, which would cost more than all else here; an upgraded connection is a Duplex (upgrade-socket.ts).
 */
import { EventEmitter } from 'node:events';
import type { Exchange } from './exchange.ts';
import { addressFamily, clientAddress, isEncrypted } from './peer.ts';

/** Node writes into the `corked` of it when an answer ends; nobody reads it. */
const writableState = { corked: 0, needDrain: false, length: 0 };

export class InvocationSocket extends EventEmitter {
  readonly exchange: Exchange;
  destroyed = false;
  readable = true;
  writable = true;
  connecting = false;
  _paused = false;
  _httpMessage: unknown = null;
  _hadError = false;
  errored: Error | null = null;
  parser = null;
  /** The captured server, as on a real connection. */
  server: unknown = undefined;
  private timer: NodeJS.Timeout | null = null;
  timeout = 0;

  constructor(exchange: Exchange) {
    super();
    this.exchange = exchange;
  }

  get _writableState(): typeof writableState {
    return writableState;
  }
  get readableHighWaterMark(): number {
    return 65_536;
  }
  get writableHighWaterMark(): number {
    return 65_536;
  }
  /** Never 0, so that Node does not cork and uncork around every write; the core gathers writes by itself. */
  get writableCorked(): number {
    return 1;
  }
  get writableLength(): number {
    return this.exchange.blockedBytes;
  }
  get bufferSize(): number {
    return this.exchange.blockedBytes;
  }
  get bytesRead(): number {
    return 0;
  }
  get bytesWritten(): number {
    return 0;
  }
  get readyState(): string {
    return this.destroyed ? 'closed' : 'open';
  }
  get pending(): boolean {
    return false;
  }
  get encrypted(): boolean {
    return isEncrypted(this.exchange.call.headers);
  }
  get remoteAddress(): string | undefined {
    return this.destroyed ? undefined : clientAddress(this.exchange.call.headers);
  }
  get remoteFamily(): string | undefined {
    return addressFamily(this.remoteAddress);
  }
  get remotePort(): number | undefined {
    return this.destroyed ? undefined : 0;
  }
  get localAddress(): string {
    return '127.0.0.1';
  }
  get localPort(): number {
    return 0;
  }

  address(): { address: string; family: string; port: number } {
    return { address: this.localAddress, family: 'IPv4', port: this.localPort };
  }
  cork(): void {
    // Answers are gathered by the core.
  }
  uncork(): void {
    // As above.
  }
  /** The reader of the body wants more. */
  resume(): this {
    this._paused = false;
    this.exchange.wanted();
    return this;
  }
  pause(): this {
    return this;
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

  /** Milliseconds without a byte either way until 'timeout'; 0: never. */
  setTimeout(timeoutMs: number, listener?: () => void): this {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.timeout = timeoutMs;
    if (timeoutMs > 0 && !this.destroyed) {
      this.timer = setTimeout(() => this.exchange.timedOut(), timeoutMs);
      this.timer.unref();
    }
    if (listener !== undefined) this.once('timeout', listener);
    return this;
  }

  /** Bytes have moved: the time until 'timeout' starts anew. */
  active(): void {
    if (this.timer !== null) this.timer.refresh();
  }

  /** Nobody writes to it: responses go through their own methods. What does is a mistake worth an error. */
  write(): boolean {
    throw new TypeError('req.socket.write(): an invocation has no socket to write to; answer through the response');
  }

  end(): this {
    return this.destroy();
  }
  destroySoon(): void {
    this.destroy();
  }

  destroy(error?: Error | null): this {
    if (this.destroyed) return this;
    this.errored = error ?? null;
    this.exchange.destroyedByUser();
    return this;
  }

  /** The end of it, whoever caused it. Idempotent; 'close' is the caller's to emit. */
  shut(): void {
    this.destroyed = true;
    this.readable = false;
    this.writable = false;
    this.setTimeout(0);
  }
}
