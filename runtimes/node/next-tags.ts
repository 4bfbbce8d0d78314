import type { AfterS } from '../../src/model/services.ts';
import type { Host } from './host.ts';
import { purgeTags } from './purge.ts';
import { SharedCache } from './runtime-cache.ts';

/** As Next gives them: none at all is at once; without `expire`: stale, for good. */
export interface Durations {
  readonly expire?: number | undefined;
}

/** Tags that Next revalidates: in the runtime cache, and what the edge keeps of pages that have them. */
export class NextTags {
  readonly #host: Host;
  readonly #cache: SharedCache;
  /** What was asked for in this turn already: Next tells each of its handlers. */
  readonly #asked = new Map<string, Promise<void>>();

  constructor(host: Host) {
    this.#host = host;
    this.#cache = new SharedCache(host, 'next-fetch');
  }

  /** Rejects when it is not known to have been done: what is out of date would go on to be shown. */
  revalidate(tags: readonly string[], durations: Durations | undefined): Promise<void> {
    if (tags.length === 0) return Promise.resolve();
    const afterS = durations === undefined ? 0 : afterOf(durations);
    const key = JSON.stringify([tags, afterS]);
    const asked = this.#asked.get(key);
    if (asked !== undefined) return asked;
    const work = this.#revalidate(tags, afterS);
    this.#asked.set(key, work);
    queueMicrotask(() => this.#asked.delete(key));
    return work;
  }

  async #revalidate(tags: readonly string[], afterS: AfterS): Promise<void> {
    // The data first: a page that is made anew is not to be made of what is out of date.
    await this.#cache.expireTags(tags, afterS);
    await purgeTags(this.#host, tags, afterS);
  }
}

const afterOf = ({ expire }: Durations): AfterS =>
  expire === undefined || !Number.isFinite(expire) ? null : Math.max(0, expire);
