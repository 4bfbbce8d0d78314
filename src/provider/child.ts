import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { LineSplitter } from '../base/lines.ts';
import { readUsage, type Usage } from './proc.ts';
import type { Exit, ProviderEvents, Started } from './provider.ts';

/** Everything an instance process is started with. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  /** All of it: nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  readonly token: string;
  readonly clock: Clock;
  /** Why nothing is to be started after all. */
  readonly refused: string | null;
}

type Process = ChildProcessByStdio<Writable, Readable, Readable>;

type ChildPhase =
  | { readonly kind: 'spawning' }
  | { readonly kind: 'running'; readonly process: Process; readonly pid: number }
  | { readonly kind: 'terminating'; readonly process: Process; readonly pid: number; readonly kill: Timer }
  /** SIGKILL was sent. */
  | { readonly kind: 'killed'; readonly process: Process; readonly pid: number; readonly outOfMemory: boolean }
  /** The process is gone; what it last wrote is still to be read. */
  | { readonly kind: 'closing'; readonly process: Process; readonly exit: Exit; readonly give: Timer }
  /** No process could be made. */
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'ended' };

export const transitions: Readonly<Record<ChildPhase['kind'], readonly ChildPhase['kind'][]>> = {
  spawning: ['running', 'failed'],
  running: ['terminating', 'killed', 'closing'],
  terminating: ['killed', 'closing'],
  killed: ['closing'],
  closing: ['ended'],
  failed: ['ended'],
  ended: [],
};

/** V8 says this on stderr before it aborts; the process then ends by SIGABRT like after any other abort. */
const heapMarker = /JavaScript heap out of memory/;

/** One instance process, in a process group of its own: Ctrl-C in a terminal is the platform's to act on. */
export class ChildInstance implements Started {
  readonly pid: number | null;
  /** Resolves when `exited` was called. */
  readonly ended: Promise<void>;
  /** Called when the process is gone; gives back what limited its memory, and says whether that is what killed it. */
  leaving: () => boolean = () => false;
  readonly #events: ProviderEvents;
  readonly #clock: Clock;
  #phase: ChildPhase = { kind: 'spawning' };
  #heapExhausted = false;
  #resolveEnded: () => void = () => undefined;

  constructor(launch: Launch, events: ProviderEvents) {
    this.#events = events;
    this.#clock = launch.clock;
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    this.#enter(this.#spawn(launch));
    this.pid = this.#phase.kind === 'running' ? this.#phase.pid : null;
  }

  terminate(graceMs: number): void {
    const phase = this.#phase;
    if (phase.kind !== 'running') return;
    const kill = this.#clock.after(graceMs, () => this.kill());
    this.#enter({ kind: 'terminating', process: phase.process, pid: phase.pid, kill });
    signal(phase.pid, 'SIGTERM');
  }

  kill(): void {
    this.#kill(false);
  }

  /** It has more memory than it may. */
  killForMemory(): void {
    this.#kill(true);
  }

  usage(): Usage | null {
    const phase = this.#phase;
    if (phase.kind !== 'running' && phase.kind !== 'terminating' && phase.kind !== 'killed') return null;
    return readUsage(phase.pid);
  }

  #kill(outOfMemory: boolean): void {
    const phase = this.#phase;
    if (phase.kind !== 'running' && phase.kind !== 'terminating') return;
    if (phase.kind === 'terminating') phase.kill.cancel();
    this.#enter({ kind: 'killed', process: phase.process, pid: phase.pid, outOfMemory });
    signal(-phase.pid, 'SIGKILL');
  }

  #spawn(launch: Launch): ChildPhase {
    if (launch.refused !== null) return this.#failed(launch.refused);
    try {
      const process = spawn(launch.command, launch.args, {
        // A directory that is nobody's; the instance goes to its function's when it is told which one it is.
        cwd: '/',
        env: launch.environment,
        stdio: ['pipe', 'pipe', 'pipe'],
        detached: true,
      });
      process.once('error', (error) => this.#phase.kind === 'failed' && this.#endFailed(launch, error.message));
      if (process.pid === undefined) return { kind: 'failed', reason: '' };
      this.#listen(process, process.pid, launch.token);
      return { kind: 'running', process, pid: process.pid };
    } catch (error) {
      return this.#failed(`${launch.command} cannot be started: ${String(error)}`);
    }
  }

  #failed(reason: string): ChildPhase {
    this.#clock.soon(() => this.#end({ kind: 'failed', reason }));
    return { kind: 'failed', reason };
  }

  #endFailed(launch: Launch, message: string): void {
    this.#end({ kind: 'failed', reason: `${launch.command} cannot be started: ${message}` });
  }

  #listen(process: Process, pid: number, token: string): void {
    const stdout = new LineSplitter(limits.logLineBytes, (line) => this.#events.output('stdout', line));
    const stderr = new LineSplitter(limits.logLineBytes, (line) => {
      this.#heapExhausted ||= heapMarker.test(line);
      this.#events.output('stderr', line);
    });
    process.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    process.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    process.once('exit', (code, signalName) => this.#gone(pid, code, signalName));
    process.once('close', () => {
      stdout.end();
      stderr.end();
      if (this.#phase.kind !== 'closing') return;
      this.#phase.give.cancel();
      this.#end(this.#exitWithMarker(this.#phase.exit));
    });
    // A process that ended before it read its token says so by its exit; the pipe's error adds nothing.
    process.stdin.on('error', () => undefined);
    process.stdin.end(`${token}\n`);
  }

  /** Its pid may be another process's from the next turn on: nothing is sent to it after this. */
  #gone(pid: number, code: number | null, signalName: NodeJS.Signals | null): void {
    const phase = this.#phase;
    if (phase.kind !== 'running' && phase.kind !== 'terminating' && phase.kind !== 'killed') return;
    if (phase.kind === 'terminating') phase.kill.cancel();
    // What it started and left behind in its group.
    signal(-pid, 'SIGKILL');
    const limited = this.leaving();
    const exit = exitOf(code, signalName, limited || (phase.kind === 'killed' && phase.outOfMemory));
    // A process that left the group may hold the pipes open: what it says is not waited for.
    const give = this.#clock.after(limits.outputLingerMs, () => {
      phase.process.stdout.destroy();
      phase.process.stderr.destroy();
    });
    this.#enter({ kind: 'closing', process: phase.process, exit, give });
  }

  #exitWithMarker(exit: Exit): Exit {
    if (!this.#heapExhausted) return exit;
    const aborted = exit.kind === 'exited' ? exit.code === 134 : exit.kind === 'signalled' && exit.signal !== 'SIGTERM';
    return aborted ? { kind: 'signalled', signal: signalOf(exit), outOfMemory: true } : exit;
  }

  /** The one way to the end. */
  #end(exit: Exit): void {
    this.#enter({ kind: 'ended' });
    this.#events.exited(exit);
    this.#resolveEnded();
  }

  #enter(next: ChildPhase): void {
    if (!transitions[this.#phase.kind].includes(next.kind)) {
      throw new TypeError(`an instance process cannot go from ${this.#phase.kind} to ${next.kind}`);
    }
    this.#phase = next;
  }
}

function exitOf(code: number | null, signalName: NodeJS.Signals | null, outOfMemory: boolean): Exit {
  if (code !== null) return { kind: 'exited', code };
  return { kind: 'signalled', signal: signalName ?? 'SIGKILL', outOfMemory };
}

const signalOf = (exit: Exit): string => (exit.kind === 'signalled' ? exit.signal : 'SIGABRT');

/** To a process, or by a negative number to its group. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // ESRCH: nobody is left. EPERM (macOS): only zombies are.
    if (error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'EPERM')) return;
    throw error;
  }
}
