import type { ErrorCode, Failure } from '../../base/errors.ts';
import type { Exchange, Invocation } from '../../model/invoke.ts';

/** What middleware answers with when the request is to go on. */
const goesOn = new Set(['x-middleware-next', 'x-middleware-rewrite']);

/** What a request's middleware came to. */
export type MiddlewareEnd =
  /** The request goes on: the answer's headers say how. */
  | { readonly kind: 'next'; readonly headers: readonly string[] }
  /** It was no answer. */
  | { readonly kind: 'failed'; readonly failure: Failure };

export type MiddlewarePhase =
  /** It has not answered. */
  | 'asked'
  /** It said that the request goes on; its body goes nowhere. */
  | 'next'
  /** Its answer is the answer. */
  | 'answering'
  | 'over';

export const middlewareTransitions: Readonly<Record<MiddlewarePhase, readonly MiddlewarePhase[]>> = {
  asked: ['next', 'answering', 'over'],
  next: ['over'],
  answering: ['over'],
  over: [],
};

const codes: Partial<Record<ErrorCode, ErrorCode>> = {
  FUNCTION_INVOCATION_TIMEOUT: 'MIDDLEWARE_INVOCATION_TIMEOUT',
  FUNCTION_INVOCATION_FAILED: 'MIDDLEWARE_INVOCATION_FAILED',
  FUNCTION_LOAD_FAILED: 'MIDDLEWARE_INVOCATION_FAILED',
  FUNCTION_RESPONSE_INVALID: 'MIDDLEWARE_INVOCATION_FAILED',
  NO_RESPONSE_FROM_FUNCTION: 'MIDDLEWARE_INVOCATION_FAILED',
};

/**
 * The exchange of an invocation of middleware. Either the request goes on, and `ended` is called once; or what it answers
 * is passed on to `answer`, which makes the client's exchange ready for it.
 */
export class MiddlewareExchange implements Exchange {
  phase: MiddlewarePhase = 'asked';
  readonly #ended: (end: MiddlewareEnd) => void;
  readonly #answer: () => Exchange;
  #client: Exchange | null = null;
  #invocation: Invocation | null = null;

  constructor(ended: (end: MiddlewareEnd) => void, answer: () => Exchange) {
    this.#ended = ended;
    this.#answer = answer;
  }

  /** What `Invoker.invoke` returned; it may have answered before. */
  started(invocation: Invocation): void {
    this.#invocation = invocation;
    if (this.phase === 'next') invocation.cancel();
  }

  inform(status: number, headers: readonly string[]): void {
    if (this.phase === 'asked' && status !== 100) this.#client?.inform(status, headers);
  }

  reply(status: number, headers: readonly string[], body: Buffer | null): boolean {
    if (this.phase !== 'asked') return true;
    if (isNext(headers)) {
      this.#enter('over');
      this.#ended({ kind: 'next', headers });
      return true;
    }
    this.#enter('over');
    return this.#answer().reply(status, headers, body);
  }

  head(status: number, headers: readonly string[]): void {
    if (this.phase !== 'asked') return;
    if (isNext(headers)) {
      this.#enter('next');
      // Nobody reads the rest, and nobody waits for it.
      this.#invocation?.cancel();
      this.#ended({ kind: 'next', headers });
      return;
    }
    this.#enter('answering');
    this.#client = this.#answer();
    this.#client.head(status, headers);
  }

  body(chunk: Buffer): boolean {
    return this.phase === 'answering' ? this.#client!.body(chunk) : true;
  }

  end(): void {
    if (this.phase === 'over') return;
    const client = this.phase === 'answering' ? this.#client : null;
    this.#enter('over');
    client?.end();
  }

  fail(failure: Failure): void {
    const { phase } = this;
    if (phase === 'over') return;
    this.#enter('over');
    const mine = { ...failure, code: codes[failure.code] ?? failure.code };
    if (phase === 'answering') this.#client!.fail(mine);
    else if (phase === 'asked') this.#ended({ kind: 'failed', failure: mine });
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

function isNext(headers: readonly string[]): boolean {
  for (let at = 0; at < headers.length; at += 2) if (goesOn.has(headers[at]!.toLowerCase())) return true;
  return false;
}
