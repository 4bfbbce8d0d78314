/**
 * Recursion protection: which functions led to an invocation, by their calls to each other.
 *
 * The runtime gives every HTTP request that user code makes the header `x-weir-chain`: that of the invocation it is made
 * for, or `start` where that has none, because a client began it. The edge checks what comes, adds the function that it
 * is for, and hands the result to the invocation; and so it does with rewrites to other origins, which may be its own:
 *
 *     x-weir-chain: NAME*3.NAME.SIGNATURE
 *
 * NAME stands for a function and is followed by how often it occurred, unless once. Names and signature are keyed hashes:
 * the header goes to whatever host user code calls, and tells it nothing; and nobody but an edge with the key can write
 * one. Whoever sends one back, or `start`, or none, says something of its own request alone.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { limits } from '../base/limits.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { Refusal } from './head.ts';

const nameBytes = 6;
const signatureBytes = 16;

export type Link =
  /** For the invocation to carry on. */
  { readonly kind: 'goes on'; readonly header: string } | { readonly kind: 'loop'; readonly refusal: Refusal };

/** What may lead to itself: a function, or a project's rewrites to other origins. */
export type Chained = Pick<FunctionSpec, 'environment' | 'label'>;

export class Chains {
  readonly #key: string;
  readonly #names = new WeakMap<Chained, string>();

  /** `key`: what all edges that see each other's functions have in common; secret. */
  constructor(key: string) {
    this.#key = key;
  }

  /** `header`: as it came; what is not an edge's own counts as `start`. */
  extend(header: string, chained: Chained): Link {
    const chain = this.#read(header);
    const name = this.#nameOf(chained);
    const times = (chain.get(name) ?? 0) + 1;
    let depth = 1;
    for (const count of chain.values()) depth += count;
    if (times > limits.chainRecursions) {
      return loop(`${chained.label} led to itself ${times - 1} times, and ${limits.chainRecursions} are allowed.`);
    }
    if (depth > limits.chainDepth) {
      return loop(
        `Functions called each other ${depth - 1} times in a row, and ${limits.chainDepth} are allowed; the last is ${chained.label}.`,
      );
    }
    chain.set(name, times);
    return { kind: 'goes on', header: this.#write(chain) };
  }

  /** How often `header` says that it led to this. */
  timesIn(header: string, chained: Chained): number {
    return this.#read(header).get(this.#nameOf(chained)) ?? 0;
  }

  #read(header: string): Map<string, number> {
    const chain = new Map<string, number>();
    const at = header.lastIndexOf('.');
    if (at < 0 || header.length > limits.chainBytes || !this.#isOwn(header, at)) return chain;
    for (const entry of header.slice(0, at).split('.')) {
      const [name = '', times = '1'] = entry.split('*');
      chain.set(name, Number(times));
    }
    return chain;
  }

  #isOwn(header: string, at: number): boolean {
    const [given, right] = [Buffer.from(header.slice(at + 1)), Buffer.from(this.#sign(header.slice(0, at)))];
    return given.length === right.length && timingSafeEqual(given, right);
  }

  #write(chain: ReadonlyMap<string, number>): string {
    const entries = [...chain].map(([name, times]) => (times === 1 ? name : `${name}*${times}`));
    const text = entries.join('.');
    return `${text}.${this.#sign(text)}`;
  }

  /** The same in every deployment of a project: a loop goes on when a new version is deployed meanwhile. */
  #nameOf(chained: Chained): string {
    let name = this.#names.get(chained);
    if (name === undefined) {
      name = this.#hash(`function ${chained.environment} ${chained.label}`, nameBytes);
      this.#names.set(chained, name);
    }
    return name;
  }

  #sign(text: string): string {
    return this.#hash(`chain ${text}`, signatureBytes);
  }

  #hash(text: string, bytes: number): string {
    return createHmac('sha256', this.#key).update(text).digest().subarray(0, bytes).toString('base64url');
  }
}

const loop = (detail: string): Link => ({ kind: 'loop', refusal: { code: 'INFINITE_LOOP_DETECTED', detail } });
