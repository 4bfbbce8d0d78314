/** What the rules and the middleware that a request went by do to its headers, and to those of its answer. */
export interface Effects {
  /**
   * Name, value, name, value, …, names in lower case. The answer's own headers win over them, but for `set-cookie`, which
   * is one more.
   */
  readonly responseHeaders: readonly string[];
  /** As above, of rules that are `important`: they win over the answer's own. */
  readonly importantHeaders: readonly string[];
  /** Done to the answer's headers after that, in this order. */
  readonly responseEdits: readonly HeaderEdit[];
  /** Done to the request's headers, in this order. */
  readonly requestEdits: readonly HeaderEdit[];
}

/** A header's name in lower case, or all those that there are which match. */
export type HeaderTarget = string | ((name: string) => boolean);

export type HeaderEdit =
  | { readonly op: 'set' | 'append'; readonly target: HeaderTarget; readonly values: readonly string[] }
  | { readonly op: 'delete'; readonly target: HeaderTarget }
  /** All others go. */
  | { readonly op: 'keep'; readonly names: ReadonlySet<string> };

/** They say how a message is framed, which is not for routing to say. */
const framing = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export const isFraming = (name: string): boolean => framing.has(name);

const hits = (target: HeaderTarget, name: string): boolean =>
  typeof target === 'string' ? target === name : target(name);

/**
 * `headers`: name, value, name, value, … as they came, names in any case. Returns the same array when there is nothing to
 * do. Headers that frame the message stay as they are.
 */
export function applyEdits(headers: readonly string[], edits: readonly HeaderEdit[]): readonly string[] {
  let current = headers;
  for (const edit of edits) current = applyEdit(current, edit);
  return current;
}

function applyEdit(headers: readonly string[], edit: HeaderEdit): readonly string[] {
  const stays = (name: string): boolean => {
    if (framing.has(name)) return true;
    if (edit.op === 'keep') return edit.names.has(name);
    return edit.op === 'append' || !hits(edit.target, name);
  };
  const after: string[] = [];
  const matched = new Set<string>();
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!.toLowerCase();
    if (edit.op !== 'keep' && hits(edit.target, name)) matched.add(name);
    if (stays(name)) after.push(headers[at]!, headers[at + 1]!);
  }
  if (edit.op === 'keep' || edit.op === 'delete') return after;
  const names = typeof edit.target === 'string' ? [edit.target] : matched;
  for (const name of names) {
    if (!framing.has(name)) for (const value of edit.values) after.push(name, value);
  }
  return after;
}

/** A header as it is after the edits: several values joined, as HTTP allows. `value`: as it came. */
export function editedHeader(
  name: string,
  value: string | undefined,
  edits: readonly HeaderEdit[],
): string | undefined {
  if (framing.has(name)) return value;
  let current = value;
  for (const edit of edits) {
    if (edit.op === 'keep') {
      if (!edit.names.has(name)) current = undefined;
      continue;
    }
    // All that match of those that there are: what is not there does not come to be.
    if (typeof edit.target === 'string' ? edit.target !== name : current === undefined || !edit.target(name)) continue;
    if (edit.op === 'delete') current = undefined;
    else {
      const added = edit.values.join(', ');
      current = edit.op === 'append' && current !== undefined ? `${current}, ${added}` : added;
    }
  }
  return current;
}

interface Entry {
  readonly name: string;
  readonly value: string;
  readonly important: boolean;
  /** In which run through a phase it was set. */
  readonly run: number;
}

/** A place in the log to go back to, when what was tried led nowhere. */
export interface Mark {
  readonly entries: number;
  readonly requestEdits: number;
  readonly responseEdits: number;
}

/** Effects as they gather; the last word counts. */
export class EffectLog {
  private readonly entries: Entry[] = [];
  readonly requestEdits: HeaderEdit[] = [];
  private readonly responseEdits: HeaderEdit[] = [];
  private run = 0;

  mark(): Mark {
    const { entries, requestEdits, responseEdits } = this;
    return {
      entries: entries.length,
      requestEdits: requestEdits.length,
      responseEdits: responseEdits.length,
    };
  }

  back(mark: Mark): void {
    this.entries.length = mark.entries;
    this.requestEdits.length = mark.requestEdits;
    this.responseEdits.length = mark.responseEdits;
  }

  /** From here on `setIfNew` leaves alone what was set before. */
  beginRun(): void {
    this.run += 1;
  }

  set(name: string, value: string, important: boolean): void {
    this.entries.push({ name, value, important, run: this.run });
  }

  setIfNew(name: string, value: string, important: boolean): void {
    const before = this.last(name);
    if (before === undefined || before.run === this.run) this.set(name, value, important);
  }

  editRequest(edit: HeaderEdit): void {
    this.requestEdits.push(edit);
  }

  editResponse(edit: HeaderEdit): void {
    this.responseEdits.push(edit);
  }

  get(name: string): string | undefined {
    return this.last(name)?.value;
  }

  private last(name: string): Entry | undefined {
    for (let at = this.entries.length - 1; at >= 0; at -= 1) {
      if (this.entries[at]!.name === name) return this.entries[at];
    }
    return undefined;
  }

  effects(): Effects {
    const responseHeaders: string[] = [];
    const importantHeaders: string[] = [];
    const { entries } = this;
    for (let at = 0; at < entries.length; at += 1) {
      const { name, value, important } = entries[at]!;
      if (name !== 'set-cookie' && this.last(name) !== entries[at]) continue;
      (important ? importantHeaders : responseHeaders).push(name, value);
    }
    return {
      responseHeaders,
      importantHeaders,
      responseEdits: [...this.responseEdits],
      requestEdits: [...this.requestEdits],
    };
  }
}
