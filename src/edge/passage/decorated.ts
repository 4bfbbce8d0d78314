import type { Failure } from '../../base/errors.ts';
import type { Exchange, GoAway } from '../../model/invoke.ts';
import { applyEdits, type Effects } from '../routing/effects.ts';

/** Names of which there may be several: those of the table do not give way to those of the answer. */
const several = new Set(['set-cookie', 'link', 'vary']);

/**
 * The headers of an answer with those of the routing table and of middleware: what the answer says itself goes before what
 * the table says, as on the hosted platform, unless that is important.
 */
export function withEffects(own: readonly string[], effects: Effects): readonly string[] {
  const { responseHeaders, importantHeaders, responseEdits } = effects;
  if (responseHeaders.length + importantHeaders.length + responseEdits.length === 0) return own;
  const important = namesOf(importantHeaders);
  const all: string[] = [];
  for (let at = 0; at < own.length; at += 2) {
    if (!important.has(own[at]!.toLowerCase())) all.push(own[at]!, own[at + 1]!);
  }
  const names = namesOf(all);
  for (let at = 0; at < responseHeaders.length; at += 2) {
    const name = responseHeaders[at]!;
    if (several.has(name) || !(names.has(name) || important.has(name))) all.push(name, responseHeaders[at + 1]!);
  }
  all.push(...importantHeaders);
  return applyEdits(all, responseEdits);
}

function namesOf(headers: readonly string[]): Set<string> {
  const names = new Set<string>();
  for (let at = 0; at < headers.length; at += 2) names.add(headers[at]!.toLowerCase());
  return names;
}

export const noEffects: Effects = { responseHeaders: [], importantHeaders: [], responseEdits: [], requestEdits: [] };

/** An answer of a function that the routing table has something to say about. */
export class DecoratedExchange implements Exchange {
  readonly #inner: Exchange;
  readonly #effects: Effects;
  readonly #status: number | null;

  /** `status`: what a function's 200 becomes; null: what it is. */
  constructor(inner: Exchange, effects: Effects, status: number | null) {
    this.#inner = inner;
    this.#effects = effects;
    this.#status = status;
  }

  inform(status: number, headers: readonly string[]): void {
    this.#inner.inform(status, headers);
  }

  reply(status: number, headers: readonly string[], body: Buffer | null): boolean {
    return this.#inner.reply(this.#statusOf(status), withEffects(headers, this.#effects), body);
  }

  head(status: number, headers: readonly string[]): void {
    this.#inner.head(this.#statusOf(status), withEffects(headers, this.#effects));
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

  goAway(why: GoAway): void {
    this.#inner.goAway?.(why);
  }

  drained(): void {
    this.#inner.drained();
  }

  #statusOf(status: number): number {
    return status === 200 && this.#status !== null ? this.#status : status;
  }
}
