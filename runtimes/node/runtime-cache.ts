/** The runtime cache: what getCache() and Next's caches keep for all instances of a project's environment. */
import { limits } from '../../src/base/limits.ts';
import { AskFailed } from '../../src/core/asks.ts';
import type { Call } from '../../src/core/call.ts';
import type { AfterS, CacheSpace, Freshness } from '../../src/model/services.ts';
import type { Host } from './host.ts';

export interface CacheHit {
  readonly body: Buffer;
  readonly note: string | null;
  readonly tags: readonly string[];
  /** Milliseconds since the epoch. */
  readonly madeMs: number;
  readonly stale: boolean;
}

export interface CacheEntry {
  readonly key: string;
  /** It must not change any more. */
  readonly body: Uint8Array;
  readonly tags: readonly string[];
  /** Undefined: none. */
  readonly ttlS?: number | undefined;
  readonly name?: string | undefined;
  readonly note?: string;
  readonly madeMs?: number;
}

/** Its operations, as the platform has them. All reject with AskFailed. */
export class SharedCache {
  readonly #host: Host;
  readonly #space: CacheSpace;

  constructor(host: Host, space: CacheSpace) {
    this.#host = host;
    this.#space = space;
  }

  /** Null: it is not there. `tags` count as if it had them. */
  async get(key: string, tags: readonly string[]): Promise<CacheHit | null> {
    const order = { do: 'cache.get', ...this.#place(key), tags: shortTags(tags) };
    const { fields, body } = await this.#ask(order);
    if (fields['hit'] !== true) return null;
    const { note, tags: its, madeMs, stale } = fields;
    return {
      body,
      note: typeof note === 'string' ? note : null,
      tags: its as string[],
      madeMs: Number(madeMs),
      stale: stale === true,
    };
  }

  async set({ key, body, tags, ...rest }: CacheEntry): Promise<void> {
    await this.#ask({ do: 'cache.set', ...this.#place(key), tags: shortTags(tags), ...rest }, body);
  }

  async delete(key: string): Promise<void> {
    await this.#ask({ do: 'cache.delete', ...this.#place(key) });
  }

  async freshness(tags: readonly string[], madeMs: number): Promise<Freshness> {
    const { fields } = await this.#ask({ do: 'cache.freshness', tags: shortTags(tags), madeMs });
    return fields['freshness'] as Freshness;
  }

  async expireTags(tags: readonly string[], afterS: AfterS): Promise<void> {
    for (const some of batches(shortTags(tags))) {
      await this.#ask({ do: 'cache.expireTags', tags: some, afterS });
    }
  }

  #ask(fields: Readonly<Record<string, unknown>>, body: Uint8Array | null = null) {
    return this.#host.ask(JSON.stringify(fields), body);
  }

  #place(key: string): { space: CacheSpace; key: string } {
    return { space: this.#space, key: short(key, limits.cacheKeyBytes) };
  }
}

/** As many in each as one ask takes. */
export function* batches(all: readonly string[]): Generator<readonly string[]> {
  let some: string[] = [];
  let bytes = 0;
  for (const text of all) {
    const more = Buffer.byteLength(text);
    if (some.length > 0 && (some.length === limits.purgedAtOnce || bytes + more > limits.askTextsBytes)) {
      yield some;
      [some, bytes] = [[], 0];
    }
    some.push(text);
    bytes += more;
  }
  if (some.length > 0) yield some;
}

/** What is too long for the platform is told by its hash. */
function short(text: string, mostBytes: number): string {
  if (text.length * 3 <= mostBytes || Buffer.byteLength(text) <= mostBytes) return text;
  return `sha256:${process.getBuiltinModule('node:crypto').createHash('sha256').update(text).digest('hex')}`;
}

/** Next makes tags of paths, which clients choose. */
const shortTags = (tags: readonly string[]): string[] => tags.map((tag) => short(tag, limits.cacheTagBytes));

interface SetOptions {
  readonly name?: string;
  readonly tags?: readonly string[];
  readonly ttl?: number;
}

/** What @vercel/functions expects of a request context's `cache`. */
export interface RuntimeCache {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown, options?: SetOptions): Promise<void>;
  delete(key: string): Promise<void>;
  expireTag(tag: string | readonly string[]): Promise<void>;
}

/**
 * Values are JSON, as on the hosted platform. A cache is no place to fail: what cannot be read is not there, what cannot be
 * kept is not kept, and the function's log says why. What was not deleted or expired, though, would go on to be shown: those
 * reject.
 */
export function runtimeCache(call: Call, host: Host): RuntimeCache {
  const cache = new SharedCache(host, 'app');
  const warn = (what: string, error: unknown): void => {
    if (!(error instanceof AskFailed) && !(error instanceof RangeError)) throw error;
    host.log('warn', 'platform', `runtime cache: ${what}: ${error.message}`, call);
  };
  return {
    async get(key) {
      checkKey(key);
      try {
        const hit = await cache.get(key, []);
        return hit === null ? null : (JSON.parse(hit.body.toString()) as unknown);
      } catch (error) {
        warn('a value could not be read', error);
        return null;
      }
    },
    async set(key, value, options = {}) {
      checkKey(key);
      // What has no JSON (undefined, a function) reads as nothing.
      const body = Buffer.from(JSON.stringify(value) ?? 'null');
      const { name, tags = [], ttl } = options;
      try {
        checkItem(body, tags);
        const ttlS = typeof ttl === 'number' && ttl > 0 && Number.isFinite(ttl) ? ttl : undefined;
        await cache.set({ key, body, tags, ttlS, name: name ? cut(name) : undefined });
      } catch (error) {
        warn(`a value was not kept (${name ?? key})`, error);
      }
    },
    async delete(key) {
      checkKey(key);
      await cache.delete(key);
    },
    async expireTag(tag) {
      await cache.expireTags(tagsOf(tag), 0);
    },
  };
}

/** Cut to what may be shown: a name is for people. */
const cut = (name: string): string => name.slice(0, Math.floor(limits.cacheNameBytes / 3));

function checkKey(key: unknown): void {
  if (typeof key !== 'string') throw new TypeError(`runtime cache: expected a text as key, got ${typeof key}`);
}

function checkItem(body: Buffer, tags: unknown): void {
  if (body.length > limits.askBodyBytes) {
    throw new RangeError(`it has ${body.length} bytes as JSON, ${limits.askBodyBytes} are allowed`);
  }
  if (!Array.isArray(tags) || tags.some((tag) => typeof tag !== 'string')) {
    throw new RangeError('expected a list of texts as tags');
  }
  if (tags.length > limits.runtimeCacheTags) {
    throw new RangeError(`it has ${tags.length} tags, ${limits.runtimeCacheTags} are allowed`);
  }
  if ((tags as string[]).some((tag) => Buffer.byteLength(tag) > limits.cacheTagBytes)) {
    throw new RangeError(`a tag has at most ${limits.cacheTagBytes} bytes`);
  }
}

/** One or more tags, as user code names them. Throws TypeError, RangeError. */
export function tagsOf(tags: unknown): string[] {
  const all: unknown[] = Array.isArray(tags) ? tags : [tags];
  return all.map((tag) => {
    if (typeof tag !== 'string' || tag.trim() === '')
      throw new TypeError('expected a tag to be a text that is not empty');
    if (Buffer.byteLength(tag) > limits.cacheTagBytes) {
      throw new RangeError(`a tag has at most ${limits.cacheTagBytes} bytes: ${tag.slice(0, 64)}…`);
    }
    return tag;
  });
}
