import { limits } from '../base/limits.ts';

/** The last decisions about a function, with their reasons: for people. A ring. */
export class Decisions {
  readonly #kept: { readonly atMs: number; readonly text: string; readonly index: number }[] = [];
  #next = 0;

  /** `index`: the instance it is about; −1: the function as a whole. */
  add(text: string, index: number, nowMs: number): void {
    this.#kept[this.#next] = { atMs: nowMs, text, index };
    this.#next = (this.#next + 1) % limits.decisionsKept;
  }

  /** Oldest first. */
  get all(): readonly { readonly atMs: number; readonly text: string; readonly index: number }[] {
    return [...this.#kept.slice(this.#next), ...this.#kept.slice(0, this.#next)];
  }
}
