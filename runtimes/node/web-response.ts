// Hot path: every answer of a web handler.
/** Sends what a web handler returned: in one frame when it is known whole, else as its stream gives it. */
import type { Call } from '../../src/core/call.ts';
import { describing } from './decoded.ts';
import { simpleResponse } from './lazy-response.ts';
import { roleOf } from './header-role.ts';

/** What is enough of a Response to be sent; those of other fetch implementations are, too. */
interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly headers: Iterable<readonly [string, string]>;
  readonly body: ReadableStream<Uint8Array> | null;
  readonly bodyUsed: boolean;
}

/** The handler returned something that cannot be sent; the message says what, and what was expected. */
export class InvalidAnswer extends TypeError {
  override readonly name = 'InvalidAnswer';
}

export function isAnswer(value: unknown): value is Answer {
  if (typeof value !== 'object' || value === null) return false;
  const { status, headers } = value as Partial<Answer>;
  return typeof status === 'number' && typeof headers?.[Symbol.iterator] === 'function';
}

const kind = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value);

/** Hop-by-hop headers are the edge's business. */
function fieldsOf(headers: Iterable<readonly [string, string]>): string[] {
  const fields: string[] = [];
  for (const [name, value] of headers) if (roleOf(name) !== 'hop') fields.push(name, value);
  return fields;
}

const withoutHops = (fields: readonly string[]): readonly string[] => {
  for (let at = 0; at < fields.length; at += 2) {
    if (roleOf(fields[at]!) === 'hop') return fields.filter((_, index) => roleOf(fields[index & ~1]!) !== 'hop');
  }
  return fields;
};

export class Sender {
  readonly #call: Call;
  #reader: ReadableStreamDefaultReader<unknown> | null = null;
  /** The pump waits here for credit. */
  #resume: (() => void) | null = null;
  #gone = false;

  constructor(call: Call) {
    this.#call = call;
  }

  /** Sends it. Throws InvalidAnswer; rejects with what the body's stream failed with. Null: it has been sent. */
  send(value: unknown): Promise<void> | null {
    const simple = typeof value === 'object' && value !== null ? simpleResponse(value) : null;
    if (simple !== null) {
      this.#reply(simple.status, withoutHops(simple.fields), simple.body);
      return null;
    }
    if (!isAnswer(value)) throw new InvalidAnswer(`expected a Response from the handler, got ${kind(value)}`);
    if (value.type === 'error') throw new InvalidAnswer('the handler returned Response.error(), which cannot be sent');
    if (!(value.status >= 200 && value.status <= 599)) {
      throw new InvalidAnswer(`expected a Response with a status from 200 to 599, got ${value.status}`);
    }
    const all = fieldsOf(value.headers);
    if (value.body === null || value.body === undefined) {
      this.#reply(value.status, all, null);
      return null;
    }
    const fields = describing(value, all);
    if (value.bodyUsed || value.body.locked) {
      throw new InvalidAnswer(
        'expected a Response whose body was not read, got one that was (clone() it before reading)',
      );
    }
    if (this.#call.method === 'HEAD') {
      this.#call.reply(value.status, fields, null);
      return value.body.cancel();
    }
    return this.#pump(value.status, fields, value.body);
  }

  #reply(status: number, fields: readonly string[], body: string | Uint8Array | null): void {
    if (body === null || this.#call.method !== 'HEAD') return this.#call.reply(status, fields, body);
    const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const sized = fields.includes('content-length');
    this.#call.reply(status, sized ? fields : [...fields, 'content-length', String(bytes)], null);
  }

  /** The head leaves at once, a chunk when it is there, the next one is asked for when there is credit. */
  async #pump(status: number, fields: readonly string[], body: ReadableStream<unknown>): Promise<void> {
    const reader = body.getReader();
    this.#reader = reader;
    this.#call.head(status, fields);
    for (;;) {
      const { done, value } = await reader.read();
      if (this.#gone) return;
      if (done) break;
      const chunk = typeof value === 'string' ? Buffer.from(value) : value;
      if (!(chunk instanceof Uint8Array)) {
        void reader.cancel().catch(() => undefined);
        throw new InvalidAnswer(`expected bytes from the Response's stream, got ${kind(value)}`);
      }
      if (!this.#call.write(chunk)) await this.#credit();
      if (this.#gone) return;
    }
    this.#call.end();
  }

  #credit(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  writable(): void {
    const resume = this.#resume;
    this.#resume = null;
    resume?.();
  }

  /** Nobody reads any more: the stream's cancel() is told. Resolves when that is done. */
  cancel(reason: unknown): Promise<void> {
    this.#gone = true;
    this.writable();
    return this.#reader === null ? Promise.resolve() : this.#reader.cancel(reason);
  }
}
