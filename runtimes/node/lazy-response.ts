// Hot path: one per invocation of a web handler.
/**
 * The `Response` that user code constructs. With a text or bytes and plain headers it is only a note of them, and leaves
 * in one frame; a real Response costs 4 µs, most of it for a stream that nobody reads. Whatever looks further gets the
 * real one made behind it; subclasses, other bodies and everything that is wrong go to the real constructor at once.
 */
import { noteMade } from './decoded.ts';

interface Lazy {
  readonly body: string | Uint8Array | null;
  readonly status: number;
  /** Lower-case name, value, …; null once `headers` exists. */
  fields: string[] | null;
  headers: Headers | null;
  native: Response | null;
}

const lazyResponse: unique symbol = Symbol('lazyResponse');

interface Carrier {
  [lazyResponse]?: Lazy;
}

/** A complete answer that needs no stream. */
export interface Simple {
  readonly status: number;
  readonly fields: readonly string[];
  readonly body: string | Uint8Array | null;
}

let NativeResponse: typeof Response;

const plainName = /^[\w!#$%&'*+.^`|~-]+$/;
const plainValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Plain headers as lower-case fields; null: let Headers decide. */
function plainFields(headers: unknown): string[] | null {
  if (headers === undefined) return [];
  if (typeof headers !== 'object' || headers === null || Object.getPrototypeOf(headers) !== Object.prototype)
    return null;
  const fields: string[] = [];
  for (const name of Object.keys(headers)) {
    const value = (headers as Record<string, unknown>)[name];
    if (typeof value !== 'string' || !plainName.test(name) || !plainValue.test(value)) return null;
    const lower = name.toLowerCase();
    if (lower !== name && fields.includes(lower)) return null;
    fields.push(lower, value.trim());
  }
  return fields;
}

const hasType = (fields: readonly string[]): boolean => {
  for (let at = 0; at < fields.length; at += 2) if (fields[at] === 'content-type') return true;
  return false;
};

/** A note of what the arguments say; null: the real constructor has to look at them. */
function note(body: unknown, init: ResponseInit | undefined | null, type: string | null): Lazy | null {
  if (typeof body !== 'string' && body !== null && !(body instanceof Uint8Array)) return null;
  let status = 200;
  let fields: string[] | null = [];
  if (init !== undefined && init !== null) {
    if (typeof init !== 'object' || (init.statusText !== undefined && init.statusText !== '')) return null;
    if (init.status !== undefined) status = init.status;
    if (!Number.isInteger(status) || status < 200 || status > 599) return null;
    if (body !== null && (status === 204 || status === 205 || status === 304)) return null;
    fields = plainFields(init.headers);
    if (fields === null) return null;
  }
  if (type !== null && !hasType(fields)) fields.push('content-type', type);
  // The bytes are the caller's to change as soon as the constructor returns.
  const kept = body instanceof Uint8Array ? Uint8Array.prototype.slice.call(body) : body;
  return { body: kept, status, fields, headers: null, native: null };
}

function headersOf(lazy: Lazy): Headers {
  if (lazy.headers !== null) return lazy.headers;
  if (lazy.native !== null) return lazy.native.headers;
  const headers = new Headers();
  for (let at = 0; at < lazy.fields!.length; at += 2) headers.append(lazy.fields![at]!, lazy.fields![at + 1]!);
  lazy.fields = null;
  lazy.headers = headers;
  return headers;
}

function materialize(lazy: Lazy): Response {
  lazy.native ??= new NativeResponse(lazy.body, { status: lazy.status, headers: headersOf(lazy) });
  return lazy.native;
}

/** The real Response behind a lazy one; anything else is what it was. */
export function nativeResponse<T>(value: T): T | Response {
  if (typeof value !== 'object' || value === null) return value;
  const lazy = (value as Carrier)[lazyResponse];
  return lazy === undefined ? value : materialize(lazy);
}

/** What can be sent in one piece; null: it has to be read. */
export function simpleResponse(value: object): Simple | null {
  const lazy = (value as Carrier)[lazyResponse];
  if (lazy === undefined || lazy.native !== null) return null;
  const fields = lazy.fields ?? [...headersOf(lazy)].flat();
  return { status: lazy.status, fields, body: lazy.body };
}

type ResponseConstructor = new (body?: unknown, init?: ResponseInit) => Response;

function makeNative(target: object | undefined, body: unknown, init: unknown): Response {
  const args = init === undefined ? [body] : [body, init];
  const made: unknown = Reflect.construct(NativeResponse, args, (target ?? NativeResponse) as ResponseConstructor);
  return noteMade(made as Response, body, init);
}

/** Members that a note answers by itself. */
const answers: Readonly<Record<string, (lazy: Lazy) => unknown>> = {
  status: (lazy) => lazy.status,
  statusText: () => '',
  ok: (lazy) => lazy.status < 300,
  headers: headersOf,
  type: () => 'default',
  url: () => '',
  redirected: () => false,
  bodyUsed: (lazy) => lazy.native?.bodyUsed ?? false,
};

/** The replacement of the global Response, made when that is first needed. */
export function defineResponse(native: typeof Response): typeof Response {
  if (NativeResponse === native) return globalThis.Response;
  NativeResponse = native;

  function LazyResponse(this: Carrier, body: unknown = null, init?: ResponseInit): unknown {
    const target = new.target as unknown;
    if (target === undefined) throw new TypeError("Class constructor Response cannot be invoked without 'new'");
    if (target !== LazyResponse) return makeNative(target as object, body, init);
    const lazy = note(body, init, typeof body === 'string' ? 'text/plain;charset=UTF-8' : null);
    if (lazy === null) return makeNative(undefined, body, init);
    this[lazyResponse] = lazy;
    return this;
  }
  const Replacement = LazyResponse as unknown as typeof Response;
  const prototype = Object.create(native.prototype) as object;
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(native.prototype))) {
    if (name !== 'constructor') Object.defineProperty(prototype, name, member(name, property));
  }
  Object.defineProperty(prototype, 'constructor', { value: Replacement, writable: true, configurable: true });
  Object.defineProperty(Replacement, 'prototype', { value: prototype, writable: false });
  Object.defineProperty(Replacement, 'name', { value: 'Response' });
  Object.defineProperty(Replacement, 'length', { value: 0 });
  Object.defineProperty(Replacement, Symbol.hasInstance, { value: isInstance });
  Object.setPrototypeOf(Replacement, native);
  Object.defineProperty(Replacement, 'json', { value: json, writable: true, configurable: true, enumerable: true });
  return Replacement;

  /** What fetch() answers is a real Response; both kinds are instances of the global one. */
  function isInstance(this: unknown, value: unknown): boolean {
    if (this === Replacement) return value instanceof native;
    return Function.prototype[Symbol.hasInstance].call(this as () => void, value);
  }

  function json(data: unknown, init?: ResponseInit): Response {
    const text = JSON.stringify(data) as string | undefined;
    const lazy = text === undefined ? null : note(text, init, 'application/json');
    if (lazy === null) return noteMade(NativeResponse.json(data, init), null, init);
    const response = Object.create(prototype) as Carrier;
    response[lazyResponse] = lazy;
    return response as unknown as Response;
  }
}

/** One member of the prototype: of a note, of the real Response behind it, or of a real one (a subclass's instance). */
function member(name: string, property: PropertyDescriptor): PropertyDescriptor {
  const answer = answers[name];
  const real: unknown = Reflect.get(property, property.get === undefined ? 'value' : 'get');
  if (!isFunction(real)) return property;
  if (property.get !== undefined) {
    return {
      configurable: true,
      enumerable: true,
      get(this: Carrier): unknown {
        const lazy = this[lazyResponse];
        if (lazy === undefined) return real.call(this);
        return answer === undefined ? real.call(materialize(lazy)) : answer(lazy);
      },
    };
  }
  return {
    configurable: true,
    enumerable: true,
    writable: true,
    value(this: Carrier, ...args: unknown[]): unknown {
      const lazy = this[lazyResponse];
      return real.apply(lazy === undefined ? this : materialize(lazy), args);
    },
  };
}

const isFunction = (value: unknown): value is (...args: unknown[]) => unknown => typeof value === 'function';
