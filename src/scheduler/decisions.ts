import { limits } from '../base/limits.ts';

/** The last decisions about a function, with their reasons: for people. A ring. */
export class Decisions {
  readonly #kept: { readonly atMs: number; readonly text: string; readonly about: string | null }[] = [];
  #next = 0;

  /** `about`: the instance's name; null: the function as a whole. */
  add(text: string, about: string | null, nowMs: number): void {
    this.#kept[this.#next] = { atMs: nowMs, text, about };
    this.#next = (this.#next + 1) % limits.decisionsKept;
  }

  /** Oldest first. */
  get all(): readonly { readonly atMs: number; readonly text: string; readonly about: string | null }[] {
    return [...this.#kept.slice(this.#next), ...this.#kept.slice(0, this.#next)];
  }
}
