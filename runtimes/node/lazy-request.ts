// Hot path: one per invocation of a web handler.
/**
 * The Request that a web handler gets. A real one costs 8 µs, most of it for members that no handler looks at; this one
 * makes each member when it is read, and a real Request when the platform's own code needs one (globals.ts unwraps it
 * where it is passed on: `new Request(request)`, `fetch(request)`).
 */
import type { RequestBody } from './request-body.ts';

/** What a lazy Request is made from. */
export interface RequestSource {
  readonly method: string;
  readonly url: string;
  /** Name, value, name, value, …. */
  readonly fields: readonly string[];
  /** Null: there is none, or the method does not allow one. */
  readonly requestBody: RequestBody | null;
  readonly signal: AbortSignal;
}

/** The lazy part of a Request; a real one has none. */
const lazyRequest: unique symbol = Symbol('lazyRequest');

interface Lazy {
  readonly source: RequestSource;
  headers: Headers | null;
  native: Request | null;
}
interface Carrier {
  readonly [lazyRequest]: Lazy;
}

let NativeRequest: typeof Request;
let template: { create(source: RequestSource): Request };

function toHeaders(fields: readonly string[]): Headers {
  const headers = new Headers();
  for (let at = 0; at < fields.length; at += 2) headers.append(fields[at]!, fields[at + 1]!);
  return headers;
}

/** The real Request behind a lazy one; anything else is what it was. */
export function nativeRequest<T>(value: T): T | Request {
  if (typeof value !== 'object' || value === null) return value;
  const lazy = (value as Partial<Carrier>)[lazyRequest];
  return lazy === undefined ? value : materialize(lazy);
}

const ignore = (): void => undefined;

function materialize(lazy: Lazy): Request {
  if (lazy.native !== null) return lazy.native;
  const { source } = lazy;
  const used = source.requestBody?.used === true;
  const init: RequestInit = { method: source.method, signal: source.signal };
  init.headers = lazy.headers ?? toHeaders(source.fields);
  if (source.requestBody !== null) {
    init.body = source.requestBody.stream();
    init.duplex = 'half';
  }
  lazy.native = new NativeRequest(source.url, init);
  // It was read without a stream: this one is, too, so that it is disturbed, locked and refused wherever a read one is.
  if (used) lazy.native.text().catch(ignore);
  return lazy.native;
}

const unread = (request: Carrier): RequestBody | null =>
  request[lazyRequest].native === null ? request[lazyRequest].source.requestBody : null;

/** The members that are made without a real Request. Null prototype of the descriptors' owner; see defineRequest(). */
const members = {
  get method(): string {
    return (this as unknown as Carrier)[lazyRequest].source.method;
  },
  get url(): string {
    return (this as unknown as Carrier)[lazyRequest].source.url;
  },
  get headers(): Headers {
    const lazy = (this as unknown as Carrier)[lazyRequest];
    lazy.headers ??= lazy.native === null ? toHeaders(lazy.source.fields) : lazy.native.headers;
    return lazy.headers;
  },
  get signal(): AbortSignal {
    return (this as unknown as Carrier)[lazyRequest].source.signal;
  },
  get body(): ReadableStream | null {
    const lazy = (this as unknown as Carrier)[lazyRequest];
    return lazy.source.requestBody === null ? null : materialize(lazy).body;
  },
  get bodyUsed(): boolean {
    const lazy = (this as unknown as Carrier)[lazyRequest];
    if (lazy.source.requestBody === null) return false;
    return lazy.native === null ? lazy.source.requestBody.used : lazy.native.bodyUsed;
  },
  async text(): Promise<string> {
    const body = unread(this as unknown as Carrier);
    return body === null ? read(this, 'text') : decode(await body.all());
  },
  async json(): Promise<unknown> {
    const body = unread(this as unknown as Carrier);
    return body === null ? read(this, 'json') : JSON.parse(decode(await body.all()));
  },
  async arrayBuffer(): Promise<ArrayBuffer> {
    const body = unread(this as unknown as Carrier);
    return body === null ? read(this, 'arrayBuffer') : ownBytes(await body.all()).buffer;
  },
  async bytes(): Promise<Uint8Array> {
    const body = unread(this as unknown as Carrier);
    return body === null ? read(this, 'bytes') : ownBytes(await body.all());
  },
};

const decoder = new TextDecoder();
/** As the Body mixin does: UTF-8, a byte order mark dropped, what is not UTF-8 replaced. */
const decode = (bytes: Buffer): string => decoder.decode(bytes);

/** Not a view of a pooled buffer: the receiver may transfer it. */
const ownBytes = (bytes: Buffer): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

function read<T>(request: unknown, how: 'text' | 'json' | 'arrayBuffer' | 'bytes'): Promise<T> {
  return materialize((request as Carrier)[lazyRequest])[how]() as Promise<T>;
}

/** Once, when the platform's Request is first needed. */
export function defineRequest(native: typeof Request): void {
  if (template !== undefined) return;
  NativeRequest = native;
  const prototype = Object.create(native.prototype) as object;
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(native.prototype))) {
    if (name === 'constructor') continue;
    Object.defineProperty(prototype, name, forward(name, property));
  }
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(members))) {
    Object.defineProperty(prototype, name, { ...property, enumerable: true });
  }
  /** A constructor, so that all requests have one hidden class. */
  function LazyRequest(this: { [lazyRequest]: Lazy }, source: RequestSource): void {
    this[lazyRequest] = { source, headers: null, native: null };
  }
  LazyRequest.prototype = prototype;
  const Constructor = LazyRequest as unknown as new (source: RequestSource) => Request;
  template = { create: (source) => new Constructor(source) };
}

/** A member that the real Request answers. */
function forward(name: string, property: PropertyDescriptor): PropertyDescriptor {
  if (property.get !== undefined) {
    return {
      configurable: true,
      enumerable: true,
      get(this: Carrier): unknown {
        return Reflect.get(materialize(this[lazyRequest]), name);
      },
    };
  }
  if (typeof property.value !== 'function') return property;
  return {
    configurable: true,
    enumerable: true,
    writable: true,
    value(this: Carrier, ...args: unknown[]): unknown {
      const real = materialize(this[lazyRequest]);
      return (Reflect.get(real, name) as (...args: unknown[]) => unknown).apply(real, args);
    },
  };
}

export const createRequest = (source: RequestSource): Request => template.create(source);
