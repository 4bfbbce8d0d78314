import type { Clock } from '../../src/base/clock.ts';
import type { Connection, ConnectionEvents } from '../../src/tunnel/connection.ts';

export interface WireOptions {
  readonly clock: Clock;
  /** How long the next piece takes; asked once per delivery, and order is kept whatever it says. Default 0. */
  readonly delayMs?: () => number;
  /** Given the length of what is about to be delivered, where to cut it: the first piece's length (≥ 1). Default: not cut. */
  readonly split?: (bytes: number) => number;
  /** Bytes on the way above which `write` says false; `drained` follows when all of it has been delivered. Default 256 KiB. */
  readonly highWaterBytes?: number;
  /** The receiver may use a chunk only during `data`: it is overwritten afterwards, so that whoever keeps a view is found. */
  readonly sharedReadBuffer?: boolean;
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

const noEvents: ConnectionEvents = {
  data: () => undefined,
  drained: () => undefined,
  closed: () => undefined,
};

/** One end. Its options say how what it *sends* travels; `sharedReadBuffer` how it *receives*. */
export class MemoryConnection implements Connection {
  events: ConnectionEvents = noEvents;
  /** Bytes this end has sent since the start. */
  sentBytes = 0;
  readonly #options: WireOptions;
  readonly #highWaterBytes: number;
  #peer: MemoryConnection | null = null;
  #state: 'open' | 'ended' | 'closed' = 'open';
  /** Pieces on the way to the peer; by reference, as a socket holds them, copied when they arrive. */
  #onTheWay: Buffer[] = [];
  #bytesOnTheWay = 0;
  #arrivalMs = 0;
  #scheduled = false;
  #full = false;
  #paused = false;
  #finSent = false;

  constructor(options: WireOptions) {
    this.#options = options;
    this.#highWaterBytes = options.highWaterBytes ?? 256 * 1024;
  }

  join(peer: MemoryConnection): void {
    this.#peer = peer;
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  write(bytes: Buffer): boolean {
    if (this.#state !== 'open') return true;
    this.#take(bytes);
    this.#schedule();
    return this.#hasRoom();
  }

  writeAll(pieces: readonly Buffer[]): boolean {
    if (this.#state !== 'open') return true;
    for (const piece of pieces) this.#take(piece);
    this.#schedule();
    return this.#hasRoom();
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

  #take(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#onTheWay.push(piece);
    this.#bytesOnTheWay += piece.length;
    this.sentBytes += piece.length;
  }

  #hasRoom(): boolean {
    if (this.#bytesOnTheWay <= this.#highWaterBytes) return true;
    this.#full = true;
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
      if (this.#full && this.#bytesOnTheWay === 0 && this.#state === 'open') {
        this.#full = false;
        this.events.drained();
      }
      this.#schedule();
      return;
    }
    if (this.#finSent) peer.#fin();
  };

  /** A fresh copy of what has arrived, or of the first part of it. */
  #nextChunk(): Buffer | null {
    const pieces = this.#onTheWay;
    if (pieces.length === 0) return null;
    const total = this.#bytesOnTheWay;
    const chunk = Buffer.allocUnsafe(total);
    let at = 0;
    for (const piece of pieces) at += piece.copy(chunk, at);
    pieces.length = 0;
    const first = this.#options.split === undefined ? total : Math.max(1, Math.min(total, this.#options.split(total)));
    if (first < total) pieces.push(chunk.subarray(first));
    this.#bytesOnTheWay = total - first;
    return first < total ? Buffer.from(chunk.subarray(0, first)) : chunk;
  }

  #receive(chunk: Buffer): void {
    this.events.data(chunk);
    if (this.#options.sharedReadBuffer === true) chunk.fill(0xdd);
  }

  /** The peer has ended: so do we, after what is still to be said. */
  #fin(): void {
    if (this.#state === 'closed') return;
    this.#finSent = true;
    this.#close('ended by the peer');
    this.#schedule();
  }

  #close(reason: string): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.events.closed(reason);
  }

  #forget(): void {
    this.#onTheWay = [];
    this.#bytesOnTheWay = 0;
    this.#finSent = false;
  }
}
