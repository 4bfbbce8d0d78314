// A control that knows nothing: what it is asked is checked by the table of routes, and so is what it answers.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { ApiError, apiErrors } from '../api/errors.ts';
import type { Route } from '../api/route.ts';
import { routes } from '../api/routes.ts';
import type { Answer, Call, RouteName } from '../api/routes.ts';
import { canned } from './canned.fixture.ts';

export interface Asked<N extends RouteName = RouteName> extends Call<N> {
  readonly headers: IncomingMessage['headers'];
  /** Of a body that is `bytes`. */
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}
interface Event {
  readonly event: string;
  readonly id?: string;
  readonly data: unknown;
}
/** Headers beside an empty answer; nothing: the answer was written already. */
type Given<N extends RouteName> = Answer<N> | { readonly headers: Record<string, string> } | undefined;
export type Answers = {
  readonly [N in RouteName]?: (asked: Asked<N>) => Given<N> | Promise<Given<N>> | AsyncIterable<Event>;
};

export interface FakeControl {
  readonly url: string;
  /** Names of routes in the order of the calls. */
  readonly calls: RouteName[];
  readonly asked: Asked[];
  readonly blobs: Map<string, Buffer>;
  /** Of the environment that finds it. */
  readonly environment: Readonly<Record<string, string>>;
}

export const fakeToken = 'weir_token';

/** Fails the test, at its end, for a call that the table of routes does not allow. */
export async function fakeControl(context: TestContext, answers: Answers = {}): Promise<FakeControl> {
  const faults: string[] = [];
  const [calls, asked]: [RouteName[], Asked[]] = [[], []];
  const blobs = new Map<string, Buffer>();
  const all = { ...canned, ...blobRoutes(blobs), ...answers } as Record<string, (asked: Asked) => unknown>;
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (!(error instanceof ApiError)) faults.push(`${request.method} ${request.url}: ${(error as Error).stack}`);
      refuse(response, error instanceof ApiError ? error : new ApiError('INTERNAL_ERROR', String(error)));
    });
  });
  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [name, route, params] = matched(request);
    if (route.role !== null && request.headers.authorization !== `Bearer ${fakeToken}`)
      throw new ApiError('WRONG_TOKEN');
    const call = await checked(request, route, params);
    const one = { ...call, headers: request.headers, request, response } as Asked;
    calls.push(name);
    asked.push(one);
    if (all[name] === undefined) throw new Error(`${name} has no answer`);
    await answer(response, route, await all[name](one));
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.close();
    server.closeAllConnections();
    if (faults.length > 0) throw new Error(faults.join('\n'));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, calls, asked, blobs, environment: { WEIR_URL: url, WEIR_TOKEN: fakeToken } };
}

function matched(request: IncomingMessage): [RouteName, Route, Record<string, string>] {
  const { pathname } = new URL(request.url!, 'http://x');
  for (const [name, route] of Object.entries(routes) as [RouteName, Route][]) {
    const pattern = new RegExp(`^${route.path.replaceAll('.', String.raw`\.`).replaceAll(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
    const found = pattern.exec(pathname);
    if (found === null || route.method !== request.method) continue;
    const params = Object.entries(found.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]);
    return [name, route, Object.fromEntries(params) as Record<string, string>];
  }
  throw new Error('no such route');
}

type Schema = Exclude<NonNullable<Route['body']>, 'bytes'>;

async function checked(request: IncomingMessage, route: Route, params: object): Promise<object> {
  const query = Object.fromEntries(new URL(request.url!, 'http://x').searchParams);
  const given: Record<string, unknown> = { params: route.params?.strict().parse(params) };
  if (route.query !== undefined) given['query'] = route.query.strict().parse(query);
  else if (Object.keys(query).length > 0) throw new Error('a query where none is');
  if (route.body === undefined || route.body === 'bytes') return given;
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const schema = 'strict' in route.body ? (route.body.strict as () => Schema)() : route.body;
  const parsed = schema.safeParse(JSON.parse(Buffer.concat(chunks).toString()));
  if (!parsed.success) throw new Error(`body: ${parsed.error.message}`);
  return { ...given, body: parsed.data };
}

async function answer(response: ServerResponse, route: Route, given: unknown): Promise<void> {
  if (response.headersSent || response.destroyed) return;
  const status = route.status ?? 200;
  if (route.events !== undefined) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write(': hello\n\n');
    for await (const { event, id, data } of given as AsyncIterable<Event>) {
      const lines = [`event: ${event}`, ...(id === undefined ? [] : [`id: ${id}`])];
      response.write(`${lines.join('\n')}\ndata: ${JSON.stringify(route.events.parse(data))}\n\n`);
    }
    response.end();
  } else if (route.answer === 'empty') {
    response.writeHead(status, (given as { headers?: Record<string, string> } | undefined)?.headers ?? {}).end();
  } else if (route.answer === 'text') {
    response.writeHead(status, { 'Content-Type': 'text/csv' }).end(given as string);
  } else {
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(route.answer.parse(given)));
  }
}

function refuse(response: ServerResponse, { code, message, issues, status }: ApiError): void {
  if (response.headersSent || response.destroyed) return;
  const { next } = apiErrors[code];
  response.writeHead(status, { 'Content-Type': 'application/json', Connection: 'close' });
  response.end(JSON.stringify({ error: { code, message, next, issues } }));
}

/** Keeps what is uploaded as a control does: from an offset on, and whole when its hash is right. */
function blobRoutes(blobs: Map<string, Buffer>): Answers {
  return {
    blobOffset({ params: { sha256 } }) {
      const there = blobs.get(sha256) ?? Buffer.alloc(0);
      const isWhole = createHash('sha256').update(there).digest('hex') === sha256;
      return { headers: { 'Upload-Offset': String(there.length), 'Upload-Complete': isWhole ? '?1' : '?0' } };
    },
    async putBlob({ params: { sha256 }, query: { offset }, request }) {
      const there = blobs.get(sha256) ?? Buffer.alloc(0);
      if (offset > 0 && offset !== there.length) throw new ApiError('OFFSET_MISMATCH');
      let all = there.subarray(0, offset);
      try {
        for await (const chunk of request as AsyncIterable<Buffer>) all = Buffer.concat([all, chunk]);
      } finally {
        blobs.set(sha256, all);
      }
      if (createHash('sha256').update(all).digest('hex') !== sha256) throw new ApiError('HASH_MISMATCH');
      return undefined;
    },
  };
}
