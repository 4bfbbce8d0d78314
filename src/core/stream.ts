// Hot path: one object per invocation; nothing else is allocated for an answer that is complete at once.
import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { ReceiveCredit, SendCredit } from '../tunnel/flow.ts';
import { headersText } from '../tunnel/head.ts';
import { type Request, requestFlags } from '../tunnel/payload.ts';
import type { FrameWriter } from '../tunnel/writer.ts';
import { fitsHead, withCacheTags } from './cache-tags.ts';
import type { Call, CallListener } from './call.ts';

/** What an invocation needs of its session. */
export interface StreamHost {
  readonly writer: FrameWriter;
  readonly windowBytes: number;
  /** Something was written: it leaves by the end of this turn of the loop at the latest. */
  written(): void;
  /** CPU of the invocation that was not reported yet, microseconds; it is reported by this call. */
  takeCpuUs(call: StreamCall): number;
  /** The call has ended, whatever the way. Once. */
  ended(call: StreamCall): void;
  /** The answer cannot be sent as it is: for the function's log. */
  refused(call: StreamCall, detail: string): void;
}

export type StreamPhase =
  /** Received, and not handed to user code: the router has not been told yet that it begins. */
  | 'waiting'
  /** User code has it, and has not answered. */
  | 'begun'
  /** The head of a streamed answer is out. */
  | 'answering'
  /** The answer is complete, but waits for credit. */
  | 'closing'
  | 'ended';

export const transitions: Readonly<Record<StreamPhase, readonly StreamPhase[]>> = {
  waiting: ['begun', 'ended'],
  begun: ['answering', 'ended'],
  answering: ['closing', 'ended'],
  closing: ['ended'],
  ended: [],
};

const ignore = (): void => undefined;
const noListener: CallListener = { body: ignore, bodyEnd: ignore, writable: ignore, cancelled: ignore };

export class StreamCall implements Call {
  readonly stream: number;
  readonly id: string;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly hasBody: boolean;
  readonly upgrade: boolean;
  readonly deadlineWallMs: number;
  listener: CallListener = noListener;
  context: unknown = null;
  handling: PromiseLike<unknown> | null = null;
  phase: StreamPhase = 'waiting';
  /** Attribution's: time of the loop that was not reported yet. */
  activeMs = 0;
  /** Handed to user code. */
  began = false;
  /** The router knows, or what is written already will tell it. */
  announced = false;
  readonly #host: StreamHost;
  /** Given by user code, and waiting for credit. */
  #unsent: Uint8Array[] | null = null;
  #send: SendCredit | null = null;
  #receive: ReceiveCredit | null = null;
  /** Pieces of the request body that came before user code had the call. */
  #early: Buffer[] | null = null;
  #bodyEnded = false;
  /** write() said no: writable() is owed. */
  #writableOwed = false;
  #tags: Set<string> | null = null;
  #informs = 0;

  constructor(host: StreamHost, stream: number, request: Request) {
    this.#host = host;
    this.stream = stream;
    this.id = request.id;
    this.method = request.method;
    this.target = request.target;
    this.headers = request.headers;
    this.hasBody = (request.flags & requestFlags.noBody) === 0;
    this.upgrade = (request.flags & requestFlags.upgrade) !== 0;
    this.deadlineWallMs = Date.now() + request.leftMs;
  }

  get over(): boolean {
    return this.phase === 'ended';
  }

  inform(status: number, headers: readonly string[]): void {
    if (this.phase !== 'begun') return;
    // The router passes on no more: those beyond would only gather.
    this.#informs += 1;
    if (this.#informs > limits.informs) return;
    const head = status >= 100 && status < 200 && status !== 101 ? this.#head(headers) : null;
    if (head === null) {
      this.#invalid(`informational status ${status}`);
      return;
    }
    this.#host.writer.inform(this.stream, status, head);
    this.announced = true;
    this.#host.written();
  }

  reply(status: number, headers: readonly string[], body: Uint8Array | string | null): void {
    if (this.phase !== 'begun') return;
    if (body !== null && exceedsChunk(body)) {
      this.head(status, headers);
      this.write(typeof body === 'string' ? Buffer.from(body) : body);
      this.end();
      return;
    }
    const head = isStatus(status) ? this.#head(this.#tagged(headers)) : null;
    if (head === null) {
      this.#invalid(`status ${status}`);
      return;
    }
    const cpuUs = this.#host.takeCpuUs(this);
    this.#host.writer.response(this.stream, { complete: true, status, cpuUs, head, body });
    this.#finish();
  }

  head(status: number, headers: readonly string[]): void {
    if (this.phase !== 'begun') return;
    const head = isStatus(status) || (status === 101 && this.upgrade) ? this.#head(this.#tagged(headers)) : null;
    if (head === null) {
      this.#invalid(`status ${status}`);
      return;
    }
    // What the whole answer cost is reported at its end.
    this.#host.writer.response(this.stream, { complete: false, status, cpuUs: 0, head, body: null });
    this.#enter('answering');
    this.announced = true;
    this.#host.written();
  }

  write(chunk: Uint8Array): boolean {
    if (this.phase !== 'answering' || chunk.length === 0) return true;
    this.#send ??= new SendCredit(this.#host.windowBytes);
    if (this.#unsent === null) this.#sendPiece(chunk);
    else this.#unsent.push(chunk);
    this.#host.written();
    if (this.#unsent === null && this.#send.available > 0) return true;
    this.#writableOwed = true;
    return false;
  }

  end(): void {
    if (this.phase !== 'answering') return;
    if (this.#unsent === null) this.#finishAnswer();
    else this.#enter('closing');
  }

  addCacheTags(tags: readonly string[]): 'added' | 'late' | 'full' {
    if (this.phase !== 'begun') return 'late';
    const all = new Set([...(this.#tags ?? []), ...tags]);
    if (!fitsHead(all)) return 'full';
    this.#tags = all;
    return 'added';
  }

  fail(code: string, detail: string): void {
    if (this.phase === 'ended') return;
    this.#host.writer.failed(this.stream, code, detail, this.#host.takeCpuUs(this));
    this.#finish();
  }

  consumed(bytes: number): void {
    if (this.phase === 'ended' || this.#receive === null) return;
    const grant = this.#receive.consumed(bytes);
    if (grant === 0) return;
    this.#host.writer.credit(this.stream, grant);
    this.#host.written();
  }

  /** A piece of the request's body, a view. Throws ProtocolError when it is more than was granted. */
  takeBody(chunk: Buffer): void {
    if (this.#bodyEnded || (!this.hasBody && !this.upgrade)) {
      throw new ProtocolError('UNEXPECTED_FRAME', 'BODY for a request whose body has ended');
    }
    this.#receive ??= new ReceiveCredit(this.#host.windowBytes);
    this.#receive.receive(chunk.length);
    // The read buffer is used again as soon as this read is done.
    const own = Buffer.from(chunk);
    if (this.phase === 'waiting') (this.#early ??= []).push(own);
    else this.listener.body(own);
  }

  takeBodyEnd(): void {
    if (this.#bodyEnded) return;
    this.#bodyEnded = true;
    if (this.phase !== 'waiting') this.listener.bodyEnd();
  }

  get hasEarly(): boolean {
    return this.#early !== null || this.#bodyEnded;
  }

  /** User code has set its listener: what came of the body before. */
  takeEarly(): void {
    const early = this.#early;
    this.#early = null;
    if (early !== null && this.phase !== 'ended') for (const chunk of early) this.listener.body(chunk);
    if (this.#bodyEnded && this.phase !== 'ended') this.listener.bodyEnd();
  }

  /** CREDIT. Throws ProtocolError. */
  granted(bytes: number): void {
    this.#send ??= new SendCredit(this.#host.windowBytes);
    this.#send.grant(bytes);
    const waiting = this.#unsent;
    this.#unsent = null;
    if (waiting !== null) for (const piece of waiting) this.#sendPiece(piece);
    this.#host.written();
    if (this.#unsent !== null) return;
    if (this.phase === 'closing') this.#finishAnswer();
    else if (this.#writableOwed && this.#send.available > 0) {
      this.#writableOwed = false;
      this.listener.writable();
    }
  }

  /**
   * Nobody waits for the answer any more. What is written from now on goes nowhere. What the invocation cost is not taken:
   * there is no frame left to report it by, so it stays the instance's (unattributed) CPU.
   */
  cancel(reason: Parameters<CallListener['cancelled']>[0]): void {
    if (this.phase === 'ended') return;
    this.#finish();
    if (this.began) this.listener.cancelled(reason);
  }

  /** Sends what credit allows, and keeps the rest. */
  #sendPiece(piece: Uint8Array): void {
    const allowed = this.#unsent === null ? (this.#send?.take(piece.length) ?? 0) : 0;
    if (allowed > 0) this.#host.writer.body(this.stream, allowed === piece.length ? piece : piece.subarray(0, allowed));
    if (allowed < piece.length) (this.#unsent ??= []).push(piece.subarray(allowed));
  }

  #finishAnswer(): void {
    this.#host.writer.bodyEnd(this.stream, this.#host.takeCpuUs(this));
    this.#finish();
  }

  /** Handed to user code. */
  begin(): void {
    this.#enter('begun');
    this.began = true;
  }

  #enter(next: StreamPhase): void {
    if (!transitions[this.phase].includes(next)) {
      throw new TypeError(`an invocation in its instance cannot go from ${this.phase} to ${next}`);
    }
    this.phase = next;
  }

  /** The one way to the end. */
  #finish(): void {
    this.#enter('ended');
    this.#unsent = null;
    this.#early = null;
    this.#host.ended(this);
  }

  #tagged(headers: readonly string[]): readonly string[] {
    return this.#tags === null ? headers : withCacheTags(headers, this.#tags);
  }

  /** Null: not fit to be sent; the call has been failed. */
  #head(headers: readonly string[]): string | null {
    try {
      return headersText(headers);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#invalid(error.message);
      return null;
    }
  }

  #invalid(detail: string): void {
    if (this.phase === 'ended') return;
    this.#host.refused(this, detail);
    this.fail('FUNCTION_RESPONSE_INVALID', detail);
  }
}

const isStatus = (status: number): boolean => Number.isInteger(status) && status >= 200 && status <= 999;

/** A UTF-16 unit is at most three bytes of UTF-8: most texts need not be measured. */
const exceedsChunk = (body: Uint8Array | string): boolean =>
  body.length > limits.chunkBytes ||
  (typeof body === 'string' && body.length * 3 > limits.chunkBytes && Buffer.byteLength(body) > limits.chunkBytes);
