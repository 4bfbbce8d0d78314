import type { CallOrder } from '../src/api/client.ts';
import type { Answer } from '../src/api/routes.ts';
import { endpoints } from './endpoints.ts';
import type { Endpoint } from './endpoints.ts';
import { session, signOut } from './session.ts';

/** What the control refused, or why it could not be asked. */
export class Failure extends Error {
  readonly code: string;
  /** What to do next. */
  readonly next: string | null;
  readonly issues: readonly { readonly path: string; readonly message: string }[];

  constructor(code: string, message: string, next: string | null = null, issues: Failure['issues'] = []) {
    super(message);
    this.code = code;
    this.next = next;
    this.issues = issues;
  }
}

interface Extra {
  /** Default: the session's. */
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function call<N extends Endpoint>(name: N, order?: CallOrder<N>, extra?: Extra): Promise<Answer<N>> {
  const response = await request(name, order, extra);
  if (response.status === 204) return undefined as Answer<N>;
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return (isJson ? response.json() : response.text()) as Promise<Answer<N>>;
}

/** The answer as it comes; refusals are thrown. */
export async function request<N extends Endpoint>(name: N, order?: CallOrder<N>, extra?: Extra): Promise<Response> {
  const { params, query, body, signal } = (order ?? {}) as Fields;
  const [method, path] = endpoints[name];
  const token = extra?.token ?? session.get().token;
  const headers: Record<string, string> = { Accept: 'application/json', ...extra?.headers };
  if (token !== null) headers['Authorization'] = `Bearer ${token}`;
  const init: RequestInit = { method, headers, signal: signal ?? null, cache: 'no-store', credentials: 'omit' };
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json';
    init.body = JSON.stringify(body);
  }
  const response = await fetch(addressOf(path, params, query), init).catch((error: unknown) => {
    if (error instanceof DOMException) throw error;
    throw new Failure('UNREACHABLE', 'Weir does not answer.', 'Is `weir serve` still running on that machine?');
  });
  if (response.ok) return response;
  const failure = await failureOf(response);
  // Of what was tried with another token, only the sign-in page is told.
  if (response.status === 401 && extra?.token === undefined) signOut(failure.message);
  throw failure;
}

interface Fields {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

function addressOf(path: string, params: Fields['params'] = {}, query: Fields['query'] = {}): string {
  const filled = path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(name, `${value}`);
  }
  return search.size === 0 ? filled : `${filled}?${search.toString()}`;
}

async function failureOf(response: Response): Promise<Failure> {
  const text = await response.text().catch(() => '');
  try {
    const { error } = JSON.parse(text) as {
      error: { code: string; message: string; next?: string | null; issues?: Failure['issues'] };
    };
    return new Failure(error.code, error.message, error.next ?? null, error.issues ?? []);
  } catch {
    return new Failure('UNREADABLE', `Something that is not Weir answered ${response.status}.`);
  }
}
