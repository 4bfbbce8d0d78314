// Hot path: one object per invocation that has a body; nothing is allocated per chunk but the split of one that exceeds the credit.
import { SendCredit } from '../tunnel/flow.ts';

/** Where the pieces go: one stream of one instance. */
export interface BodySink {
  sendBody(stream: number, chunk: Buffer): void;
  sendBodyEnd(stream: number): void;
}

/**
 * The request body of one invocation on its way to an instance. Until the invocation has begun, what was sent is kept
 * too, because it may have to be sent again elsewhere (I2): at most one credit window, and what waits for credit.
 */
export class RequestBody {
  #pieces: Buffer[] = [];
  /** Pieces at the front that were sent whole and are kept. */
  #kept = 0;
  /** Bytes of the next piece that were sent already. */
  #offset = 0;
  #unsentBytes = 0;
  #ended = false;
  #endSent = false;
  #keeping: boolean;
  #credit: SendCredit | null = null;
  /** The writer was told to wait. */
  blocked = false;

  /** `keeping`: the invocation has not begun. */
  constructor(keeping: boolean) {
    this.#keeping = keeping;
  }

  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  push(chunk: Buffer): void {
    if (this.#ended || chunk.length === 0) return;
    this.#pieces.push(chunk);
    this.#unsentBytes += chunk.length;
  }

  end(): void {
    this.#ended = true;
  }

  granted(bytes: number): void {
    this.#credit?.grant(bytes);
  }

  /** Sends what the credit allows. */
  pump(sink: BodySink, stream: number): void {
    const credit = (this.#credit ??= new SendCredit());
    const pieces = this.#pieces;
    while (this.#kept < pieces.length && credit.available > 0) {
      const piece = pieces[this.#kept]!;
      const bytes = credit.take(piece.length - this.#offset);
      this.#unsentBytes -= bytes;
      sink.sendBody(stream, bytes === piece.length ? piece : piece.subarray(this.#offset, this.#offset + bytes));
      this.#offset += bytes;
      if (this.#offset === piece.length) {
        this.#offset = 0;
        this.#kept += 1;
      }
    }
    if (!this.#keeping) this.#drop();
    if (this.#ended && this.#unsentBytes === 0 && !this.#endSent) {
      this.#endSent = true;
      sink.sendBodyEnd(stream);
    }
  }

  /** The invocation has begun: it will never be sent elsewhere (I3). */
  begun(): void {
    this.#keeping = false;
    this.#drop();
  }

  /** The invocation goes elsewhere: from the first byte, with fresh credit. */
  restart(): void {
    this.#kept = 0;
    this.#offset = 0;
    this.#endSent = false;
    this.#credit = null;
    this.#unsentBytes = 0;
    for (const piece of this.#pieces) this.#unsentBytes += piece.length;
  }

  #drop(): void {
    if (this.#kept === 0) return;
    if (this.#kept === this.#pieces.length) this.#pieces.length = 0;
    else this.#pieces.splice(0, this.#kept);
    this.#kept = 0;
  }
}
