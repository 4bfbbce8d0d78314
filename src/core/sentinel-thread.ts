import type { Worker } from 'node:worker_threads';
import { Cell, Wake } from './board.ts';
import type { SentinelOrder } from './sentinel.ts';

interface ThreadOptions {
  readonly file: URL | string;
  readonly order: SentinelOrder;
  readonly cells: Int32Array;
  /** It has ended. Null: the router did not let it in, because it ends, or this instance is to. */
  ended(reason: string | null): void;
}

/** What the thread exits with then. */
export const notLetIn = 3;

/** The main thread's hold on its sentinel. Starting one takes the main thread 3 ms, and another core 30. */
export class SentinelThread {
  #worker: Worker | null = null;

  async start(options: ThreadOptions): Promise<void> {
    // Not needed before the instance can answer: it would only make cold starts longer.
    const { Worker } = await import('node:worker_threads');
    const worker = new Worker(options.file, {
      name: 'weir-sentinel',
      workerData: options.order,
      // What user code sets for itself is not for this thread.
      env: {},
      execArgv: [],
      trackUnmanagedFds: false,
    });
    let reason: string | null = null;
    worker.unref();
    worker.on('error', (error) => {
      reason = error instanceof Error ? error.message : String(error);
    });
    worker.on('exit', (code) => {
      this.#worker = null;
      Atomics.store(options.cells, Cell.reporting, 0);
      Atomics.store(options.cells, Cell.wake, Wake.none);
      options.ended(code === notLetIn ? null : (reason ?? 'its connection ended'));
    });
    this.#worker = worker;
  }

  /** The loop is busy again. */
  wake(): void {
    this.#worker?.postMessage(null);
  }
}
