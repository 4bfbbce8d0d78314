import type { Failure } from '../../base/errors.ts';
import type { Exchange } from '../../model/invoke.ts';

/** Names of which there may be several: those of the table do not give way to those of the function. */
const several = new Set(['set-cookie', 'link', 'vary']);

/**
 * The headers of an answer with those of the routing table and of middleware: what the function says itself goes before
 * what the table says, as on the hosted platform.
 */
export function withTableHeaders(own: readonly string[], table: readonly string[]): readonly string[] {
  if (table.length === 0) return own;
  const names = new Set<string>();
  for (let at = 0; at < own.length; at += 2) names.add(own[at]!.toLowerCase());
  const all = [...own];
  for (let at = 0; at < table.length; at += 2) {
    const name = table[at]!.toLowerCase();
    if (several.has(name) || !names.has(name)) all.push(table[at]!, table[at + 1]!);
  }
  return all;
}

/** An answer of a function that the routing table has something to say about. */
export class DecoratedExchange implements Exchange {
  readonly #inner: Exchange;
  readonly #headers: readonly string[];
  readonly #status: number | null;

  /** `status`: what a function's 200 becomes; null: what it is. */
  constructor(inner: Exchange, headers: readonly string[], status: number | null) {
    this.#inner = inner;
    this.#headers = headers;
    this.#status = status;
  }

  inform(status: number, headers: readonly string[]): void {
    this.#inner.inform(status, headers);
  }

  reply(status: number, headers: readonly string[], body: Buffer | null): boolean {
    return this.#inner.reply(this.#statusOf(status), withTableHeaders(headers, this.#headers), body);
  }

  head(status: number, headers: readonly string[]): void {
    this.#inner.head(this.#statusOf(status), withTableHeaders(headers, this.#headers));
  }

  body(chunk: Buffer): boolean {
    return this.#inner.body(chunk);
  }

  end(): void {
    this.#inner.end();
  }

  fail(failure: Failure): void {
    this.#inner.fail(failure);
  }

  drained(): void {
    this.#inner.drained();
  }

  #statusOf(status: number): number {
    return status === 200 && this.#status !== null ? this.#status : status;
  }
}
