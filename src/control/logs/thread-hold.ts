import module from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Order, Report, ThreadOrder } from './wire.ts';

interface HoldOptions {
  readonly order: ThreadOrder;
  readonly report: (report: Report) => void;
  /** Once, whether it was told to end or not. */
  readonly ended: (why: string) => void;
}

/**
 * A thread does not have the compile cache of the process by itself. Without it each would have the compiler that takes the types
 * out of our files in memory once more: 27 MB.
 */
const begin = `
  const { cache, file } = require('node:worker_threads').workerData;
  if (cache !== null) require('node:module').enableCompileCache(cache);
  import(file);
`;

/** The platform's hold on the log's thread. */
export class ThreadHold {
  readonly #worker: Worker;

  constructor({ order, report, ended }: HoldOptions) {
    let why = 'it ended by itself';
    // Node names its own folder in there, by version.
    const cache = module.getCompileCacheDir();
    this.#worker = new Worker(begin, {
      eval: true,
      name: 'weir-logs',
      workerData: {
        order,
        file: new URL('log-thread.ts', import.meta.url).href,
        cache: cache === undefined ? null : dirname(cache),
      },
      env: {},
      // node:sqlite says that it may change.
      execArgv: ['--disable-warning=ExperimentalWarning'],
      trackUnmanagedFds: false,
    });
    // Whoever wants what is under way written closes the store.
    this.#worker.unref();
    this.#worker.on('message', report);
    this.#worker.on('error', (error) => {
      why = error instanceof Error ? error.message : String(error);
    });
    this.#worker.on('exit', () => ended(why));
  }

  post(order: Order): void {
    this.#worker.postMessage(order);
  }

  /** While somebody waits for it, the process goes on. */
  hold(): void {
    this.#worker.ref();
  }
}
