/** Asks and answers (protocol/tunnel.md): a JSON object and a body, in as many frames as the body takes. */
import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { FrameType } from './frame.ts';
import type { FrameWriter } from './writer.ts';

export type MessageType = typeof FrameType.ASK | typeof FrameType.ANSWER;
export type Fields = Readonly<Record<string, unknown>>;

export const partFixedBytes = 5;
export const partBeginFixedBytes = 8;
export const partFlags = { begins: 1, ends: 2 } as const;

/** One frame of a message. */
export interface MessagePart {
  readonly number: number;
  /** Null: the message has begun before. */
  readonly begin: { readonly json: string; readonly bodyBytes: number } | null;
  readonly ends: boolean;
  readonly bytes: Uint8Array;
}

export interface Message {
  readonly number: number;
  readonly fields: Fields;
  readonly body: Buffer;
}

/** A view, valid as long as `payload` is. Throws ProtocolError BAD_FRAME. */
export function readPart(payload: Buffer): MessagePart {
  const flags = payload[4] ?? 0;
  if (payload.length < partFixedBytes || flags > 3) throw bad(`${payload.length} bytes with flags ${flags}`);
  const number = payload.readUInt32BE(0);
  const ends = (flags & partFlags.ends) !== 0;
  let [begin, at]: [MessagePart['begin'], number] = [null, partFixedBytes];
  if ((flags & partFlags.begins) !== 0) {
    if (payload.length < at + partBeginFixedBytes) throw bad('a beginning without its lengths');
    const [jsonBytes, bodyBytes] = [payload.readUInt32BE(at), payload.readUInt32BE(at + 4)];
    at += partBeginFixedBytes + jsonBytes;
    if (jsonBytes > limits.askJsonBytes || at > payload.length) throw bad(`a JSON of ${jsonBytes} bytes`);
    if (bodyBytes > limits.askBodyBytes) throw bad(`a body of ${bodyBytes} bytes`);
    begin = { json: payload.toString('utf8', at - jsonBytes, at), bodyBytes };
  }
  const bytes = payload.subarray(at);
  if (bytes.length > limits.askFrameBytes) throw bad(`${bytes.length} bytes of a body in one frame`);
  return { number, begin, ends, bytes };
}

/**
 * Writes a whole message. The body is sent from where it is: it must not change before it has left. Both are within
 * limits.askJsonBytes and limits.askBodyBytes: the caller's to see to.
 */
export function writeMessage(writer: FrameWriter, type: MessageType, message: OutgoingMessage): void {
  const { number, json, body } = message;
  const step = limits.askFrameBytes;
  let from = 0;
  do {
    const bytes = body.subarray(from, from + step);
    const begin = from === 0 ? { json, bodyBytes: body.length } : null;
    writer.part(type, { number, begin, ends: from + step >= body.length, bytes });
    from += step;
  } while (from < body.length);
}

export interface OutgoingMessage {
  readonly number: number;
  /** Of an object. */
  readonly json: string;
  readonly body: Uint8Array;
}

interface Incomplete {
  readonly fields: Fields;
  readonly body: Buffer;
  filled: number;
}

/** Puts messages together again. What may come at all is the owner's to say; nothing is kept but what has been announced. */
export class Inbox {
  readonly #incomplete = new Map<number, Incomplete>();

  get count(): number {
    return this.#incomplete.size;
  }

  /** The message that this frame completes, or null. `begins` is asked before memory is taken. Throws ProtocolError. */
  take(payload: Buffer, begins: (number: number, bodyBytes: number) => void): Message | null {
    const { number, begin, ends, bytes } = readPart(payload);
    if (begin !== null) {
      if (this.#incomplete.has(number)) throw bad(`number ${number} begins twice`);
      begins(number, begin.bodyBytes);
      const body = Buffer.allocUnsafeSlow(begin.bodyBytes);
      this.#incomplete.set(number, { fields: readFields(begin.json), body, filled: 0 });
    }
    const message = this.#incomplete.get(number);
    if (message === undefined) throw bad(`number ${number} has not begun`);
    const { fields, body } = message;
    if (message.filled + bytes.length > body.length) throw bad('a body longer than was said');
    body.set(bytes, message.filled);
    message.filled += bytes.length;
    if (!ends) {
      // Frames that bring nothing would cost their sender nothing.
      if (bytes.length === 0 && begin === null) throw bad('a frame that brings nothing');
      return null;
    }
    if (message.filled < body.length) throw bad('a body shorter than was said');
    this.#incomplete.delete(number);
    return { number, fields, body };
  }

  clear(): void {
    this.#incomplete.clear();
  }
}

export interface Metric {
  readonly name: string;
  readonly value: number;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export const metricFixedBytes = 8;

/**
 * METRIC. What its parts may be is the ledger's to say, so one that is too long is read as one without a name: it is dropped
 * and counted. Throws ProtocolError BAD_FRAME.
 */
export function readMetric(payload: Buffer): Metric {
  if (payload.length < metricFixedBytes) throw bad(`a metric of ${payload.length} bytes`);
  if (payload.length > limits.metricBytes) return { name: '', value: payload.readDoubleBE(0), attributes: {} };
  const { name, attributes } = readFields(payload.toString('utf8', metricFixedBytes));
  return {
    name: typeof name === 'string' ? name : '',
    value: payload.readDoubleBE(0),
    attributes: isObject(attributes) ? attributes : {},
  };
}

/** A JSON object. Throws ProtocolError BAD_FRAME. */
export function readFields(json: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw bad('no valid JSON');
  }
  return isObject(value) ? value : refuse('no JSON object');
}

function refuse(detail: string): never {
  throw bad(detail);
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const bad = (detail: string): ProtocolError => new ProtocolError('BAD_FRAME', detail);
