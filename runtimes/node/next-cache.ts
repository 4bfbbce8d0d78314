/**
 * Next's caches, shared by all instances: what `next` looks for under `Symbol.for('@next/cache-handlers')`. Its data cache
 * (`fetch` with tags or a time, `unstable_cache`) goes through FetchCache, `'use cache'` through the two others, which are
 * one. Without them every instance would keep its own, and a tag that is revalidated in one would live on in the others.
 */
import type { Host } from './host.ts';
import { fetchCacheOf, type FetchCacheClass } from './next-fetch-cache.ts';
import { NextTags } from './next-tags.ts';
import { type UseCacheHandler, useCacheHandler } from './next-use-cache.ts';

export interface NextCacheHandlers {
  readonly FetchCache: FetchCacheClass;
  readonly DefaultCache: UseCacheHandler;
  readonly RemoteCache: UseCacheHandler;
}

export function nextCacheHandlers(host: Host): NextCacheHandlers {
  const tags = new NextTags(host);
  const handler = useCacheHandler(host, tags);
  return { FetchCache: fetchCacheOf(host, tags), DefaultCache: handler, RemoteCache: handler };
}
