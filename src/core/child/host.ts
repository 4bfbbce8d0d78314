/** The host: one process that holds the instances of a platform whose code is not Node's, each with a process beside it. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { join } from 'node:path';
import type { HostedOrder, HostOrder, HostReport } from '../../model/hosted.ts';
import { HostedInstance } from './hosted.ts';
import { signalGroup } from './language-process.ts';
import { LastWill } from './last-will.ts';
import { rehearse } from './rehearsal.ts';

export interface HostOptions {
  /** Of this host alone: the programs' sockets are in it. */
  readonly directory: string;
  readonly report: (report: HostReport) => void;
}

/** Whose callback it is: all that an instance opens, starts and waits for inherits it. */
const attributed = new AsyncLocalStorage<string>();

export class Host {
  readonly #options: HostOptions;
  readonly #instances = new Map<string, HostedInstance>();
  /** The groups of their processes, for the end. */
  readonly #groups = new Map<string, number>();
  readonly #will = new LastWill();
  #started = 0;

  constructor(options: HostOptions) {
    this.#options = options;
  }

  take(order: HostOrder): void {
    const instance = order.do === 'start' ? order.order.instance : order.instance;
    attributed.run(instance, () => {
      try {
        if (order.do === 'start') this.#start(order.order);
        else this.#tell(order);
      } catch (error) {
        if (!this.uncaught(error)) throw error;
        if (order.do !== 'start' || this.#instances.has(instance)) return;
        this.#options.report({ is: 'exited', instance, exit: { kind: 'failed', reason: String(error) } });
      }
    });
  }

  /** So that the first invocation does not wait for its code. An error in it is nobody's: no instance has this name. */
  rehearse(): void {
    attributed.run('rehearsal', () => void rehearse(this.#options.directory).catch(() => undefined));
  }

  /** An error that nobody caught. False: it is no single instance's, and what the others are in is not known. */
  uncaught(error: unknown): boolean {
    const instance = attributed.getStore();
    if (instance === undefined) return false;
    const { report } = this.#options;
    for (const line of told(error)) report({ is: 'output', instance, source: 'stderr', line });
    // One that has ended already left nothing that could be ended.
    this.#instances.get(instance)?.kill();
    return true;
  }

  /** At once, for whoever exits next. */
  killAll(): void {
    for (const pid of this.#groups.values()) signalGroup(pid, 'SIGKILL');
  }

  #tell(order: Exclude<HostOrder, { do: 'start' }>): void {
    const hosted = this.#instances.get(order.instance);
    if (hosted === undefined) return;
    switch (order.do) {
      case 'terminate':
        hosted.terminate(order.graceMs);
        return;
      case 'kill':
        hosted.kill();
        return;
      case 'limit':
        hosted.limitMemory(order.memoryMiB);
    }
  }

  #start(order: HostedOrder): void {
    const { instance } = order;
    const { report } = this.#options;
    this.#started += 1;
    const ipcPath = join(this.#options.directory, `i${this.#started.toString(36)}`);
    // What ends at once does so after this.
    const hosted = new HostedInstance(order, ipcPath, {
      running: (pid) => {
        this.#groups.set(instance, pid);
        this.#will.runs(pid);
        report({ is: 'running', instance, pid });
      },
      output: (source, line) => report({ is: 'output', instance, source, line }),
      exited: (exit) => {
        this.#instances.delete(instance);
        this.#will.gone(this.#groups.get(instance) ?? 0);
        this.#groups.delete(instance);
        report({ is: 'exited', instance, exit });
      },
    });
    this.#instances.set(instance, hosted);
  }
}

const told = (error: unknown): string[] =>
  `The host: uncaught ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`.split('\n');
