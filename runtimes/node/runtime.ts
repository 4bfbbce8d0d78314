/** The Node runtime: loads one function, for good, and hands invocations to it. */
import type { Call, LoadOrder, Runtime } from '../../src/core/call.ts';
import { captureOutput } from './console.ts';
import { installContext } from './context.ts';
import { replaceGlobals } from './globals.ts';
import type { Host } from './host.ts';
import { type Invoker, load, preload } from './load.ts';

export class NodeRuntime implements Runtime {
  readonly #host: Host;
  #invoke: Invoker | null = null;
  #loading = false;

  constructor(host: Host) {
    this.#host = host;
  }

  async load(order: LoadOrder): Promise<void> {
    this.#loading = true;
    installContext(this.#host);
    captureOutput(this.#host);
    replaceGlobals();
    this.#invoke = await load(order, this.#host);
  }

  begin(call: Call): void {
    if (this.#invoke === null) call.fail('INTERNAL_UNEXPECTED_ERROR', 'The instance was asked before it had loaded.');
    else this.#invoke(call);
  }

  /** A stem's time is free: loads what the first function would wait for. Does nothing once one is loading. */
  warm(): void {
    if (!this.#loading) void preload();
  }
}
