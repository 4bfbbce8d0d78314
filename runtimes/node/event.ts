/**
 * Functions that take events (`awsLambdaHandler`): each request is an event of AWS's API gateway, version 1 of its proxy
 * format, and what the function returns is the answer. The hosted platform's adapter does the same.
 */
import { limits } from '../../src/base/limits.ts';
import type { InvocationContext } from './context.ts';
import type { WebHandler } from './web.ts';

export type EventHandler = (event: unknown, context: unknown, callback: Callback) => unknown;
type Callback = (error: unknown, result?: unknown) => void;

/** `name`: what the function is called. */
export function eventHandler(handle: EventHandler, name: string): WebHandler {
  return async (request, invocation) => {
    const body = await bodyOf(request);
    if (body === null) return new Response('The body is too large for an event\n', { status: 413 });
    return responseOf(await resultOf(handle, eventOf(request, body), contextOf(invocation, name)));
  };
}

/** Null: it is larger than an event may carry. */
async function bodyOf(request: Request): Promise<Buffer | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length;
    if (bytes > limits.parsedBodyBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function eventOf(request: Request, body: Buffer): unknown {
  const { pathname, searchParams } = new URL(request.url);
  const headers = Object.fromEntries(request.headers);
  const several = (entries: Iterable<readonly [string, string]>): Record<string, string[]> =>
    Object.fromEntries(
      Object.entries(Object.groupBy(entries, ([key]) => key)).map(([key, all]) => [key, valuesOf(all)]),
    );
  const hasQuery = searchParams.size > 0;
  return {
    resource: '/{proxy+}',
    path: pathname,
    httpMethod: request.method,
    headers,
    multiValueHeaders: several(request.headers),
    queryStringParameters: hasQuery ? Object.fromEntries(searchParams) : null,
    multiValueQueryStringParameters: hasQuery ? several(searchParams) : null,
    pathParameters: { proxy: pathname.slice(1) },
    stageVariables: null,
    requestContext: { httpMethod: request.method, path: pathname, protocol: 'HTTP/1.1', resourcePath: '/{proxy+}' },
    body: body.length === 0 ? null : body.toString('base64'),
    isBase64Encoded: body.length > 0,
  };
}

const valuesOf = (all: readonly (readonly [string, string])[] = []): string[] => all.map(([, value]) => value);

function contextOf(invocation: InvocationContext, name: string): unknown {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: name,
    functionVersion: '$LATEST',
    getRemainingTimeInMillis: () => Math.max(0, Date.parse(invocation.deadline) - Date.now()),
    waitUntil: invocation.waitUntil,
  };
}

/** By the promise that is returned, by a value, or by the callback, whichever comes. */
function resultOf(handle: EventHandler, event: unknown, context: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const callback: Callback = (error, result) => {
      if (error === null || error === undefined) resolve(result);
      else
        reject(error instanceof Error ? error : new Error(typeof error === 'string' ? error : JSON.stringify(error)));
    };
    const returned = handle(event, context, callback);
    // Undefined at once: the callback will be called.
    if (returned !== undefined) resolve(returned);
  });
}

const expected = 'expected { statusCode, headers, body }, with body a text, or base64 and isBase64Encoded: true';

/** Throws TypeError for what is no result. */
function responseOf(result: unknown): Response {
  if (typeof result !== 'object' || result === null)
    throw new TypeError(`The function returned ${typeof result}: ${expected}`);
  const { statusCode = 200, headers, multiValueHeaders, body, isBase64Encoded, encoding } = result as Result;
  if (typeof statusCode !== 'number') throw new TypeError(`statusCode is ${typeof statusCode}: ${expected}`);
  if (body !== undefined && body !== null && typeof body !== 'string') {
    throw new TypeError(`body is ${typeof body}: ${expected}`);
  }
  const fields = new Headers();
  for (const [name, value] of Object.entries(headers ?? {})) fields.set(name, String(value));
  for (const [name, values] of Object.entries(multiValueHeaders ?? {})) {
    fields.delete(name);
    for (const value of values) fields.append(name, String(value));
  }
  const isEncoded = isBase64Encoded === true || encoding === 'base64';
  const bytes = typeof body === 'string' && isEncoded ? Buffer.from(body, 'base64') : body;
  const isBare = statusCode === 204 || statusCode === 205 || statusCode === 304;
  return new Response(isBare ? null : bytes, { status: statusCode, headers: fields });
}

interface Result {
  readonly statusCode?: unknown;
  readonly headers?: Readonly<Record<string, unknown>> | null;
  readonly multiValueHeaders?: Readonly<Record<string, readonly unknown[]>> | null;
  readonly body?: unknown;
  readonly isBase64Encoded?: unknown;
  readonly encoding?: unknown;
}
