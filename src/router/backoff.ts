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

  /** `startedMs`: when the start that succeeded began. One from before the last failure says nothing of it. */
  succeeded(startedMs: number): void {
    if (startedMs < this.#noticedMs) return;
    this.#failures = 0;
    this.#untilMs = 0;
    this.#noticedMs = -Infinity;
    this.#last = null;
  }

  /** Nothing is to be started yet. */
  blocks(nowMs: number): boolean {
    return nowMs < this.#untilMs;
  }

  /** Why the last start failed; null: none did. */
  get last(): Failure | null {
    return this.#last;
  }

  /**
   * What to tell those who would have to wait for a start; null: they may wait. A function that does not load will not
   * load for the next one either; a process that was lost on its way gets a second chance before anybody is told.
   */
  failure(nowMs: number): Failure | null {
    if (this.#last === null || !this.blocks(nowMs)) return null;
    if (this.#last.code === 'INTERNAL_FUNCTION_NOT_READY' && this.#failures === 1) return null;
    return { ...this.#last, retryAfterS: Math.max(1, Math.ceil((this.#untilMs - nowMs) / 1000)) };
  }
}
