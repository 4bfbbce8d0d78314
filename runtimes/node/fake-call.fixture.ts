// A call for tests: what a runtime is given, and what it answered, as the core would have sent it.
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { limits } from '../../src/base/limits.ts';
import type { Answered } from '../../src/core/asks.ts';
import type { Call, CallListener } from '../../src/core/call.ts';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Host } from './host.ts';

export interface FakeOptions {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: readonly string[];
  /** Undefined: there is no body. */
  readonly body?: readonly string[];
  /** The body's chunks come when the test sends them. */
  readonly open?: boolean;
  readonly upgrade?: boolean;
  /** Bytes that write() takes before it says no. */
  readonly creditBytes?: number;
  readonly leftMs?: number;
}

const ignore = (): void => undefined;
const current = new AsyncLocalStorage<FakeCall>();
let count = 0;

export class FakeCall implements Call {
  readonly id: string;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly hasBody: boolean;
  readonly upgrade: boolean;
  readonly deadlineWallMs: number;
  listener: CallListener = { body: ignore, bodyEnd: ignore, writable: ignore, cancelled: ignore };
  context: unknown = null;
  handling: PromiseLike<unknown> | null = null;
  /** What was called, in order: `head 200`, `write 5`, `end`, `reply 200`, `fail CODE`, `inform 103`. */
  readonly trace: string[] = [];
  status = 0;
  fields: readonly string[] = [];
  readonly informs: { status: number; fields: readonly string[] }[] = [];
  readonly chunks: Buffer[] = [];
  code = '';
  detail = '';
  consumedBytes = 0;
  readonly tags: string[] = [];
  credit: number;
  over = false;
  readonly #events = new EventEmitter();
  readonly #body: readonly string[] | undefined;

  constructor(options: FakeOptions = {}) {
    count += 1;
    this.id = `inv_${count}`;
    this.method = options.method ?? 'GET';
    this.target = options.target ?? '/';
    this.headers = options.headers ?? ['host', 'app.localhost:3000', 'x-forwarded-for', '192.0.2.7'];
    this.hasBody = options.body !== undefined || options.open === true;
    this.upgrade = options.upgrade ?? false;
    this.deadlineWallMs = Date.now() + (options.leftMs ?? 60_000);
    this.credit = options.creditBytes ?? Infinity;
    this.#body = options.body;
  }

  inform(status: number, fields: readonly string[]): void {
    this.#say(`inform ${status}`);
    this.informs.push({ status, fields });
  }
  reply(status: number, fields: readonly string[], body: Uint8Array | string | null): void {
    this.#say(`reply ${status}`);
    this.status = status;
    this.fields = fields;
    if (body !== null) this.chunks.push(Buffer.from(body as Uint8Array));
    this.#settle();
  }
  head(status: number, fields: readonly string[]): void {
    this.status = status;
    this.fields = fields;
    this.#say(`head ${status}`);
    this.#events.emit('head');
  }
  write(chunk: Uint8Array): boolean {
    this.#say(`write ${chunk.length}`);
    this.chunks.push(Buffer.from(chunk));
    this.credit -= chunk.length;
    this.#events.emit('chunk');
    return this.credit > 0;
  }
  end(): void {
    this.#say('end');
    this.#settle();
  }
  fail(code: string, detail: string): void {
    this.#say(`fail ${code}`);
    this.code = code;
    this.detail = detail;
    this.#settle();
  }
  consumed(bytes: number): void {
    this.consumedBytes += bytes;
  }
  addCacheTags(tags: readonly string[]): 'added' | 'late' | 'full' {
    if (this.status !== 0) return 'late';
    if (this.tags.length + tags.length > limits.addedTags) return 'full';
    this.tags.push(...tags);
    return 'added';
  }

  #say(what: string): void {
    assert.ok(!this.over, `${what} after the end of the call: ${this.trace.join(', ')}`);
    this.trace.push(what);
  }
  #settle(): void {
    this.over = true;
    this.#events.emit('over');
  }

  /** Hands it to the runtime as the core does, body included. */
  begin(invoke: (call: Call) => void): this {
    current.run(this, () => {
      invoke(this);
      if (this.#body === undefined) return;
      for (const chunk of this.#body) this.listener.body(Buffer.from(chunk));
      this.listener.bodyEnd();
    });
    return this;
  }
  send(chunk: string): void {
    current.run(this, () => this.listener.body(Buffer.from(chunk)));
  }
  sendEnd(): void {
    current.run(this, () => this.listener.bodyEnd());
  }
  grant(bytes: number): void {
    this.credit += bytes;
    current.run(this, () => this.listener.writable());
  }
  cancel(reason: Parameters<CallListener['cancelled']>[0] = 'client'): void {
    this.over = true;
    current.run(this, () => this.listener.cancelled(reason));
  }

  async settled(): Promise<this> {
    if (!this.over) await once(this.#events, 'over');
    return this;
  }
  async until(event: 'head' | 'chunk'): Promise<void> {
    await once(this.#events, event);
  }
  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }
  /** Values of one header, in order. */
  all(name: string): string[] {
    return this.fields.filter((_, at) => at % 2 === 1 && this.fields[at - 1]?.toLowerCase() === name);
  }
  header(name: string): string | undefined {
    return this.all(name)[0];
  }
}

export interface LogLine {
  readonly level: string;
  readonly source: string;
  readonly text: string;
  readonly call: Call | null;
}

export class FakeHost implements Host {
  readonly lines: LogLine[] = [];
  outstanding = 0;
  services = true;
  /** What was asked, and what is answered: undefined is an answer without fields. */
  readonly asked: { fields: Readonly<Record<string, unknown>>; body: Uint8Array | null }[] = [];
  readonly metrics: { value: number; name: unknown; attributes: unknown }[] = [];
  onAsk: (fields: Readonly<Record<string, unknown>>, body: Uint8Array | null) => Promise<Answered> | undefined = () =>
    undefined;
  readonly #events = new EventEmitter();

  ask(json: string, body: Uint8Array | null): Promise<Answered> {
    const fields = JSON.parse(json) as Readonly<Record<string, unknown>>;
    this.asked.push({ fields, body });
    return this.onAsk(fields, body) ?? Promise.resolve({ fields: { ok: true }, body: Buffer.alloc(0) });
  }
  metric(value: number, json: string): void {
    this.metrics.push({ value, ...(JSON.parse(json) as { name: unknown; attributes: unknown }) });
  }
  background(delta: 1 | -1): void {
    this.outstanding += delta;
    this.#events.emit('background');
  }
  log(level: string, source: string, text: string, call: Call | null): void {
    this.lines.push({ level, source, text, call });
    this.#events.emit('line');
  }
  currentCall(): Call | undefined {
    return current.getStore();
  }
  async backgroundChange(): Promise<void> {
    await once(this.#events, 'background');
  }
  async line(): Promise<void> {
    await once(this.#events, 'line');
  }
}
