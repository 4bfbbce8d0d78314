import { limits } from '../../base/limits.ts';

interface Pause {
  readonly untilMs: number;
  readonly ms: number;
}

/** Pages that could not be made anew, and when that is tried again. */
export class Failures {
  readonly #pauses = new Map<string, Pause>();

  /** Until then the old one is shown without trying. */
  paused(key: string, nowMs: number): boolean {
    const pause = this.#pauses.get(key);
    return pause !== undefined && nowMs < pause.untilMs;
  }

  failed(key: string, nowMs: number): void {
    const before = this.#pauses.get(key);
    const ms = before === undefined ? limits.pageRetryMs : Math.min(2 * before.ms, limits.pageRetryMaxMs);
    this.#pauses.delete(key);
    this.#pauses.set(key, { untilMs: nowMs + ms, ms });
    if (this.#pauses.size <= limits.pageFailures) return;
    for (const oldest of this.#pauses.keys()) {
      this.#pauses.delete(oldest);
      return;
    }
  }

  made(key: string): void {
    this.#pauses.delete(key);
  }
}
