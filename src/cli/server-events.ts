/** One server-sent event. */
export interface ServerEvent {
  readonly event: string;
  readonly id: string | null;
  readonly data: unknown;
}

/** The events of an answer, as they come. Ends with it; rejects when it is cut off, or an event's data is no JSON. */
export async function* serverEvents(response: Response): AsyncGenerator<ServerEvent> {
  let pending = '';
  const body = response.body!.pipeThrough(new TextDecoderStream());
  for await (const text of body as unknown as AsyncIterable<string>) {
    pending += text.replaceAll('\r', '');
    const blocks = pending.split('\n\n');
    pending = blocks.pop()!;
    for (const block of blocks) {
      const event = eventOf(block);
      if (event !== null) yield event;
    }
  }
}

/** Null: comments alone, which keep the connection alive. */
function eventOf(block: string): ServerEvent | null {
  let [event, id]: [string, string | null] = ['message', null];
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const [, field, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (field === 'event') event = value!;
    else if (field === 'id') id = value!;
    else if (field === 'data') data.push(value!);
  }
  return data.length === 0 ? null : { event, id, data: JSON.parse(data.join('\n')) as unknown };
}
