// Hot path: bodies of web handlers' requests.
/**
 * A request body on its way from the tunnel to a web handler: kept as it comes until someone wants it, then either
 * gathered whole or read as a stream. What has not been taken is not granted again (I4), so at most a window waits here.
 */
type State =
  | { kind: 'kept' }
  | { kind: 'gathering'; resolve: (body: Buffer) => void; reject: (reason: unknown) => void }
  | { kind: 'streaming'; controller: ReadableByteStreamController }
  /** Nobody wants the rest. */
  | { kind: 'dropped' };

export const transitions: Readonly<Record<State['kind'], readonly State['kind'][]>> = {
  kept: ['gathering', 'streaming', 'dropped'],
  gathering: ['dropped'],
  streaming: ['dropped'],
  dropped: [],
};

const unusable = (): TypeError => new TypeError('Body is unusable: Body has already been read');

export class RequestBody {
  private readonly consumed: (bytes: number) => void;
  private readonly chunks: Buffer[] = [];
  private state: State = { kind: 'kept' };
  private ended = false;
  private broken: unknown = null;
  /** Someone asked for the next chunk, and there was none. */
  private hungry = false;

  constructor(consumed: (bytes: number) => void) {
    this.consumed = consumed;
  }

  get used(): boolean {
    return this.state.kind !== 'kept';
  }

  push(chunk: Buffer): void {
    if (this.state.kind === 'dropped') return this.consumed(chunk.length);
    this.chunks.push(chunk);
    if (this.state.kind === 'gathering') this.consumed(chunk.length);
    else if (this.state.kind === 'streaming' && this.hungry) this.feed(this.state.controller);
  }

  end(): void {
    this.ended = true;
    this.advance();
  }

  /** The rest will not come. */
  fail(reason: unknown): void {
    if (this.ended) return;
    this.broken = reason;
    this.advance();
  }

  private advance(): void {
    const { state } = this;
    if (state.kind === 'gathering') this.finish(state.resolve, state.reject);
    else if (state.kind === 'streaming' && (this.hungry || this.broken !== null)) this.feed(state.controller);
  }

  private finish(resolve: (body: Buffer) => void, reject: (reason: unknown) => void): void {
    if (this.broken === null && !this.ended) return;
    this.state = { kind: 'dropped' };
    if (this.broken !== null) reject(this.broken);
    else resolve(this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks));
    this.chunks.length = 0;
  }

  /** The whole body. Rejects when the client leaves first, or when it was asked for before. */
  all(): Promise<Buffer> {
    if (this.used) return Promise.reject(unusable());
    const kept = this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    return new Promise((resolve, reject) => {
      this.state = { kind: 'gathering', resolve, reject };
      if (kept > 0) this.consumed(kept);
      this.finish(resolve, reject);
    });
  }

  /** A byte stream that grants more as it is read. Once. */
  stream(): ReadableStream<Uint8Array> {
    if (this.used) {
      return new ReadableStream({ start: (controller) => controller.error(unusable()) });
    }
    return new ReadableStream({
      type: 'bytes',
      start: (controller) => {
        this.state = { kind: 'streaming', controller };
      },
      pull: (controller) => this.feed(controller),
      cancel: () => this.drop(),
    });
  }

  private feed(controller: ReadableByteStreamController): void {
    const chunk = this.chunks.shift();
    this.hungry = false;
    if (this.broken !== null) {
      this.drop();
      controller.error(this.broken);
    } else if (chunk !== undefined) {
      // The stream transfers what it is given, so a piece of a larger buffer is copied out of it.
      const bytes = chunk.byteLength;
      controller.enqueue(bytes === chunk.buffer.byteLength ? new Uint8Array(chunk.buffer) : new Uint8Array(chunk));
      this.consumed(bytes);
    } else if (this.ended) {
      this.state = { kind: 'dropped' };
      controller.close();
      controller.byobRequest?.respond(0);
    } else {
      this.hungry = true;
    }
  }

  private drop(): void {
    this.state = { kind: 'dropped' };
    const kept = this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    this.chunks.length = 0;
    if (kept > 0) this.consumed(kept);
  }
}
