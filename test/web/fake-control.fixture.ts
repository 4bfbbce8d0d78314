// A control that only pretends: the dashboard and the API on loopback, with lively data. What it is asked, and what it answers, is
// checked by the schemas of the API, so that neither it nor the dashboard can drift from them.
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import * as os from 'node:os';
import * as path from 'node:path';
import { ApiError, apiErrors } from '../../src/api/errors.ts';
import type { Route } from '../../src/api/route.ts';
import { routes } from '../../src/api/routes.ts';
import type { Call, RouteName } from '../../src/api/routes.ts';
import type { TokenResource } from '../../src/api/platform.ts';
import { buildDashboard } from '../../src/builder/dashboard.ts';
import { openDashboard } from '../../src/control/dashboard.ts';
import { handlers, nowAt } from './handlers.fixture.ts';
import type { Scene } from './handlers.fixture.ts';
import { busyWorld, emptyWorld, lineOf } from './world.fixture.ts';

export interface FakeOptions {
  /** Nothing was deployed yet. */
  readonly empty?: boolean;
  /** Seconds of the past that a new stream begins with. */
  readonly past?: number;
  readonly tickMs?: number;
  readonly port?: number;
  /** The dashboard is built again whenever its page is loaded. */
  readonly fresh?: boolean;
}

export interface FakeControl {
  readonly origin: string;
  /** What the API's schemas did not like, of requests and of answers. */
  readonly faults: readonly string[];
  /** Names of routes, as they were called. */
  readonly calls: readonly string[];
  /** Last-Event-ID of streams that went on. */
  readonly resumed: readonly string[];
  /** As a network does that breaks. */
  breakStreams(): void;
  close(): Promise<void>;
}

/** What signs in, by role. */
export const fakeTokens = { admin: 'weir_admin', deploy: 'weir_deploy', read: 'weir_read' } as const;
const ranks = ['read', 'deploy', 'admin'];

export async function fakeControl(options: FakeOptions = {}): Promise<FakeControl> {
  const built = async () =>
    openDashboard(await buildDashboard({ cacheDir: path.join(os.tmpdir(), 'weir-dashboard-test') }));
  let dashboard = await built();
  const startedMs = Date.now();
  const scene: Scene = {
    world: options.empty === true ? emptyWorld(startedMs) : busyWorld(startedMs),
    burst: { untilMs: 0, requests: 0 },
    nowMs: () => Date.now(),
  };
  const faults: string[] = [];
  const calls: string[] = [];
  const streams = new Set<http.ServerResponse>();
  const resumed: string[] = [];
  const serve = async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://fake');
    if (options.fresh === true && url.pathname === '/') dashboard = await built();
    const file = dashboard.answer({
      method: request.method ?? 'GET',
      path: url.pathname,
      acceptEncoding: request.headers['accept-encoding']?.toString(),
      ifNoneMatch: request.headers['if-none-match'],
    });
    if (file !== null) {
      response.writeHead(file.status, file.headers).end(file.body);
      return;
    }
    const lastId = request.headers['last-event-id']?.toString();
    if (lastId !== undefined) resumed.push(lastId);
    await api({ request, response, url, scene, options, faults, calls, streams });
  };
  const server = http.createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (!(error instanceof ApiError)) faults.push(`${request.method} ${request.url}: ${String(error)}`);
      refuse(response, error instanceof ApiError ? error : new ApiError('INTERNAL_ERROR'));
    });
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    calls,
    resumed,
    breakStreams: () => streams.forEach((stream) => stream.destroy()),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Exchange {
  readonly request: http.IncomingMessage;
  readonly response: http.ServerResponse;
  readonly url: URL;
  readonly scene: Scene;
  readonly options: FakeOptions;
  readonly faults: string[];
  readonly calls: string[];
  readonly streams: Set<http.ServerResponse>;
}

async function api(exchange: Exchange): Promise<void> {
  const { request, response, url, scene, calls, faults } = exchange;
  const match = matching(request.method ?? 'GET', url.pathname);
  if (match === null) throw new ApiError('NOT_FOUND');
  const { name, route, params } = match;
  const token = tokenOf(request.headers.authorization);
  if (route.role !== null && ranks.indexOf(token.role) < ranks.indexOf(route.role)) throw new ApiError('NOT_ALLOWED');
  calls.push(name);
  const call = {
    params: checked(route.params, params, faults),
    query: checked(route.query, Object.fromEntries(url.searchParams), faults),
    body:
      route.body === undefined || route.body === 'bytes'
        ? undefined
        : checked(route.body, JSON.parse(await textOf(request)), faults),
  };
  if (route.events !== undefined)
    return stream(name, exchange, call as { query: Record<string, unknown>; params: Record<string, string> });
  const handler = handlers[name] as ((call: unknown, scene: Scene, token: TokenResource) => unknown) | undefined;
  if (handler === undefined) throw new Error(`${name} has no handler`);
  const answer = handler(call, scene, token);
  if (route.answer === 'empty') return void response.writeHead(204).end();
  const isText = route.answer === 'text';
  if (route.answer !== 'text') route.answer.parse(answer);
  response.writeHead(route.status ?? 200, { 'Content-Type': isText ? 'text/csv' : 'application/json' });
  response.end(isText ? (answer as string) : JSON.stringify(answer));
}

function matching(
  method: string,
  pathname: string,
): { name: RouteName; route: Route; params: Record<string, string> } | null {
  for (const [name, route] of Object.entries(routes) as [RouteName, Route][]) {
    const pattern = new RegExp(`^${route.path.replaceAll('.', '\\.').replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
    const found = route.method === method ? pattern.exec(pathname) : null;
    if (found === null) continue;
    const params = Object.entries(found.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]);
    return { name, route, params: Object.fromEntries(params) as Record<string, string> };
  }
  return null;
}

function tokenOf(authorization: string | undefined): TokenResource {
  if (authorization === undefined) throw new ApiError('NO_TOKEN');
  const role = (['admin', 'deploy', 'read'] as const).find((key) => authorization === `Bearer ${fakeTokens[key]}`);
  if (role === undefined) throw new ApiError('WRONG_TOKEN');
  return {
    id: `tok_${role}`,
    name: { admin: 'ada', deploy: 'ci', read: 'screen' }[role],
    role,
    createdMs: 0,
    lastUsedMs: null,
    expiresMs: null,
  };
}

/** What a schema does not know is a fault of the dashboard, even where the API would not mind. */
function checked(schema: Exclude<Route['body'], 'bytes'>, value: unknown, faults: string[]): unknown {
  if (schema === undefined) return {};
  const result = schema.safeParse(value);
  if (!result.success) {
    const issues = result.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
    throw new ApiError('INVALID_REQUEST', issues.map(({ path, message }) => `${path}: ${message}`).join(', '), issues);
  }
  const unknown = Object.keys(value as object).filter((key) => !(key in (result.data as object)));
  if (unknown.length > 0) faults.push(`not of the API: ${unknown.join(', ')}`);
  return result.data;
}

async function textOf(request: http.IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

function refuse(response: http.ServerResponse, error: ApiError): void {
  if (response.headersSent) return void response.destroy();
  const { code, message, issues } = error;
  const body = JSON.stringify({ error: { code, message, next: apiErrors[code].next, issues } });
  response.writeHead(error.status, { 'Content-Type': 'application/json' }).end(body);
}

function stream(
  name: RouteName,
  exchange: Exchange,
  call: { query: Record<string, unknown>; params: Record<string, string> },
): void {
  const { response, scene, options, streams, request } = exchange;
  streams.add(response);
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.flushHeaders();
  const schema = (routes[name] as Route).events;
  const send = (type: string, data: unknown, id?: string) => {
    schema?.parse(data);
    response.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const tickMs = options.tickMs ?? 1000;
  let step: () => void;
  if (name === 'nowEvents') {
    for (let back = options.past ?? 0; back > 0; back -= 1) send('now', nowAt(scene, scene.nowMs() - back * 1000));
    step = () => send('now', nowAt(scene, scene.nowMs()));
  } else if (name === 'logEvents') {
    step = logStep(scene, call.query as Call<'logEvents'>['query'], send, request.headers['last-event-id']?.toString());
  } else {
    let said = 0;
    const lines = [
      'Reading vercel.json',
      'Bundling api/cart.ts, api/checkout.ts, api/search.ts',
      'Bytecode of 3 functions',
    ];
    step = () => {
      const text = lines[said++];
      if (text !== undefined) send('log', { type: 'log', level: 'info', text, atMs: scene.nowMs() });
    };
  }
  step();
  const timer = setInterval(step, name === 'logEvents' ? tickMs / 2 : tickMs);
  response.on('close', () => {
    clearInterval(timer);
    streams.delete(response);
  });
}

const levels = ['debug', 'info', 'warn', 'error'];

function logStep(
  scene: Scene,
  query: Call<'logEvents'>['query'],
  send: (type: string, data: unknown, id?: string) => void,
  lastId: string | undefined,
): () => void {
  let index = lastId === undefined ? 1000 - query.tail : Number(lastId) + 1;
  const say = (atMs: number) => {
    const line = lineOf(scene.world, index, atMs);
    index += 1;
    const fits =
      line !== null &&
      (query.function ?? line.function) === line.function &&
      levels.indexOf(line.level) >= levels.indexOf(query.level ?? 'debug') &&
      line.text.includes(query.text ?? '');
    if (fits) send('line', line, line.id);
  };
  for (let back = 1000 - index; back > 0; back -= 1) say(scene.nowMs() - back * 700);
  return () => say(scene.nowMs());
}
