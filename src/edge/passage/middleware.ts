import type { ErrorCode, Failure } from '../../base/errors.ts';
import type { Exchange, Invocation } from '../../model/invoke.ts';

export type MiddlewarePhase =
  /** It has not answered. */
  | 'asked'
  /** It said that the request goes on; its body goes nowhere. */
  | 'next'
  /** Its answer is the answer. */
  | 'answering'
  | 'over';

export const middlewareTransitions: Readonly<Record<MiddlewarePhase, readonly MiddlewarePhase[]>> = {
  asked: ['answering', 'over'],
  answering: ['next', 'over'],
  next: ['over'],
  over: [],
};

const codes: Partial<Record<ErrorCode, ErrorCode>> = {
  FUNCTION_INVOCATION_TIMEOUT: 'MIDDLEWARE_INVOCATION_TIMEOUT',
  FUNCTION_INVOCATION_FAILED: 'MIDDLEWARE_INVOCATION_FAILED',
  FUNCTION_LOAD_FAILED: 'MIDDLEWARE_INVOCATION_FAILED',
  FUNCTION_RESPONSE_INVALID: 'MIDDLEWARE_INVOCATION_FAILED',
  NO_RESPONSE_FROM_FUNCTION: 'MIDDLEWARE_INVOCATION_FAILED',
};

/** What a middleware that threw comes to in the end, where a framework has caught it: to the hosted platform, too. */
const saysNothing = (status: number, body: Buffer | null): boolean =>
  status === 500 && (body === null || body.length === 0);
const nothingSaid: Failure = { code: 'EDGE_FUNCTION_INVOCATION_FAILED', detail: 'It answered 500 without a body.' };

/** What a request's middleware came to. */
export interface MiddlewareEvents {
  /** It answered. Returns where its answer goes; null: the request goes on, and what it answered goes nowhere. */
  answered(status: number, headers: readonly string[]): Exchange | null;
  /** It was no answer. */
  failed(failure: Failure): void;
}

/** The exchange of an invocation of middleware. One of its events is called, once. */
export class MiddlewareExchange implements Exchange {
  phase: MiddlewarePhase = 'asked';
  readonly #events: MiddlewareEvents;
  #client: Exchange | null = null;
  /** The headers of a 500 of which it is not known yet whether anything follows. */
  #held: readonly string[] | null = null;
  #invocation: Invocation | null = null;

  constructor(events: MiddlewareEvents) {
    this.#events = events;
  }

  /** What `Invoker.invoke` returned; it may have answered before. */
  started(invocation: Invocation): void {
    this.#invocation = invocation;
    // Nobody reads the rest, and nobody waits for it.
    if (this.phase === 'next') invocation.cancel();
  }

  inform(): void {
    // What it has to say before it has decided is not about the answer.
  }

  reply(status: number, headers: readonly string[], body: Buffer | null): boolean {
    if (this.phase !== 'asked') return true;
    if (saysNothing(status, body)) {
      this.fail(nothingSaid);
      return true;
    }
    this.#enter('over');
    return this.#events.answered(status, headers)?.reply(status, headers, body) ?? true;
  }

  head(status: number, headers: readonly string[]): void {
    if (this.phase !== 'asked') return;
    if (status === 500) this.#held = headers;
    else this.#decide(status, headers);
  }

  #decide(status: number, headers: readonly string[]): void {
    this.#held = null;
    // What comes of it may call back at once.
    this.#enter('answering');
    this.#client = this.#events.answered(status, headers);
    if (this.#client !== null) {
      this.#client.head(status, headers);
      return;
    }
    this.#enter('next');
    this.#invocation?.cancel();
  }

  body(chunk: Buffer): boolean {
    if (this.#held !== null && this.phase === 'asked') this.#decide(500, this.#held);
    return this.phase === 'answering' ? (this.#client?.body(chunk) ?? true) : true;
  }

  end(): void {
    if (this.phase === 'over') return;
    if (this.#held !== null && this.phase === 'asked') {
      this.fail(nothingSaid);
      return;
    }
    const client = this.phase === 'answering' ? this.#client : null;
    this.#enter('over');
    client?.end();
  }

  fail(failure: Failure): void {
    const { phase } = this;
    if (phase === 'over') return;
    this.#enter('over');
    const mine = { ...failure, code: codes[failure.code] ?? failure.code };
    if (phase === 'answering') this.#client?.fail(mine);
    else if (phase === 'asked') this.#events.failed(mine);
  }

  drained(): void {
    // It was sent no body.
  }

  #enter(next: MiddlewarePhase): void {
    if (!middlewareTransitions[this.phase].includes(next)) {
      throw new TypeError(`middleware cannot go from ${this.phase} to ${next}`);
    }
    this.phase = next;
  }
}
