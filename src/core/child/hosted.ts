/** One instance whose code runs in a process beside: puts its parts together, and brings all of them to one end. */
import { systemClock, type Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { HostedExit, HostedOrder } from '../../model/hosted.ts';
import type { Runtime } from '../call.ts';
import { InstanceCore } from '../core.ts';
import { ProcessBeside } from './beside.ts';
import { FramesRuntime } from './frames-runtime.ts';
import { describeProcessEnd, LanguageProcess, type ProcessEnd, type ProcessOrder } from './language-process.ts';
import { ProgramRuntime } from './program-runtime.ts';

export interface HostedEvents {
  running(pid: number): void;
  /** While there is no tunnel to say it through. */
  output(source: 'stdout' | 'stderr', line: string): void;
  /** Once, last. */
  exited(exit: HostedExit): void;
}

const mebibyte = 1024 * 1024;

export class HostedInstance {
  readonly #order: HostedOrder;
  readonly #events: HostedEvents;
  readonly #ward: ProcessBeside;
  #runtime: FramesRuntime | ProgramRuntime | null = null;
  #process: LanguageProcess | null = null;
  #core: InstanceCore | null = null;
  /** What its process said last on standard error. */
  #lastLines: string[] = [];
  #end: ProcessEnd | null = null;
  #kill: Timer | null = null;

  /** `ipcPath`: for a Unix socket of its own. */
  constructor(order: HostedOrder, ipcPath: string, events: HostedEvents) {
    this.#order = order;
    this.#events = events;
    const speaksFrames = order.command !== null;
    this.#ward = new ProcessBeside({
      runtimeName: order.release,
      isOneLoop: speaksFrames,
      limitBytes: order.memoryMiB === null ? null : order.memoryMiB * mebibyte,
      silentMs: speaksFrames ? limits.pulseMs : limits.programPulseMs,
      silentMaxMs: speaksFrames ? limits.pulseMaxMs : limits.programPulseMaxMs,
      ask: () => this.#runtime?.ask(),
      working: () => this.#runtime?.working ?? 0,
      worksOn: () => this.#runtime instanceof ProgramRuntime && this.#runtime.speaks,
      farewell: () => this.#runtime instanceof FramesRuntime && this.#runtime.farewell(),
      finished: (code) => this.#finished(code),
    });
    if (order.command === null) this.#startProgram(ipcPath, order);
    else this.#startRuntime(order.command, order);
  }

  /** Asks it to end in order, and kills it when it has not. Idempotent. */
  terminate(graceMs: number): void {
    this.#kill ??= systemClock.after(graceMs, () => this.kill());
    if (this.#core !== null) this.#core.terminated();
    else this.#process?.terminate(graceMs);
  }

  /** Idempotent. */
  kill(): void {
    // Without a process there is nothing that could be killed.
    if (this.#process === null || this.#process.isGone)
      this.#core?.lost('the instance was killed', 'the instance was killed');
    else this.#process.kill();
  }

  limitMemory(memoryMiB: number): void {
    this.#ward.limitMemory(memoryMiB * mebibyte);
  }

  /** A core without a process: that comes with its function. */
  #startProgram(ipcPath: string, { environment }: HostedOrder): void {
    const runtime = new ProgramRuntime(this.#ward, {
      ipcPath,
      environment,
      start: (order) => this.#startProcess(order),
    });
    this.#runtime = runtime;
    runtime.attach(this.#startCore(runtime, this.#order.release));
  }

  /** A process without a core: that comes when it has booted. */
  #startRuntime([command = '', ...args]: readonly string[], { environment }: HostedOrder): void {
    const process = this.#startProcess({
      command,
      args,
      cwd: '/',
      environment: { ...environment, WEIR_RUNTIME_FD: '3' },
      channel: true,
    });
    const channel = process.takeChannel();
    if (channel === null) return;
    const runtime = new FramesRuntime(channel, this.#ward, {
      booted: (hello) => runtime.attach(this.#startCore(runtime, hello.runtime)),
      ended: (fault) => {
        if (fault !== null) this.#say('stderr', `The runtime's connection was ended: ${fault}`);
        process.terminate(limits.terminateGraceMs);
      },
    });
    this.#runtime = runtime;
  }

  #startCore(runtime: Runtime, name: string): InstanceCore {
    this.#ward.runtimeName = name;
    const { address, token } = this.#order;
    const log = (line: string): void => this.#events.output('stderr', line);
    this.#core = new InstanceCore({ address, token, runtime, log }, this.#ward);
    return this.#core;
  }

  #startProcess(order: ProcessOrder): LanguageProcess {
    const process = new LanguageProcess(order, {
      output: (source, line) => this.#say(source, line),
      gone: (end) => this.#gone(end),
    });
    this.#process = process;
    this.#ward.follow(process);
    if (process.pid !== null) this.#events.running(process.pid);
    return process;
  }

  #say(source: 'stdout' | 'stderr', line: string): void {
    if (source === 'stderr') {
      this.#lastLines.push(line);
      if (this.#lastLines.length > limits.toldLines) this.#lastLines.shift();
    }
    const core = this.#core;
    if (core === null || core.phase === 'ended') this.#events.output(source, line);
    else core.relay(0, source === 'stderr' ? 'error' : 'info', source, line);
  }

  #gone(end: ProcessEnd): void {
    this.#end = end;
    this.#runtime?.gone();
    if (!this.#ward.gone()) return;
    const detail = describeProcessEnd(end);
    if (this.#core === null) this.#finished(1);
    else this.#core.lost(detail, [detail, ...this.#lastLines].join('\n'));
  }

  #finished(code: number): void {
    this.#kill?.cancel();
    if (this.#end === null) this.#runtime?.gone();
    this.#events.exited(this.#end ?? { kind: 'exited', code });
  }
}
