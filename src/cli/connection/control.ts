import { ApiClient } from '../../api/client.ts';
import type { CallOrder } from '../../api/client.ts';
import { ApiError } from '../../api/errors.ts';
import type { Answer, RouteName } from '../../api/routes.ts';
import { Failure } from '../failure.ts';
import { tokenAdvice, unreachable } from './connect.ts';
import type { Target } from './connect.ts';

type Request<N extends RouteName> = Parameters<ApiClient['request']>[1] & CallOrder<N>;

/** A control, of which everything that goes wrong is told with the next step. */
export class Control {
  readonly target: Target;
  readonly #client: ApiClient;
  readonly #signal: AbortSignal;

  constructor(target: Target, signal: AbortSignal) {
    this.target = target;
    this.#client = new ApiClient({ origin: target.origin, token: target.token });
    this.#signal = signal;
  }

  call<N extends RouteName>(name: N, order: CallOrder<N> = {}): Promise<Answer<N>> {
    return this.#told(() => this.#client.call(name, { signal: this.#signal, ...order }));
  }

  /** The answer as it comes. */
  request<N extends RouteName>(name: N, order: CallOrder<N> & Omit<Request<N>, keyof CallOrder<N>>): Promise<Response> {
    return this.#told(() => this.#client.request(name, { signal: this.#signal, ...order }));
  }

  async #told<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #failure(error: unknown): unknown {
    if (this.#signal.aborted) return error;
    if (error instanceof ApiError) {
      if (error.status !== 401) return error;
      return new Failure('notAllowed', error.code, `${this.target.origin}: ${error.message}`, tokenAdvice(this.target));
    }
    if (isNetworkError(error)) return unreachable(this.target, reasonOf(error));
    return error instanceof Error && error.message.includes('no answer of Weir') ? this.#foreign(error) : error;
  }

  #foreign({ message }: Error): Failure {
    return new Failure('failed', 'NO_CONTROL', message, `Is ${this.target.origin} the address of a control?`);
  }
}

/** Of fetch: nothing else is a TypeError with a cause, or terminates. */
export const isNetworkError = (error: unknown): error is TypeError =>
  error instanceof TypeError && (error.cause !== undefined || /^(?:fetch failed|terminated)$/.test(error.message));

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'its name cannot be resolved at the moment',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  UND_ERR_CONNECT_TIMEOUT: 'there is no answer',
  ETIMEDOUT: 'there is no answer',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no network',
};

function reasonOf({ cause, message }: Error): string {
  const { code, message: detail } = (cause ?? {}) as { code?: string; message?: string };
  return (code === undefined ? undefined : reasons[code]) ?? detail ?? message;
}
