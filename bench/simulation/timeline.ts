/** The highest value of something in each of so many equal spans of time. */
export class Timeline {
  readonly #spanMs: number;
  readonly peaks: Float64Array;
  #level = 0;
  #at = 0;
  peak = 0;

  constructor(durationMs: number, spans: number) {
    this.#spanMs = durationMs / spans;
    this.peaks = new Float64Array(spans);
  }

  /** `change` at this time, which is never before the last one. What comes after the end counts in the last span. */
  add(change: number, nowMs: number): void {
    this.#carry(nowMs);
    this.#level += change;
    if (this.#level > this.peaks[this.#at]!) this.peaks[this.#at] = this.#level;
    if (this.#level > this.peak) this.peak = this.#level;
  }

  end(nowMs: number): void {
    this.#carry(nowMs);
  }

  #carry(nowMs: number): void {
    const now = Math.min(this.peaks.length - 1, Math.floor(nowMs / this.#spanMs));
    while (this.#at < now) this.peaks[(this.#at += 1)] = this.#level;
  }
}
