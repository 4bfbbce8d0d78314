import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';

/** A process that is to stay below a number of resident bytes. */
export interface Watched {
  readonly pid: number;
  readonly limitBytes: number;
  /** It did not. Called once; it is watched no more. */
  exceeded(rssBytes: number): void;
}

export interface MemoryWatchOptions {
  readonly clock: Clock;
  /** Resident bytes of the processes that are still there, as far as known. When it rejects none is, this time. */
  readonly sample: (pids: readonly number[]) => Promise<ReadonlyMap<number, number>>;
  /** From one look to the next, while nobody is near the limit. */
  readonly periodMs: number;
}

/** From here on a process is looked at more often: what it takes between two looks is what it can exceed its limit by. */
const nearShare = 0.75;

const nothingKnown: ReadonlyMap<number, number> = new Map();

/** Where the kernel cannot be told a limit: looks at what processes have, several times a second while there are any. */
export class MemoryWatch {
  readonly #options: MemoryWatchOptions;
  readonly #watched = new Map<number, Watched>();
  #timer: Timer | null = null;
  #looking = false;

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
  }

  add(watched: Watched): void {
    this.#watched.set(watched.pid, watched);
    this.#schedule(this.#options.periodMs);
  }

  remove(pid: number): void {
    this.#watched.delete(pid);
    if (this.#watched.size > 0) return;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== null || this.#looking || this.#watched.size === 0) return;
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#timer = null;
      this.#looking = true;
      void this.#look();
    });
  }

  /** Never rejects: nobody waits for it. */
  async #look(): Promise<void> {
    const rss = await this.#options.sample([...this.#watched.keys()]).catch(() => nothingKnown);
    this.#looking = false;
    let near = false;
    for (const watched of this.#watched.values()) {
      const rssBytes = rss.get(watched.pid) ?? 0;
      if (rssBytes > watched.limitBytes) {
        this.#watched.delete(watched.pid);
        watched.exceeded(rssBytes);
      } else if (rssBytes > watched.limitBytes * nearShare) near = true;
    }
    this.#schedule(near ? Math.min(limits.memoryNearPeriodMs, this.#options.periodMs) : this.#options.periodMs);
  }
}
