/** The Node runtime: loads one function, for good, and hands invocations to it. */
import type { Call, LoadOrder, Runtime } from '../../src/core/call.ts';
import { useBytecode } from './bytecode.ts';
import { describe, type Host } from './host.ts';
import { type Invoker, load, prepare } from './load.ts';

export class NodeRuntime implements Runtime {
  readonly #host: Host;
  readonly #bytecodeDir: string | null;
  #invoke: Invoker | null = null;
  #loading = false;

  /** `bytecodeDir`: for functions that have none of their own; null: V8 has been told. */
  constructor(bytecodeDir: string | null, host: Host) {
    this.#bytecodeDir = bytecodeDir;
    this.#host = host;
  }

  async load(order: LoadOrder): Promise<void> {
    this.#loading = true;
    useBytecode(order.bytecode ?? this.#bytecodeDir);
    this.#invoke = await load(order, this.#host);
  }

  begin(call: Call): void {
    if (this.#invoke === null) call.fail('INTERNAL_UNEXPECTED_ERROR', 'The instance was asked before it had loaded.');
    else this.#invoke(call);
  }

  /** For a stem: what its function would wait for. Does nothing once one is loading. */
  async warm(): Promise<void> {
    if (this.#loading) return;
    try {
      prepare(this.#host);
      const { rehearse } = await import('./rehearse.ts');
      if (!this.#loading) await rehearse();
    } catch (error) {
      // Only time is lost by it; but nobody would know.
      this.#host.log('warn', 'platform', `the stem could not be warmed: ${describe(error)}`, null);
    }
  }
}
