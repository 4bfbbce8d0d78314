import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { LogLine } from '../../api/observed.ts';
import { matcher } from './line.ts';
import type { LineFilter } from './line.ts';
import type { LogStore } from './log-store.ts';

export interface Following {
  readonly filter: LineFilter;
  /** So many earlier lines first. */
  readonly tail: number;
  /** Go on behind the line of this id, instead; null: begin. */
  readonly afterId: number | null;
  readonly signal: AbortSignal;
}

export type Followed =
  | { readonly kind: 'line'; readonly line: LogLine }
  /** Lines that are not shown: the client was too slow. Null: earlier ones, which cannot be read. */
  | { readonly kind: 'dropped'; readonly lines: number | null }
  /** Nothing has come for a while. */
  | { readonly kind: 'beat' };

/** What came and was not taken. */
class Waiting {
  readonly #matches: (line: LogLine) => boolean;
  #lines: LogLine[] = [];
  #characters = 0;
  #wake: (() => void) | null = null;
  dropped = 0;

  constructor(matches: (line: LogLine) => boolean) {
    this.#matches = matches;
  }

  readonly push = (line: LogLine): void => {
    if (!this.#matches(line)) return;
    const isFull = this.#lines.length >= limits.logFollowerLines || this.#characters >= limits.logFollowerBytes;
    if (isFull) this.dropped += 1;
    else {
      this.#lines.push(line);
      this.#characters += line.text.length;
    }
    this.#wake?.();
  };

  get isEmpty(): boolean {
    return this.#lines.length === 0 && this.dropped === 0;
  }

  take(): LogLine[] {
    const taken = this.#lines;
    this.#lines = [];
    this.#characters = 0;
    return taken;
  }

  /** Resolves when there is something, when the signal has fired, or with true after so long. */
  async wait(clock: Clock, waitMs: number, signal: AbortSignal): Promise<boolean> {
    if (!this.isEmpty || signal.aborted) return false;
    return new Promise<boolean>((resolve) => {
      const done = (isLate: boolean): void => {
        timer.cancel();
        signal.removeEventListener('abort', end);
        this.#wake = null;
        resolve(isLate);
      };
      const end = (): void => done(false);
      const timer = clock.after(waitMs, () => done(true));
      this.#wake = end;
      signal.addEventListener('abort', end);
    });
  }
}

/** Lines in order, none twice; none is left out but those that are said to be dropped. Ends when the signal fires. */
export async function* follow(store: LogStore, clock: Clock, following: Following): AsyncGenerator<Followed, void> {
  const { signal, filter } = following;
  const waiting = new Waiting(matcher(filter));
  // From here on all that comes waits; what has come before is kept, under ids up to this one.
  const stop = store.listen(waiting.push);
  try {
    const shown = yield* earlier(store, waiting, following);
    while (!signal.aborted) {
      // What is dropped came after what waits.
      const { dropped } = waiting;
      waiting.dropped = 0;
      for (const line of waiting.take()) if (Number(line.id) > shown) yield { kind: 'line', line };
      if (dropped > 0) yield { kind: 'dropped', lines: dropped };
      if (await waiting.wait(clock, limits.logBeatMs, signal)) yield { kind: 'beat' };
    }
  } finally {
    stop();
  }
}

/** Those that were there. Returns the id up to which all were shown. */
async function* earlier(store: LogStore, waiting: Waiting, following: Following): AsyncGenerator<Followed, number> {
  const { filter, tail, signal } = following;
  let until = store.lastId;
  try {
    if (following.afterId === null) {
      for (const line of await tailOf(store, filter, { until, tail })) yield { kind: 'line', line };
      return until;
    }
    let from = following.afterId;
    for (;;) {
      for (let after: number | null = from; after !== null && !signal.aborted;) {
        const query = { ...filter, after, before: until + 1, limit: limits.logFollowerLines };
        const found: { readonly items: LogLine[]; readonly next: number | null } = await store.ask({
          kind: 'lines',
          query,
        });
        for (const line of found.items) yield { kind: 'line', line };
        after = found.next;
      }
      if (waiting.dropped === 0) return until;
      // There was so much to be caught up with that what came meanwhile did not fit: it is kept, too.
      waiting.take();
      waiting.dropped = 0;
      from = until;
      until = store.lastId;
    }
  } catch {
    // The log cannot be read: what comes is shown all the same.
    yield { kind: 'dropped', lines: null };
    return until;
  }
}

async function tailOf(
  store: LogStore,
  filter: LineFilter,
  { until, tail }: { readonly until: number; readonly tail: number },
): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  let characters = 0;
  for (let before: number | null = until + 1; before !== null && lines.length < tail;) {
    const query = { ...filter, before, limit: tail - lines.length };
    const found: { readonly items: LogLine[]; readonly next: number | null } = await store.ask({
      kind: 'lines',
      query,
    });
    for (const line of found.items) {
      characters += line.text.length;
      if (characters > limits.logFollowerBytes && lines.length > 0) return lines.reverse();
      lines.push(line);
    }
    before = found.next;
  }
  return lines.reverse();
}
