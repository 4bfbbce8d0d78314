import { limits } from '../base/limits.ts';

interface Decision {
  readonly atMs: number;
  readonly text: string;
  readonly about: string | null;
}

/** The last decisions about a function, with their reasons: for people. A ring. */
export class Decisions {
  readonly #kept: Decision[] = [];
  #next = 0;
  /** Of the newest. */
  #kind: string | null = null;

  /**
   * `about`: the instance's name; null: the function as a whole. What is of the same `kind` and about the same as the newest
   * one takes its place: a state that goes on would leave nothing else to be read. Null: of no kind.
   */
  add(text: string, about: string | null, nowMs: number, kind: string | null = null): void {
    const newest = (this.#next + limits.decisionsKept - 1) % limits.decisionsKept;
    const goesOn = kind !== null && kind === this.#kind && this.#kept[newest]?.about === about;
    this.#kind = kind;
    this.#kept[goesOn ? newest : this.#next] = { atMs: nowMs, text, about };
    if (!goesOn) this.#next = (this.#next + 1) % limits.decisionsKept;
  }

  /** Oldest first. */
  get all(): readonly Decision[] {
    return [...this.#kept.slice(this.#next), ...this.#kept.slice(0, this.#next)];
  }
}
