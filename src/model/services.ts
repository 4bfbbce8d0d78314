import type { FunctionSpec } from './function.ts';

/** Whose things they are: one project's in one environment, whichever deployment. */
export interface ServiceScope {
  readonly project: string;
  readonly environment: 'production' | 'preview';
}

export const scopeOf = ({ project, environment }: FunctionSpec): ServiceScope => ({ project, environment });

/**
 * What user code may ask of the platform (protocol/tunnel.md, Asks). What arrives has been validated: kinds, lengths and
 * numbers are within src/base/limits.ts. Whatever a promise rejects with, the function is told its message.
 */
export interface PlatformServices {
  readonly cache: RuntimeCache;
  readonly purge: Purge;
}

/** Keys of different users do not meet: getCache(), Next's data cache, Next's `'use cache'`. Tags are the same for all. */
export const cacheSpaces = ['app', 'next-fetch', 'next-use-cache'] as const;
export type CacheSpace = (typeof cacheSpaces)[number];

/**
 * When what is expired is gone. 0: at once. A number: it is stale, shown while it is made anew, and gone after so many
 * seconds. Null: it is stale, for good.
 */
export type AfterS = number | null;

/** Values that user code keeps, shared by all instances of a project's environment, over deployments. */
export interface RuntimeCache {
  /** Null: not there, or expired. `tags` count as if the item had them. */
  get(scope: ServiceScope, space: CacheSpace, key: string, tags: readonly string[]): Promise<CacheHit | null>;
  set(scope: ServiceScope, item: CacheItem): Promise<void>;
  delete(scope: ServiceScope, space: CacheSpace, key: string): Promise<void>;
  /** What became of something that has these tags and was made then: it may be kept elsewhere. */
  freshness(scope: ServiceScope, tags: readonly string[], madeMs: number): Promise<Freshness>;
  /** What was made up to now and has one of the tags, or is asked for with one. */
  expireTags(scope: ServiceScope, tags: readonly string[], afterS: AfterS): Promise<void>;
}

export type Freshness = 'fresh' | 'stale' | 'gone';

export interface CacheItem {
  readonly space: CacheSpace;
  readonly key: string;
  /** The cache's to keep: it does not change. */
  readonly body: Buffer;
  readonly tags: readonly string[];
  /** Null: until it is in the way of others. */
  readonly ttlS: number | null;
  /** What people call it; null: nothing. */
  readonly name: string | null;
  /** Kept beside the body. */
  readonly note: string | null;
  /** When what it was made of was read, milliseconds since the epoch; null: now. */
  readonly madeMs: number | null;
}

export interface CacheHit {
  readonly body: Buffer;
  readonly note: string | null;
  readonly tags: readonly string[];
  readonly madeMs: number;
  /** One of the tags was expired since, and its time is not up. */
  readonly stale: boolean;
}

/**
 * What the edge keeps of functions' answers: pages by their tags (`vercel-cache-tag`, `x-next-cache-tags`), and images by
 * their source. Resolves when nobody is shown any more what was purged, or it is known to be stale. It does not touch the
 * runtime cache.
 */
export interface Purge {
  /** Stale: shown once more, while it is made anew. */
  invalidateByTag(scope: ServiceScope, tags: readonly string[]): Promise<void>;
  /** Stale, and gone after `deadlineS`; 0: at once. */
  dangerouslyDeleteByTag(scope: ServiceScope, tags: readonly string[], deadlineS: number): Promise<void>;
  /** `sources`: as in an image's `url` parameter. */
  invalidateBySrcImage(scope: ServiceScope, sources: readonly string[]): Promise<void>;
  dangerouslyDeleteBySrcImage(scope: ServiceScope, sources: readonly string[], deadlineS: number): Promise<void>;
}

const done = (): Promise<void> => Promise.resolve();

/** Where no answers are kept there is nothing to purge. */
export const nothingKept: Purge = {
  invalidateByTag: done,
  dangerouslyDeleteByTag: done,
  invalidateBySrcImage: done,
  dangerouslyDeleteBySrcImage: done,
};
