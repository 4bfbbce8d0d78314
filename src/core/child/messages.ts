/** What a program says by way of VERCEL_IPC_PATH: JSON objects, each ended by a byte 0 (protocol/runtime.md, Messages). */
import { limits } from '../../base/limits.ts';
import type { LogLevel, LogSource } from '../../tunnel/payload.ts';

/** Whose it is; request 0: nobody's. */
interface MessageContext {
  readonly invocation: string;
  readonly request: number;
}

export type RuntimeMessage =
  | { readonly type: 'server-started'; readonly initMs: number; readonly port: number | null }
  | { readonly type: 'handler-started' }
  | { readonly type: 'end'; readonly context: MessageContext; readonly error: string | null }
  | {
      readonly type: 'log';
      readonly context: MessageContext;
      readonly level: LogLevel;
      readonly source: LogSource;
      readonly text: string;
    }
  | {
      readonly type: 'metric';
      readonly context: MessageContext;
      readonly durationMs: number;
      readonly attributes: Readonly<Record<string, string>>;
    }
  | { readonly type: 'unrecoverable-error'; readonly exitCode: number; readonly text: string };

/** The program has said something that it may not say; nothing of its socket is read any more. */
export class MessageError extends Error {
  override readonly name = 'MessageError';
}

type Fields = Readonly<Record<string, unknown>>;

const firstBytes = 1024;
const nothing = Buffer.alloc(0);

/** Takes messages apart. Memory: the one that is not complete, at most limits.ipcMessageBytes, however it was cut. */
export class MessageReader {
  readonly #take: (message: RuntimeMessage) => void;
  /** Of the message that is not complete: `#heldBytes`, and room. */
  #held: Buffer = nothing;
  #heldBytes = 0;

  constructor(take: (message: RuntimeMessage) => void) {
    this.#take = take;
  }

  /** Nothing of `chunk` is kept. Throws MessageError. */
  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(0); at !== -1; at = chunk.indexOf(0, from)) {
      const message = readMessage(this.#complete(chunk.subarray(from, at)));
      from = at + 1;
      if (message !== null) this.#take(message);
    }
    if (from < chunk.length) this.#hold(chunk.subarray(from));
  }

  #complete(last: Buffer): string {
    if (this.#heldBytes === 0) {
      this.#check(last.length);
      return last.toString('utf8');
    }
    this.#hold(last);
    const text = this.#held.toString('utf8', 0, this.#heldBytes);
    this.#held = nothing;
    this.#heldBytes = 0;
    return text;
  }

  /** By doubling: what comes byte by byte is copied twice at most, and no piece holds the memory of the read that it came in. */
  #hold(piece: Buffer): void {
    const bytes = this.#heldBytes + piece.length;
    this.#check(bytes);
    if (bytes > this.#held.length) {
      const roomBytes = Math.max(bytes, firstBytes, 2 * this.#held.length);
      const held = Buffer.allocUnsafe(Math.min(roomBytes, limits.ipcMessageBytes));
      this.#held.copy(held, 0, 0, this.#heldBytes);
      this.#held = held;
    }
    piece.copy(this.#held, this.#heldBytes);
    this.#heldBytes = bytes;
  }

  #check(bytes: number): void {
    if (bytes <= limits.ipcMessageBytes) return;
    throw new MessageError(`a message of more than ${limits.ipcMessageBytes} bytes`);
  }
}

/** Null: of a type, or with fields, that say nothing to us. Throws MessageError: it is no JSON object. */
function readMessage(json: string): RuntimeMessage | null {
  const { type, payload } = objectOf(json) ?? fail('no JSON object');
  // Text is that object, as JSON.
  const fields = typeof payload === 'string' ? objectOf(payload) : (payload ?? {});
  if (!isObject(fields)) return null;
  switch (type) {
    case 'server-started':
      return { type, initMs: count(fields['initDuration']) ?? 0, port: portOf(fields['httpPort']) };
    case 'handler-started':
      return { type };
    case 'end':
      return { type, context: contextOf(fields), error: errorOf(fields['error']) };
    case 'log':
      return logOf(fields);
    case 'metric':
      return metricOf(fields);
    case 'unrecoverable-error':
      return { type, exitCode: count(fields['exitCode']) ?? 1, text: textOf(fields['message']) ?? '' };
    default:
      return null;
  }
}

function logOf(fields: Fields): RuntimeMessage | null {
  const message = textOf(fields['message']);
  if (message === null) return null;
  const level = levelOf(fields['level']);
  const isError = fields['stream'] === 'stderr' || (fields['stream'] === undefined && level === 'error');
  const text = Buffer.from(message, 'base64')
    .toString('utf8')
    .replace(/\r?\n$/, '');
  return {
    type: 'log',
    context: contextOf(fields),
    level: level ?? (isError ? 'error' : 'info'),
    source: isError ? 'stderr' : 'stdout',
    text,
  };
}

const levels: Readonly<Record<string, LogLevel>> = {
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  fatal: 'error',
  critical: 'error',
};

const levelOf = (value: unknown): LogLevel | null =>
  typeof value === 'string' && Object.hasOwn(levels, value) ? levels[value]! : null;

function metricOf(fields: Fields): RuntimeMessage | null {
  const { payload } = fields;
  if (fields['type'] !== 'fetch-metric' || !isObject(payload)) return null;
  const durationMs = count(payload['duration']);
  if (durationMs === null) return null;
  const attributes: Record<string, string> = {};
  const [host, method] = [textOf(payload['host']), textOf(payload['method'])];
  if (host !== null) attributes['host'] = host;
  if (method !== null) attributes['method'] = method;
  const status = count(payload['statusCode']);
  if (status !== null) attributes['status'] = String(status);
  return { type: 'metric', context: contextOf(fields), durationMs, attributes };
}

function contextOf({ context }: Fields): MessageContext {
  if (!isObject(context)) return { invocation: '0', request: 0 };
  return { invocation: textOf(context['invocationId']) ?? '0', request: count(context['requestId']) ?? 0 };
}

function errorOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  // Never as JSON again: how deep it goes is the program's to say, and our stack would be what ends.
  return isObject(value) ? (textOf(value['message']) ?? 'an error without a message') : null;
}

function portOf(value: unknown): number | null {
  const port = count(value);
  return port !== null && Number.isInteger(port) && port > 0 && port < 65_536 ? port : null;
}

const count = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function objectOf(json: string): Fields | null {
  try {
    const value: unknown = JSON.parse(json);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function fail(detail: string): never {
  throw new MessageError(detail);
}
