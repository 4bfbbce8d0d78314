// Hot path: arrived() once per invocation, observe() ten times a second for every function. Nothing is allocated.
import { limits } from '../base/limits.ts';
import type { MinutePeak } from '../model/learned.ts';

/**
 * How much a function will have at once, by minute of the day (UTC): what comes every day at the same time is expected there.
 *
 * Two figures a minute. The average of the days' peaks, in which a day counts α and the days before it 1 − α; a day with
 * nothing is a peak of 0. And what was repeated, which is what is expected: a rise is believed when it has come twice (a peak
 * counts up to average ÷ α, which is yesterday's peak where that was the only one), a fall by α a day. So a surge is expected
 * after two days, one that never comes again is not, and one of working days is still expected after a weekend.
 *
 * Minutes in which nobody watched (the platform was off, the machine was asleep) count neither as something nor as nothing.
 */
export class Surge {
  /** By minute of the day; empty until there is something. */
  #average: Float32Array = new Float32Array(0);
  #repeated: Float32Array = new Float32Array(0);
  /** The minute that is watched, since the Unix epoch; its end; and the most in it so far. */
  #minute = -1;
  #endMs = -Infinity;
  #most = 0;
  /** The last minute that was counted: a clock that is put back does not make another day of the same minutes. */
  #counted = -Infinity;

  constructor(peaks: readonly MinutePeak[], watchedWallMs: number) {
    this.#counted = Math.floor(watchedWallMs / minuteMs) - 1;
    for (const [minute, average, repeated] of peaks) {
      if (!Number.isInteger(minute) || minute < 0 || minute >= minutesOfDay) continue;
      this.#allocate();
      this.#average[minute] = bounded(average);
      this.#repeated[minute] = bounded(repeated);
    }
  }

  /** What came and went between two looks was there as well. */
  arrived(wallMs: number): void {
    if (wallMs >= this.#endMs) this.#turn(wallMs);
    if (this.#most === 0) this.#most = 1;
  }

  observe(demand: number, wallMs: number): void {
    if (wallMs >= this.#endMs || wallMs < this.#endMs - minuteMs) this.#turn(wallMs);
    if (demand > this.#most) this.#most = demand;
  }

  /** The minute of the day for which most is expected, of those between two times (the earliest of equals). */
  busiest(fromWallMs: number, toWallMs: number): number {
    const first = Math.floor(fromWallMs / minuteMs);
    const last = Math.floor(toWallMs / minuteMs);
    let best = first;
    for (let minute = first + 1; minute <= last; minute += 1) {
      if (this.expected(minute % minutesOfDay) > this.expected(best % minutesOfDay)) best = minute;
    }
    return best % minutesOfDay;
  }

  /** How much is expected at once in a minute of the day; 0: nothing to speak of. */
  expected(minute: number): number {
    const repeated = this.#repeated[minute] ?? 0;
    return repeated < leastExpected ? 0 : repeated;
  }

  /** Of the minutes in which most came (limits.learnedMinutes): what comes all day long, other means see coming. */
  learned(): MinutePeak[] {
    const most = this.#average.map((average, minute) => Math.max(average, this.#repeated[minute]!));
    const least = Math.max(leastKept, most.toSorted().at(-limits.learnedMinutes) ?? 0);
    const peaks: MinutePeak[] = [];
    for (let minute = 0; minute < most.length && peaks.length < limits.learnedMinutes; minute += 1) {
      if (most[minute]! < least) continue;
      peaks.push([minute, rounded(this.#average[minute]!), rounded(this.#repeated[minute]!)]);
    }
    return peaks;
  }

  #turn(wallMs: number): void {
    if (this.#minute >= 0) this.#count(this.#minute, this.#most);
    this.#minute = Math.floor(wallMs / minuteMs);
    this.#endMs = (this.#minute + 1) * minuteMs;
    this.#most = 0;
  }

  #count(minute: number, most: number): void {
    // Put back by more than a day: the clock was wrong before.
    if (minute <= this.#counted && this.#counted - minute <= minutesOfDay) return;
    this.#counted = minute;
    if (most > 0) this.#allocate();
    else if (this.#average.length === 0) return;
    const at = minute % minutesOfDay;
    const before = this.#average[at]!;
    this.#average[at] = before + dayWeight * (most - before);
    this.#repeated[at] = Math.max(Math.min(most, before / dayWeight), (1 - dayWeight) * this.#repeated[at]!);
  }

  #allocate(): void {
    if (this.#average.length > 0) return;
    this.#average = new Float32Array(minutesOfDay);
    this.#repeated = new Float32Array(minutesOfDay);
  }
}

const minuteMs = 60_000;
const minutesOfDay = 1440;
/** α: how much the last day counts. */
const dayWeight = 0.3;
/** One that came on Friday and the day before is expected on Monday: 0.7³ is less than this, 0.7² more. */
const leastExpected = 0.4;
/** Less than this of an average is not kept over a restart. */
const leastKept = 0.05;
const mostAtOnce = 1e6;

const bounded = (value: number): number => (value > 0 ? Math.min(value, mostAtOnce) : 0);

/** To three digits. As text there would be thousands of them to parse. */
function rounded(value: number): number {
  const digits = 2 - Math.floor(Math.log10(value));
  if (value === 0 || digits < 0) return Math.round(value);
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale;
}
