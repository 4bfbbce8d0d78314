// A whole edge over real sockets, with functions that are callbacks in this process.
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { Exchange, Invocation, Invoker, RequestHead } from '../model/invoke.ts';
import type { Route, Segment } from '../model/route.ts';
import type { Alias, Deployment } from '../model/snapshot.ts';
import { Edge } from './server.ts';
import type { EdgeOptions } from './server.ts';

/** One invocation as the fake router saw it. */
export class Seen implements Invocation {
  readonly target: FunctionSpec;
  readonly head: RequestHead;
  readonly exchange: Exchange;
  readonly chunks: Buffer[] = [];
  bodyEnded = false;
  cancelled = 0;
  resumed = 0;
  /** What `write` answers. */
  room = true;
  private waiting: (() => void)[] = [];

  constructor(target: FunctionSpec, head: RequestHead, exchange: Exchange) {
    this.target = target;
    this.head = head;
    this.exchange = exchange;
  }

  get body(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  get bodyBytes(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  header(name: string): string | undefined {
    const at = this.head.headers.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name);
    return at === -1 ? undefined : this.head.headers[at + 1];
  }

  write(chunk: Buffer): boolean {
    this.chunks.push(chunk);
    this.changed();
    return this.room;
  }

  endBody(): void {
    this.bodyEnded = true;
    this.changed();
  }

  resume(): void {
    this.resumed += 1;
    this.changed();
  }

  cancel(): void {
    this.cancelled += 1;
    this.changed();
  }

  /** Resolves as soon as `holds` does. */
  async until(holds: (seen: this) => boolean): Promise<this> {
    while (!holds(this)) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this;
  }

  private changed(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

export type Handler = (seen: Seen) => void;

/** Answers every invocation by `handler`, and remembers all of them. */
export class FakeInvoker implements Invoker {
  handler: Handler;
  readonly all: Seen[] = [];
  private waiting: (() => void)[] = [];

  constructor(handler: Handler) {
    this.handler = handler;
  }

  invoke(target: FunctionSpec, head: RequestHead, exchange: Exchange): Invocation {
    const seen = new Seen(target, head, exchange);
    this.all.push(seen);
    for (const resolve of this.waiting.splice(0)) resolve();
    this.handler(seen);
    return seen;
  }

  /** The `count`-th invocation, once it is there. */
  async nth(count: number): Promise<Seen> {
    while (this.all.length < count) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.all[count - 1]!;
  }
}

export const spec = (name: string, launch: 'module' | 'server' = 'module'): FunctionSpec => ({
  id: `dpl_1/${name}`,
  label: `demo/${name}`,
  project: 'demo',
  deployment: 'dpl_1',
  name,
  root: '/nowhere',
  entry: '/nowhere/entry.js',
  environment: 'preview',
  launch,
  config: {
    memoryMiB: 128,
    maxDurationMs: 1000,
    maxConcurrency: 'auto',
    weight: 1,
    helpers: true,
    runtime: 'nodejs24.x',
    environment: {},
  },
});

export function route(pattern: string, functionId: string): Route {
  const segments = pattern
    .split('/')
    .filter((part) => part !== '')
    .map((part): Segment => {
      if (part.startsWith('[...')) return { kind: 'rest', name: part.slice(4, -1) };
      return part.startsWith('[') ? { kind: 'param', name: part.slice(1, -1) } : { kind: 'literal', text: part };
    });
  return { pattern, segments, functionId };
}

export const deployment = (changes: Partial<Deployment> = {}): Deployment => ({
  id: 'dpl_1',
  project: 'demo',
  environment: 'production',
  hosts: [],
  functions: [spec('all', 'server')],
  routes: [route('/[...path]', 'dpl_1/all')],
  publicDir: null,
  outputs: null,
  routing: null,
  crons: [],
  fingerprint: 'f',
  ...changes,
});

export interface Started {
  readonly edge: Edge;
  readonly port: number;
  readonly invoker: FakeInvoker;
}

export async function startEdge(
  context: TestContext,
  handler: Handler,
  options: { deployments?: readonly Deployment[]; aliases?: readonly Alias[]; edge?: Partial<EdgeOptions> } = {},
): Promise<Started> {
  const invoker = new FakeInvoker(handler);
  const edge = new Edge({
    invoker,
    clock: systemClock,
    random: seededRandom(1),
    log: silentLog,
    status: () => ({ functions: [] }),
    ...options.edge,
  });
  const { deployments = [deployment()], aliases } = options;
  edge.publish({ version: 1, deployments, ...(aliases === undefined ? {} : { aliases }) });
  const { port } = await edge.listen(0, '127.0.0.1');
  context.after(() => edge.close());
  return { edge, port, invoker };
}

/** A client that writes what it is told, and keeps what it gets. */
export class RawClient {
  readonly socket: Socket;
  text = '';
  ended = false;
  closed = false;
  private waiting: (() => void)[] = [];

  constructor(port: number, options: { allowHalfOpen?: boolean } = {}) {
    this.socket = connect({ port, host: '127.0.0.1', ...options });
    this.socket.setNoDelay(true);
    this.socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
      this.changed();
    });
    this.socket.on('end', () => {
      this.ended = true;
      this.changed();
    });
    this.socket.on('close', () => {
      this.closed = true;
      this.changed();
    });
    // A reset is one of the ways a connection ends.
    this.socket.on('error', () => this.changed());
  }

  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  async until(holds: (client: this) => boolean): Promise<this> {
    while (!holds(this)) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this;
  }

  /** Resolves when `pattern` has come; rejects when the connection ends without it. */
  async reads(pattern: RegExp): Promise<string> {
    await this.until(() => pattern.test(this.text) || this.closed);
    if (!pattern.test(this.text)) throw new Error(`closed after ${JSON.stringify(this.text)}, without ${pattern}`);
    return this.text;
  }

  async untilClosed(): Promise<string> {
    await this.until(() => this.closed);
    return this.text;
  }

  close(): void {
    this.socket.destroy();
  }

  private changed(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

/** A client whose socket is gone when the test has ended. */
export function client(context: TestContext, port: number, options: { allowHalfOpen?: boolean } = {}): RawClient {
  const made = new RawClient(port, options);
  context.after(() => made.close());
  return made;
}

/** Sends `raw`, which must ask for the connection to end, and returns all of the answer. */
export const converse = (context: TestContext, port: number, raw: string): Promise<string> =>
  client(context, port).send(raw).untilClosed();
