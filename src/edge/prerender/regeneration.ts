import type { Failure } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { Exchange, Invocation, RequestHead } from '../../model/invoke.ts';
import { Follower } from './follower.ts';
import type { FollowerSource, Pieces } from './follower.ts';
import type { HeldBytes } from './held.ts';
import type { CacheWord } from './kept.ts';
import type { Verdict } from './verdict.ts';

export type Phase =
  /** It waits for one that began before it was asked for. */
  | 'queued'
  /** The function has been asked. */
  | 'asked'
  /** The head is there; all of the body is held. */
  | 'collecting'
  /** There is too much of it to be kept: it goes through, at the pace of the slowest client. */
  | 'passing'
  | 'settled';

export const transitions: Readonly<Record<Phase, readonly Phase[]>> = {
  queued: ['asked'],
  asked: ['collecting', 'settled'],
  collecting: ['passing', 'settled'],
  passing: ['settled'],
  settled: [],
};

/** What came of it. */
export type Outcome =
  | { readonly kind: 'answered'; readonly verdict: Verdict; readonly body: Buffer }
  /** It could not be kept for its length. */
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly failure: Failure };

export interface RegenerationOptions {
  /** Asks the function. */
  invoke(exchange: Exchange): Invocation;
  judge(status: number, headers: readonly string[]): Verdict;
  /** Clients get something else in place of this answer: it is not given to them piece by piece. */
  replaced(verdict: Verdict): boolean;
  /** It takes no more followers. Called once, before `settled` or with it. */
  closed(): void;
  /**
   * Called once. What it returns is told to the followers, when they have not been given the answer piece by piece: how each
   * of them gets it. Null: they get it as it came.
   */
  settled(outcome: Outcome): ((follower: Follower) => void) | null;
  readonly mostBytes: number;
  /** What followers are still to get counts here. */
  readonly held: HeldBytes;
}

/**
 * One invocation that makes a page, for all who wait for it. A client that leaves does not end it, and one that is slow does
 * not slow it, as long as the answer is one that is kept.
 */
export class Regeneration implements Exchange, FollowerSource {
  phase: Phase = 'queued';
  readonly #options: RegenerationOptions;
  readonly #followers = new Set<Follower>();
  #invocation: Invocation | null = null;
  #verdict: Verdict | null = null;
  #list: Buffer[] = [];
  #from = 0;
  #bytes = 0;
  /** Of them in `held`. */
  #counted = 0;
  #paused = false;
  #isClosed = false;

  constructor(options: RegenerationOptions) {
    this.#options = options;
  }

  begin(): void {
    this.#enter('asked');
    try {
      this.#invocation = this.#options.invoke(this);
      if (this.phase === 'settled') this.#invocation.cancel();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.fail({ code: 'INTERNAL_UNEXPECTED_ERROR', detail: `The invocation could not be handed over: ${why}` });
    }
  }

  follow(exchange: Exchange, head: RequestHead, word: CacheWord): Follower {
    const follower = new Follower(this, exchange, head, word);
    this.#followers.add(follower);
    this.advanced(follower);
    return follower;
  }

  inform(): void {
    // What is said on the way to one answer is not said to all who get it.
  }

  reply(status: number, headers: readonly string[], body: Buffer | null): boolean {
    if (this.phase !== 'asked') return true;
    this.#open(status, headers);
    if (body !== null && body.length > 0) this.#take(body);
    this.end();
    return true;
  }

  head(status: number, headers: readonly string[]): void {
    if (this.phase !== 'asked') return;
    this.#open(status, headers);
    this.#giveAll();
  }

  body(chunk: Buffer): boolean {
    if (this.phase !== 'collecting' && this.phase !== 'passing') return true;
    this.#take(chunk);
    this.#giveAll();
    this.#paused = this.phase === 'passing' && this.#behind();
    return !this.#paused;
  }

  end(): void {
    if (this.phase !== 'collecting' && this.phase !== 'passing') return;
    const verdict = this.#verdict!;
    const passed = this.phase === 'passing';
    this.#enter('settled');
    const body = this.#list.length === 1 ? this.#list[0]! : Buffer.concat(passed ? [] : this.#list);
    this.#settle(passed ? { kind: 'passed' } : { kind: 'answered', verdict, body });
  }

  fail(failure: Failure): void {
    if (this.phase === 'settled' || this.phase === 'queued') return;
    this.#enter('settled');
    this.#close();
    this.#options.settled({ kind: 'failed', failure });
    for (const follower of this.#followers) follower.fail(failure);
    this.#followers.clear();
    this.#uncount();
  }

  drained(): void {
    // It has no request body.
  }

  advanced(follower: Follower): void {
    if (this.#verdict === null || this.#waits()) return;
    follower.give(this.#verdict, this.#pieces());
    if (follower.over) this.#followers.delete(follower);
    this.#trim();
    this.#letGo();
    if (!this.#paused || this.#behind()) return;
    this.#paused = false;
    this.#invocation?.resume();
  }

  left(follower: Follower): void {
    this.#followers.delete(follower);
    this.#letGo();
    if (this.phase !== 'passing') return;
    if (this.#followers.size === 0) this.#giveUp();
    else if (this.#paused && !this.#behind()) {
      this.#paused = false;
      this.#invocation?.resume();
    }
  }

  #enter(next: Phase): void {
    if (!transitions[this.phase].includes(next))
      throw new TypeError(`a regeneration cannot go from ${this.phase} to ${next}`);
    this.phase = next;
  }

  #open(status: number, headers: readonly string[]): void {
    this.#verdict = this.#options.judge(status, headers);
    this.#enter('collecting');
  }

  /** The memory of a chunk is used again after the call: it is copied. */
  #take(chunk: Buffer): void {
    this.#list.push(Buffer.from(chunk));
    this.#bytes += chunk.length;
    const isCounted = this.#options.held.take(chunk.length);
    if (isCounted) this.#counted += chunk.length;
    if (this.phase !== 'collecting') return;
    // One that has to be whole is bounded by its length alone.
    if (this.#bytes <= this.#options.mostBytes && (isCounted || this.#wholeOnly())) return;
    if (this.#wholeOnly()) {
      const detail = `The page has more than ${this.#options.mostBytes} bytes, and is not complete without all of it.`;
      this.#invocation?.cancel();
      this.fail({ code: 'FUNCTION_RESPONSE_INVALID', detail });
      return;
    }
    this.#enter('passing');
    this.#close();
    if (this.#followers.size === 0) this.#giveUp();
  }

  /** What is not for clients as it comes: they wait for the end. */
  #wholeOnly(): boolean {
    const verdict = this.#verdict!;
    return verdict.shellType !== null || this.#options.replaced(verdict);
  }

  #waits(): boolean {
    return this.phase !== 'settled' && this.#wholeOnly();
  }

  #giveAll(): void {
    if (this.#waits() || this.#verdict === null) return;
    for (const follower of this.#followers) {
      follower.give(this.#verdict, this.#pieces());
      if (follower.over) this.#followers.delete(follower);
    }
    this.#trim();
  }

  #pieces(): Pieces {
    return { list: this.#list, from: this.#from, whole: this.phase === 'settled' };
  }

  /** Where nobody has to have it again, what all have had is let go. */
  #trim(): void {
    if (this.phase !== 'passing') return;
    let least = this.#from + this.#list.length;
    for (const { at } of this.#followers) least = Math.min(least, at);
    if (least > this.#from) for (const { length } of this.#list.splice(0, least - this.#from)) this.#uncount(length);
    this.#from = least;
  }

  /** Once it is settled and nobody is still to get it, what is kept of it is the store's. */
  #letGo(): void {
    if (this.phase === 'settled' && this.#followers.size === 0) this.#uncount();
  }

  #uncount(bytes = Infinity): void {
    const counted = Math.min(bytes, this.#counted);
    this.#counted -= counted;
    this.#options.held.giveBack(counted);
  }

  #behind(): boolean {
    let held = 0;
    for (const piece of this.#list) held += piece.length;
    return held > limits.clientBufferBytes;
  }

  #giveUp(): void {
    this.#enter('settled');
    this.#invocation?.cancel();
    this.#close();
    this.#uncount();
    this.#options.settled({ kind: 'passed' });
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.closed();
  }

  #settle(outcome: Outcome): void {
    this.#close();
    const give = this.#options.settled(outcome);
    for (const follower of this.#followers) {
      if (give === null) follower.give(this.#verdict!, this.#pieces());
      else give(follower);
      // Others are still being given it.
      if (give !== null || follower.over) this.#followers.delete(follower);
    }
    this.#letGo();
  }
}
