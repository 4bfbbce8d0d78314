import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Failure } from '../../base/errors.ts';
import { silentLog } from '../../base/log.ts';
import type { FunctionSpec } from '../../model/function.ts';
import type { Exchange, Invocation, Invoker, RequestHead } from '../../model/invoke.ts';
import type { Prerender } from '../../model/output.ts';
import { Chains } from '../chain.ts';
import type { PageAsk } from './ask.ts';
import { Pages } from './pages.ts';
import { PageStore } from './store.ts';
import type { PageStoreOptions } from './store.ts';

/** Time that moves when it is told to. */
export class HandClock implements Clock {
  ms = 1_700_000_000_000;
  nowMs = (): number => this.ms;
  wallMs = (): number => this.ms;
  after(): { cancel(): void } {
    return { cancel: () => undefined };
  }
  soon(fire: () => void): void {
    setImmediate(fire);
  }
}

export async function temporaryDirectory(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'weir-pages-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** An invocation that the fake function has been asked for, and answers when the test says so. */
export class FakeCall implements Invocation {
  readonly spec: FunctionSpec;
  readonly head: RequestHead;
  readonly exchange: Exchange;
  received = '';
  /** It takes what is written, and wants no more until it says so. */
  full = false;
  ended = false;
  resumed = 0;
  cancelled = false;

  constructor(spec: FunctionSpec, head: RequestHead, exchange: Exchange) {
    this.spec = spec;
    this.head = head;
    this.exchange = exchange;
  }

  header(name: string): string | undefined {
    const at = this.head.headers.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name);
    return at === -1 ? undefined : this.head.headers[at + 1];
  }

  answer(body: string, headers: readonly string[] = [], status = 200): void {
    // What the router's memory does after the call.
    const memory = Buffer.from(body);
    const typed = headers.some((name) => name.toLowerCase() === 'content-type');
    const all = typed ? headers : ['Content-Type', 'text/html', ...headers];
    if (this.exchange.reply(status, all, memory)) memory.fill(0x3f);
  }

  piece(text: string): boolean {
    const memory = Buffer.from(text);
    const taken = this.exchange.body(memory);
    if (taken) memory.fill(0x3f);
    return taken;
  }

  write(chunk: Buffer): boolean {
    this.received += chunk.toString();
    return !this.full;
  }

  endBody(): void {
    this.ended = true;
  }

  resume(): void {
    this.resumed += 1;
  }

  cancel(): void {
    this.cancelled = true;
  }
}

export class FakeInvoker implements Invoker {
  readonly calls: FakeCall[] = [];
  /** Of calls from now on. */
  full = false;
  /** Why it takes none; null: it does. */
  broken: string | null = null;
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  invoke(spec: FunctionSpec, head: RequestHead, exchange: Exchange): FakeCall {
    if (this.broken !== null) throw new Error(this.broken);
    const call = new FakeCall(spec, head, exchange);
    call.full = this.full;
    this.calls.push(call);
    for (const { count, resolve } of this.#waiting) if (this.calls.length >= count) resolve();
    return call;
  }

  /** The call of the number (from 0), when it comes. */
  async call(index: number): Promise<FakeCall> {
    if (this.calls.length <= index)
      await new Promise<void>((resolve) => this.#waiting.push({ count: index + 1, resolve }));
    return this.calls[index]!;
  }
}

/** A client. `done` resolves when its answer is complete or has failed. */
export class FakeClient implements Exchange {
  status = 0;
  headers: readonly string[] = [];
  text = '';
  failure: Failure | null = null;
  complete = false;
  /** False: it takes one piece, and no more until it says so. */
  fast = true;
  readonly #over = Promise.withResolvers<void>();
  readonly #headed = Promise.withResolvers<void>();
  readonly done: Promise<void> = this.#over.promise;
  readonly headed: Promise<void> = this.#headed.promise;

  header(name: string): string | undefined {
    const at = this.headers.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name);
    return at === -1 ? undefined : this.headers[at + 1];
  }

  get word(): string | undefined {
    return this.header('x-vercel-cache');
  }

  inform(): void {
    throw new Error('nothing is said on the way to a kept page');
  }

  reply(status: number, headers: readonly string[], body: Buffer | null): boolean {
    this.head(status, headers);
    if (body !== null) this.text += body.toString();
    this.end();
    return true;
  }

  head(status: number, headers: readonly string[]): void {
    if (this.status !== 0) throw new Error('two heads');
    this.status = status;
    this.headers = headers;
    this.#headed.resolve();
  }

  body(chunk: Buffer): boolean {
    if (this.complete || this.status === 0) throw new Error('a body out of turn');
    this.text += chunk.toString();
    return this.fast;
  }

  end(): void {
    if (this.complete || this.failure !== null) throw new Error('two ends');
    this.complete = true;
    this.#headed.resolve();
    this.#over.resolve();
  }

  fail(failure: Failure): void {
    if (this.complete || this.failure !== null) throw new Error('two ends');
    this.failure = failure;
    this.#headed.resolve();
    this.#over.resolve();
  }

  drained(): void {
    throw new Error('a client has no body to be drained');
  }
}

export const fakeSpec = (name: string): FunctionSpec =>
  ({ id: `d/${name}`, label: `p/${name}`, project: 'p', deployment: 'd', name }) as FunctionSpec;

export const token = 'a-token-of-thirty-two-characters';

export const fakePrerender = (changed: Partial<Prerender> = {}): Prerender => ({
  expirationS: 60,
  staleExpirationS: null,
  group: null,
  bypassToken: token,
  fallback: null,
  allowQuery: [],
  allowHeader: null,
  passQuery: true,
  initialHeaders: {},
  initialStatus: 200,
  exposeErrorBody: false,
  bypassFor: [],
  sourcePath: null,
  chain: null,
  ...changed,
});

export interface Asking {
  readonly page?: Partial<Prerender>;
  readonly output?: string;
  readonly target?: string;
  readonly method?: string;
  readonly headers?: readonly string[];
  readonly host?: string | null;
  readonly namespace?: string;
  readonly hasBody?: boolean;
  readonly unfit?: PageAsk['unfit'];
}

/** Pages with a fake function behind them, on a directory of their own. */
export class PagesRig {
  readonly clock = new HandClock();
  readonly invoker = new FakeInvoker();
  readonly store: PageStore;
  readonly pages: Pages;
  #ids = 0;

  constructor(store: PageStore, clock: HandClock) {
    this.clock = clock;
    this.store = store;
    this.pages = new Pages({
      invoker: this.invoker,
      clock,
      log: silentLog,
      chains: new Chains('key'),
      nextId: () => `inv_${(this.#ids += 1)}`,
      // Conditions of the tests name a header that has to be there.
      matches: (conditions, { headers }) =>
        conditions.some((one) => one.type === 'header' && headers.some((name) => name.toLowerCase() === one.key)),
    });
  }

  static async open(
    directory: string,
    most: PageStoreOptions['most'] = {},
    clock = new HandClock(),
  ): Promise<PagesRig> {
    return new PagesRig(await PageStore.open({ directory, clock, log: silentLog, most }), clock);
  }

  ask(asking: Asking = {}): PageAsk {
    const { page, output = 'page', target = `/${output}`, method = 'GET', headers = [] } = asking;
    return {
      shelf: this.store.shelf(asking.namespace ?? 'deployment', 'project'),
      page: fakePrerender(page),
      output,
      spec: fakeSpec('render'),
      chain: page?.chain == null ? null : fakeSpec('resume'),
      head: {
        id: 'inv_client',
        method,
        target,
        headers: ['Host', 'site.test', ...headers],
        hasBody: asking.hasBody ?? false,
        upgrade: false,
        route: `/${output}`,
      },
      unfit: asking.unfit ?? null,
      host: asking.host === undefined ? 'site.test' : asking.host,
    };
  }

  /** Answers the next call of the function. */
  async made(index: number, body: string, headers: readonly string[] = [], status = 200): Promise<void> {
    (await this.invoker.call(index)).answer(body, headers, status);
  }

  /** A client's request, under way. */
  get(asking: Asking = {}): { client: FakeClient; invocation: Invocation } {
    const client = new FakeClient();
    return { client, invocation: this.pages.answer(this.ask(asking), client) };
  }

  /** A client's request, answered. */
  async fetch(asking: Asking = {}): Promise<FakeClient> {
    const { client } = this.get(asking);
    await client.done;
    return client;
  }
}
