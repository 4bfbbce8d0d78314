/** The host: one process that holds the instances of a platform whose code is not Node's, each with a process beside it. */
import { join } from 'node:path';
import type { HostOrder, HostReport } from '../../model/hosted.ts';
import { HostedInstance } from './hosted.ts';
import { signalGroup } from './language-process.ts';
import { LastWill } from './last-will.ts';

export interface HostOptions {
  /** Of this host alone: the programs' sockets are in it. */
  readonly directory: string;
  readonly report: (report: HostReport) => void;
}

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
    switch (order.do) {
      case 'start':
        this.#start(order.order);
        return;
      case 'terminate':
        this.#instances.get(order.instance)?.terminate(order.graceMs);
        return;
      case 'kill':
        this.#instances.get(order.instance)?.kill();
        return;
      case 'limit':
        this.#instances.get(order.instance)?.limitMemory(order.memoryMiB);
    }
  }

  /** At once, for whoever exits next. */
  killAll(): void {
    for (const pid of this.#groups.values()) signalGroup(pid, 'SIGKILL');
  }

  #start(order: Extract<HostOrder, { do: 'start' }>['order']): void {
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
