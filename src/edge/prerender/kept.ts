/** An answer that is kept. Times are milliseconds since the Unix epoch; Infinity: for good. */
export interface KeptPage {
  readonly status: number;
  /** For clients: name, value, name, value, …; without Content-Length. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** Bytes at the beginning of `body` that are a postponed state (src/edge/prerender/shell.ts); −1: it is whole as it is. */
  readonly stateBytes: number;
  /** When it was asked for: what was called back since then is not in it. */
  readonly askedMs: number;
  readonly freshUntilMs: number;
  readonly staleUntilMs: number;
  readonly tags: readonly string[];
  /** With what it is made anew together; null: alone. */
  readonly group: string | null;
  /** It comes from the build. */
  readonly built: boolean;
  /** The value of its ETag header; '' for one that is only begun. */
  readonly entityTag: string;
}

/** What is told in x-vercel-cache. */
export type CacheWord = 'HIT' | 'STALE' | 'PRERENDER' | 'MISS' | 'REVALIDATED' | 'BYPASS';

/** May a kept answer be shown? */
export type Freshness =
  | 'fresh'
  /** While it is made anew. */
  | 'stale'
  /** Too old to be shown. */
  | 'expired'
  /** Called back for good. */
  | 'deleted';
