/** `'use cache'` of Next: streams of bytes, with how long they may be used. */
import { limits } from '../../src/base/limits.ts';
import { describe, type Host } from './host.ts';
import type { Durations, NextTags } from './next-tags.ts';
import { SharedCache } from './runtime-cache.ts';

/** Seconds, but for the timestamp: milliseconds since the epoch, by performance.timeOrigin. */
interface UseCacheEntry {
  readonly value: ReadableStream<Uint8Array>;
  readonly tags: string[];
  readonly stale: number;
  readonly timestamp: number;
  readonly expire: number;
  readonly revalidate: number;
}

/** As in next/dist/server/lib/cache-handlers/types.d.ts. */
export interface UseCacheHandler {
  get(cacheKey: string, softTags: string[]): Promise<UseCacheEntry | undefined>;
  set(cacheKey: string, pendingEntry: Promise<UseCacheEntry>): Promise<void>;
  refreshTags(): Promise<void>;
  getExpiration(tags: string[]): Promise<number>;
  updateTags(tags: string[], durations?: Durations): Promise<void>;
}

/** In JSON what has no end is null. */
function lifetimeOf(note: string): [stale: number, expire: number, revalidate: number] {
  const [stale, expire, revalidate] = JSON.parse(note) as (number | null)[];
  return [stale ?? Infinity, expire ?? Infinity, revalidate ?? Infinity];
}

/** What an entry was made at by this process's clock, which does not follow the system's once it runs. */
const wallOf = (timestampMs: number): number => Date.now() - (nextNowMs() - timestampMs);
const timestampOf = (wallMs: number): number => nextNowMs() - (Date.now() - wallMs);
const nextNowMs = (): number => performance.timeOrigin + performance.now();

export function useCacheHandler(host: Host, nextTags: NextTags): UseCacheHandler {
  const cache = new SharedCache(host, 'next-use-cache');
  /** Entries that are being set: whoever wants one waits for it. */
  const pending = new Map<string, Promise<void>>();
  const warn = (what: string, error: unknown): void => {
    host.log('warn', 'platform', `'use cache': ${what}: ${describe(error)}`, host.currentCall() ?? null);
  };

  const store = async (cacheKey: string, pendingEntry: Promise<UseCacheEntry>): Promise<void> => {
    try {
      const { value, tags, stale, timestamp, expire, revalidate } = await pendingEntry;
      // It would never be shown: Next makes it anew each time.
      if (expire <= 0) return;
      const body = await bytesOf(value);
      const note = JSON.stringify([stale, expire, revalidate]);
      const madeMs = wallOf(timestamp);
      const leftS = expire - (Date.now() - madeMs) / 1000;
      if (leftS <= 0) return;
      await cache.set({ key: cacheKey, body, tags, note, madeMs, ttlS: Number.isFinite(leftS) ? leftS : undefined });
    } catch (error) {
      warn('an entry was not kept', error);
    }
  };

  return {
    async get(cacheKey, softTags) {
      await pending.get(cacheKey);
      try {
        const hit = await cache.get(cacheKey, softTags);
        if (hit === null || hit.note === null) return undefined;
        const [stale, expire, revalidate] = lifetimeOf(hit.note);
        return {
          value: streamOf(hit.body),
          tags: [...hit.tags],
          stale,
          timestamp: timestampOf(hit.madeMs),
          expire,
          // What is stale is shown once more, and made anew.
          revalidate: hit.stale ? -1 : revalidate,
        };
      } catch (error) {
        warn('an entry could not be read', error);
        return undefined;
      }
    },
    async set(cacheKey, pendingEntry) {
      const work = store(cacheKey, pendingEntry);
      pending.set(cacheKey, work);
      await work;
      if (pending.get(cacheKey) === work) pending.delete(cacheKey);
    },
    // The platform knows them, and nothing is remembered here.
    refreshTags: () => Promise.resolve(),
    // Implicit tags are handed to get().
    getExpiration: () => Promise.resolve(Infinity),
    updateTags: (tags, durations) => nextTags.revalidate(tags, durations),
  };
}

/** All of it. Rejects with what it fails with, or when it is too much; then the rest is not read. */
async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > limits.askBodyBytes) throw new RangeError(`it has more than ${limits.askBodyBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

const streamOf = (body: Buffer): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      if (body.length > 0) controller.enqueue(new Uint8Array(body.buffer, body.byteOffset, body.length));
      controller.close();
    },
  });
