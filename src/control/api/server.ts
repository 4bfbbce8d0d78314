import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import { ApiError, apiErrors } from '../../api/errors.ts';
import type { Route } from '../../api/route.ts';
import { routes, type RouteName } from '../../api/routes.ts';
import type { Dashboard } from '../dashboard.ts';
import type { TokenStore } from '../store/tokens.ts';
import { Authority } from './authority.ts';
import { readBytes, readJson } from './body.ts';
import { eventStream } from './events.ts';
import type { Caller, Handlers, Headed, Request as ApiRequest, ServerEvent } from './handler.ts';

export interface ApiServerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly tokens: TokenStore;
  readonly handlers: Handlers;
  /** What is at paths that are not the API's. */
  readonly dashboard: Dashboard;
}

type Bound = Context<{ Bindings: HttpBindings }>;
/** What the table of handlers has, when it is looked up by a name that is not known before. */
type AnyHandler = (request: ApiRequest<RouteName>) => unknown;

/** The HTTP API and the dashboard. One table says what there is (src/api/routes.ts); this reads, checks, calls and answers. */
export class ApiServer {
  readonly #options: ApiServerOptions;
  readonly #authority: Authority;
  readonly #closing = new AbortController();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(options: ApiServerOptions) {
    this.#options = options;
    this.#authority = new Authority(options.tokens, options.clock);
    this.#server = createAdaptorServer({
      fetch: this.#app().fetch,
      serverOptions,
      // The process that this is in has functions' requests to answer, with Node's own.
      overrideGlobalObjects: false,
    }) as Server;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** Port 0: any free one. Rejects with Node's error. */
  listen(port: number, host: string): Promise<{ port: number }> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => this.#options.log.error('api', { why: error.message }));
        resolve({ port: (this.#server.address() as AddressInfo).port });
      });
    });
  }

  /** Streams end, what is being answered is cut. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #app(): Hono<{ Bindings: HttpBindings }> {
    const app = new Hono<{ Bindings: HttpBindings }>();
    for (const [name, route] of Object.entries(routes) as [RouteName, Route][])
      // hono takes HEAD for the GET of a path, whose body it leaves out.
      app.on(route.method === 'HEAD' ? 'GET' : route.method, route.path, (context) =>
        isFor(route, context.req.method) ? this.#answer(name, route, context) : this.#nothing(context),
      );
    app.all('/v1/*', (context) => this.#nothing(context));
    app.all('*', (context) => this.#assetOf(context));
    app.onError((error, context) => this.#refuse(error, context));
    return app;
  }

  async #answer(name: RouteName, route: Route, context: Bound): Promise<Response> {
    const caller = route.role === null ? null : this.#caller(context, route.role);
    const request = await this.#request(route, context, caller);
    const handler = this.#options.handlers[name] as AnyHandler;
    const answer = await handler(request);
    if (route.events !== undefined)
      return eventStream(answer as AsyncIterable<ServerEvent>, request.signal, (error) =>
        this.#mistake(error, context),
      );
    return answered(route, answer);
  }

  #caller(context: Bound, role: NonNullable<Route['role']>): Caller {
    const address = context.env.incoming.socket.remoteAddress ?? '';
    return this.#authority.admit(context.req.header('authorization'), address, role);
  }

  async #request(route: Route, context: Bound, caller: Caller | null): Promise<ApiRequest<RouteName>> {
    const params = checked(route.params, context.req.param(), 'of the path');
    const query = checked(route.query, onceEach(context.req.queries()), 'of the query');
    const signal = AbortSignal.any([context.req.raw.signal, this.#closing.signal]);
    const isBytes = route.body === 'bytes';
    const body =
      isBytes || route.body === undefined
        ? undefined
        : await readJson(context.env.incoming, route.path, this.#options.clock);
    const isBody = route.body !== undefined && route.body !== 'bytes';
    return {
      params,
      query,
      body: isBody ? checked(route.body, body, 'of the body') : {},
      caller,
      signal,
      header: (wanted) => context.req.header(wanted),
      bytes: isBytes ? readBytes(context.env.incoming, this.#options.clock) : null,
    } as ApiRequest<RouteName>;
  }

  #nothing(context: Bound): Response {
    const path = context.req.path;
    const methods = (Object.values(routes) as Route[])
      .filter((route) => new RegExp(`^${route.path.replaceAll(/:\w+/g, '[^/]+')}$`).test(path))
      .map(({ method }) => method);
    if (methods.length === 0) return refusal(new ApiError('NOT_FOUND', `There is nothing at ${path.slice(0, 200)}.`));
    const response = refusal(new ApiError('METHOD_NOT_ALLOWED', `${path.slice(0, 200)} takes ${methods.join(', ')}.`));
    response.headers.set('Allow', methods.join(', '));
    return response;
  }

  #assetOf(context: Bound): Response {
    const { method, path } = context.req;
    if (method !== 'GET' && method !== 'HEAD') return refusal(new ApiError('METHOD_NOT_ALLOWED'));
    const header = (name: string): string | undefined => context.req.header(name);
    const asked = { acceptEncoding: header('accept-encoding'), ifNoneMatch: header('if-none-match') };
    const asset = this.#options.dashboard.answer({ method, path, ...asked });
    if (asset === null) return refusal(new ApiError('NOT_FOUND', `There is nothing at ${path.slice(0, 200)}.`));
    return new Response(asset.body, { status: asset.status, headers: asset.headers });
  }

  #refuse(error: Error, context: Bound): Response {
    if (error instanceof ApiError) return refusal(error);
    // SQLITE_FULL: the transaction was taken back.
    if ((error as { errcode?: unknown }).errcode === 13) return refusal(new ApiError('DISK_FULL'));
    this.#mistake(error, context);
    return refusal(new ApiError('INTERNAL_ERROR'));
  }

  #mistake(error: unknown, context: Bound): void {
    // Who left has no use for an answer.
    const { incoming } = context.env;
    if (context.req.raw.signal.aborted || (incoming.destroyed && !incoming.complete)) return;
    const why = error instanceof Error ? error.stack : String(error);
    this.#options.log.error('the API made a mistake', { method: context.req.method, path: context.req.path, why });
  }
}

/** Of a stream there is nothing but its body. */
const isFor = ({ method, events }: Route, asked: string): boolean =>
  asked === 'HEAD' ? method === 'HEAD' || (method === 'GET' && events === undefined) : method === asked;

const serverOptions = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: limits.requestHeadTimeoutMs,
  // Uploads may be long: that they go on is looked at.
  requestTimeout: 0,
  keepAliveTimeout: limits.clientIdleTimeoutMs,
  // Whoever follows a stream and is gone without a word is noticed.
  keepAlive: true,
  keepAliveInitialDelay: limits.clientIdleTimeoutMs,
};

interface Schema {
  safeParse(value: unknown): {
    success: boolean;
    data?: unknown;
    error?: { issues: readonly { path: readonly PropertyKey[]; message: string }[] };
  };
}

function checked(schema: Schema | string | undefined, value: unknown, what: string): unknown {
  if (schema === undefined || typeof schema === 'string') return {};
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error!.issues.slice(0, 20).map(({ path, message }) => ({ path: path.join('.'), message }));
  const [first] = issues;
  const where = first!.path === '' ? what : `${first!.path} ${what}`;
  throw new ApiError('INVALID_REQUEST', `${where}: ${first!.message}`, issues);
}

/** What is given twice is refused: which one is meant, nobody can say. */
function onceEach(queries: Readonly<Record<string, string[]>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(queries).map(([name, values]) => {
      if (values.length > 1)
        throw new ApiError('INVALID_REQUEST', `${name} is given twice.`, [{ path: name, message: 'is given twice' }]);
      return [name, values[0]!];
    }),
  );
}

const noStore = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };

function answered(route: Route, answer: unknown): Response {
  const { answer: body, headers } = isHeaded(answer) ? answer : { answer, headers: {} };
  const status = route.status ?? 200;
  const init = { status, headers: { ...noStore, ...headers } };
  if (route.answer === 'empty') return new Response(null, init);
  return route.answer === 'text' ? new Response(body as string, init) : Response.json(body, init);
}

const isHeaded = (value: unknown): value is Headed<unknown> =>
  typeof value === 'object' && value !== null && 'headers' in value && 'answer' in value;

function refusal(error: ApiError): Response {
  const { code, message, issues } = error;
  const { next, status } = apiErrors[code];
  const extra: Record<string, string> = {};
  if (status === 401) extra['WWW-Authenticate'] = 'Bearer realm="weir"';
  if (status === 429) extra['Retry-After'] = '60';
  const body = { error: { code, message, next, ...(issues.length === 0 ? {} : { issues }) } };
  return Response.json(body, { status, headers: { ...noStore, ...extra } });
}
