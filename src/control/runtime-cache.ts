import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type {
  AfterS,
  CacheHit,
  CacheItem,
  CacheSpace,
  Freshness,
  RuntimeCache,
  ServiceScope,
} from '../model/services.ts';
import { CacheTags } from './runtime-cache-tags.ts';

export interface RuntimeCacheOptions {
  readonly clock: Clock;
  /** Of all items, and of those of one project's environment. Defaults: limits. */
  readonly maxBytes?: number;
  readonly scopeMaxBytes?: number;
}

interface Item {
  readonly space: CacheSpace;
  readonly name: string | null;
  readonly body: Buffer;
  readonly tags: readonly string[];
  readonly note: string | null;
  readonly madeMs: number;
  /** Milliseconds since the epoch; Infinity: it has no ttl. */
  readonly endsMs: number;
  /** What it is reckoned to take. */
  readonly bytes: number;
  hits: number;
  /** A count that grows with every use of any item. */
  used: number;
}

/** What there is of one project's environment, in the order of its last use. */
interface Scope extends ServiceScope {
  readonly items: Map<string, Item>;
  readonly tags: CacheTags;
  bytes: number;
  hits: number;
  misses: number;
  sets: number;
  evicted: number;
}

export interface RuntimeCacheReport extends ServiceScope {
  readonly items: number;
  readonly bytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly sets: number;
  readonly evicted: number;
  /** Those last used, the last one first. */
  readonly lastUsed: readonly ItemReport[];
}

interface ItemReport {
  readonly space: CacheSpace;
  readonly name: string | null;
  readonly tags: readonly string[];
  readonly bytes: number;
  readonly hits: number;
}

/**
 * The runtime cache, in memory: gone with the platform, as what is in any cache may be at any time. Bounded by bytes; what
 * was not used for longest goes first. Times are compared by stamps that no two calls share, so that what is set after a tag
 * was expired is fresh and what was set before is not, within one millisecond too.
 */
export class RuntimeCacheStore implements RuntimeCache {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #scopeMaxBytes: number;
  readonly #scopes = new Map<string, Scope>();
  #bytes = 0;
  #uses = 0;
  #stampMs = 0;

  constructor({ clock, maxBytes, scopeMaxBytes }: RuntimeCacheOptions) {
    this.#clock = clock;
    this.#maxBytes = maxBytes ?? limits.runtimeCacheBytes;
    this.#scopeMaxBytes = scopeMaxBytes ?? limits.runtimeCacheScopeBytes;
  }

  /** Of all items, as they are reckoned. */
  get bytes(): number {
    return this.#bytes;
  }

  async get(of: ServiceScope, space: CacheSpace, key: string, tags: readonly string[]): Promise<CacheHit | null> {
    const scope = this.#scope(of);
    const id = idOf(space, key);
    const item = scope.items.get(id);
    const nowMs = this.#clock.wallMs();
    const own =
      item === undefined || nowMs >= item.endsMs ? 'gone' : scope.tags.freshness(item.tags, item.madeMs, nowMs);
    if (item !== undefined && own === 'gone') this.#remove(scope, id, item);
    const asked = item === undefined ? 'gone' : scope.tags.freshness(tags, item.madeMs, nowMs);
    if (item === undefined || own === 'gone' || asked === 'gone') {
      scope.misses += 1;
      return null;
    }
    scope.hits += 1;
    item.hits += 1;
    this.#use(scope, id, item);
    const { body, note, tags: its, madeMs } = item;
    return { body, note, tags: its, madeMs, stale: own === 'stale' || asked === 'stale' };
  }

  async set(of: ServiceScope, { space, key, body, tags, ttlS, name, note, madeMs }: CacheItem): Promise<void> {
    const scope = this.#scope(of);
    const id = idOf(space, key);
    const stampMs = this.#stamp(0);
    const former = scope.items.get(id);
    if (former !== undefined) this.#remove(scope, id, former);
    const text = [id, name ?? '', note ?? '', ...tags];
    const item: Item = {
      space,
      name,
      body,
      tags,
      note,
      madeMs: Math.min(madeMs ?? stampMs, stampMs),
      endsMs: ttlS === null ? Infinity : this.#clock.wallMs() + ttlS * 1000,
      bytes: text.reduce((sum, each) => sum + each.length, body.length + limits.runtimeCacheItemOverheadBytes),
      hits: 0,
      used: 0,
    };
    scope.bytes += item.bytes;
    this.#bytes += item.bytes;
    scope.sets += 1;
    this.#use(scope, id, item);
    this.#shrink(scope);
  }

  async delete(of: ServiceScope, space: CacheSpace, key: string): Promise<void> {
    const scope = this.#scope(of);
    const id = idOf(space, key);
    const item = scope.items.get(id);
    if (item !== undefined) this.#remove(scope, id, item);
  }

  async freshness(of: ServiceScope, tags: readonly string[], madeMs: number): Promise<Freshness> {
    return this.#scope(of).tags.freshness(tags, madeMs, this.#clock.wallMs());
  }

  async expireTags(of: ServiceScope, tags: readonly string[], afterS: AfterS): Promise<void> {
    // Whoever says when something was made knows parts of a millisecond, our clock whole ones: past all of this one.
    this.#scope(of).tags.expire(tags, afterS, this.#stamp(1));
  }

  report(): RuntimeCacheReport[] {
    return [...this.#scopes.values()].map((scope) => {
      const { project, environment, items, bytes, hits, misses, sets, evicted } = scope;
      const lastUsed = [...items.values()].slice(-limits.cacheItemsShown).toReversed();
      const shown = lastUsed.map(({ space, name, tags, bytes: each, hits: found }) => {
        return { space, name, tags, bytes: each, hits: found };
      });
      return { project, environment, items: items.size, bytes, hits, misses, sets, evicted, lastUsed: shown };
    });
  }

  /** Milliseconds since the epoch, later than any stamp before. */
  #stamp(aheadMs: number): number {
    this.#stampMs = Math.max(this.#clock.wallMs() + aheadMs, this.#stampMs + 0.001);
    return this.#stampMs;
  }

  #scope({ project, environment }: ServiceScope): Scope {
    const id = `${environment}/${project}`;
    const known = this.#scopes.get(id);
    if (known !== undefined) return known;
    const counts = { bytes: 0, hits: 0, misses: 0, sets: 0, evicted: 0 };
    const made: Scope = { project, environment, items: new Map(), tags: new CacheTags(), ...counts };
    this.#scopes.set(id, made);
    return made;
  }

  #use(scope: Scope, id: string, item: Item): void {
    this.#uses += 1;
    item.used = this.#uses;
    scope.items.delete(id);
    scope.items.set(id, item);
  }

  #remove(scope: Scope, id: string, item: Item): void {
    scope.items.delete(id);
    scope.bytes -= item.bytes;
    this.#bytes -= item.bytes;
  }

  #shrink(scope: Scope): void {
    while (scope.bytes > this.#scopeMaxBytes) this.#evict(scope);
    while (this.#bytes > this.#maxBytes) {
      let oldest = scope;
      for (const each of this.#scopes.values()) if (oldestUse(each) < oldestUse(oldest)) oldest = each;
      this.#evict(oldest);
    }
  }

  #evict(scope: Scope): void {
    const [oldest] = scope.items;
    if (oldest === undefined) return;
    this.#remove(scope, ...oldest);
    scope.evicted += 1;
  }
}

function oldestUse({ items }: Scope): number {
  for (const item of items.values()) return item.used;
  return Infinity;
}

const idOf = (space: CacheSpace, key: string): string => `${space} ${key}`;
