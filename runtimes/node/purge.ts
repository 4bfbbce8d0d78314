/** Tags of answers that are kept by the edge, and the purge of what is kept: by tag, or by an image's source. */
import { limits } from '../../src/base/limits.ts';
import type { Call } from '../../src/core/call.ts';
import type { AfterS } from '../../src/model/services.ts';
import type { Host } from './host.ts';
import { batches, tagsOf } from './runtime-cache.ts';

interface DeleteOptions {
  readonly revalidationDeadlineSeconds?: number;
}

/** What @vercel/functions expects of a request context's `purge`. All reject when it is not known to have been done. */
export interface PurgeApi {
  invalidateByTag(tag: string | readonly string[]): Promise<void>;
  dangerouslyDeleteByTag(tag: string | readonly string[], options?: DeleteOptions): Promise<void>;
  invalidateBySrcImage(source: string | readonly string[]): Promise<void>;
  dangerouslyDeleteBySrcImage(source: string | readonly string[], options?: DeleteOptions): Promise<void>;
}

export function purgeApi(host: Host): PurgeApi {
  return {
    invalidateByTag: async (tag) => purgeTags(host, tagsOf(tag).map(headerSafe), null),
    dangerouslyDeleteByTag: async (tag, options) => purgeTags(host, tagsOf(tag).map(headerSafe), deadlineOf(options)),
    invalidateBySrcImage: async (source) => purgeImages(host, source, null),
    dangerouslyDeleteBySrcImage: async (source, options) => purgeImages(host, source, deadlineOf(options)),
  };
}

/** Tags as they are in headers. */
export async function purgeTags(host: Host, tags: readonly string[], afterS: AfterS): Promise<void> {
  for (const some of batches(tags)) {
    await host.ask(JSON.stringify({ do: 'purge.tags', tags: some, afterS }), null);
  }
}

async function purgeImages(host: Host, sources: unknown, afterS: AfterS): Promise<void> {
  const all: unknown[] = Array.isArray(sources) ? sources : [sources];
  const texts = all.map((source) => {
    if (typeof source === 'string' && source !== '' && Buffer.byteLength(source) <= limits.purgedBytes) return source;
    throw new TypeError(`expected an image's source to be a text of at most ${limits.purgedBytes} bytes`);
  });
  for (const some of batches(texts)) {
    await host.ask(JSON.stringify({ do: 'purge.images', sources: some, afterS }), null);
  }
}

function deadlineOf(options: DeleteOptions | undefined): number {
  const seconds = options?.revalidationDeadlineSeconds ?? 0;
  if (typeof seconds === 'number' && Number.isFinite(seconds) && seconds >= 0) return seconds;
  throw new TypeError('revalidationDeadlineSeconds: expected a number from 0');
}

/** In a header tags are separated by commas, and all is ASCII. What is neither is written as in an URL. */
const headerSafe = (tag: string): string =>
  tag
    .trim()
    .toWellFormed()
    .replaceAll(/[^\x20-\x2b\x2d-\x7e]+/g, encodeURIComponent);

/** Adds tags to what is kept of this answer: they leave with its head, as the header `vercel-cache-tag`. */
export async function addCacheTag(tag: unknown, call: Call, host: Host): Promise<void> {
  const tags = tagsOf(tag).map(headerSafe);
  const outcome = call.addCacheTags(tags);
  if (outcome === 'added') return;
  const why =
    outcome === 'late'
      ? 'the head of the answer has left'
      : `an answer has at most ${limits.addedTags} tags, of ${limits.addedTagsBytes} bytes together`;
  host.log('warn', 'platform', `addCacheTag: ${why}; not added: ${tags.join(', ')}`.slice(0, limits.detailBytes), call);
}
