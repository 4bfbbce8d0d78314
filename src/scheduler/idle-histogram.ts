import { limits } from '../base/limits.ts';
import type { LearnedArrivals } from '../model/learned.ts';

/** When the next invocation of a function is due. All times are since its last one. */
export interface Due {
  /** From here on an instance is to be ready; 0: it is kept all the time. */
  readonly fromMs: number;
  /** It is kept until here. */
  readonly untilMs: number;
  /** How long other idle instances are kept, and this one before `fromMs`. */
  readonly keepAliveMs: number;
}

type Kept = Pick<LearnedArrivals, 'idleMinutes' | 'beyond' | 'beyondMinutes'>;

/**
 * How long a function is idle between invocations, and so when it is likely to be needed again: the hybrid histogram policy
 * of Shahrad et al., "Serverless in the Wild" (USENIX ATC 2020), with its parameters. Idle times are counted by the minute,
 * up to four hours.
 *
 * - Counts that do not differ much between minutes (coefficient of variation below 2), or are too few, foretell nothing.
 * - Where half of the idle times or more are longer than the histogram, they are forecast from the last few.
 * - Else an invocation is due from 0.9 × the 5th percentile (the start of its minute) to 1.1 × the 99th (the end of it).
 *
 * Where the paper keeps an instance for four hours because it knows nothing, and fits an ARIMA model to long idle times,
 * this is for machines that have less memory to spare and start in milliseconds:
 *
 * - Nothing known: limits.idleKeepAliveMs. Only what is foreseen is kept for longer, and only if each cold start that it
 *   avoids, against that, costs at most limits.prewarmCostMs of an instance: a hundredth of all idle times that are very
 *   long does not keep one for hours after every invocation.
 * - Long idle times: the median of the last few. The margin to both sides is the paper's 15 % at most; less where they have
 *   been more regular, since 15 % of a day is hours.
 * - Idle times of less than a minute are not counted. They need no forecast (every instance is kept for as long), and in
 *   bursts there are so many of them that the percentiles would tell of nothing else.
 * - An instance that would have to be started again within limits.idleKeepAliveMs is not taken down.
 */
export class IdleHistogram {
  readonly #times = new Uint16Array(limits.idleRangeMinutes);
  /** Idle times in the histogram, and beyond it; the last of those in minutes, oldest first. */
  #within = 0;
  #beyond = 0;
  readonly #long: number[] = [];
  #due: Due | null = null;
  #isCurrent = true;

  constructor(kept: Kept | null) {
    if (kept === null) return;
    this.#times.set(kept.idleMinutes.slice(0, limits.idleRangeMinutes).map((times) => bounded(times, 0, 0xffff)));
    this.#times[0] = 0;
    this.#within = this.#times.reduce((sum, times) => sum + times, 0);
    this.#beyond = bounded(kept.beyond, 0, 0xffff);
    const long = kept.beyondMinutes.map((minutes) => bounded(minutes, limits.idleRangeMinutes, longestMinutes));
    this.#long.push(...long.slice(-limits.longIdleTimes));
    this.#age();
    this.#isCurrent = false;
  }

  /** Idle for so long, then invoked. */
  record(idleMs: number): void {
    const minutes = Math.floor(idleMs / minuteMs);
    if (minutes < 1) return;
    if (minutes < limits.idleRangeMinutes) {
      this.#times[minutes]! += 1;
      this.#within += 1;
    } else {
      this.#beyond += 1;
      this.#long.push(Math.min(minutes, longestMinutes));
      if (this.#long.length > limits.longIdleTimes) this.#long.shift();
    }
    this.#age();
    this.#isCurrent = false;
  }

  /** Null: there is no telling. Worked out again only after another idle time: O(bins). */
  get due(): Due | null {
    if (!this.#isCurrent) {
      const due = this.#beyond >= this.#within ? this.#longDue() : this.#histogramDue();
      this.#due = due !== null && this.#isWorthIt(due) ? due : null;
      this.#isCurrent = true;
    }
    return this.#due;
  }

  learned(): Kept {
    const last = this.#times.findLastIndex((times) => times > 0);
    return {
      idleMinutes: [...this.#times.subarray(0, last + 1)],
      beyond: this.#beyond,
      beyondMinutes: [...this.#long],
    };
  }

  /** Old idle times count half, a quarter, …: when there are many, all are halved. What is odd is carried to the next. */
  #age(): void {
    while (this.#within + this.#beyond >= limits.idleTimes) {
      let carry = 0;
      this.#within = 0;
      this.#times.forEach((times, minute) => {
        const half = (times + carry) >>> 1;
        carry = (times + carry) & 1;
        this.#times[minute] = half;
        this.#within += half;
      });
      this.#beyond = (this.#beyond + carry) >>> 1;
    }
  }

  #histogramDue(): Due | null {
    if (this.#within < leastTimes || this.#variation() < representative) return null;
    const headMs = (1 - margin) * this.#percentile(head) * minuteMs;
    const untilMs = (1 + margin) * (this.#percentile(tail) + 1) * minuteMs;
    return headMs < limits.idleKeepAliveMs
      ? { fromMs: 0, untilMs, keepAliveMs: Math.min(untilMs, limits.idleKeepAliveMs) }
      : { fromMs: headMs, untilMs, keepAliveMs: minuteMs };
  }

  /** The coefficient of variation of the counts: their standard deviation ÷ their mean. */
  #variation(): number {
    const mean = this.#within / this.#times.length;
    const squares = this.#times.reduce((sum, times) => sum + times * times, 0);
    return Math.sqrt(squares / this.#times.length - mean * mean) / mean;
  }

  /** The minute in which the q-quantile of the idle times is, by nearest rank. */
  #percentile(q: number): number {
    let left = Math.ceil(q * this.#within);
    return this.#times.findIndex((times) => (left -= times) <= 0);
  }

  #longDue(): Due | null {
    if (this.#long.length < leastLong) return null;
    const inOrder = this.#long.toSorted((a, b) => a - b);
    const median = inOrder[inOrder.length >>> 1]!;
    const spread = Math.max(median - inOrder[0]!, inOrder.at(-1)! - median) / median;
    const longMargin = Math.min(longMarginMost, longMarginLeast + 2 * spread);
    return {
      fromMs: (1 - longMargin) * median * minuteMs,
      untilMs: (1 + longMargin) * median * minuteMs,
      keepAliveMs: limits.idleKeepAliveMs,
    };
  }

  /** Whether, over the idle times that there were, it does better than keeping every instance for limits.idleKeepAliveMs. */
  #isWorthIt(due: Due): boolean {
    let extraMs = 0;
    let avoided = 0;
    const weigh = (idleMs: number, times: number): void => {
      extraMs += times * (costMs(due, idleMs) - costMs(nothingKnown, idleMs));
      avoided += times * (Number(catches(due, idleMs)) - Number(catches(nothingKnown, idleMs)));
    };
    this.#times.forEach((times, minute) => weigh((minute + 0.5) * minuteMs, times));
    for (const minutes of this.#long) weigh(minutes * minuteMs, this.#beyond / this.#long.length);
    return extraMs <= avoided * limits.prewarmCostMs;
  }
}

const minuteMs = 60_000;
const head = 0.05;
const tail = 0.99;
const margin = 0.1;
const representative = 2;
/** Of n idle times that have nothing to do with each other, the next is longer than all with a chance of 1 in n + 1. */
const leastTimes = 5;
const leastLong = 3;
const longMarginLeast = 0.02;
const longMarginMost = 0.15;
/** A longer idle time tells no more: nothing is kept for so long. */
const longestMinutes = limits.scaleToOneMs / minuteMs;
const nothingKnown: Due = { fromMs: 0, untilMs: limits.idleKeepAliveMs, keepAliveMs: limits.idleKeepAliveMs };

/** Time for which there is an instance without work, in one idle time. */
const costMs = ({ fromMs, untilMs, keepAliveMs }: Due, idleMs: number): number =>
  (fromMs > 0 ? Math.min(idleMs, keepAliveMs) : 0) + Math.max(0, Math.min(idleMs, untilMs) - fromMs);

const catches = ({ fromMs, untilMs, keepAliveMs }: Due, idleMs: number): boolean =>
  idleMs <= keepAliveMs || (idleMs >= fromMs && idleMs <= untilMs);

const bounded = (value: number, least: number, most: number): number =>
  Number.isNaN(value) ? least : Math.trunc(Math.min(most, Math.max(least, value)));
