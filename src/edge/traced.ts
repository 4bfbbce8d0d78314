import { limits } from '../base/limits.ts';
import type { Random } from '../base/random.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { Exchange, Invocation, Invoker, RequestHead } from '../model/invoke.ts';
import { withTrace } from './trace-context.ts';

/**
 * Gives each invocation a span of its own: a request may make several of them, of middleware and of what it leads to. What the
 * platform asks by itself (pages that are made for all clients) belongs to nobody's trace.
 */
export class TracedInvoker implements Invoker {
  readonly #invoker: Invoker;
  readonly #random: Random;

  constructor(invoker: Invoker, random: Random) {
    this.#invoker = invoker;
    this.#random = random;
  }

  invoke(target: FunctionSpec, head: RequestHead, exchange: Exchange): Invocation {
    if (head.trace === undefined || head.trace === null) return this.#invoker.invoke(target, head, exchange);
    const trace = { ...head.trace, spanId: this.#random.hex(8) };
    const headers = withTrace(head.headers, trace);
    // A head that is as long as one may be goes without.
    const fits = headers.length <= 2 * limits.headFields;
    return this.#invoker.invoke(target, { ...head, trace, headers: fits ? headers : head.headers }, exchange);
  }
}
