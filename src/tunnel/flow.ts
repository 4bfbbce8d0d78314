// Hot path: per body chunk. Credit per stream and direction (I4): pure counting, nothing is allocated after the start.
import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/** More than this outstanding is no window but a mistake. */
const creditMaxBytes = 0x7fff_ffff;

/** How many body bytes this side may still send. */
export class SendCredit {
  #availableBytes: number;

  constructor(windowBytes: number = limits.windowBytes) {
    this.#availableBytes = windowBytes;
  }

  get available(): number {
    return this.#availableBytes;
  }

  /** Of `bytes` that one would like to send, how many one may: they count as sent. */
  take(bytes: number): number {
    const taken = bytes < this.#availableBytes ? bytes : this.#availableBytes;
    this.#availableBytes -= taken;
    return taken;
  }

  /** The peer's CREDIT. Throws ProtocolError. */
  grant(bytes: number): void {
    if (this.#availableBytes + bytes > creditMaxBytes)
      throw new ProtocolError('CREDIT_OVERRUN', `a credit of ${bytes} bytes is beyond any window`);
    this.#availableBytes += bytes;
  }

  /** For the next stream in the same slot. */
  reset(windowBytes: number): void {
    this.#availableBytes = windowBytes;
  }
}

/** How many body bytes the peer may still send, and when to let it send more. */
export class ReceiveCredit {
  #windowBytes: number;
  #grantedBytes: number;
  /** Consumed and not yet granted again. */
  #owedBytes = 0;

  constructor(windowBytes: number = limits.windowBytes) {
    this.#windowBytes = windowBytes;
    this.#grantedBytes = windowBytes;
  }

  /** The peer sent so many. Throws ProtocolError when they are more than it was granted. */
  receive(bytes: number): void {
    if (bytes > this.#grantedBytes) {
      throw new ProtocolError('CREDIT_OVERRUN', `${bytes} body bytes with a credit of ${this.#grantedBytes}`);
    }
    this.#grantedBytes -= bytes;
  }

  /**
   * The consumer took so many. Returns the bytes to grant by CREDIT now: 0 until half a window has come together.
   * Throws ProtocolError when they are more than came.
   */
  consumed(bytes: number): number {
    const heldBytes = this.#windowBytes - this.#grantedBytes - this.#owedBytes;
    if (bytes > heldBytes) throw new ProtocolError('CREDIT_OVERRUN', `${bytes} bytes consumed, ${heldBytes} came`);
    this.#owedBytes += bytes;
    if (this.#owedBytes * 2 < this.#windowBytes) return 0;
    const grant = this.#owedBytes;
    this.#owedBytes = 0;
    this.#grantedBytes += grant;
    return grant;
  }

  /** For the next stream in the same slot. */
  reset(windowBytes: number): void {
    this.#windowBytes = windowBytes;
    this.#grantedBytes = windowBytes;
    this.#owedBytes = 0;
  }
}
