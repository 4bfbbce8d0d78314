/**
 * The helpers of (req, res) functions: req.query, req.cookies, req.body; res.status(), send(), json(), redirect(). They
 * are members of subclasses, made when they are read, and cost nothing to a function that does not use them. An app that
 * is called inside such a function (Express) replaces the prototypes, and with them the helpers, by its own.
 *
 * req.body is there at once, as on the hosted platform: a body of a type that it parses is read whole before the function
 * is called. It can still be read as a stream afterwards. A body above limits.parsedBodyBytes is a stream only.
 */
import { limits } from '../../src/base/limits.ts';
import type { Exchange, MessageClasses } from './exchange.ts';
import { http, type Incoming } from './internals.ts';
import { headerOf } from './peer.ts';

/** Answered with its status and message when the function lets it pass. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly statusCode: number;
  constructor(statusCode: number, message: string) {
    super(message);
    this.statusCode = statusCode;
  }
}

/** What was read of a request's body before the function was called. */
type Read = { readonly kind: 'whole'; readonly body: Buffer } | { readonly kind: 'oversize' };

const readBody: unique symbol = Symbol('readBody');

const parsers: Readonly<Record<string, (body: Buffer) => unknown>> = {
  'application/json': parseJson,
  'application/x-www-form-urlencoded': (body) => process.getBuiltinModule('node:querystring').parse(body.toString()),
  'text/plain': (body) => body.toString(),
  'application/octet-stream': (body) => body,
};

function parseJson(body: Buffer): unknown {
  const text = body.toString();
  if (text === '') return {};
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new ApiError(400, `Invalid JSON: ${(error as Error).message}`);
  }
}

/** `type/subtype` of a Content-Type, lower case. */
const mediaType = (value: string | undefined): string | undefined => value?.split(';', 1)[0]?.trim().toLowerCase();

/** Replaces a getter by what it found, or by what the user assigns. */
function settle<T>(owner: object, name: string, value: T): T {
  Object.defineProperty(owner, name, { value, configurable: true, enumerable: true, writable: true });
  return value;
}

class HelperRequest extends http.IncomingMessage {
  declare [readBody]: Read | undefined;

  /** Parameters of the route and of the query; several of one name are a list. */
  get query(): Record<string, string | string[]> {
    const query: Record<string, string | string[]> = {};
    const start = (this.url ?? '').indexOf('?');
    const parameters = new URLSearchParams(start < 0 ? '' : (this.url ?? '').slice(start + 1));
    for (const [name, value] of parameters) {
      const earlier = Object.hasOwn(query, name) ? query[name] : undefined;
      const all = earlier === undefined ? value : Array.isArray(earlier) ? [...earlier, value] : [earlier, value];
      settle(query, name, all);
    }
    return settle(this, 'query', query);
  }
  set query(value: unknown) {
    settle(this, 'query', value);
  }

  get cookies(): Record<string, string> {
    return settle(this, 'cookies', parseCookies(this.headers.cookie ?? ''));
  }
  set cookies(value: unknown) {
    settle(this, 'cookies', value);
  }

  /** By content type; undefined for one that is not parsed. Throws ApiError: 400 for bad JSON, 413 when it is too large. */
  get body(): unknown {
    const parse = parsers[mediaType(this.headers['content-type']) ?? ''];
    if (parse === undefined) return settle(this, 'body', undefined);
    const read = this[readBody];
    if (read?.kind === 'oversize') {
      throw new ApiError(
        413,
        `The body is larger than the ${limits.parsedBodyBytes} bytes of req.body; read it as a stream`,
      );
    }
    return settle(this, 'body', parse(read?.body ?? Buffer.alloc(0)));
  }
  set body(value: unknown) {
    settle(this, 'body', value);
  }
}

/** RFC 6265, 5.4: name=value; pairs. The first of a name counts; values that are no escapes are left as they are. */
function parseCookies(header: string): Record<string, string> {
  const cookies: Record<string, string> = {};
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals < 0) continue;
    const name = pair.slice(0, equals).trim();
    if (Object.hasOwn(cookies, name)) continue;
    const value = pair.slice(equals + 1).trim();
    settle(cookies, name, unescapeCookie(value.startsWith('"') ? value.slice(1, -1) : value));
  }
  return cookies;
}

function unescapeCookie(value: string): string {
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch (error) {
    if (error instanceof URIError) return value;
    throw error;
  }
}

class HelperResponse extends http.ServerResponse {
  status(statusCode: number): this {
    this.statusCode = statusCode;
    return this;
  }

  /** redirect('/to') with 307, or redirect(301, '/to'). */
  redirect(statusOrUrl: number | string, url?: string): this {
    const status = typeof statusOrUrl === 'string' ? 307 : statusOrUrl;
    const to = typeof statusOrUrl === 'string' ? statusOrUrl : url;
    if (typeof status !== 'number' || typeof to !== 'string') {
      throw new TypeError(
        "res.redirect(): expected ('/to') or (307, '/to'): a URL, with a status before it or without",
      );
    }
    this.writeHead(status, { Location: to });
    this.end();
    return this;
  }

  json(value: unknown): this {
    if (!this.hasHeader('content-type')) this.setHeader('Content-Type', 'application/json; charset=utf-8');
    return this.send(JSON.stringify(value));
  }

  /** Text, bytes, or anything else as JSON; with a length, a weak ETag, and a content type unless there is one. */
  send(body: unknown): this {
    if (body === null || body === undefined) return finish(this, null);
    if (typeof body === 'string') return finish(this, withType(this, Buffer.from(body), 'text/html'));
    if (body instanceof Uint8Array) {
      if (!this.hasHeader('content-type')) this.setHeader('Content-Type', 'application/octet-stream');
      return finish(this, body);
    }
    return this.json(body);
  }
}

/** Text leaves as UTF-8, and says so. */
function withType(res: HelperResponse, body: Buffer, type: string): Buffer {
  const given = res.getHeader('content-type');
  if (given === undefined) res.setHeader('Content-Type', `${type}; charset=utf-8`);
  else if (typeof given === 'string' && !/;\s*charset=/i.test(given)) {
    res.setHeader('Content-Type', `${given}; charset=utf-8`);
  }
  return body;
}

function finish<R extends HelperResponse>(res: R, body: Uint8Array | null): R {
  const bare = res.statusCode === 204 || res.statusCode === 304;
  if (body !== null && !bare) {
    res.setHeader('Content-Length', body.length);
    if (!res.hasHeader('etag')) res.setHeader('ETag', weakTag(body));
  }
  if (bare) for (const name of ['Content-Type', 'Content-Length', 'Transfer-Encoding']) res.removeHeader(name);
  if (body === null || bare || res.req.method === 'HEAD') res.end();
  else res.end(body);
  return res;
}

/** Length in hexadecimal and 27 characters of the SHA-1: the form that Express and the hosted platform send. */
function weakTag(body: Uint8Array): string {
  const { createHash } = process.getBuiltinModule('node:crypto');
  return `W/"${body.length.toString(16)}-${createHash('sha1').update(body).digest('base64').slice(0, 27)}"`;
}

export const helperMessages: MessageClasses = {
  request: HelperRequest,
  response: HelperResponse,
};

/** Reads the body whole if req.body is going to parse it, gives it back to the request's stream, and runs the function. */
export function withBody(exchange: Exchange, run: (exchange: Exchange) => void): void {
  const type = mediaType(headerOf(exchange.call.headers, 'content-type'));
  if (type === undefined || parsers[type] === undefined) return run(exchange);
  const req = exchange.req as Incoming & { [readBody]: Read | undefined };
  const chunks: Buffer[] = [];
  let bytes = 0;
  const go = (): void => {
    exchange.intercept = null;
    for (const chunk of chunks) req.push(chunk);
    run(exchange);
  };
  exchange.intercept = {
    body(chunk) {
      chunks.push(chunk);
      bytes += chunk.length;
      exchange.call.consumed(chunk.length);
      if (bytes <= limits.parsedBodyBytes) return;
      req[readBody] = { kind: 'oversize' };
      go();
    },
    bodyEnd() {
      req[readBody] = { kind: 'whole', body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks) };
      exchange.intercept = null;
      for (const chunk of chunks) req.push(chunk);
      exchange.bodyEnd();
      run(exchange);
    },
  };
}
