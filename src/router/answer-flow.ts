// Hot path: one object per streamed answer; nothing is allocated per chunk unless the client is slow.
import type { Exchange } from '../model/invoke.ts';
import { ReceiveCredit } from '../tunnel/flow.ts';

/**
 * A streamed answer on its way to the client. Credit goes back to the instance when the client has taken the bytes, so a
 * slow client slows its function and nothing else (I4); what is held meanwhile is at most one credit window.
 */
export class AnswerFlow {
  readonly #credit = new ReceiveCredit();
  #held: Buffer[] = [];
  #paused = false;
  /** Given to the exchange, and not yet taken by the client. */
  #takenBytes = 0;
  /** The instance has sent everything. */
  ended = false;

  /** The client is slow: what came last is still referred to. */
  get keeps(): boolean {
    return this.#paused;
  }

  /** Everything that came has been given to the exchange. */
  get delivered(): boolean {
    return this.#held.length === 0;
  }

  /** Returns the bytes to grant the instance now. Throws CREDIT_OVERRUN when the instance sent more than it may. */
  receive(chunk: Buffer, exchange: Exchange): number {
    this.#credit.receive(chunk.length);
    if (this.#paused) {
      this.#held.push(unpinned(chunk));
      return 0;
    }
    if (exchange.body(chunk)) return this.#credit.consumed(chunk.length);
    this.#paused = true;
    this.#takenBytes = chunk.length;
    return 0;
  }

  /** The client took what it was given. Returns the bytes to grant the instance now. */
  resume(exchange: Exchange): number {
    if (!this.#paused) return 0;
    this.#paused = false;
    let grant = this.#credit.consumed(this.#takenBytes);
    this.#takenBytes = 0;
    const held = this.#held;
    let index = 0;
    while (index < held.length && !this.#paused) {
      const chunk = held[index]!;
      index += 1;
      if (exchange.body(chunk)) {
        grant += this.#credit.consumed(chunk.length);
      } else {
        this.#paused = true;
        this.#takenBytes = chunk.length;
      }
    }
    held.splice(0, index);
    return grant;
  }

  /** The invocation has settled, perhaps while its exchange was being given a chunk: it is given no more. */
  stop(): void {
    this.#held.length = 0;
  }
}

/** A small view would keep the whole read chunk alive for as long as the client is slow. */
const unpinned = (chunk: Buffer): Buffer => (chunk.length * 4 < chunk.buffer.byteLength ? Buffer.from(chunk) : chunk);
