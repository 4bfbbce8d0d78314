import type { Clock, Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';

export interface PulseOptions {
  readonly clock: Clock;
  /** How long a process with work may say nothing before it is asked: at first; and, as long as it answers and has nothing else
   * to say, at most. */
  readonly silentMs: number;
  readonly silentMaxMs: number;
  /** Asks the process whether its loop comes round: `answered` follows, or does not. */
  readonly ask: () => void;
  /** Invocations that it works on, and of which something can be expected. */
  readonly working: () => number;
  /** While it is asked nothing is handed over. */
  readonly held: (isHeld: boolean) => void;
  /** Since the last call: time in which it did not wait for a CPU. */
  readonly usedMs: (nowMs: number) => number;
  /** It has been stuck for so long, or (0) is so no more: at once, not when vitals are due. */
  readonly stuck: (ms: number) => void;
}

/** How often a question that is not answered is looked at. */
const lookMs = 10;

/**
 * Whether the loop of the process beside comes round. One that has work and is silent is asked, by itself and before anything
 * is handed to it; while it has not answered nothing is, so that what waits can be recalled. Time in which it got no CPU does
 * not count: a starved machine is not a stuck loop.
 */
export class Pulse {
  readonly #options: PulseOptions;
  #timer: Timer | null = null;
  #heardMs: number;
  #patienceMs: number;
  /** −1: it is not asked. */
  #askedMs = -1;
  #stuckMs = 0;
  #isTold = false;
  #longestMs = 0;

  constructor(options: PulseOptions) {
    this.#options = options;
    this.#heardMs = options.clock.nowMs();
    this.#patienceMs = options.silentMs;
  }

  /** How long it has been stuck; 0: it is not. */
  get stuckMs(): number {
    return this.#stuckMs >= limits.loopStuckMs ? this.#stuckMs : 0;
  }

  /** The longest that it took to answer since the last call, milliseconds. */
  takeLongestMs(): number {
    const goesOnMs = this.#askedMs < 0 ? 0 : this.#options.clock.nowMs() - this.#askedMs;
    const longestMs = Math.max(this.#longestMs, goesOnMs);
    this.#longestMs = 0;
    return longestMs;
  }

  /** It said something of its own. That is no answer: other threads of it may have. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
    this.#patienceMs = this.#options.silentMs;
  }

  /** Something is about to be handed over. */
  arriving(nowMs: number): void {
    const { working, silentMs } = this.#options;
    if (this.#askedMs < 0 && working() > 0 && nowMs - this.#heardMs >= silentMs) {
      this.#ask(nowMs);
      this.#watch();
    }
  }

  /** Something was handed over. */
  began(nowMs: number): void {
    // Alone it has been silent since now.
    if (this.#options.working() === 1) this.heard(nowMs);
    this.#watch();
  }

  answered(nowMs: number): void {
    if (this.#askedMs < 0) return;
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#askedMs);
    this.#askedMs = -1;
    this.#heardMs = nowMs;
    this.#stuckMs = 0;
    if (this.#isTold) {
      this.#isTold = false;
      this.#options.stuck(0);
    }
    this.#options.held(false);
    this.#watch();
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#askedMs = -1;
  }

  #ask(nowMs: number): void {
    this.#askedMs = nowMs;
    this.#stuckMs = 0;
    // What it has answered at once it need not answer as often.
    this.#patienceMs = Math.min(2 * this.#patienceMs, this.#options.silentMaxMs);
    this.#options.usedMs(nowMs);
    this.#options.held(true);
    this.#options.ask();
    this.#timer?.cancel();
    this.#timer = null;
  }

  #watch(): void {
    if (this.#timer !== null) return;
    const { clock, working } = this.#options;
    if (this.#askedMs < 0 && working() === 0) return;
    const nowMs = clock.nowMs();
    const delayMs = this.#askedMs < 0 ? Math.max(lookMs, this.#heardMs + this.#patienceMs - nowMs) : lookMs;
    this.#timer = clock.after(delayMs, () => {
      this.#timer = null;
      this.#look(clock.nowMs());
    });
  }

  #look(nowMs: number): void {
    const { working, usedMs, stuck } = this.#options;
    if (this.#askedMs < 0) {
      if (working() > 0 && nowMs - this.#heardMs >= this.#patienceMs) this.#ask(nowMs);
    } else {
      this.#stuckMs += usedMs(nowMs);
      if (!this.#isTold && this.#stuckMs >= limits.loopStuckMs) {
        this.#isTold = true;
        stuck(this.#stuckMs);
      }
    }
    this.#watch();
  }
}
