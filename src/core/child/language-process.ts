import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { systemClock, type Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { LineSplitter } from '../../base/lines.ts';

export interface ProcessOrder {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** All of it: nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  /** Descriptor 3 is a socket to us. */
  readonly channel: boolean;
}

export type ProcessEnd =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly signal: string; readonly outOfMemory: boolean }
  | { readonly kind: 'failed'; readonly reason: string };

export interface ProcessEvents {
  /** A line of what it writes, without its newline. */
  output(source: 'stdout' | 'stderr', line: string): void;
  /** It is gone, and what it wrote was told. Once; never from within the constructor. */
  gone(end: ProcessEnd): void;
}

type Phase =
  | { readonly kind: 'running'; readonly child: ChildProcess; readonly pid: number }
  /** SIGTERM was sent. */
  | {
      readonly kind: 'terminating';
      readonly child: ChildProcess;
      readonly pid: number;
      readonly kill: Timer;
      readonly killAtMs: number;
    }
  /** SIGKILL was sent. */
  | { readonly kind: 'killed'; readonly child: ChildProcess; readonly pid: number; readonly outOfMemory: boolean }
  /** What it last wrote is still to be read. */
  | { readonly kind: 'closing'; readonly end: ProcessEnd; readonly give: Timer }
  | { readonly kind: 'failed' }
  | { readonly kind: 'gone' };

export const transitions: Readonly<Record<Phase['kind'] | 'spawning', readonly Phase['kind'][]>> = {
  spawning: ['running', 'failed'],
  running: ['terminating', 'killed', 'closing'],
  terminating: ['terminating', 'killed', 'closing'],
  killed: ['closing'],
  closing: ['gone'],
  failed: ['gone'],
  gone: [],
};

/** A process that runs user code, in a session and a group of its own: what it leaves behind in that ends with it. */
export class LanguageProcess {
  /** Null: none could be made. */
  readonly pid: number | null;
  readonly #events: ProcessEvents;
  #phase: Phase;
  #channel: Socket | null = null;

  constructor(order: ProcessOrder, events: ProcessEvents) {
    this.#events = events;
    this.#phase = this.#spawn(order);
    this.pid = this.#phase.kind === 'running' ? this.#phase.pid : null;
  }

  get isGone(): boolean {
    return this.#phase.kind === 'gone' || this.#phase.kind === 'failed';
  }

  /** The other end of its descriptor 3. Once, and at once: it is being read. */
  takeChannel(): Socket | null {
    const channel = this.#channel;
    this.#channel = null;
    return channel;
  }

  /** SIGTERM to all of its group, once; SIGKILL when it has had its time. Another call can only shorten that. */
  terminate(graceMs: number): void {
    const phase = this.#phase;
    if (phase.kind !== 'running' && phase.kind !== 'terminating') return;
    const { child, pid, kind } = phase;
    const killAtMs = systemClock.nowMs() + graceMs;
    if (kind === 'terminating') {
      if (phase.killAtMs <= killAtMs) return;
      phase.kill.cancel();
    }
    const kill = systemClock.after(graceMs, () => this.kill());
    this.#enter({ kind: 'terminating', child, pid, kill, killAtMs });
    if (kind === 'running') signalGroup(pid, 'SIGTERM');
  }

  /** Idempotent. */
  kill(outOfMemory = false): void {
    const phase = this.#phase;
    if (phase.kind !== 'running' && phase.kind !== 'terminating') return;
    if (phase.kind === 'terminating') phase.kill.cancel();
    this.#enter({ kind: 'killed', child: phase.child, pid: phase.pid, outOfMemory });
    signalGroup(phase.pid, 'SIGKILL');
  }

  #spawn({ command, args, cwd, environment, channel }: ProcessOrder): Phase {
    try {
      const child = spawn(command, args, {
        cwd,
        env: environment,
        stdio: ['ignore', 'pipe', 'pipe', channel ? 'pipe' : 'ignore'],
        detached: true,
      });
      const fail = (error: Error): void => {
        if (this.#phase.kind === 'failed') this.#gone({ kind: 'failed', reason: reasonOf(command, cwd, error) });
      };
      child.once('error', fail);
      if (child.pid === undefined) return { kind: 'failed' };
      this.#listen(child, child.pid);
      const end = child.stdio[3];
      if (end instanceof Socket) this.#channel = end;
      return { kind: 'running', child, pid: child.pid };
    } catch (error) {
      const reason = reasonOf(command, cwd, error instanceof Error ? error : new Error(String(error)));
      systemClock.soon(() => this.#gone({ kind: 'failed', reason }));
      return { kind: 'failed' };
    }
  }

  #listen(child: ChildProcess, pid: number): void {
    const [stdout, stderr] = (['stdout', 'stderr'] as const).map((source) => {
      const lines = new LineSplitter(limits.logLineBytes, (line) => this.#events.output(source, line));
      child[source]?.on('data', (chunk: Buffer) => lines.push(chunk));
      return lines;
    });
    child.once('exit', (code, signal) => this.#exited(child, pid, code, signal));
    child.once('close', () => {
      stdout?.end();
      stderr?.end();
      if (this.#phase.kind === 'closing') this.#gone(this.#phase.end);
    });
  }

  #exited(child: ChildProcess, pid: number, code: number | null, signal: NodeJS.Signals | null): void {
    const phase = this.#phase;
    if (phase.kind === 'terminating') phase.kill.cancel();
    // What it started and left behind.
    signalGroup(pid, 'SIGKILL');
    const outOfMemory = phase.kind === 'killed' && phase.outOfMemory;
    const end: ProcessEnd =
      code === null ? { kind: 'signalled', signal: signal ?? 'SIGKILL', outOfMemory } : { kind: 'exited', code };
    // Whoever has left the group may hold its pipes: what that says is not waited for.
    const give = systemClock.after(limits.outputLingerMs, () => {
      for (const stream of child.stdio) stream?.destroy();
    });
    this.#enter({ kind: 'closing', end, give });
  }

  #gone(end: ProcessEnd): void {
    if (this.#phase.kind === 'closing') this.#phase.give.cancel();
    this.#enter({ kind: 'gone' });
    this.#events.gone(end);
  }

  #enter(next: Phase): void {
    if (!transitions[this.#phase.kind].includes(next.kind)) {
      throw new TypeError(`a language process cannot go from ${this.#phase.kind} to ${next.kind}`);
    }
    this.#phase = next;
  }
}

/** In words, for logs and for what it had in flight. */
export function describeProcessEnd(end: ProcessEnd): string {
  if (end.kind === 'failed') return `the process could not be started: ${end.reason}`;
  if (end.kind === 'exited') return `the process exited with code ${end.code}`;
  if (end.outOfMemory) return `the process ran out of memory and was killed (${end.signal})`;
  return `the process was ended by ${end.signal}`;
}

function reasonOf(command: string, cwd: string, error: Error): string {
  const missing = 'code' in error && error.code === 'ENOENT';
  return missing ? `${command} was not found (in ${cwd}, and in PATH)` : `${command}: ${error.message}`;
}

/** Idempotent. */
export function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name);
  } catch (error) {
    // ESRCH: nobody is left. EPERM (macOS): only zombies are.
    if (error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'EPERM')) return;
    throw error;
  }
}
