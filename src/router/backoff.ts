import type { Failure } from '../base/errors.ts';
import { startDelayMs } from '../scheduler/scale.ts';

/** How long nothing is started after starts that failed, and what whoever asks meanwhile is told. */
export class Backoff {
  #failures = 0;
  #untilMs = 0;
  #noticedMs = -Infinity;
  #last: Failure | null = null;

  /** `startedMs`: when the start that failed began. Several that were under way together count once. */
  failed(failure: Failure, startedMs: number, nowMs: number): void {
    this.#last = failure;
    if (startedMs < this.#noticedMs) return;
    this.#failures += 1;
    this.#noticedMs = nowMs;
    this.#untilMs = nowMs + startDelayMs(this.#failures);
  }

  succeeded(): void {
    this.#failures = 0;
    this.#untilMs = 0;
    this.#noticedMs = -Infinity;
    this.#last = null;
  }

  /** Null: a start may be tried. */
  failure(nowMs: number): Failure | null {
    if (this.#last === null || nowMs >= this.#untilMs) return null;
    return { ...this.#last, retryAfterS: Math.max(1, Math.ceil((this.#untilMs - nowMs) / 1000)) };
  }
}
