// For tests: an exchange that remembers what it was told.
import type { Failure } from '../../base/errors.ts';
import type { Exchange, Invocation } from '../../model/invoke.ts';

export class RecordedExchange implements Exchange {
  readonly informed: number[] = [];
  readonly chunks: Buffer[] = [];
  status = 0;
  headers: readonly string[] = [];
  ended = false;
  failure: Failure | null = null;
  drains = 0;
  /** What `body` answers. */
  room = true;
  #waiting: (() => void)[] = [];

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  header(name: string): string | undefined {
    const at = this.headers.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name);
    return at === -1 ? undefined : this.headers[at + 1];
  }

  inform(status: number): void {
    this.informed.push(status);
    this.#changed();
  }

  reply(status: number, headers: readonly string[], body: Buffer | null): boolean {
    this.head(status, headers);
    if (body !== null) this.body(body);
    this.end();
    return false;
  }

  head(status: number, headers: readonly string[]): void {
    this.status = status;
    this.headers = headers;
    this.#changed();
  }

  body(chunk: Buffer): boolean {
    this.chunks.push(chunk);
    this.#changed();
    return this.room;
  }

  end(): void {
    this.ended = true;
    this.#changed();
  }

  fail(failure: Failure): void {
    this.failure = failure;
    this.#changed();
  }

  drained(): void {
    this.drains += 1;
    this.#changed();
  }

  /** Resolves as soon as `holds` does. */
  async until(holds: (exchange: this) => boolean): Promise<this> {
    while (!holds(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this;
  }

  #changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

export class RecordedInvocation implements Invocation {
  cancelled = false;

  write(): boolean {
    return true;
  }
  endBody(): void {
    // Nobody looks at it.
  }
  resume(): void {
    // Nobody looks at it.
  }
  cancel(): void {
    this.cancelled = true;
  }
}
