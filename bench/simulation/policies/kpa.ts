/**
 * Knative's pod autoscaler with the defaults of its configuration (config-autoscaler, config-defaults): what follows is
 * retold from the behaviour of knative/serving, pkg/autoscaler/scaling/autoscaler.go and aggregation/bucketing.go.
 */
export const kpaDefaults = {
  /** container-concurrency-target-default × container-concurrency-target-percentage. */
  targetPerInstance: 100 * 0.7,
  stableWindowMs: 60_000,
  /** panic-window-percentage 10 of it. */
  panicWindowMs: 6_000,
  /** panic-threshold-percentage 200. */
  panicThreshold: 2,
  maxScaleUpRate: 1000,
  maxScaleDownRate: 2,
  evaluateMs: 2_000,
  scrapeMs: 1_000,
  /** scale-to-zero-grace-period: an upper bound there, taken in full here. */
  graceMs: 30_000,
  initialScale: 1,
} as const;

/** Sums by second over the last so many seconds, and their average over those of which anything is known. */
export class SecondsWindow {
  readonly #sums: Float64Array;
  #first = -1;
  #last = -1;

  constructor(windowMs: number) {
    this.#sums = new Float64Array(windowMs / 1000);
  }

  record(nowMs: number, value: number): void {
    const second = Math.floor(nowMs / 1000);
    const size = this.#sums.length;
    if (this.#last === -1 || second - this.#last >= size) {
      this.#sums.fill(0);
      this.#first = second;
    } else {
      for (let at = this.#last + 1; at <= second; at += 1) this.#sums[at % size] = 0;
    }
    this.#last = second;
    this.#sums[second % size]! += value;
  }

  /** Over a part of the window as long as there is no more; 0 when nothing was recorded for a whole window. */
  average(nowMs: number): number {
    const second = Math.floor(nowMs / 1000);
    const size = this.#sums.length;
    const silent = second - this.#last;
    if (this.#last === -1 || silent >= size) return 0;
    let sum = 0;
    for (let at = second - size + 1; at <= this.#last; at += 1) if (at >= 0) sum += this.#sums[at % size]!;
    const known = Math.min(this.#last - this.#first + 1, size - silent);
    return Math.round((sum / known) * 1e6) / 1e6;
  }
}

/** How many instances there are to be, by averages of what is in flight. Keeps whether it panics. */
export class Autoscaler {
  #panicMs = -1;
  #panicInstances = 0;

  get panics(): boolean {
    return this.#panicMs !== -1;
  }

  desired(ready: number, stable: number, panic: number, nowMs: number): number {
    const { targetPerInstance, maxScaleUpRate, maxScaleDownRate, panicThreshold } = kpaDefaults;
    const counted = Math.max(1, ready);
    const most = Math.ceil(maxScaleUpRate * counted);
    const least = Math.floor(counted / maxScaleDownRate);
    const forStable = Math.ceil(stable / targetPerInstance);
    const forPanic = Math.ceil(panic / targetPerInstance);
    this.#judge(forPanic / counted >= panicThreshold, nowMs);
    const bounded = Math.min(Math.max(forStable, least), most);
    if (!this.panics) return bounded;
    // Never fewer while it panics.
    this.#panicInstances = Math.max(this.#panicInstances, bounded, Math.min(Math.max(forPanic, least), most));
    return this.#panicInstances;
  }

  #judge(isOver: boolean, nowMs: number): void {
    if (isOver) {
      this.#panicMs = nowMs;
    } else if (this.panics && nowMs - this.#panicMs > kpaDefaults.stableWindowMs) {
      this.#panicMs = -1;
      this.#panicInstances = 0;
    }
  }
}
