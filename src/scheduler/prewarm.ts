// Hot path: arrived() once per invocation, the rest ten times a second for every function.
import { limits } from '../base/limits.ts';
import type { LearnedArrivals } from '../model/learned.ts';
import type { Deployment } from '../model/snapshot.ts';
import { IdleHistogram } from './idle-histogram.ts';
import type { Due } from './idle-histogram.ts';
import { Surge } from './surge.ts';

export interface PrewarmInput {
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: number;
  /** Invocations that one instance takes. */
  readonly limit: number;
  /** From the start of an instance until it is ready. */
  readonly startMs: number;
  /** There is no memory for what is only kept because production is kept. */
  readonly memoryShort?: boolean;
}

export interface Wanted {
  /** So many are to exist in all, ready or starting, however little there is to do. */
  readonly instances: number;
  /** So many would be if there were memory for all. */
  readonly wished: number;
  readonly reason: string;
  /** How likely the function is to be invoked within the hour, 0–1: who cannot have them all serves the largest first. */
  readonly chance: number;
}

/**
 * How many instances of a function are kept or started without work, by what is known of when it is invoked.
 *
 * - **Scale to one**: one instance of a production function stays until limits.scaleToOneMs after its last invocation. Previews
 *   scale to zero, and so does production that was never invoked.
 * - **Rare functions** (previews; production beyond that time, or while memory is short): one is ready when the next
 *   invocation is due by the histogram of idle times.
 * - **Surges**: as many as take at 0.7 of their limit what came in this and the next minute of the day (and while an instance
 *   starts) on more than one day. At most limits.surgeInstances.
 *
 * What was learned before a restart counts. So after one, every production function of the last 14 days wants its instance
 * at once, and on a small server fifty of them are 3 GB. Who of them has it is the caller's to say (keep.ts, by `wished` and
 * `chance`); the rest it asks with `memoryShort`, and they are treated as rare. The chance within the hour is 1 for a surge; where an invocation is due, the hour's part of that time;
 * else hour ÷ (hour + time since the last one): idle times are so heavy-tailed that what was idle for long will be (the
 * Pareto law with exponent 1, in which half of what was idle for t is still idle after 2 t).
 *
 * The clock may jump. Time in which nobody observed (limits.unwatchedMs) is neither an idle time nor a day without surge.
 */
export class Prewarm {
  readonly #isProduction: boolean;
  readonly #idle: IdleHistogram;
  readonly #surge: Surge;
  /** When it last had an invocation. */
  #lastMs = -Infinity;
  #watchedMs = -Infinity;
  /** Somebody watched since it became idle. */
  #isWhole = false;
  #answer: Wanted = unknown;
  /** What the answer is made of. */
  #basis: Basis = { why: 'idle', instances: 0, wished: 0, expected: 'idle', idleMinutes: Infinity, surgeMinute: 0 };

  constructor(options: { environment: Deployment['environment']; learned: LearnedArrivals | null }) {
    const { environment, learned } = options;
    this.#isProduction = environment === 'production';
    if (learned !== null && learned.lastWallMs > 0) {
      this.#lastMs = learned.lastWallMs;
      this.#watchedMs = learned.watchedWallMs >= this.#lastMs ? learned.watchedWallMs : this.#lastMs;
      this.#isWhole = true;
    }
    this.#idle = new IdleHistogram(learned);
    this.#surge = new Surge(learned?.minutePeaks ?? [], this.#watchedMs);
  }

  /** An invocation has come. */
  arrived(wallMs: number): void {
    if (wallMs - this.#lastMs >= shortestIdleMs) this.#endIdle(wallMs);
    this.#lastMs = wallMs;
    this.#isWhole = true;
    this.#surge.arrived(wallMs);
  }

  /** What is in flight or queued now. To be called several times a minute at least, also when there is nothing. */
  observe(demand: number, wallMs: number): void {
    if (this.#hasHole(wallMs)) this.#isWhole = false;
    this.#watchedMs = wallMs;
    this.#surge.observe(demand, wallMs);
    if (demand > 0) {
      this.#lastMs = wallMs;
      this.#isWhole = true;
    } else if (this.#lastMs > wallMs) {
      // The clock was put back.
      this.#lastMs = wallMs;
    }
  }

  /** What is kept ready without work now. The same object while nothing changes but seconds. */
  wanted(input: PrewarmInput): Wanted {
    const { wallMs, memoryShort = false } = input;
    const startMs = Math.min(Math.max(0, input.startMs), limits.startTimeoutMs);
    const idleMs = this.#idleMs(wallMs);
    const surgeMinute = this.#surge.busiest(wallMs, wallMs + startMs + minuteMs);
    const surge = surgeInstances(this.#surge.expected(surgeMinute), input.limit);
    const { due } = this.#idle;
    const isDue = due !== null && idleMs + startMs >= due.fromMs && idleMs <= due.untilMs;
    const isKept = this.#isKept(idleMs);
    let why: Why = isDue ? 'due' : 'idle';
    const expected = surge > 0 ? 'surge' : why;
    if (isKept && !memoryShort) why = 'production';
    const one = why === 'idle' ? 0 : 1;
    if (surge > one) why = 'surge';
    const instances = Math.max(one, surge);
    const wished = Math.max(instances, isKept ? 1 : 0);
    const idleMinutes = Math.floor(idleMs / minuteMs);
    return this.#answerOf({ why, instances, wished, expected, idleMinutes, surgeMinute });
  }

  #answerOf(basis: Basis): Wanted {
    if (!isSame(basis, this.#basis)) {
      this.#basis = basis;
      const { instances, wished } = basis;
      this.#answer = { instances, wished, reason: this.#reason(basis), chance: chance(basis, this.#idle.due) };
    }
    return this.#answer;
  }

  /**
   * How long an idle instance beyond those wanted is kept, milliseconds. Of a function that is kept warm, these are the ones
   * that more traffic needed, of which the histogram of idle times does not tell.
   */
  keepAliveMs(wallMs: number): number {
    if (this.#isKept(this.#idleMs(wallMs))) return limits.idleKeepAliveMs;
    return this.#idle.due?.keepAliveMs ?? limits.idleKeepAliveMs;
  }

  /** What is to be kept over restarts; null: it was never invoked. */
  learned(): LearnedArrivals | null {
    if (this.#lastMs === -Infinity) return null;
    return {
      lastWallMs: this.#lastMs,
      watchedWallMs: Math.max(this.#watchedMs, this.#lastMs),
      ...this.#idle.learned(),
      minutePeaks: this.#surge.learned(),
    };
  }

  #endIdle(wallMs: number): void {
    if (this.#isWhole && !this.#hasHole(wallMs)) this.#idle.record(wallMs - this.#lastMs);
  }

  /** From when it was last watched until now there is time of which nothing is known, or the clock jumped. */
  #hasHole(wallMs: number): boolean {
    return Math.abs(wallMs - this.#watchedMs) > limits.unwatchedMs;
  }

  /** Infinity: it was never invoked. */
  #idleMs(wallMs: number): number {
    return Math.max(0, wallMs - this.#lastMs);
  }

  #isKept(idleMs: number): boolean {
    return this.#isProduction && idleMs < limits.scaleToOneMs;
  }

  #reason({ why, idleMinutes, surgeMinute }: Basis): string {
    if (idleMinutes === Infinity && why === 'idle') return 'nothing kept: not invoked yet';
    const { due } = this.#idle;
    const last = `last invocation ${ago(idleMinutes)}`;
    const when = due === null ? '' : `${minutesOf(due.fromMs)} to ${minutesOf(due.untilMs)} min after it`;
    if (why === 'surge') {
      return `kept ready: ${Math.ceil(this.#surge.expected(surgeMinute))} at once expected at ${timeOf(surgeMinute)} UTC`;
    }
    if (why === 'production') return `kept warm: production, ${last}`;
    if (why === 'due') return `kept ready: ${last}, the next is due ${when}`;
    // It would be kept otherwise.
    const isShort = this.#isKept(idleMinutes * minuteMs);
    if (due === null) return `nothing kept: ${isShort ? 'memory is short, ' : ''}${last}`;
    return idleMinutes * minuteMs < due.fromMs
      ? `nothing kept: ${last}, the next is due ${when}`
      : `nothing kept: ${last}, none came when it was due, ${when}`;
  }
}

type Why = 'production' | 'due' | 'surge' | 'idle';

interface Basis {
  readonly why: Why;
  readonly instances: number;
  readonly wished: number;
  /** What an invocation is expected by, whether its instance is kept for that or not. */
  readonly expected: Why;
  readonly idleMinutes: number;
  readonly surgeMinute: number;
}

/** But for the minute of a surge, which moves on with the time. */
const isSame = (one: Basis, other: Basis): boolean =>
  one.why === other.why &&
  one.instances === other.instances &&
  one.wished === other.wished &&
  one.expected === other.expected &&
  one.idleMinutes === other.idleMinutes;

/** Of a function that was never invoked. */
export const unknown: Wanted = { instances: 0, wished: 0, reason: 'nothing kept: not invoked yet', chance: 0 };

const minuteMs = 60_000;
/** What the histogram does not count. */
const shortestIdleMs = minuteMs;
/** The part of an instance's limit that is used when it is not to be late with more. */
const utilisation = 0.7;

function surgeInstances(expected: number, limit: number): number {
  if (expected === 0) return 0;
  const instances = Math.ceil(expected / (utilisation * Math.max(1, limit)));
  return Math.min(limits.surgeInstances, Math.max(1, instances));
}

function chance({ expected, idleMinutes }: Basis, due: Due | null): number {
  if (expected === 'surge') return 1;
  const untold = 60 / (60 + idleMinutes);
  if (expected !== 'due' || due === null) return untold;
  return Math.max(untold, Math.min(1, (60 * minuteMs) / (due.untilMs - due.fromMs)));
}

function ago(minutes: number): string {
  if (minutes < 1) return 'less than a minute ago';
  if (minutes < 120) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} d ago`;
}

const minutesOf = (ms: number): number => Math.round(ms / minuteMs);
const timeOf = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
