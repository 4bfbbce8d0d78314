import type { Clock } from '../../src/base/clock.ts';
import { noConnectionEvents, peerClosed } from '../../src/tunnel/connection.ts';
import type { Connection, ConnectionEvents } from '../../src/tunnel/connection.ts';

export interface WireOptions {
  readonly clock: Clock;
  /** How long the next piece takes; asked once per delivery, and order is kept whatever it says. Default 0. */
  readonly delayMs?: () => number;
  /** Given the length of what is about to be delivered, where to cut it: the first piece's length (≥ 1). Default: not cut. */
  readonly split?: (bytes: number) => number;
  /** Bytes on the way that a kernel would hold: they are copied and not counted as buffered. Default 208 KiB. */
  readonly kernelBytes?: number;
  /** Bytes beyond those above which `write` says false; `drained` follows when they have left. Default 256 KiB. */
  readonly highWaterBytes?: number;
}

/** Two ends of a reliable byte stream in memory, delivered through a clock. */
export function memoryConnections(
  near: WireOptions,
  far: WireOptions = near,
): { near: MemoryConnection; far: MemoryConnection } {
  const left = new MemoryConnection(near);
  const right = new MemoryConnection(far);
  left.join(right);
  right.join(left);
  return { near: left, far: right };
}

/** One end. Its options say how what it *sends* travels. */
export class MemoryConnection implements Connection {
  events: ConnectionEvents = noConnectionEvents;
  /** Bytes this end has sent since the start. */
  sentBytes = 0;
  readonly #options: WireOptions;
  readonly #kernelBytes: number;
  readonly #highWaterBytes: number;
  #peer: MemoryConnection | null = null;
  #state: 'open' | 'ended' | 'closed' = 'open';
  /** On the way to the peer: a copy of every write. */
  #onTheWay: Buffer[] = [];
  #bytesOnTheWay = 0;
  #arrivalMs = 0;
  #scheduled = false;
  #slow = false;
  #paused = false;
  #finSent = false;
  #kept = false;
  #unsent: { readonly untilBytes: number; readonly sent: () => void }[] = [];

  constructor(options: WireOptions) {
    this.#options = options;
    this.#kernelBytes = options.kernelBytes ?? 208 * 1024;
    this.#highWaterBytes = options.highWaterBytes ?? 256 * 1024;
  }

  join(peer: MemoryConnection): void {
    this.#peer = peer;
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  get bufferedBytes(): number {
    return this.#state === 'closed' ? 0 : Math.max(0, this.#bytesOnTheWay - this.#kernelBytes);
  }

  write(bytes: Buffer): boolean {
    if (this.#state !== 'open') return false;
    const copy = Buffer.allocUnsafeSlow(bytes.length);
    bytes.copy(copy);
    return this.#take(copy);
  }

  writeAll(pieces: readonly Buffer[]): boolean {
    if (this.#state !== 'open') return false;
    return this.#take(Buffer.concat(pieces));
  }

  whenSent(sent: () => void): void {
    if (this.#state === 'closed') return;
    if (this.bufferedBytes === 0) sent();
    else this.#unsent.push({ untilBytes: this.sentBytes, sent });
  }

  keep(): void {
    this.#kept = true;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#peer?.wake();
  }

  end(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ended';
    this.#finSent = true;
    this.#schedule();
  }

  /** As a kernel does when the process is gone: what was written still arrives, then the peer sees the end. */
  destroy(reason = 'destroyed'): void {
    if (this.#state === 'closed') return;
    this.#finSent = true;
    this.#close(reason);
    this.#schedule();
  }

  /** As a network does when it breaks: nothing that is on the way arrives any more, in either direction. */
  cut(reason = 'cut'): void {
    const peer = this.#peer;
    this.#forget();
    if (peer !== null) {
      peer.#forget();
      peer.#close(reason);
    }
    this.#close(reason);
  }

  /** The peer reads again: what waits for it is delivered. */
  wake(): void {
    this.#schedule();
  }

  #take(copy: Buffer): boolean {
    this.#onTheWay.push(copy);
    this.#bytesOnTheWay += copy.length;
    this.sentBytes += copy.length;
    this.#schedule();
    if (this.bufferedBytes <= this.#highWaterBytes) return true;
    this.#slow = true;
    return false;
  }

  #schedule(): void {
    if (this.#scheduled || (this.#onTheWay.length === 0 && !this.#finSent)) return;
    this.#scheduled = true;
    const clock = this.#options.clock;
    const nowMs = clock.nowMs();
    this.#arrivalMs = Math.max(this.#arrivalMs, nowMs + (this.#options.delayMs?.() ?? 0));
    clock.after(this.#arrivalMs - nowMs, this.#deliver);
  }

  readonly #deliver = (): void => {
    this.#scheduled = false;
    const peer = this.#peer;
    if (peer === null) return;
    if (peer.#state === 'closed') {
      this.#forget();
      return;
    }
    if (peer.#paused) return;
    const chunk = this.#nextChunk();
    if (chunk !== null) {
      peer.#receive(chunk);
      this.#tellSent();
      if (this.#slow && this.bufferedBytes === 0 && this.#state === 'open') {
        this.#slow = false;
        this.events.drained();
      }
      this.#schedule();
      return;
    }
    if (this.#finSent) peer.#fin();
  };

  #tellSent(): void {
    const leftBytes = this.sentBytes - this.bufferedBytes;
    while (this.#state === 'open' && (this.#unsent[0]?.untilBytes ?? Infinity) <= leftBytes)
      this.#unsent.shift()?.sent();
  }

  /** What has arrived, or the first part of it; the receiver's to keep. */
  #nextChunk(): Buffer | null {
    const pieces = this.#onTheWay;
    const head = pieces[0];
    if (head === undefined) return null;
    const chunk = pieces.length === 1 ? head : Buffer.concat(pieces, this.#bytesOnTheWay);
    pieces.length = 0;
    const total = chunk.length;
    const first = this.#options.split === undefined ? total : Math.max(1, Math.min(total, this.#options.split(total)));
    this.#bytesOnTheWay = total - first;
    if (first === total) return chunk;
    pieces.push(chunk.subarray(first));
    return Buffer.from(chunk.subarray(0, first));
  }

  /** What is not kept is overwritten afterwards, so that whoever refers to it all the same is found. */
  #receive(chunk: Buffer): void {
    this.#kept = false;
    this.events.data(chunk);
    if (!this.#kept) chunk.fill(0xdd);
  }

  /** The peer has ended: so do we, after what is still to be said. */
  #fin(): void {
    if (this.#state === 'closed') return;
    this.#finSent = true;
    this.#close(peerClosed);
    this.#schedule();
  }

  #close(reason: string): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    // Never inside the call that closed it: a socket says so later, too.
    this.#options.clock.soon(() => this.events.closed(reason));
  }

  #forget(): void {
    this.#onTheWay = [];
    this.#bytesOnTheWay = 0;
    this.#finSent = false;
  }
}
