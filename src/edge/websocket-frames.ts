/**
 * Where the frames of a WebSocket begin and end (RFC 6455, 5.2), so that the edge can put a close frame between two of
 * them. Only headers are looked at; what is in the frames, compressed or not, is nobody's business but the two ends'.
 */

const opcodeClose = 0x8;

/** Status codes of RFC 6455, 7.4.1, and of the registry that it opened (1012). */
export const closeCodes = { goingAway: 1001, internalError: 1011, serviceRestart: 1012 } as const;

/** Follows the bytes of one direction. What is no WebSocket gives wrong boundaries, and harms nobody but who sent it. */
export class FrameTracker {
  /** A close frame was passed: nothing may follow it. */
  closed = false;
  #payloadLeft = 0;
  #headerBytes = 0;
  /** Header bytes of this frame, as far as it is known. */
  #headerLength = 2;
  #opcode = 0;
  /** Of the extended length: bytes there are, and what they say so far. */
  #extendedBytes = 0;
  #length = 0;

  /** No frame is under way. */
  get atBoundary(): boolean {
    return this.#payloadLeft === 0 && this.#headerBytes === 0;
  }

  /** Follows all of `chunk`. */
  pass(chunk: Uint8Array): void {
    this.#follow(chunk, false);
  }

  /** Follows `chunk` up to the end of the frame under way, and returns how many bytes those are. */
  passFrame(chunk: Uint8Array): number {
    return this.#follow(chunk, true);
  }

  #follow(chunk: Uint8Array, oneFrame: boolean): number {
    let at = 0;
    while (at < chunk.length) {
      if (oneFrame && this.atBoundary) break;
      if (this.#payloadLeft > 0) {
        const step = Math.min(this.#payloadLeft, chunk.length - at);
        this.#payloadLeft -= step;
        at += step;
        if (this.#payloadLeft === 0) this.#ended();
      } else {
        this.#header(chunk[at]!);
        at += 1;
      }
    }
    return at;
  }

  #header(byte: number): void {
    const index = this.#headerBytes;
    this.#headerBytes += 1;
    if (index === 0) {
      this.#opcode = byte & 0x0f;
    } else if (index === 1) {
      const short = byte & 0x7f;
      this.#extendedBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
      this.#length = this.#extendedBytes === 0 ? short : 0;
      const maskBytes = (byte & 0x80) === 0 ? 0 : 4;
      this.#headerLength = 2 + this.#extendedBytes + maskBytes;
    } else if (index < 2 + this.#extendedBytes) {
      this.#length = this.#length * 256 + byte;
    }
    if (this.#headerBytes < this.#headerLength) return;
    this.#headerBytes = 0;
    this.#headerLength = 2;
    this.#payloadLeft = this.#length;
    if (this.#length === 0) this.#ended();
  }

  #ended(): void {
    if (this.#opcode === opcodeClose) this.closed = true;
  }
}

/** As a server sends it: not masked. `reason`: 123 bytes at most (5.5). */
export function closeFrame(code: number, reason: string): Buffer {
  const text = Buffer.from(reason);
  const frame = Buffer.alloc(4 + text.length);
  frame[0] = 0x80 | opcodeClose;
  frame[1] = 2 + text.length;
  frame.writeUInt16BE(code, 2);
  text.copy(frame, 4);
  return frame;
}
