// Hot path: begin and over, once per invocation of a program (protocol/runtime.md, HTTP with messages).
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { resolve as resolvePath } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Call, LoadOrder, Runtime } from '../call.ts';
import type { InstanceCore } from '../core.ts';
import { StreamCall } from '../stream.ts';
import type { ProcessBeside } from './beside.ts';
import { request } from './http-client.ts';
import type { LanguageProcess, ProcessOrder } from './language-process.ts';
import { LoadFault } from './load-fault.ts';
import { MessageSocket } from './message-socket.ts';
import type { RuntimeMessage } from './messages.ts';
import { ProgramCall, type ProgramHost } from './program-call.ts';
import { type ProgramPlace, ProgramPool } from './program-pool.ts';
import { accepting, freePort, type Look, lookFor, verify } from './readiness.ts';

export interface ProgramOptions {
  /** A path for a Unix socket, for this process alone. */
  readonly ipcPath: string;
  /** What every language process finds in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  start(order: ProcessOrder): LanguageProcess;
}

/** A program that listens on a port: each invocation is a request to it. */
export class ProgramRuntime implements Runtime, ProgramHost {
  readonly pool = new ProgramPool({ host: '127.0.0.1', port: 0 });
  /** It has said server-started: it takes the internal headers away, and says when handlers are done. */
  speaks = false;
  readonly #options: ProgramOptions;
  readonly #ward: ProcessBeside;
  #core: InstanceCore | null = null;
  /** Resolves with what `server-started` said. */
  readonly #told = Promise.withResolvers<ProgramPlace>();
  readonly #end = new AbortController();
  /** Until it is ready, whichever way. */
  #isLoading = true;
  #port = 0;
  #serial = 0;
  /** By slot of the tunnel: those that have ended stay until their slot is used again, for what is logged late. */
  readonly #calls: (ProgramCall | undefined)[] = [];
  #raw = 0;

  constructor(ward: ProcessBeside, options: ProgramOptions) {
    this.#ward = ward;
    this.#options = options;
  }

  get working(): number {
    return this.#ward.charges.inFlight - this.#raw;
  }

  attach(core: InstanceCore): void {
    this.#core = core;
  }

  /** Whatever is answered shows that its loop comes round. */
  ask(): void {
    const done = (): void => this.#ward.pulse.answered(performance.now());
    const asked = request({
      ...this.pool.place,
      agent: false,
      path: '/_vercel/ping',
      headers: { connection: 'close' },
    });
    asked.on('response', (answer) => {
      done();
      // Its head says all: of one that does not end there would be one more with every question.
      answer.on('error', () => undefined);
      asked.destroy();
    });
    asked.on('error', done);
    asked.end();
  }

  gone(): void {
    this.#end.abort();
    for (const call of this.#calls) call?.lost();
    this.pool.close();
  }

  // — Runtime —

  async load(order: LoadOrder): Promise<void> {
    const [command, ...args] = order.command ?? [];
    if (order.launch !== 'command' || command === undefined) {
      throw new LoadFault(`a program is started by a command, and ${order.launch} has none`);
    }
    const { signal } = this.#end;
    const messages = await MessageSocket.listen(this.#options.ipcPath, {
      message: (message, isFirst) => this.#take(message, isFirst),
      warn: (text) => this.#core?.warn(text),
    });
    // The instance may have ended meanwhile: nothing is started after its end.
    signal.addEventListener('abort', () => messages.close());
    if (signal.aborted) messages.close();
    this.#port = await freePort();
    signal.throwIfAborted();
    const environment = { ...this.#options.environment, ...order.environment };
    const { pid } = this.#options.start({
      command: programOf(command, order.root),
      args,
      cwd: order.root,
      environment: { ...environment, PORT: String(this.#port), VERCEL_IPC_PATH: messages.path },
      channel: false,
    });
    const look = lookFor(pid);
    const place = await this.#ready(look);
    if (this.speaks) await verify(this.pool.place, look);
    else this.pool.place = place;
  }

  begin(call: Call): void {
    if (!(call instanceof StreamCall)) throw new TypeError('an invocation of another core');
    const slot = call.stream & 0xffff;
    let [number, internal]: [number, readonly string[]] = [0, none];
    if (this.speaks) {
      this.#serial += 1;
      number = this.#serial * limits.streamsPerTunnel + slot;
      internal = internalFields(call, number);
    }
    const own = new ProgramCall(this, call, number, internal);
    call.listener = own;
    call.context = own;
    while (this.#calls.length <= slot) this.#calls.push(undefined);
    this.#calls[slot] = own;
    const nowMs = performance.now();
    this.#ward.charges.began(own, nowMs);
    this.#ward.pulse.began(nowMs);
    own.start();
  }

  // — ProgramHost —

  heard(): void {
    this.#ward.pulse.heard(performance.now());
  }

  upgraded(): void {
    this.#raw += 1;
  }

  over(own: ProgramCall): void {
    this.#ward.charges.ended(own, performance.now());
    if (own.isRaw) this.#raw -= 1;
    // Nothing that comes late can name it.
    const slot = own.call.stream & 0xffff;
    if (own.number === 0 && this.#calls[slot] === own) this.#calls[slot] = undefined;
  }

  /** Whichever comes first; the message says more. */
  async #ready(look: Look): Promise<ProgramPlace> {
    const { signal } = this.#end;
    const late = Promise.withResolvers<never>();
    const fault = new LoadFault(
      `the program did not listen on port ${this.#port} (PORT) within ${limits.readyMs / 1000} s`,
    );
    const timer = systemClock.after(limits.readyMs, () => late.reject(fault));
    // Who has lost the race does not run on.
    const decided = new AbortController();
    try {
      const looked = accepting(this.#port, look, AbortSignal.any([signal, decided.signal]));
      return await Promise.race([this.#told.promise, looked, late.promise]);
    } catch (error) {
      // Its end is told by who sees it.
      if (signal.aborted) return await new Promise(() => undefined);
      throw error;
    } finally {
      this.#isLoading = false;
      decided.abort();
      timer.cancel();
      late.promise.catch(() => undefined);
    }
  }

  /** `isFirst`: by the first connection, the runtime's; what user code has started may connect later. */
  #take(message: RuntimeMessage, isFirst: boolean): void {
    const core = this.#core;
    this.heard();
    switch (message.type) {
      case 'server-started':
        if (isFirst) this.#started(message.port);
        return;
      case 'end': {
        const own = this.#callOf(message.context.request);
        if (message.error !== null) {
          core?.relay(own?.call.stream ?? 0, 'error', 'stderr', `The handler has failed: ${message.error}`);
        }
        own?.returned();
        return;
      }
      case 'log': {
        const call = this.#callOf(message.context.request)?.call;
        core?.relay(call?.stream ?? 0, message.level, message.source, message.text);
        return;
      }
      case 'metric':
        core?.metric(message.durationMs, JSON.stringify({ name: 'fetch', attributes: message.attributes }));
        return;
      case 'unrecoverable-error':
        this.#unfit(`The program ends with code ${message.exitCode}: ${message.text}`);
        return;
      case 'handler-started':
    }
  }

  #unfit(text: string): void {
    this.#core?.relay(0, 'error', 'stderr', text);
    this.#core?.unfit(text);
  }

  #started(port: number | null): void {
    const known = this.pool.place;
    // It may have been found by its port just before. From then on it names no other: its requests go where they went.
    if (this.speaks || (!this.#isLoading && port !== null && port !== known.port)) return;
    this.speaks = true;
    const place =
      port === null || port === known.port ? { ...known, port: port ?? this.#port } : { host: '127.0.0.1', port };
    this.pool.place = place;
    this.#told.resolve(place);
  }

  #callOf(number: number): ProgramCall | undefined {
    if (number === 0) return undefined;
    const own = this.#calls[number % limits.streamsPerTunnel];
    return own?.number === number ? own : undefined;
  }
}

const none: readonly string[] = [];

function internalFields(call: StreamCall, number: number): string[] {
  const trace = randomBytes(24).toString('hex');
  return [
    'x-vercel-internal-invocation-id',
    call.id,
    'x-vercel-internal-request-id',
    String(number),
    'x-vercel-internal-span-id',
    trace.slice(32),
    'x-vercel-internal-trace-id',
    trace.slice(0, 32),
    'x-vercel-internal-deadline',
    new Date(call.deadlineWallMs).toISOString(),
  ];
}

/** In the function's directory, or wherever PATH leads to. */
function programOf(command: string, root: string): string {
  const own = resolvePath(root, command);
  return command.includes('/') || existsSync(own) ? own : command;
}
