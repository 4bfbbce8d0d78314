// Hot path: frames are written straight into a slab that is used over and over, and leave by one system call per flush.
import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { type NackReason, nackReasons, vitalFields, type Vitals } from '../model/vitals.ts';
import type { Connection } from './connection.ts';
import { frameHeaderBytes, FrameType } from './frame.ts';
import { type Hello, helloPayload, type Load, type Loaded, type Welcome, welcomePayload } from './greeting.ts';
import {
  type MessagePart,
  type MessageType,
  metricFixedBytes,
  partBeginFixedBytes,
  partFixedBytes,
  partFlags,
} from './message.ts';
import {
  type BeginsMode,
  beginsModes,
  type CancelReason,
  cancelReasons,
  failedFixedBytes,
  type LogLevel,
  logLevels,
  type LogSource,
  logSources,
  requestFixedBytes,
  responseFixedBytes,
  responseFlags,
  vitalBytes,
  vitalsFixedBytes,
} from './payload.ts';
import { giveSlab, takeSlab } from './slab.ts';

const u32Max = 0xffff_ffff;
const u48Max = 0xffff_ffff_ffff;

/**
 * Sans-I/O encoder: one method per type. Nothing reaches the connection before flush(). Numbers too large for their
 * field are cut to its maximum; text that is too long is cut.
 */
export class FrameWriter {
  readonly #connection: Connection;
  /** Null while nothing is pending and nothing held: an idle tunnel owns no memory. */
  #slab: Buffer | null = null;
  /** Where the run of bytes that is not in #pieces yet begins and ends. */
  #from = 0;
  #at = 0;
  #pieces: Buffer[] = [];
  #pieceBytes = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Bytes written here and not flushed. */
  get pendingBytes(): number {
    return this.#pieceBytes + this.#at - this.#from;
  }

  /** Hands what is pending to the connection, in one call. False: the peer is slow, wait for the connection's drained(). */
  flush(): boolean {
    if (this.pendingBytes === 0) return true;
    const connection = this.#connection;
    let room;
    if (this.#pieces.length === 0 && this.#slab !== null) {
      const run = this.#slab.subarray(this.#from, this.#at);
      this.#from = this.#at;
      room = connection.write(run);
    } else {
      this.#sealRun();
      const pieces = this.#pieces;
      this.#pieces = [];
      this.#pieceBytes = 0;
      room = connection.writeAll(pieces);
    }
    // While the connection refers to any of it, what follows goes behind it in the slab; never over it.
    if (this.#slab !== null && this.#from === this.#at && connection.bufferedBytes === 0) {
      giveSlab(this.#slab);
      this.#slab = null;
      this.#from = 0;
      this.#at = 0;
    }
    return room;
  }

  /** Any frame with a ready payload. */
  frame(type: number, stream: number, payload: Uint8Array | null = null): void {
    const at = this.#begin(type, stream, payload?.length ?? 0);
    if (payload !== null) this.#slab?.set(payload, at);
  }

  /** `head`: headText. Flags: requestFlags. */
  request(stream: number, flags: number, leftMs: number, head: string): void {
    const at = this.#begin(FrameType.REQUEST, stream, requestFixedBytes + head.length);
    const slab = this.#slab as Buffer;
    slab[at] = flags;
    put32(slab, at + 1, leftMs);
    slab.write(head, at + requestFixedBytes, head.length, 'latin1');
  }

  /**
   * `head`: headersText. Complete: `body` is all of it, at most 64 KiB (the caller's to see to); otherwise it is null and
   * BODY frames follow. A Uint8Array body over 4 KiB is sent from where it is: it must not change before it has left.
   */
  response(stream: number, answer: ResponseFields): void {
    const { complete, status, cpuUs, head, body } = answer;
    const bodyBytes = body === null ? 0 : typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const headBytes = responseFixedBytes + head.length;
    const byReference = typeof body !== 'string' && bodyBytes > limits.copiedBodyBytes;
    const at = this.#begin(FrameType.RESPONSE, stream, headBytes + bodyBytes, byReference ? headBytes : undefined);
    const slab = this.#slab as Buffer;
    slab[at] = complete ? responseFlags.complete : 0;
    slab[at + 1] = status >>> 8;
    slab[at + 2] = status;
    put32(slab, at + 3, cpuUs);
    put32(slab, at + 7, head.length);
    if (head.length > 0) slab.write(head, at + responseFixedBytes, head.length, 'latin1');
    if (bodyBytes === 0 || body === null) return;
    if (typeof body === 'string') slab.write(body, at + headBytes, bodyBytes);
    else if (byReference) this.#refer(body);
    else slab.set(body, at + headBytes);
  }

  /** Splits at limits.bodyFrameBytes. Pieces over 4 KiB are sent from where they are: they must not change before they have left. */
  body(stream: number, chunk: Uint8Array): void {
    for (let from = 0; from < chunk.length; from += limits.bodyFrameBytes) {
      const piece = chunk.length <= limits.bodyFrameBytes ? chunk : chunk.subarray(from, from + limits.bodyFrameBytes);
      if (piece.length > limits.copiedBodyBytes) {
        this.#begin(FrameType.BODY, stream, piece.length, 0);
        this.#refer(piece);
      } else {
        const at = this.#begin(FrameType.BODY, stream, piece.length);
        this.#slab?.set(piece, at);
      }
    }
  }

  /** From the router without `cpuUs`, from the instance with it. */
  bodyEnd(stream: number, cpuUs?: number): void {
    if (cpuUs === undefined) this.#begin(FrameType.BODY_END, stream, 0);
    else this.#u32(FrameType.BODY_END, stream, cpuUs);
  }

  cancel(stream: number, reason: CancelReason): void {
    this.#u8(FrameType.CANCEL, stream, cancelReasons.indexOf(reason));
  }

  begun(stream: number): void {
    this.#begin(FrameType.BEGUN, stream, 0);
  }

  /** `head`: headersText. */
  inform(stream: number, status: number, head: string): void {
    const at = this.#begin(FrameType.INFORM, stream, 2 + head.length);
    this.#slab?.writeUInt16BE(status, at);
    this.#slab?.write(head, at + 2, head.length, 'latin1');
  }

  failed(stream: number, code: string, detail: string, cpuUs = 0): void {
    const coded = codedPayload(code, detail);
    const at = this.#begin(FrameType.FAILED, stream, failedFixedBytes + coded.length);
    put32(this.#slab as Buffer, at, cpuUs);
    this.#slab?.set(coded, at + failedFixedBytes);
  }

  nack(stream: number, reason: NackReason): void {
    this.#u8(FrameType.NACK, stream, nackReasons.indexOf(reason));
  }

  /** `bytes` as ReceiveCredit.consumed returned them, not 0. */
  credit(stream: number, bytes: number): void {
    this.#u32(FrameType.CREDIT, stream, bytes);
  }

  recall(stream: number): void {
    this.#begin(FrameType.RECALL, stream, 0);
  }

  /** `sequence` counts up within a connection; `previous` is what this connection was told last (noVitals at first). */
  vitals(sequence: number, previous: Vitals, next: Vitals): void {
    const changed = vitalFields.filter((field) => asU48(previous[field]) !== asU48(next[field]));
    let at = this.#begin(FrameType.VITALS, 0, vitalsFixedBytes + vitalBytes * changed.length);
    const slab = this.#slab as Buffer;
    put32(slab, at, sequence % (u32Max + 1));
    let mask = 0;
    for (const field of changed) mask |= 1 << vitalFields.indexOf(field);
    slab.writeUInt16BE(mask, at + 4);
    at += vitalsFixedBytes;
    for (const field of changed) {
      slab.writeUIntBE(asU48(next[field]), at, vitalBytes);
      at += vitalBytes;
    }
  }

  /** `stream`: the invocation it belongs to, or 0. Text beyond limits.logLineBytes is cut, and says so. */
  log(stream: number, level: LogLevel, source: LogSource, text: string): void {
    const bytes = utf8(text, limits.logLineBytes, ' … (cut)');
    const at = this.#begin(FrameType.LOG, stream, 2 + bytes.length);
    const slab = this.#slab as Buffer;
    slab[at] = logLevels.indexOf(level);
    slab[at + 1] = logSources.indexOf(source);
    slab.set(bytes, at + 2);
  }

  background(outstanding: number): void {
    this.#u32(FrameType.BACKGROUND, 0, outstanding);
  }

  drain(leftMs: number, reason: string): void {
    const text = utf8(reason, limits.detailBytes);
    const at = this.#begin(FrameType.DRAIN, 0, 4 + text.length);
    put32(this.#slab as Buffer, at, leftMs);
    this.#slab?.set(text, at + 4);
  }

  goodbye(code: string, detail: string): void {
    this.frame(FrameType.GOODBYE, 0, codedPayload(code, detail));
  }

  /** 8 bytes of the sender's choice. */
  ping(opaque: Uint8Array): void {
    this.frame(FrameType.PING, 0, opaque);
  }

  /** The bytes of the PING. */
  pong(opaque: Uint8Array): void {
    this.frame(FrameType.PONG, 0, opaque);
  }

  hello(hello: Hello): void {
    this.frame(FrameType.HELLO, 0, helloPayload(hello));
  }

  welcome(welcome: Welcome): void {
    this.frame(FrameType.WELCOME, 0, welcomePayload(welcome));
  }

  /** Throws ProtocolError FRAME_TOO_LARGE when the environment is beyond limits.sessionJsonBytes. */
  load(load: Load): void {
    this.frame(FrameType.LOAD, 0, jsonPayload(load));
  }

  loaded(loaded: Loaded): void {
    this.frame(FrameType.LOADED, 0, jsonPayload(loaded));
  }

  begins(mode: BeginsMode): void {
    this.#u8(FrameType.BEGINS, 0, beginsModes.indexOf(mode));
  }

  /** A frame of an ask or an answer. Its bytes over 4 KiB are sent from where they are: they must not change before. */
  part(type: MessageType, { number, begin, ends, bytes }: MessagePart): void {
    const json = begin === null ? null : Buffer.from(begin.json);
    const fixed = partFixedBytes + (json === null ? 0 : partBeginFixedBytes + json.length);
    const byReference = bytes.length > limits.copiedBodyBytes;
    const at = this.#begin(type, 0, fixed + bytes.length, byReference ? fixed : undefined);
    const slab = this.#slab as Buffer;
    put32(slab, at, number);
    slab[at + 4] = (begin === null ? 0 : partFlags.begins) | (ends ? partFlags.ends : 0);
    if (json !== null) {
      put32(slab, at + partFixedBytes, json.length);
      put32(slab, at + partFixedBytes + 4, begin?.bodyBytes ?? 0);
      slab.set(json, at + partFixedBytes + partBeginFixedBytes);
    }
    if (byReference) this.#refer(bytes);
    else slab.set(bytes, at + fixed);
  }

  /** `json`: of `{ name, attributes }`. */
  metric(value: number, json: string): void {
    const bytes = Buffer.from(json);
    const at = this.#begin(FrameType.METRIC, 0, metricFixedBytes + bytes.length);
    this.#slab?.writeDoubleBE(value, at);
    this.#slab?.set(bytes, at + metricFixedBytes);
  }

  /** Writes the header, and reserves `inSlab` bytes of the payload behind it. Returns where they begin. */
  #begin(type: number, stream: number, payloadBytes: number, inSlab = payloadBytes): number {
    if (payloadBytes > limits.framePayloadBytes) {
      throw new ProtocolError(
        'FRAME_TOO_LARGE',
        `a frame of ${payloadBytes} bytes, ${limits.framePayloadBytes} are allowed`,
      );
    }
    const bytes = frameHeaderBytes + inSlab;
    let slab = this.#slab;
    if (slab === null || slab.length - this.#at < bytes) {
      this.#sealRun();
      slab = takeSlab(bytes);
      this.#slab = slab;
      this.#from = 0;
      this.#at = 0;
    }
    const at = this.#at;
    slab[at] = payloadBytes >>> 16;
    slab[at + 1] = payloadBytes >>> 8;
    slab[at + 2] = payloadBytes;
    slab[at + 3] = type;
    slab[at + 4] = stream >>> 24;
    slab[at + 5] = stream >>> 16;
    slab[at + 6] = stream >>> 8;
    slab[at + 7] = stream;
    this.#at = at + bytes;
    return at + frameHeaderBytes;
  }

  #u8(type: number, stream: number, value: number): void {
    const at = this.#begin(type, stream, 1);
    (this.#slab as Buffer)[at] = value;
  }

  #u32(type: number, stream: number, value: number): void {
    const at = this.#begin(type, stream, 4);
    put32(this.#slab as Buffer, at, value);
  }

  #refer(bytes: Uint8Array): void {
    this.#sealRun();
    this.#pieces.push(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    this.#pieceBytes += bytes.length;
  }

  #sealRun(): void {
    if (this.#slab === null || this.#at === this.#from) return;
    this.#pieces.push(this.#slab.subarray(this.#from, this.#at));
    this.#pieceBytes += this.#at - this.#from;
    this.#from = this.#at;
  }
}

export interface ResponseFields {
  readonly complete: boolean;
  readonly status: number;
  readonly cpuUs: number;
  readonly head: string;
  readonly body: Uint8Array | string | null;
}

function put32(slab: Buffer, at: number, value: number): void {
  const fitting = value > u32Max ? u32Max : value;
  slab[at] = fitting >>> 24;
  slab[at + 1] = fitting >>> 16;
  slab[at + 2] = fitting >>> 8;
  slab[at + 3] = fitting;
}

/** Fractions are dropped; what is negative or no number counts as 0. */
const asU48 = (value: number): number => (value > 0 ? Math.min(Math.trunc(value), u48Max) : 0);

function jsonPayload(value: unknown): Buffer {
  const bytes = Buffer.from(JSON.stringify(value));
  if (bytes.length <= limits.sessionJsonBytes) return bytes;
  throw new ProtocolError('FRAME_TOO_LARGE', `JSON of ${bytes.length} bytes, ${limits.sessionJsonBytes} are allowed`);
}

const codedPayload = (code: string, detail: string): Buffer =>
  Buffer.concat([Buffer.from(`${code}\n`, 'latin1'), utf8(detail, limits.detailBytes)]);

/** At most `maxBytes`, ending in `mark` when it was cut. */
function utf8(text: string, maxBytes: number, mark = ''): Buffer {
  const bytes = Buffer.from(text.length > maxBytes ? text.slice(0, maxBytes) : text);
  if (bytes.length <= maxBytes && text.length <= maxBytes) return bytes;
  const end = Buffer.from(mark);
  let cut = maxBytes - end.length;
  // Not in the middle of a character: continuation bytes are 10xxxxxx.
  while (cut > 0 && ((bytes[cut] ?? 0) & 0xc0) === 0x80) cut -= 1;
  return Buffer.concat([bytes.subarray(0, cut), end]);
}
