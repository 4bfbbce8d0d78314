// Pure: which tags were called back, and when.
import { limits } from '../../base/limits.ts';

/** As a tag that is called back: all pages. As a tag of a page: it is called back whatever the tag. */
export const everyTag = '*';

/** Times are milliseconds since the Unix epoch; a page counts by when it was asked for. */
export interface Mark {
  /** Pages that are not younger are to be made anew. */
  readonly staleMs: number;
  /** Of those: what is not younger than `deletedMs` is not shown any more from `fromMs` on. */
  readonly deletedMs: number;
  readonly fromMs: number;
}

const none: Mark = { staleMs: -Infinity, deletedMs: -Infinity, fromMs: Infinity };

/** A line of the journal. `tag` null: all that is older than what is remembered. */
export interface MarkLine extends Mark {
  readonly scope: string;
  readonly tag: string | null;
}

/** What holds for one page: from when on it is stale, and from when on it is not shown. Infinity: never. */
export interface Called {
  readonly stale: boolean;
  readonly deletedFromMs: number;
}
const notCalled: Called = { stale: false, deletedFromMs: Infinity };

interface Scope {
  /** By tag; the one that was called back last is the last. */
  readonly tags: Map<string, Mark>;
  /** Of any tag at all. */
  any: Mark;
  /** Of tags that are no longer remembered: all pages with a tag count as if they had one of them. */
  forgotten: Mark;
}

/**
 * Pages are not looked for when a tag is called back: they are told when they are asked for. So calling back costs the same
 * however many pages there are, and reaches those on disk, and those that are being made at the moment.
 */
export class TagMarks {
  readonly #scopes = new Map<string, Scope>();
  /** Changes whenever what `called` says may have changed. */
  version = 0;

  /** `scope`: whose tags they are. Returns what was changed, for the journal. */
  invalidate(scope: string, tags: readonly string[], nowMs: number): MarkLine[] {
    return tags.map((tag) =>
      this.#set(scope, tag, (before) => ({ ...before, staleMs: Math.max(before.staleMs, nowMs) })),
    );
  }

  /** `deadlineMs`: until then they are shown once more while they are made anew. */
  delete(scope: string, tags: readonly string[], nowMs: number, deadlineMs = 0): MarkLine[] {
    return tags.map((tag) => this.#set(scope, tag, (before) => deleted(before, nowMs, nowMs + deadlineMs)));
  }

  /** What was in the journal. */
  restore({ scope, tag, staleMs, deletedMs, fromMs }: MarkLine): void {
    const mark: Mark = { staleMs, deletedMs, fromMs };
    const held = this.#scope(scope);
    if (tag === null) held.forgotten = later(held.forgotten, mark);
    else this.#set(scope, tag, (before) => later(before, mark));
    this.version += 1;
  }

  called(scope: string, tags: readonly string[], atMs: number): Called {
    const held = this.#scopes.get(scope);
    if (held === undefined) return notCalled;
    let mark = held.tags.get(everyTag) ?? none;
    if (tags.length > 0) mark = later(mark, held.forgotten);
    for (const tag of tags) {
      const one = tag === everyTag ? held.any : held.tags.get(tag);
      if (one !== undefined) mark = later(mark, one);
    }
    return { stale: atMs <= mark.staleMs, deletedFromMs: atMs <= mark.deletedMs ? mark.fromMs : Infinity };
  }

  /** All of it, as few lines as can be. */
  lines(): MarkLine[] {
    const lines: MarkLine[] = [];
    for (const [scope, { tags, forgotten }] of this.#scopes) {
      if (forgotten !== none) lines.push({ scope, tag: null, ...forgotten });
      for (const [tag, mark] of tags) lines.push({ scope, tag, ...mark });
    }
    return lines;
  }

  #set(scope: string, tag: string, change: (before: Mark) => Mark): MarkLine {
    const held = this.#scope(scope);
    const mark = change(held.tags.get(tag) ?? none);
    held.tags.delete(tag);
    held.tags.set(tag, mark);
    held.any = later(held.any, mark);
    if (held.tags.size > limits.pageTagMarks) this.#forget(held);
    this.version += 1;
    return { scope, tag, ...mark };
  }

  /** The one that was called back longest ago. */
  #forget(held: Scope): void {
    for (const [tag, mark] of held.tags) {
      if (tag === everyTag) continue;
      held.tags.delete(tag);
      held.forgotten = later(held.forgotten, mark);
      return;
    }
  }

  #scope(name: string): Scope {
    let held = this.#scopes.get(name);
    if (held === undefined) {
      held = { tags: new Map(), any: none, forgotten: none };
      this.#scopes.set(name, held);
    }
    return held;
  }
}

const deleted = (before: Mark, nowMs: number, fromMs: number): Mark =>
  later(before, { staleMs: nowMs, deletedMs: nowMs, fromMs });

/** Both at once. Of two deletions the later one with the earlier time: no page is shown that one of them forbids. */
const later = (one: Mark, other: Mark): Mark => {
  if (other === none) return one;
  if (one === none) return other;
  return {
    staleMs: Math.max(one.staleMs, other.staleMs),
    deletedMs: Math.max(one.deletedMs, other.deletedMs),
    fromMs: Math.min(one.fromMs, other.fromMs),
  };
};
