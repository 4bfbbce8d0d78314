import { limits } from '../base/limits.ts';
import { type Alarm, type Guard, guardOf, type MemoryAlarmed } from './guards.ts';
import type { LaneKnowledge } from './knowledge.ts';
import { placesAt, type Reading } from './law.ts';

/** What holds the limit where it is. */
export type Binding = 'prior' | 'guess' | 'law' | 'budget' | 'ceiling' | 'full' | 'unhelpful' | Guard;

/** One of limits.limitStep…: since the last change, or the last look. */
interface Sum {
  spanMs: number;
  usedMs: number;
  areaMs: number;
  fullMs: number;
  completions: number;
}

/** Why a limit changes. */
interface Reason {
  readonly binding: Binding;
  readonly text: string;
  /** What began under the old one is waited for so long. */
  readonly settleMs?: number;
}

/** What a guard says. */
type Named = Pick<Alarm, 'guard' | 'text'>;

/** More at once than there were, for a while. */
interface Trial {
  readonly from: number;
  readonly perSecond: number;
  readonly untilMs: number;
}

const nothing = (): Sum => ({ spanMs: 0, usedMs: 0, areaMs: 0, fullMs: 0, completions: 0 });

/**
 * How many invocations of a lane one instance may have at once, found by itself. Pure: readings come in, the number and
 * the reason of every change come out.
 *
 * The utilisation law (operational analysis; Denning and Buzen 1978): with L in flight and utilisation U the instance is
 * full at L ÷ U, which is its processors × the time of one alone ÷ the CPU of one. 100 ms of which 50 compute: 2. A pure
 * wait: no end. A pure computation: 1. That holds as long as U < 0.9; what is sent to an instance that is full only waits.
 * Then utilisation is throughput, in units of what the loop can do: as long as one fewer leaves it full, that one was of
 * no use.
 */
export class Limit {
  places: number;
  binding: Binding;
  /** In flight ÷ utilisation; null: not known. */
  saturation: number | null;
  /** The last change, with its reason. */
  lastChange: string | null = null;
  /** The inputs of the last look. */
  law: { inFlight: number; utilisation: number } = { inFlight: 0, utilisation: 0 };
  readonly #ceiling: number;
  #sum = nothing();
  /** When the law last held, and where: so that it is full by a little is no reason to try fewer. */
  #measuredMs = -Infinity;
  #settleUntilMs = -Infinity;
  #growAfterMs = -Infinity;
  #guardedMs = -Infinity;
  /** Nothing has been seen of it. */
  #isNew = true;
  /** At the last look. */
  #wasFull = false;
  /** What the last period's guards said. */
  #alarm: Guard | null = null;
  /** As it was when memory was the reason for fewer. */
  #memory: MemoryAlarmed | null = null;
  #trial: Trial | null = null;
  #triedMs: number;

  /** `lane`: what is known of it by now. */
  constructor(ceiling: number, lane: LaneKnowledge, nowMs: number) {
    this.#ceiling = ceiling;
    this.#triedMs = nowMs;
    this.places = lane.limit;
    this.saturation = lane.saturation;
    this.binding = this.#whyOf(lane);
  }

  /**
   * It gets work of the lane, and had none: what was learned from others since it was made, or last saw for itself, holds
   * for it too. The reason when the limit is another now; null: it is the same.
   */
  begins(lane: LaneKnowledge, nowMs: number): string | null {
    if (isGuard.has(this.binding) || nowMs < this.#growAfterMs) return null;
    if (!this.#isNew && lane.learnedMs <= this.#measuredMs) return null;
    this.#trial = null;
    this.saturation = lane.saturation;
    return this.#change(lane.limit, { binding: this.#whyOf(lane), text: 'what was learned of the function' }, nowMs);
  }

  /** What was learned of its lane holds no more. What a guard says does. The reason when the limit is another now. */
  forget(lane: LaneKnowledge, nowMs: number): string | null {
    this.#trial = null;
    this.#isNew = true;
    this.#measuredMs = -Infinity;
    this.saturation = null;
    if (isGuard.has(this.binding)) return null;
    const text = 'what was learned of both kinds of work together holds for neither';
    return this.#change(lane.limit, { binding: this.#whyOf(lane), text }, nowMs);
  }

  #whyOf(lane: LaneKnowledge): Binding {
    if (lane.limit >= this.#ceiling) return 'ceiling';
    if (lane.saturation !== null) return 'law';
    return lane.limit < limits.concurrencyDefault ? 'guess' : 'prior';
  }

  /** A period is over. The reason when the limit is another now; null: it is the same. */
  step(reading: Reading, lane: LaneKnowledge, nowMs: number): string | null {
    const reason = this.#stepped(reading, lane, nowMs);
    if (reading.completions === 0) lane.stands(this.places);
    return reason;
  }

  #stepped(reading: Reading, lane: LaneKnowledge, nowMs: number): string | null {
    this.#isNew = false;
    const guarded = this.#guard(reading, lane, nowMs);
    if (guarded !== null) return guarded;
    // What began under the old limit says little of the new one.
    if (nowMs - reading.periodMs < this.#settleUntilMs) return null;
    const sum = this.#sum;
    sum.spanMs += reading.periodMs;
    sum.usedMs += reading.utilisation * reading.periodMs;
    sum.areaMs += reading.inFlight * reading.periodMs;
    sum.fullMs += reading.full * reading.periodMs;
    sum.completions += reading.completions;
    return this.#tells(reading, lane, nowMs) ? this.#look(lane, nowMs) : null;
  }

  /** What is far off shows at once; near by, a few more invocations have to tell. */
  #tells(reading: Reading, lane: LaneKnowledge, nowMs: number): boolean {
    const { spanMs, completions } = this.#sum;
    const isNear = this.#isMeasured(nowMs) && this.places * 2 > placesAt(this.saturation!);
    if (!isNear && reading.full >= fullyUsed && reading.utilisation < evidentlyFree) return true;
    if (spanMs < stepMs(lane)) return false;
    if (this.places > 2 * placesAt(lane.guess)) return true;
    if (!this.#isMeasured(nowMs) && completions >= limits.limitFirstSamples) return true;
    return spanMs >= limits.limitSpanMaxMs || (spanMs >= limits.limitSpanMs && completions >= limits.limitSamples);
  }

  /** The law was seen to hold, not too long ago. */
  #isMeasured(nowMs: number): boolean {
    return this.saturation !== null && nowMs - this.#measuredMs < limits.limitRetestMs;
  }

  /**
   * The loop did not come round; `begun`: what user code had. Before anything is known that is all it gets then: but not
   * for its very first work, which may compile and open for long what it needs once. (`isWarm`: it has answered before.)
   */
  stuck(begun: number, heldMs: number, isWarm: boolean, nowMs: number): string | null {
    if (!isWarm || this.saturation !== null || begun >= this.places) return null;
    this.#isNew = false;
    this.#trial = null;
    const text = `event loop held for ${ms(heldMs)} with ${begun} begun`;
    return this.#change(Math.max(1, begun), { binding: 'loop', text }, nowMs);
  }

  /** It refused one, with so many in flight. */
  refused(reason: Guard, inFlight: number, lane: LaneKnowledge, nowMs: number): string | null {
    if (nowMs - this.#guardedMs < stepMs(lane)) return null;
    const next = shrunk(Math.min(this.places, Math.max(1, inFlight)));
    return this.#guarded(next, { guard: reason, text: `it refuses: ${reason}` }, lane, nowMs);
  }

  #guard(reading: Reading, lane: LaneKnowledge, nowMs: number): string | null {
    if (reading.isWarm && reading.inFlight <= 1.1) lane.turned(reading.loopDelayMs, nowMs);
    const alarm = guardOf(reading, lane, this.#memory);
    // A single period may have been anything: a collection of garbage, a machine that was held.
    const isAgain = alarm !== null && alarm.guard === this.#alarm;
    this.#alarm = alarm?.guard ?? null;
    if (alarm === null || !isAgain || nowMs - this.#guardedMs < stepMs(lane)) return null;
    const used = Math.min(this.places, Math.max(1, Math.ceil(reading.inFlight)));
    if (alarm.guard === 'memory') this.#memory = { usedMiB: reading.memoryUsedMiB, inFlight: reading.inFlight };
    return this.#guarded(alarm.places ?? shrunk(used), alarm, lane, nowMs);
  }

  #guarded(next: number, { guard, text }: Named, lane: LaneKnowledge, nowMs: number): string | null {
    if (next >= this.places) return null;
    if (isShortage.has(guard)) lane.short();
    this.#trial = null;
    this.#guardedMs = nowMs;
    this.#growAfterMs = nowMs + limits.guardHoldSteps * stepMs(lane);
    return this.#change(next, { binding: guard, text, settleMs: lane.ownMs }, nowMs);
  }

  #look(lane: LaneKnowledge, nowMs: number): string | null {
    const sum = this.#sum;
    this.law = { inFlight: sum.areaMs / sum.spanMs, utilisation: Math.min(1, sum.usedMs / sum.spanMs) };
    if (this.#trial !== null) return this.#judge(this.#trial, lane, nowMs);
    return this.law.utilisation * 1000 >= limits.loadFullPermille ? this.#full(lane, nowMs) : this.#free(lane, nowMs);
  }

  /** Not full: the law holds. */
  #free(lane: LaneKnowledge, nowMs: number): string | null {
    const { spanMs, fullMs, completions } = this.#sum;
    const { inFlight, utilisation } = this.law;
    const isUsed = fullMs >= spanMs * fullyUsed;
    const tells = completions >= limits.limitSamples || (isUsed && inFlight >= 0.5);
    // With little to go by, wait for more; but no longer than what is said here may still be true.
    if (!tells && spanMs < limits.demandWindowMs) return null;
    this.#wasFull = false;
    this.#sum = nothing();
    const saturation = Math.min(limits.concurrencyMax, inFlight / Math.max(utilisation, leastUtilisation));
    // Next to nothing may be what the platform itself uses: it can say that there is room, not that there is none.
    if (!tells || (utilisation < tellingUtilisation && placesAt(saturation) < this.places)) return null;
    this.#learn(saturation, nowMs);
    if (spanMs >= stepMs(lane) && completions > 0) lane.learned(this.saturation!, nowMs);
    const target = this.#target(lane);
    // It was of no use, and is not evidently of use now.
    const isUnhelpful = this.#isUnhelpful(lane);
    const load = `${amount(inFlight)} in flight use ${percent(utilisation)} of the loop`;
    if (target < this.places && completions >= limits.limitSamples) {
      const text = `${load}, so it is full at ${amount(saturation)}${smoothed(saturation, this.saturation!)}`;
      return this.#change(target, { binding: this.#why(target), text, settleMs: lane.ownMs }, nowMs);
    }
    if (target > this.places && isUsed && nowMs >= this.#growAfterMs && !isUnhelpful) {
      const next = Math.min(target, this.places * 2);
      const settleMs = utilisation < evidentlyFree ? 0 : lane.ownMs;
      return this.#change(next, { binding: this.#why(next), text: `fully used, and ${load}`, settleMs }, nowMs);
    }
    // What a guard made it, it is until it has grown.
    if (!isGuard.has(this.binding)) this.binding = isUnhelpful ? 'unhelpful' : this.#why(this.places);
    return null;
  }

  /** More than there are now brought nothing when that was seen last, and the loop is as good as full; else that is over. */
  #isUnhelpful(lane: LaneKnowledge): boolean {
    const { unhelpfulAbove } = lane;
    if (unhelpfulAbove === null || this.places < unhelpfulAbove) return false;
    if (this.law.utilisation * 1000 >= limits.loadTargetPermille) return true;
    lane.unhelpfulAbove = null;
    return false;
  }

  /** Full: L ÷ U is as much as it can be, and what is above is of no use. */
  #full(lane: LaneKnowledge, nowMs: number): string | null {
    const { inFlight, utilisation } = this.law;
    const { spanMs, completions, fullMs } = this.#sum;
    const perSecond = (completions * 1000) / spanMs;
    if (inFlight >= 0.9) {
      const most = inFlight / utilisation;
      const known = this.saturation;
      // Once may be chance; again, and what was known is wrong.
      if (known === null) this.saturation = most;
      else if (most < known) this.saturation = this.#wasFull ? most : known + (most - known) * newest;
      lane.full(most, nowMs);
    }
    const wasFull = this.#wasFull;
    this.#wasFull = true;
    this.#sum = nothing();
    const least = Math.min(this.#ceiling, lane.budget);
    const fewer = this.#fewer(Math.max(1, inFlight), lane, nowMs);
    if (this.places > least && fewer < this.places) {
      const next = Math.max(least, fewer);
      const text = `the loop is full (${percent(utilisation)}) with ${amount(inFlight)} in flight: more would only wait`;
      return this.#change(next, { binding: 'full', text, settleMs: lane.ownMs }, nowMs);
    }
    if (!isGuard.has(this.binding)) this.binding = this.places === this.#ceiling ? 'ceiling' : 'full';
    const isUsed = fullMs >= spanMs * nearlyAlways;
    if (wasFull && isUsed) lane.unhelpfulAbove = this.places;
    if (isUsed && this.places < this.#ceiling && nowMs - this.#triedMs >= limits.limitRetestMs) {
      return this.#try(perSecond, nowMs);
    }
    return null;
  }

  /** What to go down to from here: by a quarter, or one; towards a guess faster. Not from where the law was seen to lead. */
  #fewer(inFlight: number, lane: LaneKnowledge, nowMs: number): number {
    const used = Math.min(this.places, Math.ceil(inFlight));
    const quarterLess = Math.ceil((used * limits.loadTargetPermille) / 1000);
    const guessed = Math.max(placesAt(lane.guess), Math.ceil(used / 4));
    const next = used > 3 ? Math.min(quarterLess, guessed) : Math.max(1, used - 1);
    return this.#isMeasured(nowMs) ? Math.max(next, Math.min(used, placesAt(this.saturation!))) : next;
  }

  /** One more (a quarter), to see whether they bring more now. */
  #try(perSecond: number, nowMs: number): string | null {
    const from = this.places;
    const next = Math.min(this.#ceiling, from + Math.max(1, Math.ceil(from / 4)));
    this.#trial = { from, perSecond, untilMs: nowMs + limits.limitTrialMs };
    this.#triedMs = nowMs;
    return this.#change(next, { binding: 'full', text: 'tried again: whether more at once bring more by now' }, nowMs);
  }

  /** The marginal throughput: k more of n at once are worth it when they bring a quarter of k ÷ n more, at least. */
  #judge({ from, perSecond, untilMs }: Trial, lane: LaneKnowledge, nowMs: number): string | null {
    const { completions, spanMs, fullMs } = this.#sum;
    const isTold = completions >= limits.limitTrialSamples;
    if (!isTold && nowMs < untilMs) return null;
    this.#trial = null;
    const gain = (completions * 1000) / spanMs / perSecond - 1;
    if (!isTold || fullMs < spanMs * nearlyAlways) {
      const text = 'too little has come to tell whether more at once bring more';
      return this.#change(from, { binding: 'full', text }, nowMs);
    }
    if (gain >= (0.25 * (this.places - from)) / from) {
      this.#measuredMs = nowMs;
      this.saturation = Math.max(this.saturation ?? 0, this.places);
      lane.unhelpfulAbove = null;
      this.#sum = nothing();
      return null;
    }
    lane.unhelpfulAbove = from;
    const text = `unhelpful: ${this.places} at once brought ${percent(Math.max(0, gain))} more than ${from}`;
    return this.#change(from, { binding: 'unhelpful', text, settleMs: lane.ownMs }, nowMs);
  }

  #learn(saturation: number, nowMs: number): void {
    const known = this.saturation;
    // From far off in long steps, near by in short ones: one look is a sample.
    const isFar = known !== null && (saturation > known * 2 || saturation * 2 < known);
    if (known === null || !this.#isMeasured(nowMs)) this.saturation = saturation;
    else this.saturation = isFar ? Math.sqrt(known * saturation) : known + (saturation - known) * newest;
    this.#measuredMs = nowMs;
  }

  #target(lane: LaneKnowledge): number {
    const wanted = Math.max(placesAt(this.saturation!), lane.budget);
    return Math.max(1, Math.min(this.#ceiling, wanted));
  }

  #why(places: number): Binding {
    if (places >= this.#ceiling) return 'ceiling';
    return this.saturation !== null && placesAt(this.saturation) >= places ? 'law' : 'budget';
  }

  #change(next: number, { binding, text, settleMs = 0 }: Reason, nowMs: number): string | null {
    this.#sum = nothing();
    this.binding = binding;
    if (next === this.places) return null;
    this.lastChange = `limit ${this.places} → ${next}: ${text}`;
    this.places = next;
    this.#settleUntilMs = nowMs + Math.min(settleMs, limits.limitStepMaxMs);
    return this.lastChange;
  }
}

const isGuard: ReadonlySet<Binding> = new Set(['loop', 'memory', 'throttled', 'errors', 'cpu', 'fds']);

/** Those where another instance has what this one lacks, whatever the processors do. */
const isShortage: ReadonlySet<Guard> = new Set(['memory', 'fds', 'errors']);

/** At its limit for this share of the time: fully used. */
const fullyUsed = 0.2;
/** At its limit for so much of the time there was always more. */
const nearlyAlways = 0.8;
/** Below this utilisation it can grow with every period. */
const evidentlyFree = 0.25;
/** Below this one the platform's own work tells. */
const tellingUtilisation = 0.02;
/** Vitals are no finer. */
const leastUtilisation = 0.001;
const newest = 0.3;

/** What this look says is one thing, what all looks say another. */
const smoothed = (seen: number, all: number): string =>
  Math.abs(seen - all) > 0.1 * all ? ` (${amount(all)} by earlier looks too)` : '';

const shrunk = (places: number): number => Math.max(1, Math.floor(places * 0.7));

/** Twice as long as an invocation takes that waits for no other: fast functions learn faster. */
const stepMs = (lane: LaneKnowledge): number =>
  Math.min(limits.limitStepMaxMs, Math.max(limits.limitStepMinMs, 2 * lane.ownMs));

const percent = (share: number): string => `${Math.round(share * 100)} %`;
const amount = (count: number): string => (count < 10 ? count.toFixed(1) : count.toFixed(0));
const ms = (time: number): string => `${Math.round(time)} ms`;
