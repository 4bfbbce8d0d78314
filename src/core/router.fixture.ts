// A router for tests: real sessions over a real socket, no decisions. It starts one instance, says what the test says,
// and remembers every frame in order.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../base/clock.ts';
import { noVitals, type Vitals } from '../model/vitals.ts';
import { type Listener, listen } from '../tunnel/dial.ts';
import { type FrameName, frameName, FrameType } from '../tunnel/frame.ts';
import type { Load, Loaded } from '../tunnel/greeting.ts';
import { readLoaded } from '../tunnel/greeting.ts';
import { headText } from '../tunnel/head.ts';
import {
  type Failed,
  readBodyEnd,
  readFailed,
  readLog,
  readNack,
  readResponse,
  readVitals,
} from '../tunnel/payload.ts';
import { acceptSession, type Session, type SessionEnd } from '../tunnel/session.ts';

const child = fileURLToPath(new URL('child.fixture.ts', import.meta.url));

export interface Seen {
  readonly from: 'data' | 'control' | 'stderr' | 'refused';
  readonly name: FrameName | 'CLOSED' | 'STDERR';
  readonly stream: number;
  readonly payload: Buffer;
  readonly end?: SessionEnd;
  /** VITALS, decoded against those before. */
  readonly vitals?: Vitals;
}

interface RequestOptions {
  readonly method?: string;
  readonly headers?: readonly string[];
  /** Null: it comes later. Absent: there is none. */
  readonly body?: Buffer | null;
  readonly upgrade?: boolean;
  readonly flush?: boolean;
  readonly stream?: number;
}

interface Waiter {
  readonly wanted: (seen: Seen) => boolean;
  readonly found: (seen: Seen) => void;
}

/** Less than the tests' own, so that they clean up. */
const patienceMs = 20_000;

const load: Load = {
  function: 'dpl_1/api/test',
  root: '/',
  entry: 'works',
  launch: 'module',
  environment: {},
  memoryMiB: 2048,
  maxDurationMs: 60_000,
  maxConcurrency: null,
  deployment: 'dpl_1',
  project: 'test',
};

export class FakeRouter {
  readonly seen: Seen[] = [];
  /** Whether it answers DRAIN with DRAIN. */
  agrees = true;
  /** What it does about an ASK. */
  asked: (payload: Buffer) => void = () => undefined;
  #data: Session | null = null;
  #control: Session | null = null;
  readonly #dir = mkdtempSync(join(tmpdir(), 'weir-core-'));
  #listener: Listener | null = null;
  #process: ChildProcess | null = null;
  #stderr = '';
  #waiters: Waiter[] = [];
  #slots = 0;
  #controlToken = '';
  #services = false;

  /** Starts an instance, and loads it unless `stem`. */
  static async start(
    options: {
      sentinel?: boolean;
      stem?: boolean;
      load?: Partial<Load>;
      token?: string;
      controlToken?: string;
      services?: boolean;
      /** Starts the instance. Default: a process of child.fixture.ts. */
      launch?: (address: string, token: string) => void;
    } = {},
  ): Promise<FakeRouter> {
    const router = new FakeRouter();
    router.#controlToken = options.controlToken ?? 'control-token';
    router.#services = options.services === true;
    const address = `unix:${join(router.#dir, 'tunnel.sock')}`;
    router.#listener = await listen(address, (connection) => router.#accept(connection));
    const token = options.token ?? 'data-token';
    if (options.launch === undefined) router.#spawn(address, token, options.sentinel === true ? 'sentinel' : 'alone');
    else options.launch(address, token);
    if (options.token !== undefined) return router;
    await router.until((seen) => seen.name === 'VITALS' && seen.from === 'data');
    if (options.stem === true) return router;
    router.load(options.load);
    await router.until((seen) => seen.name === 'LOADED');
    return router;
  }

  #spawn(address: string, token: string, kind: 'sentinel' | 'alone'): void {
    this.#process = spawn(process.execPath, [child, address, token, kind], { stdio: ['ignore', 'inherit', 'pipe'] });
    this.#process.stderr?.on('data', (text: Buffer) => {
      this.#stderr += text.toString();
      this.#see({ from: 'stderr', name: 'STDERR', stream: 0, payload: text });
    });
  }

  get data(): Session {
    if (this.#data === null) throw new TypeError('no data connection');
    return this.#data;
  }

  get control(): Session {
    if (this.#control === null) throw new TypeError('no control connection');
    return this.#control;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  load(changes: Partial<Load> = {}): void {
    this.data.writer.load({ ...load, ...changes });
    this.data.writer.flush();
  }

  /** Sends a request; the caller says `flush` when more belongs to the same write. */
  request(target: string, options: RequestOptions = {}): number {
    const stream = options.stream ?? (1 << 16) | this.#slots++;
    const { method = 'GET', headers = [] } = options;
    const head = headText(`inv_${stream.toString(16)}`, method, target, ['host', 'test', ...headers]);
    const { writer } = this.data;
    const flags = (options.body === undefined ? 1 : 0) | (options.upgrade === true ? 2 : 0);
    writer.request(stream, flags, 60_000, head);
    if (options.body) {
      writer.body(stream, options.body);
      writer.bodyEnd(stream);
    }
    if (options.flush !== false) writer.flush();
    return stream;
  }

  /** What was seen from `after` on, or will be; what came instead when it does not come. */
  async until(wanted: (seen: Seen) => boolean, after = 0): Promise<Seen> {
    const known = this.seen.slice(after).find(wanted);
    if (known !== undefined) return known;
    const { promise, resolve, reject } = Promise.withResolvers<Seen>();
    const tooLate = setTimeout(() => {
      const names = this.seen.slice(-20).map((seen) => `${seen.from} ${seen.name} ${seen.stream.toString(16)}`);
      reject(new assert.AssertionError({ message: `it never came; last: ${names.join(', ')}; ${this.#stderr}` }));
    }, patienceMs);
    this.#waiters.push({
      wanted,
      found: (seen) => {
        clearTimeout(tooLate);
        resolve(seen);
      },
    });
    return promise;
  }

  frameOf(stream: number, ...names: FrameName[]): Promise<Seen> {
    return this.until((seen) => seen.stream === stream && names.includes(seen.name as FrameName));
  }

  /** The complete answer of a stream. */
  async answer(stream: number): Promise<{ status: number; headers: string[]; text: string; cpuUs: number }> {
    const response = readResponse((await this.frameOf(stream, 'RESPONSE')).payload);
    if (response.flags === 1) return { ...response, text: response.body?.toString() ?? '' };
    const end = await this.frameOf(stream, 'BODY_END');
    const pieces = this.seen.filter((seen) => seen.stream === stream && seen.name === 'BODY');
    const text = Buffer.concat(pieces.map((piece) => piece.payload)).toString();
    return { ...response, text, cpuUs: readBodyEnd(end.payload) };
  }

  /** As a router does: what is refused before it began (a machine with too much to do looks stuck) is sent again, once it is well. */
  async answerAtLast(target: string, first: number): Promise<{ status: number; text: string }> {
    for (let stream = first; ; stream = this.request(target)) {
      const from = this.seen.length;
      const { name } = await this.frameOf(stream, 'RESPONSE', 'NACK');
      if (name === 'RESPONSE') return this.answer(stream);
      await this.until((seen) => seen.name === 'VITALS', from);
    }
  }

  names(stream: number): string[] {
    return this.seen.filter((seen) => seen.stream === stream && seen.name !== 'LOG').map((seen) => seen.name);
  }

  logged(text: string): Promise<Seen> {
    return this.until((seen) => seen.name === 'LOG' && readLog(seen.payload).text.includes(text));
  }

  async loaded(): Promise<Loaded> {
    return readLoaded((await this.until((seen) => seen.name === 'LOADED')).payload);
  }

  async nackOf(stream: number): Promise<string> {
    return readNack((await this.frameOf(stream, 'NACK')).payload);
  }

  async failureOf(stream: number): Promise<string> {
    return (await this.failed(stream)).code;
  }

  async failed(stream: number): Promise<Failed> {
    return readFailed((await this.frameOf(stream, 'FAILED')).payload);
  }

  /** As a kernel does when the platform is killed: nobody listens, and every connection ends. */
  async vanish(): Promise<void> {
    const closed = this.#listener?.close();
    this.#data?.connection.destroy();
    this.#control?.connection.destroy();
    await closed;
  }

  /** The instance's exit code, when it has ended by itself. */
  async exit(): Promise<number | string | null> {
    const child = this.#process;
    if (child === null) return null;
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.exitCode ?? child.signalCode;
  }

  get stderr(): string {
    return this.#stderr;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  async close(): Promise<void> {
    this.kill('SIGKILL');
    await this.exit();
    this.#data?.destroy('the test is over');
    this.#control?.destroy('the test is over');
    await this.#listener?.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(connection: Parameters<typeof acceptSession>[0]): void {
    acceptSession(connection, {
      clock: systemClock,
      admit: (hello, session) => {
        const from = hello.role;
        if (hello.token !== `${from}-token`) return { kind: 'refuse', code: 'TOKEN', detail: 'unknown' };
        if (from === 'data') this.#data = session;
        else this.#control = session;
        let told: Vitals = noVitals;
        return {
          kind: 'welcome',
          welcome: {
            instance: 'ins_1',
            maxStreams: 8192,
            windowBytes: 262_144,
            controlToken: this.#controlToken,
            ...(this.#services ? { services: true as const } : {}),
          },
          events: {
            opened: () => undefined,
            frame: (type, stream, payload) => {
              const name = frameName(type);
              if (name === undefined) return;
              const decoded = type === FrameType.VITALS ? readVitals(payload, told).vitals : undefined;
              if (decoded !== undefined) told = decoded;
              this.#see({ from, name, stream, payload: Buffer.from(payload), ...(decoded && { vitals: decoded }) });
              if (type === FrameType.DRAIN && this.agrees) session.drain(10_000, 'as asked');
              if (type === FrameType.ASK) this.asked(payload);
            },
            body: (stream, chunk) => this.#see({ from, name: 'BODY', stream, payload: Buffer.from(chunk) }),
            drained: () => undefined,
            closed: (end) => this.#see({ from, name: 'CLOSED', stream: 0, payload: Buffer.alloc(0), end }),
          },
        };
      },
      refused: (end) => this.#see({ from: 'refused', name: 'CLOSED', stream: 0, payload: Buffer.alloc(0), end }),
    });
  }

  #see(seen: Seen): void {
    this.seen.push(seen);
    const due = this.#waiters.filter((waiter) => waiter.wanted(seen));
    this.#waiters = this.#waiters.filter((waiter) => !due.includes(waiter));
    for (const waiter of due) waiter.found(seen);
  }
}
