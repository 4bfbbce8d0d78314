import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { LineSplitter } from '../base/lines.ts';
import type { Log } from '../base/log.ts';
import { ProcessTree } from '../base/process-tree.ts';
import type { HostedOrder, HostOrder, HostReport } from '../model/hosted.ts';
import { signal } from './child.ts';
import type { Exit, ProviderEvents, Started } from './provider.ts';
import type { Usage } from './proc.ts';

export interface HostProcessOptions {
  /** The Node that it runs on, and its entry. */
  readonly command: string;
  readonly args: readonly string[];
  /** All of it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Log;
}

type HostPhase =
  | { readonly kind: 'none' }
  | { readonly kind: 'running'; readonly process: ChildProcess; readonly ended: Promise<void> }
  | { readonly kind: 'closed' };

export const transitions: Readonly<Record<HostPhase['kind'], readonly HostPhase['kind'][]>> = {
  none: ['running', 'closed'],
  running: ['none', 'closed'],
  closed: [],
};

/** The process that holds instances whose code is not Node's: started before the first of them, and anew should it end. */
export class HostProcess {
  readonly #options: HostProcessOptions;
  readonly #instances = new Map<string, HostedStarted>();
  #phase: HostPhase = { kind: 'none' };

  constructor(options: HostProcessOptions) {
    this.#options = options;
  }

  get pid(): number | null {
    return this.#phase.kind === 'running' ? (this.#phase.process.pid ?? null) : null;
  }

  /** It is there, or starting. */
  ready(): void {
    if (this.#phase.kind === 'none') this.#spawn();
  }

  start(order: HostedOrder, events: ProviderEvents): HostedStarted {
    const { clock } = this.#options;
    const started = new HostedStarted(order.instance, clock, events, (what) => this.#send(what));
    this.#instances.set(order.instance, started);
    started.over = () => this.#instances.delete(order.instance);
    this.ready();
    this.#send({ do: 'start', order });
    return started;
  }

  /** Ends what is left, and the host. */
  async close(): Promise<void> {
    const { clock } = this.#options;
    const late = clock.after(limits.terminateGraceMs + limits.exitWaitMs, () => this.#kill());
    for (const started of this.#instances.values()) started.terminate(limits.terminateGraceMs);
    await Promise.all([...this.#instances.values()].map((started) => started.ended));
    late.cancel();
    const phase = this.#phase;
    this.#enter({ kind: 'closed' });
    if (phase.kind !== 'running') return;
    phase.process.disconnect();
    const kill = clock.after(limits.terminateGraceMs, () => phase.process.kill('SIGKILL'));
    await phase.ended;
    kill.cancel();
  }

  /** One that does not answer: its end ends what it holds. */
  #kill(): void {
    if (this.#phase.kind === 'running') this.#phase.process.kill('SIGKILL');
  }

  /** At once: this process exits. */
  killAll(): void {
    for (const started of this.#instances.values()) started.killGroup();
    this.#kill();
  }

  #spawn(): void {
    const { command, args, environment, log } = this.#options;
    const child = spawn(command, args, {
      cwd: '/',
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Not in the group that Ctrl-C goes to.
      detached: true,
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#enter({ kind: 'running', process: child, ended: promise });
    child.on('message', (message) => this.#take(message as HostReport));
    for (const stream of [child.stdout, child.stderr]) {
      const lines = new LineSplitter(limits.logLineBytes, (line) => log.warn(line, { from: 'host' }));
      stream?.on('data', (chunk: Buffer) => lines.push(chunk));
    }
    const gone = (how: string): void => {
      if (this.#phase.kind === 'running' && this.#phase.process === child) {
        this.#enter({ kind: 'none' });
        log.error(`the host of instances has ended (${how})`);
      }
      for (const started of this.#instances.values()) if (started.host === child) started.hostGone(how);
      resolve();
    };
    child.once('error', (error) => child.pid === undefined && gone(error.message));
    child.once('exit', (code, signalName) => gone(signalName ?? `exit code ${code}`));
  }

  #send(what: HostOrder): void {
    if (this.#phase.kind !== 'running') return;
    const { process: child } = this.#phase;
    if (what.do === 'start') {
      const started = this.#instances.get(what.order.instance);
      if (started !== undefined) started.host = child;
    }
    // One that has ended is told of by its exit.
    if (child.connected) child.send(what, () => undefined);
  }

  #take(report: HostReport): void {
    const started = this.#instances.get(report.instance);
    if (started === undefined) return;
    if (report.is === 'running') started.running(report.pid);
    else if (report.is === 'output') started.events.output(report.source, report.line);
    else started.exited(report.exit);
  }

  #enter(next: HostPhase): void {
    if (!transitions[this.#phase.kind].includes(next.kind)) {
      throw new TypeError(`the host of instances cannot go from ${this.#phase.kind} to ${next.kind}`);
    }
    this.#phase = next;
  }
}

/** An instance in the host, as its provider sees it. */
export class HostedStarted implements Started {
  /** Of its language process, as soon as there is one. */
  pid: number | null = null;
  readonly instance: string;
  readonly events: ProviderEvents;
  readonly ended: Promise<void>;
  host: ChildProcess | null = null;
  /** Its process runs, from now on. */
  spawned: (pid: number) => void = () => undefined;
  /** It is gone; says whether its memory was what ended it. */
  leaving: () => boolean = () => false;
  over: () => unknown = () => undefined;
  readonly #clock: Clock;
  readonly #send: (order: HostOrder) => void;
  #tree: ProcessTree | null = null;
  #isOver = false;
  #resolve: () => void = () => undefined;

  constructor(instance: string, clock: Clock, events: ProviderEvents, send: (order: HostOrder) => void) {
    this.instance = instance;
    this.events = events;
    this.#clock = clock;
    this.#send = send;
    this.ended = new Promise((resolve) => (this.#resolve = resolve));
  }

  terminate(graceMs: number): void {
    this.#send({ do: 'terminate', instance: this.instance, graceMs });
  }

  kill(): void {
    this.#send({ do: 'kill', instance: this.instance });
  }

  usage(): Usage | null {
    return this.#isOver ? null : (this.#tree?.read(this.#clock.nowMs()) ?? null);
  }

  /** The kernel does not hold it to its memory: the host is to. */
  limit(memoryMiB: number): void {
    this.#send({ do: 'limit', instance: this.instance, memoryMiB });
  }

  /** Without the host. */
  killGroup(): void {
    if (this.pid !== null) signal(-this.pid, 'SIGKILL');
  }

  running(pid: number): void {
    this.pid = pid;
    this.#tree = new ProcessTree(pid);
    this.spawned(pid);
  }

  hostGone(how: string): void {
    this.killGroup();
    const killed: Exit = { kind: 'signalled', signal: 'SIGKILL', outOfMemory: false };
    this.exited(this.pid === null ? { kind: 'failed', reason: `the host process has ended (${how})` } : killed);
  }

  /** Idempotent. */
  exited(exit: Exit): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const limited = this.leaving();
    this.over();
    this.events.exited(exit.kind === 'signalled' && limited ? { ...exit, outOfMemory: true } : exit);
    this.#resolve();
  }
}
