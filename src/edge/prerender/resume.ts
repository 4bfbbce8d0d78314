// A page that was begun from what is kept, and is gone on with by its function.
import type { Failure } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { FunctionSpec } from '../../model/function.ts';
import type { Exchange, Invocation, Invoker, RequestHead } from '../../model/invoke.ts';

/**
 * Hands the state to the function, and what it answers to the client, whose answer has its head already. An answer that is
 * an error cuts the client's: what was begun cannot be completed.
 */
export class Resumption implements Exchange, Invocation {
  readonly #client: Exchange;
  #invocation: Invocation | null = null;
  #state: Buffer;
  #gone = false;
  #over = false;
  #ended: (() => void) | null;

  /** `ended`: called once, when the client has had all, or has left. */
  constructor(client: Exchange, state: Buffer, ended: () => void) {
    this.#client = client;
    this.#state = state;
    this.#ended = ended;
  }

  begin(invoker: Invoker, spec: FunctionSpec, head: RequestHead): void {
    try {
      this.#invocation = invoker.invoke(spec, head, this);
    } catch (error) {
      this.#finish();
      throw error;
    }
    if (this.#gone) this.#invocation.cancel();
    else this.drained();
  }

  /** More of the state may be written. */
  drained(): void {
    const invocation = this.#invocation;
    if (invocation === null || this.#over) return;
    while (this.#state.length > 0) {
      const piece = this.#state.subarray(0, limits.postponedPieceBytes);
      this.#state = this.#state.subarray(piece.length);
      if (!invocation.write(piece) && this.#state.length > 0) return;
    }
    this.#over = true;
    invocation.endBody();
  }

  inform(): void {
    // The head is written.
  }

  reply(status: number, _headers: readonly string[], body: Buffer | null): boolean {
    if (this.#refuses(status)) return true;
    const taken = body === null || body.length === 0 || this.#client.body(body);
    this.#client.end();
    this.#finish();
    return taken;
  }

  head(status: number): void {
    this.#refuses(status);
  }

  body(chunk: Buffer): boolean {
    return this.#gone || this.#client.body(chunk);
  }

  end(): void {
    if (!this.#gone) this.#client.end();
    this.#finish();
  }

  fail(failure: Failure): void {
    if (!this.#gone) this.#client.fail(failure);
    this.#finish();
  }

  write(): boolean {
    return true;
  }

  endBody(): void {
    // The client has sent no body.
  }

  resume(): void {
    this.#invocation?.resume();
  }

  cancel(): void {
    this.#gone = true;
    this.#invocation?.cancel();
    this.#finish();
  }

  #finish(): void {
    const ended = this.#ended;
    this.#ended = null;
    ended?.();
  }

  #refuses(status: number): boolean {
    if (status < 400) return this.#gone;
    if (!this.#gone) {
      this.cancel();
      this.#client.fail({
        code: 'FUNCTION_INVOCATION_FAILED',
        detail: `The page was begun, and its function answered ${status} for the rest.`,
      });
    }
    return true;
  }
}
