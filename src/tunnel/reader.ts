// Hot path: every byte received. Frames are taken straight from the read chunk; only what is incomplete is copied.
import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { type FrameHandler, frameHeaderBytes, FrameType, knownTypes } from './frame.ts';

const nothing = Buffer.alloc(0);
const firstRemainderBytes = 4096;

/** Sans-I/O decoder. Memory: the incomplete frame it waits for, and no more than has arrived of it (doubling). */
export class FrameReader {
  /** Whoever announces a longer payload is cut off. */
  payloadMaxBytes: number = limits.framePayloadBytes;
  readonly #handler: FrameHandler;
  /** The beginning of a frame that is not complete. */
  #remainder: Buffer = nothing;
  #held = 0;
  /** Payload bytes to come of a BODY frame that is handed on piece by piece, or (stream −1) of a frame that is skipped. */
  #passing = 0;
  #passingStream = -1;
  #stopped = false;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  /** Nothing more is handed on, not even the rest of the chunk that is being read. */
  stop(): void {
    this.#stopped = true;
    this.#remainder = nothing;
  }

  /** Bytes kept of an incomplete frame. */
  get heldBytes(): number {
    return this.#held;
  }

  /** Throws ProtocolError: its own, or the handler's. After that the reader is stopped. */
  push(chunk: Buffer): void {
    if (this.#stopped) return;
    try {
      this.#read(chunk);
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  #read(chunk: Buffer): void {
    let at = 0;
    if (this.#passing > 0) at = this.#pass(chunk, 0);
    if (this.#held > 0) at = this.#complete(chunk, at);
    const end = chunk.length;
    while (end - at >= frameHeaderBytes && !this.#stopped) {
      const length = lengthAt(chunk, at);
      const type = chunk[at + 3] ?? 0;
      this.#checkLength(type, length);
      const stream = chunk.readUInt32BE(at + 4);
      const start = at + frameHeaderBytes;
      if (type === FrameType.BODY || knownTypes[type] === 0) {
        this.#startPassing(type, stream, length);
        at = this.#pass(chunk, start);
      } else if (end - start < length) {
        break;
      } else {
        at = start + length;
        this.#handler.frame(type, stream, length === 0 ? nothing : chunk.subarray(start, at));
      }
    }
    if (at < end && !this.#stopped) this.#hold(chunk, at, end);
  }

  #checkLength(type: number, length: number): void {
    if (length > this.payloadMaxBytes) {
      throw new ProtocolError('FRAME_TOO_LARGE', `a frame of ${length} bytes, ${this.payloadMaxBytes} are allowed`);
    }
    // It would cost the sender no credit, and us a call.
    if (length === 0 && type === FrameType.BODY) throw new ProtocolError('BAD_FRAME', 'BODY of no bytes');
  }

  #startPassing(type: number, stream: number, length: number): void {
    this.#passing = length;
    this.#passingStream = type === FrameType.BODY ? stream : -1;
  }

  /** Hands on (or skips) what `chunk` has of the current frame from `at`. Returns where the next frame begins. */
  #pass(chunk: Buffer, at: number): number {
    const end = Math.min(at + this.#passing, chunk.length);
    this.#passing -= end - at;
    if (this.#passingStream !== -1 && end > at) {
      this.#handler.body(this.#passingStream, at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
    }
    return end;
  }

  /** Adds to the remainder until its frame is complete. Returns where the next frame begins. */
  #complete(chunk: Buffer, from: number): number {
    let at = this.#fill(chunk, from, frameHeaderBytes);
    if (this.#held < frameHeaderBytes) return at;
    const length = lengthAt(this.#remainder, 0);
    const type = this.#remainder[3] ?? 0;
    const stream = this.#remainder.readUInt32BE(4);
    this.#checkLength(type, length);
    if (type === FrameType.BODY || knownTypes[type] === 0) {
      this.#held = 0;
      this.#startPassing(type, stream, length);
      return this.#pass(chunk, at);
    }
    at = this.#fill(chunk, at, frameHeaderBytes + length);
    if (this.#held < frameHeaderBytes + length) return at;
    const whole = this.#remainder;
    this.#held = 0;
    // A large one is given up: most tunnels never see another.
    if (whole.length > firstRemainderBytes) this.#remainder = nothing;
    this.#handler.frame(type, stream, whole.subarray(frameHeaderBytes, frameHeaderBytes + length));
    return at;
  }

  /** Copies from `chunk` until the remainder holds `wanted` bytes or the chunk is used up. */
  #fill(chunk: Buffer, from: number, wanted: number): number {
    const end = Math.min(from + Math.max(0, wanted - this.#held), chunk.length);
    if (end > from) this.#hold(chunk, from, end);
    return end;
  }

  #hold(chunk: Buffer, from: number, end: number): void {
    const needed = this.#held + end - from;
    if (this.#remainder.length < needed) {
      const larger = Buffer.allocUnsafeSlow(Math.max(firstRemainderBytes, needed, this.#remainder.length * 2));
      this.#remainder.copy(larger, 0, 0, this.#held);
      this.#remainder = larger;
    }
    chunk.copy(this.#remainder, this.#held, from, end);
    this.#held = needed;
  }
}

function lengthAt(bytes: Buffer, at: number): number {
  return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
}
