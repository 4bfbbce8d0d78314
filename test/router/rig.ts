// A router on a virtual clock, with a provider whose instances speak the real protocol over connections in memory.
import { seededRandom } from '../../src/base/random.ts';
import type { Failure } from '../../src/base/errors.ts';
import { silentLog, type Log } from '../../src/base/log.ts';
import { Ledger } from '../../src/meter/ledger.ts';
import type { FunctionSpec } from '../../src/model/function.ts';
import type { Exchange, Invocation, RequestHead } from '../../src/model/invoke.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { noVitals, type NackReason, type Vitals } from '../../src/model/vitals.ts';
import type { Exit, Provider, ProviderEvents, Started, StartOrder } from '../../src/provider/provider.ts';
import type { FunctionLogLine } from '../../src/model/telemetry.ts';
import { Router, type RouterOptions } from '../../src/router/router.ts';
import { FrameType } from '../../src/tunnel/frame.ts';
import { readLoad, type Load } from '../../src/tunnel/greeting.ts';
import { headersText } from '../../src/tunnel/head.ts';
import { Inbox, type Message } from '../../src/tunnel/message.ts';
import { readCancel, readCredit, readDrain, readRequest, type Request } from '../../src/tunnel/payload.ts';
import { openSession, type Session, type SessionEnd } from '../../src/tunnel/session.ts';
import { memoryConnections, type MemoryConnection } from '../sim/memory-connection.ts';
import { VirtualClock } from '../sim/virtual-clock.ts';

export function functionSpec(name = 'api/hello', config: Partial<FunctionSpec['config']> = {}): FunctionSpec {
  return {
    id: `dpl_test/${name}`,
    label: `test/${name}`,
    project: 'test',
    deployment: 'dpl_test',
    name,
    root: '/srv/test',
    entry: `/srv/test/${name}.js`,
    environment: 'preview',
    launch: 'module',
    config: {
      memoryMiB: 256,
      maxDurationMs: 10_000,
      maxConcurrency: 'auto',
      weight: 1,
      helpers: true,
      runtime: 'nodejs24.x',
      environment: {},
      ...config,
    },
  };
}

export function snapshotOf(...functions: FunctionSpec[]): Snapshot {
  const deployment = { id: 'dpl_test', project: 'test', environment: 'production', hosts: [], routes: [] } as const;
  return {
    version: 1,
    deployments: [
      { ...deployment, functions, publicDir: null, outputs: null, routing: null, crons: [], fingerprint: 'f' },
    ],
  };
}

/** What a client got. */
export class FakeExchange implements Exchange {
  readonly informed: number[] = [];
  status = 0;
  headers: readonly string[] = [];
  chunks: Buffer[] = [];
  /** Terminal calls: each must come once. */
  readonly ends: ('reply' | 'end' | 'fail')[] = [];
  failure: Failure | null = null;
  drains = 0;
  /** What `body` answers. */
  accepting = true;
  invocation: Invocation | null = null;

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  inform(status: number): void {
    this.informed.push(status);
  }

  reply(status: number, headers: readonly string[], body: Buffer | null): boolean {
    this.status = status;
    this.headers = headers;
    if (body !== null) this.chunks.push(Buffer.from(body));
    this.ends.push('reply');
    return true;
  }

  head(status: number, headers: readonly string[]): void {
    this.status = status;
    this.headers = headers;
  }

  body(chunk: Buffer): boolean {
    // What it says it has not taken stays as it is; what it has may be overwritten.
    this.chunks.push(this.accepting ? Buffer.from(chunk) : chunk);
    return this.accepting;
  }

  end(): void {
    this.ends.push('end');
  }

  fail(failure: Failure): void {
    this.failure = failure;
    this.ends.push('fail');
  }

  drained(): void {
    this.drains += 1;
  }
}

export type FakeRequest = Request & { readonly stream: number };

/** An instance that does what the test tells it. */
export class FakeInstance implements Started {
  readonly pid: number;
  readonly order: StartOrder;
  readonly events: ProviderEvents;
  data: Session | null = null;
  control: Session | null = null;
  connection: MemoryConnection | null = null;
  load: Load | null = null;
  readonly requests: FakeRequest[] = [];
  readonly bodies = new Map<number, Buffer[]>();
  readonly bodyEnds: number[] = [];
  readonly cancels: { stream: number; reason: string }[] = [];
  readonly recalls: number[] = [];
  readonly recallsOnData: number[] = [];
  readonly credits: { stream: number; bytes: number }[] = [];
  readonly drains: string[] = [];
  readonly answers: Message[] = [];
  readonly ends: SessionEnd[] = [];
  terminated = false;
  killed = false;
  #exited = false;
  #vitals: Vitals = noVitals;
  #sequence = 0;
  readonly #inbox = new Inbox();
  readonly #rig: Rig;

  constructor(rig: Rig, order: StartOrder, events: ProviderEvents) {
    this.#rig = rig;
    this.order = order;
    this.events = events;
    this.pid = 1000 + rig.instances.length;
  }

  /** Dials the data connection, and the control connection when it has been welcomed. */
  connect(token = this.order.token): void {
    this.connection = this.#rig.dial();
    this.data = openSession(this.connection, {
      clock: this.#rig.clock,
      hello: { token, role: 'data', pid: this.pid, runtime: 'nodejs24.x' },
      events: {
        opened: (session) => this.#opened(session),
        drained: () => undefined,
        frame: (type, stream, payload) => this.#frame(type, stream, payload),
        body: (stream, chunk) => {
          const pieces = this.bodies.get(stream) ?? [];
          pieces.push(Buffer.from(chunk));
          this.bodies.set(stream, pieces);
        },
        // A loop that a test has stopped runs no timers either.
        unanswered: () => true,
        closed: (end) => void this.ends.push(end),
      },
    });
  }

  get last(): FakeRequest {
    const request = this.requests.at(-1);
    if (request === undefined) throw new TypeError('the instance got no request');
    return request;
  }

  bodyText(stream: number): string {
    return Buffer.concat(this.bodies.get(stream) ?? []).toString();
  }

  reply(stream: number, body = 'ok', status = 200): void {
    this.#write((session) =>
      session.writer.response(stream, { complete: true, status, cpuUs: 1000, head: '', body: Buffer.from(body) }),
    );
  }

  head(stream: number, status = 200, headers: readonly string[] = []): void {
    const head = headersText(headers);
    this.#write((session) => session.writer.response(stream, { complete: false, status, cpuUs: 0, head, body: null }));
  }

  chunk(stream: number, bytes: Buffer | string): void {
    this.#write((session) => session.writer.body(stream, Buffer.from(bytes)));
  }

  bodyEnd(stream: number): void {
    this.#write((session) => session.writer.bodyEnd(stream, 2000));
  }

  nack(stream: number, reason: NackReason): void {
    this.#write((session) => session.writer.nack(stream, reason));
  }

  /** The sentinel's answer to a recall. */
  recalled(stream: number): void {
    this.control?.writer.nack(stream, 'recalled');
    this.control?.writer.flush();
  }

  vitals(changes: Partial<Vitals>, session = this.control): void {
    const next = { ...this.#vitals, ...changes };
    this.#sequence += 1;
    session?.writer.vitals(this.#sequence, this.#vitals, next);
    session?.writer.flush();
    this.#vitals = next;
  }

  /** Anything else on the data connection. */
  say(write: (writer: Session['writer']) => void): void {
    this.#write((session) => write(session.writer));
  }

  /** The process is gone: what it wrote still arrives, then its connections end. */
  die(exit: Exit): void {
    if (this.#exited) return;
    this.#exited = true;
    this.connection?.destroy();
    this.control?.connection.destroy();
    this.events.exited(exit);
  }

  terminate(): void {
    this.terminated = true;
    this.#rig.clock.after(5, () => this.die({ kind: 'signalled', signal: 'SIGTERM', outOfMemory: false }));
  }

  kill(): void {
    if (this.#exited || this.killed) return;
    this.killed = true;
    this.#rig.clock.after(1, () => this.die({ kind: 'signalled', signal: 'SIGKILL', outOfMemory: false }));
  }

  usage(): { cpuUs: number; rssBytes: number } | null {
    return this.#exited ? null : { cpuUs: 50_000, rssBytes: 50 << 20 };
  }

  #opened(session: Session): void {
    const { controlToken } = session.welcome;
    if (controlToken === undefined || !this.#rig.sentinels) return;
    this.control = openSession(this.#rig.dial(), {
      clock: this.#rig.clock,
      hello: { token: controlToken, role: 'control', pid: this.pid, runtime: 'nodejs24.x' },
      events: {
        opened: () => undefined,
        drained: () => undefined,
        frame: (type, stream) => {
          if (type === FrameType.RECALL) this.recalls.push(stream);
        },
        body: () => undefined,
        closed: () => undefined,
      },
    });
  }

  #frame(type: number, stream: number, payload: Buffer): void {
    if (type === FrameType.LOAD) {
      this.load = readLoad(payload);
      if (this.#rig.loads) this.say((writer) => writer.loaded({ ok: true, initMs: 1 }));
    } else if (type === FrameType.REQUEST) {
      const request = { ...readRequest(payload), stream };
      this.requests.push(request);
      this.#rig.onRequest(this, request);
    } else if (type === FrameType.RECALL) this.recallsOnData.push(stream);
    else if (type === FrameType.BODY_END) this.bodyEnds.push(stream);
    else if (type === FrameType.CANCEL) this.cancels.push({ stream, reason: readCancel(payload) });
    else if (type === FrameType.CREDIT) this.credits.push({ stream, bytes: readCredit(payload) });
    else if (type === FrameType.ANSWER) {
      const answer = this.#inbox.take(payload, () => undefined);
      if (answer !== null) this.answers.push(answer);
    } else if (type === FrameType.DRAIN) {
      this.drains.push(readDrain(payload).reason);
      this.#rig.onDrain(this);
    }
  }

  #write(write: (session: Session) => void): void {
    if (this.data === null) throw new TypeError('the instance has not connected');
    write(this.data);
    this.data.writer.flush();
  }
}

export interface RigOptions extends Partial<
  Pick<RouterOptions, 'machine' | 'stems' | 'keepAliveMs' | 'instancesPerFunction' | 'memory' | 'services'>
> {
  readonly log?: Log;
}

export class Rig implements Provider {
  readonly kind = 'process';
  readonly clock = new VirtualClock();
  readonly ledger = new Ledger();
  readonly instances: FakeInstance[] = [];
  readonly lines: FunctionLogLine[] = [];
  readonly router: Router;
  /** From start to HELLO; null: it never connects. */
  startMs: number | null = 30;
  /** Whether LOAD is answered by LOADED at once. */
  loads = true;
  sentinels = true;
  #count = 0;

  constructor(options: RigOptions = {}) {
    this.router = new Router({
      clock: this.clock,
      random: seededRandom(7),
      log: silentLog,
      provider: this,
      ledger: this.ledger,
      onLog: (line) => this.lines.push(line),
      ...options,
    });
  }

  /** What an instance does with a request. */
  onRequest: (instance: FakeInstance, request: FakeRequest) => void = () => undefined;
  onDrain: (instance: FakeInstance) => void = (instance) => instance.data?.goodbye('DRAINED', '');

  describe(): string {
    return 'in memory';
  }

  start(order: StartOrder, events: ProviderEvents): Started {
    const instance = new FakeInstance(this, order, events);
    this.instances.push(instance);
    if (this.startMs !== null) this.clock.after(this.startMs, () => instance.connect());
    return instance;
  }

  async close(): Promise<void> {
    for (const instance of this.instances) instance.kill();
  }

  dial(): MemoryConnection {
    const { near, far } = memoryConnections({ clock: this.clock });
    this.router.accept(far);
    return near;
  }

  invoke(spec: FunctionSpec, head: Partial<RequestHead> = {}): FakeExchange {
    const exchange = new FakeExchange();
    this.#count += 1;
    const id = `inv_${this.#count}`;
    const whole = { id, method: 'GET', target: '/api/hello', headers: [], hasBody: false, upgrade: false, route: '/' };
    exchange.invocation = this.router.invoke(spec, { ...whole, ...head }, exchange);
    return exchange;
  }

  /** An instance that is ready, warmed up by an invocation. */
  warm(spec: FunctionSpec): FakeInstance {
    const before = this.onRequest;
    this.onRequest = (instance, request) => instance.reply(request.stream);
    const exchange = this.invoke(spec);
    this.clock.runUntil(() => exchange.ends.length > 0, 1000);
    this.onRequest = before;
    const instance = this.instances.findLast((each) => each.requests.length > 0);
    if (instance === undefined) throw new TypeError('no instance answered');
    return instance;
  }

  settle(): void {
    this.clock.settle();
  }

  /** The router's own view of its one function. */
  states(): readonly string[] {
    return this.router.status().functions.flatMap((each) => each.instances.map((instance) => instance.state));
  }
}
