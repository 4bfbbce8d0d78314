/**
 * Next's data cache (`fetch`, `unstable_cache`), and its pages where Next keeps them itself: a server that the user starts.
 * Behind an adapter pages are the edge's.
 */
import { describe, type Host } from './host.ts';
import type { Durations, NextTags } from './next-tags.ts';
import { SharedCache } from './runtime-cache.ts';

/** As in next/dist/server/lib/incremental-cache/index.d.ts, as far as it matters here. */
interface Kept {
  readonly lastModified?: number;
  readonly value: { readonly kind?: string; readonly headers?: Readonly<Record<string, unknown>> } | null;
}

interface GetContext {
  readonly kind: string;
  readonly tags?: readonly string[];
  readonly softTags?: readonly string[];
  readonly revalidate?: number | false;
}

interface SetContext {
  readonly fetchCache?: boolean;
  readonly tags?: readonly string[];
  readonly fetchUrl?: string;
}

interface FetchValue {
  readonly kind: 'FETCH';
  readonly data: unknown;
  readonly revalidate: number;
  readonly tags?: readonly string[];
}

interface FetchCache {
  get(key: string, context: GetContext): Promise<Kept | null>;
  set(key: string, value: unknown, context: SetContext): Promise<void>;
  revalidateTag(tags: string | readonly string[], durations?: Durations): Promise<void>;
  resetRequestCache(): void;
}

export type FetchCacheClass = new (context: unknown) => FetchCache;

/** The header in which Next says the tags of a page. */
const pageTags = 'x-next-cache-tags';
const fileSystemCache = 'next/dist/server/lib/incremental-cache/file-system-cache';

export function fetchCacheOf(host: Host, tags: NextTags): FetchCacheClass {
  const shared: Shared = { host, tags, cache: new SharedCache(host, 'next-fetch') };
  return class WeirFetchCache extends NextFetchCache {
    constructor(context: unknown) {
      super(shared, context);
    }
  };
}

interface Shared {
  readonly host: Host;
  readonly tags: NextTags;
  readonly cache: SharedCache;
}

/** Next makes one for each request. */
class NextFetchCache implements FetchCache {
  readonly #shared: Shared;
  readonly #context: unknown;
  #pages: FetchCache | null | undefined;

  constructor(shared: Shared, context: unknown) {
    this.#shared = shared;
    this.#context = context;
  }

  async get(key: string, context: GetContext): Promise<Kept | null> {
    try {
      return context.kind === 'FETCH' ? await this.#getFetch(key, context) : await this.#getPage(key, context);
    } catch (error) {
      this.#warn('a value could not be read', error);
      return null;
    }
  }

  async set(key: string, value: unknown, context: SetContext): Promise<void> {
    if (context.fetchCache !== true) return this.#ownPages()?.set(key, value, context);
    const { cache } = this.#shared;
    try {
      if (value === null) return await cache.delete(key);
      const tags = [...new Set([...((value as FetchValue).tags ?? []), ...(context.tags ?? [])])];
      const name = context.fetchUrl?.slice(0, 80) || undefined;
      await cache.set({ key, body: Buffer.from(JSON.stringify(value)), tags, name });
    } catch (error) {
      this.#warn(`a value was not kept (${context.fetchUrl ?? key})`, error);
    }
  }

  async revalidateTag(tags: string | readonly string[], durations?: Durations): Promise<void> {
    const all = typeof tags === 'string' ? [tags] : tags;
    await Promise.all([this.#shared.tags.revalidate(all, durations), this.#pages?.revalidateTag(all, durations)]);
  }

  resetRequestCache(): void {
    this.#pages?.resetRequestCache();
  }

  async #getFetch(key: string, { tags = [], softTags = [], revalidate }: GetContext): Promise<Kept | null> {
    const hit = await this.#shared.cache.get(key, [...new Set([...tags, ...softTags])]);
    if (hit === null) return null;
    const value = JSON.parse(hit.body.toString()) as FetchValue;
    if (!hit.stale) return { lastModified: hit.madeMs, value };
    // Next tells what is stale by its age alone: older than it may be.
    const longestS = Math.max(revalidate || 0, value.revalidate || 0);
    return { lastModified: Date.now() - (longestS + 1) * 1000, value };
  }

  /** Next's own store, which knows what it was told in this process; the platform knows of all. */
  async #getPage(key: string, context: GetContext): Promise<Kept | null> {
    const kept = (await this.#ownPages()?.get(key, context)) ?? null;
    const tags = kept?.value?.headers?.[pageTags];
    if (kept === null || typeof tags !== 'string' || tags === '') return kept;
    const freshness = await this.#shared.cache.freshness(tags.split(','), kept.lastModified ?? 0);
    if (freshness === 'gone') return null;
    // Any time long ago.
    return freshness === 'stale' ? { ...kept, lastModified: 1 } : kept;
  }

  /** Null: there is no Next beside the project, so nothing is kept of pages here. */
  #ownPages(): FetchCache | null {
    if (this.#pages !== undefined) return this.#pages;
    try {
      const require = process.getBuiltinModule('node:module').createRequire(`${process.cwd()}/`);
      const { default: OwnCache } = require(fileSystemCache) as { default: FetchCacheClass };
      this.#pages = new OwnCache(this.#context);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') this.#warn('pages are not kept', error);
      this.#pages = null;
    }
    return this.#pages;
  }

  #warn(what: string, error: unknown): void {
    const { host } = this.#shared;
    host.log('warn', 'platform', `Next's data cache: ${what}: ${describe(error)}`, host.currentCall() ?? null);
  }
}
