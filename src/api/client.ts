import { ApiError, apiErrors } from './errors.ts';
import type { ApiErrorCode } from './errors.ts';
import type { Route } from './route.ts';
import { routes } from './routes.ts';
import type { Answer, Order, RouteName } from './routes.ts';

export interface ApiClientOptions {
  /** Scheme, host and port: `http://127.0.0.1:3900`. */
  readonly origin: string;
  readonly token: string | null;
  readonly fetch?: typeof fetch;
}

/** What a call is given; what a path does not take is left out. */
export type CallOrder<N extends RouteName> = {
  [K in keyof Order<N> as Order<N>[K] extends undefined ? never : K]?: Order<N>[K];
} & {
  readonly signal?: AbortSignal;
};

/** Calls the API of a control. What it refuses is thrown as the ApiError that it is; that it cannot be reached, as fetch's TypeError. */
export class ApiClient {
  readonly #options: ApiClientOptions;

  constructor(options: ApiClientOptions) {
    this.#options = options;
  }

  async call<N extends RouteName>(name: N, order?: CallOrder<N>): Promise<Answer<N>> {
    const route: Route = routes[name];
    const response = await this.request(name, order ?? {});
    if (route.answer === 'empty') {
      await response.body?.cancel();
      return undefined as Answer<N>;
    }
    return (route.answer === 'text' ? response.text() : response.json()) as Promise<Answer<N>>;
  }

  /** The answer as it comes: for streams. Refusals are thrown. */
  async request<N extends RouteName>(
    name: N,
    order: CallOrder<N> & {
      readonly bytes?: NonNullable<RequestInit['body']>;
      readonly headers?: Readonly<Record<string, string>>;
    },
  ): Promise<Response> {
    const route: Route = routes[name];
    const { params, query, body } = order as { params?: Fields; query?: Fields; body?: unknown };
    const headers: Record<string, string> = { Accept: 'application/json', ...order.headers };
    if (this.#options.token !== null) headers['Authorization'] = `Bearer ${this.#options.token}`;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const init: RequestInit & { duplex?: 'half' } = {
      method: route.method,
      headers,
      redirect: 'error',
      signal: order.signal ?? null,
    };
    if (body !== undefined) init.body = JSON.stringify(body);
    if (order.bytes !== undefined) Object.assign(init, { body: order.bytes, duplex: 'half' });
    const response = await (this.#options.fetch ?? fetch)(
      `${this.#options.origin}${pathOf(route, params, query)}`,
      init,
    );
    if (!response.ok) throw await refusalOf(response);
    return response;
  }
}

type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Throws TypeError for a parameter that is missing: a mistake of the caller's. */
function pathOf(route: Route, params: Fields = {}, query: Fields = {}): string {
  const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) => {
    const value = params[name];
    if (typeof value !== 'string') throw new TypeError(`${route.path}: ${name} is missing`);
    return encodeURIComponent(value);
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, `${value}`);
  return search.size === 0 ? path : `${path}?${search.toString()}`;
}

/** Of a proxy in between there may be anything. */
async function refusalOf(response: Response): Promise<ApiError | Error> {
  const text = await response.text().catch(() => '');
  try {
    const { error } = JSON.parse(text) as {
      error: { code: ApiErrorCode; message: string; issues?: ApiError['issues'] };
    };
    if (Object.hasOwn(apiErrors, error.code)) return new ApiError(error.code, error.message, error.issues ?? []);
  } catch {
    // Not the control's.
  }
  return new Error(`${response.url} answered ${response.status}, which is no answer of Weir's`);
}
