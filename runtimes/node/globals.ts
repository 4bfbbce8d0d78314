/**
 * Request, Response and fetch in an instance. They are replaced when they are first touched, not before: a function that
 * never does so does not pay for loading them. A real Request or Response is accepted everywhere a lazy one is, and the
 * other way round.
 */
import { noteFetched } from './decoded.ts';
import { defineRequest, nativeRequest } from './lazy-request.ts';
import { defineResponse } from './lazy-response.ts';

const names = ['Request', 'Response', 'fetch'] as const;

let installed: 'no' | 'armed' | 'done' = 'no';

/** Arms the replacement. Idempotent. */
export function replaceGlobals(): void {
  if (installed !== 'no') return;
  installed = 'armed';
  const own = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name)!);
  const restore = (): void => {
    for (const [at, name] of names.entries()) Object.defineProperty(globalThis, name, own[at]!);
  };
  for (const name of names) {
    Object.defineProperty(globalThis, name, {
      configurable: true,
      enumerable: false,
      get(): unknown {
        restore();
        install();
        return globalThis[name];
      },
      set(value: unknown) {
        restore();
        install();
        define(name, value);
      },
    });
  }
}

/** Puts the replacements in place now: web handlers need them, and a stem has the time. */
export function installGlobals(): void {
  replaceGlobals();
  void globalThis.Request;
}

const define = (name: string, value: unknown): void =>
  void Object.defineProperty(globalThis, name, { configurable: true, enumerable: false, writable: true, value });

function install(): void {
  if (installed === 'done') return;
  installed = 'done';
  const { Request: NativeRequest, Response: NativeResponse, fetch: nativeFetch } = globalThis;
  defineRequest(NativeRequest);
  define('Request', unwrapping(NativeRequest));
  define('Response', defineResponse(NativeResponse));
  const fetch = (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
    nativeFetch(nativeRequest(input), init).then(noteFetched);
  define('fetch', fetch);
}

/** The real constructor, but a lazy Request given to it is unwrapped. */
function unwrapping(native: typeof Request): typeof Request {
  return new Proxy(native, {
    construct: (target, args: unknown[], caller) =>
      Reflect.construct(target, args.length > 0 ? [nativeRequest(args[0]), ...args.slice(1)] : args, caller) as Request,
  });
}
