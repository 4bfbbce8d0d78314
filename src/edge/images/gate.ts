/** How many a Gate lets through at once and has wait, of all and of one for whom they go through. */
export interface GateMost {
  readonly inside: number;
  readonly insideOfOne: number;
  readonly waiting: number;
  readonly waitingOfOne: number;
}

/** Those who go through for one and the same. */
interface Lane {
  inside: number;
  readonly waiting: (() => void)[];
}

/** Lets so many through at once, and has so many wait. Whose take long do not keep out those of others: they take turns. */
export class Gate {
  readonly #most: GateMost;
  #inside = 0;
  #waiting = 0;
  /** Only lanes with something in them; whose turn is next comes first. */
  readonly #lanes = new Map<object, Lane>();

  constructor(most: GateMost) {
    this.#most = most;
  }

  /** Null: too many wait. Rejects as `act` does. */
  async through<Value>(whose: object, act: () => Promise<Value>): Promise<{ readonly value: Value } | null> {
    let lane = this.#lanes.get(whose);
    if (lane === undefined) this.#lanes.set(whose, (lane = { inside: 0, waiting: [] }));
    if (this.#hasRoom(lane)) this.#enter(lane);
    else if (this.#waiting >= this.#most.waiting || lane.waiting.length >= this.#most.waitingOfOne) {
      if (lane.inside + lane.waiting.length === 0) this.#lanes.delete(whose);
      return null;
    } else {
      this.#waiting += 1;
      await new Promise<void>((resolve) => void lane.waiting.push(resolve));
    }
    try {
      return { value: await act() };
    } finally {
      this.#leave(whose, lane);
    }
  }

  #hasRoom({ inside }: Lane): boolean {
    return this.#inside < this.#most.inside && inside < this.#most.insideOfOne;
  }

  #enter(lane: Lane): void {
    this.#inside += 1;
    lane.inside += 1;
  }

  /** Whoever waits goes in its place. */
  #leave(whose: object, lane: Lane): void {
    this.#inside -= 1;
    lane.inside -= 1;
    if (lane.inside + lane.waiting.length === 0) this.#lanes.delete(whose);
    for (const [next, waiting] of this.#lanes) {
      if (waiting.waiting.length === 0 || !this.#hasRoom(waiting)) continue;
      this.#lanes.delete(next);
      this.#lanes.set(next, waiting);
      this.#waiting -= 1;
      this.#enter(waiting);
      waiting.waiting.shift()!();
      return;
    }
  }
}
