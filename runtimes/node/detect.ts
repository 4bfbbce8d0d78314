/**
 * What a module's exports are to the platform: pure, and in the order of the hosted platform's launcher. Functions named
 * after methods, or `fetch`: a web handler. A function: (req, res). A server that was never asked to listen. Only where
 * nothing of it fits does a server that listens count, unless the file is a server's entry (load.ts).
 */
import type * as Http from 'node:http';
import { withShells } from './next-shell.ts';
import type { WebHandler, WebHandlers } from './web.ts';

export const webMethods = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PATCH'] as const;

export type NodeHandler = (req: unknown, res: unknown) => unknown;

export type Handler =
  | { readonly kind: 'web'; readonly handlers: WebHandlers }
  /** `helpers`: a plain function; false for an app with `.listen` of its own (Express, Connect). */
  | { readonly kind: 'function'; readonly handle: NodeHandler; readonly helpers: boolean }
  | { readonly kind: 'server'; readonly server: Http.Server };

/** `default` of `default`: what compiled modules make of a default export. */
const unwrapDepth = 5;

type Exports = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Exports =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

/** The module's own exports come second: named methods count where the default export says nothing. Null: none fits. */
export function detect(module: unknown): Handler | null {
  const inner = unwrapped(module);
  return handlerOf(inner) ?? (inner === module ? null : webHandler(module));
}

/**
 * Where a default export takes a Request (launch 'web' and 'edge'): a function of whatever other properties it has, else as
 * above. Null: none fits.
 */
export function detectWeb(module: unknown): Handler | null {
  const inner = unwrapped(module);
  if (typeof inner === 'function') {
    return { kind: 'web', handlers: { self: inner, methods: {}, fetch: inner as WebHandler } };
  }
  return webHandler(inner) ?? webHandler(module);
}

/** An export by name, also of compiled modules. Null: it is no function. */
export function exportedFunction(module: unknown, name: string): ((...args: never[]) => unknown) | null {
  for (const owner of [module, unwrapped(module)]) {
    if (isObject(owner) && typeof owner[name] === 'function') return owner[name] as (...args: never[]) => unknown;
  }
  return null;
}

function unwrapped(module: unknown): unknown {
  let inner = module;
  for (let depth = 0; depth < unwrapDepth && isObject(inner) && inner['default']; depth += 1) inner = inner['default'];
  return inner;
}

function handlerOf(value: unknown): Handler | null {
  const web = webHandler(value);
  if (web !== null) return web;
  if (typeof value === 'function') {
    const helpers = typeof (value as unknown as Exports)['listen'] !== 'function';
    return { kind: 'function', handle: withShells(value) ?? (value as NodeHandler), helpers };
  }
  return isServer(value) ? { kind: 'server', server: value } : null;
}

function webHandler(value: unknown): Handler | null {
  if (!isObject(value)) return null;
  const methods: Record<string, WebHandler> = Object.create(null) as Record<string, WebHandler>;
  for (const name of webMethods) {
    if (typeof value[name] === 'function') methods[name] = value[name] as WebHandler;
  }
  const fetch = typeof value['fetch'] === 'function' ? (value['fetch'] as WebHandler) : null;
  if (fetch === null && Object.keys(methods).length === 0) return null;
  return { kind: 'web', handlers: { self: value, methods, fetch } };
}

/** Something that takes requests as node's servers do: by 'request' events. */
function isServer(value: unknown): value is Http.Server {
  if (!isObject(value) || typeof value['listen'] !== 'function' || typeof value['emit'] !== 'function') return false;
  const count = value['listenerCount'];
  return typeof count === 'function' && count.call(value, 'request') > 0;
}
