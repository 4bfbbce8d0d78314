import { limits } from '../base/limits.ts';
import type { AfterS, Freshness } from '../model/services.ts';

/** Times in milliseconds since the epoch. What was made up to them is meant. */
interface Expiry {
  /** It is gone. */
  readonly goneMs: number;
  /** It is stale, */
  readonly staleMs: number;
  /** and gone from then on. */
  readonly deadlineMs: number;
}

const never: Expiry = { goneMs: -Infinity, staleMs: -Infinity, deadlineMs: Infinity };

/**
 * When tags were expired. Of limits.cacheTagsKnown it is known; of those that were expired before, what was made up to then
 * counts as gone whatever its tags are. Pure, but for what it remembers.
 */
export class CacheTags {
  /** The one that was expired last is last. */
  readonly #expiries = new Map<string, Expiry>();
  #forgottenMs = -Infinity;

  freshness(tags: readonly string[], madeMs: number, nowMs: number): Freshness {
    if (madeMs <= this.#forgottenMs) return 'gone';
    let isStale = false;
    for (const tag of tags) {
      const { goneMs, staleMs, deadlineMs } = this.#expiries.get(tag) ?? never;
      if (madeMs <= goneMs) return 'gone';
      if (madeMs > staleMs) continue;
      if (nowMs >= deadlineMs) return 'gone';
      isStale = true;
    }
    return isStale ? 'stale' : 'fresh';
  }

  expire(tags: readonly string[], afterS: AfterS, nowMs: number): void {
    for (const tag of tags) {
      const before = this.#expiries.get(tag) ?? never;
      // What has become gone meanwhile stays so.
      const goneMs = nowMs >= before.deadlineMs ? Math.max(before.goneMs, before.staleMs) : before.goneMs;
      const next =
        afterS === 0
          ? { ...never, goneMs: nowMs }
          : { goneMs, staleMs: nowMs, deadlineMs: afterS === null ? Infinity : nowMs + afterS * 1000 };
      this.#expiries.delete(tag);
      this.#expiries.set(tag, next);
    }
    this.#forget();
  }

  #forget(): void {
    for (const [tag, { goneMs, staleMs }] of this.#expiries) {
      if (this.#expiries.size <= limits.cacheTagsKnown) return;
      this.#forgottenMs = Math.max(this.#forgottenMs, goneMs, staleMs);
      this.#expiries.delete(tag);
    }
  }
}
