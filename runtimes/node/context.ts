/**
 * What unmodified user code finds of the platform, under well-known symbols: the request context of @vercel/functions and
 * that of Next.js, the way of custom metrics, Next's cache handlers. Nothing is made for an invocation that does not ask.
 */
import type { Call } from '../../src/core/call.ts';
import { describe, type Host } from './host.ts';
import { metricSender } from './metrics.ts';
import { type NextCacheHandlers, nextCacheHandlers } from './next-cache.ts';
import { addCacheTag, purgeApi, type PurgeApi } from './purge.ts';
import { runtimeCache, type RuntimeCache } from './runtime-cache.ts';
import type { Upgrade } from './upgrade.ts';

/** What `get()` returns, and what web handlers get as their second argument. Each member is made when it is read. */
export class InvocationContext {
  readonly #call: Call;
  readonly #host: Host;
  #waitUntil: ((work: unknown) => void) | null = null;
  #headers: Record<string, string> | null = null;
  #cache: RuntimeCache | null = null;
  #purge: PurgeApi | null = null;

  constructor(call: Call, host: Host) {
    this.#call = call;
    this.#host = host;
  }

  /** Keeps the instance alive until the promise settles, or maxDuration is up. May be taken off the object. */
  get waitUntil(): (work: unknown) => void {
    this.#waitUntil ??= (work) => keepAlive(work, this.#call, this.#host);
    return this.#waitUntil;
  }

  /** When maxDuration is up, ISO 8601. */
  get deadline(): string {
    return new Date(this.#call.deadlineWallMs).toISOString();
  }

  /** Request headers by lower-case name; several of one name are joined. */
  get headers(): Record<string, string> {
    this.#headers ??= toRecord(this.#call.headers);
    return this.#headers;
  }

  /** Undefined: the platform has none; packages use what they have in place of it. */
  get cache(): RuntimeCache | undefined {
    if (!this.#host.services) return undefined;
    return (this.#cache ??= runtimeCache(this.#call, this.#host));
  }

  get purge(): PurgeApi | undefined {
    if (!this.#host.services) return undefined;
    return (this.#purge ??= purgeApi(this.#host));
  }

  /** May be taken off the object. */
  get addCacheTag(): (tag: unknown) => Promise<void> {
    return (tag) => addCacheTag(tag, this.#call, this.#host);
  }

  /** The raw connection of a request that asks for an upgrade; undefined for others. */
  get upgradeWebSocket(): (() => Upgrade) | undefined {
    const call = this.#call;
    return call.upgrade ? () => upgradeNow(call) : undefined;
  }
}

let upgradeNow: (call: Call) => Upgrade;

/** What opens upgrades needs node:http, which a context by itself does not; so it is handed over once that is loaded. */
export function provideUpgrades(open: (call: Call) => Upgrade): void {
  upgradeNow = open;
}

/** The call's own context, made on first use. */
export function invocationContext(call: Call, host: Host): InvocationContext {
  if (call.context === null || call.context === undefined) call.context = new InvocationContext(call, host);
  return call.context as InvocationContext;
}

function toRecord(fields: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!.toLowerCase();
    const value = fields[at + 1]!;
    // Clients choose the names, and some name what every object has.
    if (!Object.hasOwn(record, name)) {
      Object.defineProperty(record, name, { value, configurable: true, enumerable: true, writable: true });
      continue;
    }
    record[name] = `${record[name]}${name === 'cookie' ? '; ' : ', '}${value}`;
  }
  return record;
}

/** Errors of such work are logged with their invocation and end there. It shares the function's maxDuration. */
function keepAlive(work: unknown, call: Call, host: Host): void {
  if (typeof (work as PromiseLike<unknown> | null)?.then !== 'function') {
    throw new TypeError(`waitUntil can only be called with a Promise, got ${typeof work}`);
  }
  let outstanding = true;
  host.background(1);
  const release = (): boolean => {
    if (!outstanding) return false;
    outstanding = false;
    clearTimeout(deadline);
    host.background(-1);
    return true;
  };
  const deadline = setTimeout(
    () => {
      if (release()) host.log('warn', 'platform', 'waitUntil: the work had not settled when maxDuration was up', call);
    },
    Math.min(Math.max(0, call.deadlineWallMs - Date.now()), 0x7fff_ffff),
  );
  deadline.unref();
  (work as PromiseLike<unknown>).then(release, (error: unknown) => {
    host.log('error', 'stderr', `waitUntil: ${describe(error)}`, call);
    release();
  });
}

/** Installs the symbols. `get()` outside an invocation answers undefined. */
export function installContext(host: Host): void {
  const current = (): InvocationContext | undefined => {
    const call = host.currentCall();
    return call === undefined ? undefined : invocationContext(call, host);
  };
  const next = (): { waitUntil: (work: unknown) => void } | undefined => {
    const context = current();
    return context === undefined ? undefined : { waitUntil: context.waitUntil };
  };
  define('@vercel/request-context', { get: current });
  define('@next/request-context', {
    get: next,
    [Symbol.for('internal.storage')]: { run: runAsIs, getStore: next },
  });
  define('@vercel/rusty-runtime-ipc', metricSender(host));
  defineCacheHandlers(host);
}

/**
 * Launchers that Next.js builds run their handler in this storage, with the waitUntil that they found in the context
 * above; it is there without them.
 */
const runAsIs = (_: unknown, run: (...args: unknown[]) => unknown, ...args: unknown[]): unknown => run(...args);

function define(name: string, value: unknown): void {
  Object.defineProperty(globalThis, Symbol.for(name), { value, enumerable: false, configurable: true, writable: true });
}

/** Only Next looks for them, so they are made when somebody does. */
function defineCacheHandlers(host: Host): void {
  const name = '@next/cache-handlers';
  let handlers: NextCacheHandlers | null = null;
  Object.defineProperty(globalThis, Symbol.for(name), {
    enumerable: false,
    configurable: true,
    get: () => (host.services ? (handlers ??= nextCacheHandlers(host)) : undefined),
    set: (value: unknown) => {
      define(name, value);
    },
  });
}
