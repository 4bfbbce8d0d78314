export interface ServerEvent {
  readonly type: string;
  readonly data: string;
  /** Null: it has none of its own. */
  readonly id: string | null;
}

/** Server-sent events out of text that comes in pieces. */
export class EventParser {
  #rest = '';

  /** The events that are whole with this piece. */
  feed(piece: string): ServerEvent[] {
    const blocks = (this.#rest + piece).replaceAll('\r\n', '\n').split('\n\n');
    this.#rest = blocks.pop() ?? '';
    return blocks.flatMap((block) => eventOf(block) ?? []);
  }
}

/** Null: comments only, as are sent to keep a connection open. */
function eventOf(block: string): ServerEvent | null {
  const data: string[] = [];
  let type = 'message';
  let id: string | null = null;
  for (const line of block.split('\n')) {
    const [, name, value] = /^(\w+):? ?(.*)$/.exec(line) ?? [];
    if (name === 'data') data.push(value ?? '');
    if (name === 'event') type = value ?? type;
    if (name === 'id') id = value ?? null;
  }
  return data.length === 0 ? null : { type, data: data.join('\n'), id };
}
