/** Lets so many through at once, and has so many wait. */
export class Gate {
  readonly #most: number;
  readonly #mostWaiting: number;
  #inside = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number, mostWaiting: number) {
    this.#most = most;
    this.#mostWaiting = mostWaiting;
  }

  /** Null: too many wait. Rejects as `act` does. */
  async through<Value>(act: () => Promise<Value>): Promise<{ readonly value: Value } | null> {
    if (this.#inside < this.#most) this.#inside += 1;
    else if (this.#waiting.length >= this.#mostWaiting) return null;
    else await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    try {
      return { value: await act() };
    } finally {
      // Whoever waits goes in its place.
      const next = this.#waiting.shift();
      if (next === undefined) this.#inside -= 1;
      else next();
    }
  }
}
