// Hot path: one store per invocation. Looked up only for log lines.
const remembered = 256;

/**
 * Which invocation a stream was, for a while after it ended: what a function logs after its answer still gets its
 * invocation's id. A ring; the oldest are forgotten.
 */
export class RecentStreams {
  readonly #streams: number[] = [];
  readonly #ids: string[] = [];
  #next = 0;

  add(stream: number, id: string): void {
    this.#streams[this.#next] = stream;
    this.#ids[this.#next] = id;
    this.#next = (this.#next + 1) % remembered;
  }

  /** Null: the session's own line, or forgotten. */
  idOf(stream: number): string | null {
    if (stream === 0) return null;
    const size = this.#streams.length;
    for (let back = 1; back <= size; back += 1) {
      const at = (this.#next - back + size) % size;
      if (this.#streams[at] === stream) return this.#ids[at] ?? null;
    }
    return null;
  }
}
