/** What user code asks of the platform by way of the router, and the answers (protocol/tunnel.md, Asks and metrics). */
import type { Clock } from '../base/clock.ts';
import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { FrameType } from '../tunnel/frame.ts';
import { type Fields, Inbox, type Message, writeMessage } from '../tunnel/message.ts';
import type { Session } from '../tunnel/session.ts';
import type { StreamCall } from './stream.ts';

/** What the platform answered. */
export interface Answered {
  readonly fields: Fields;
  readonly body: Buffer;
}

/** No answer, or one that says no. `code` as in the answer; `CLOSED`, `TIMEOUT`, `OVERLOADED`, `TOO_LARGE`: there was none. */
export class AskFailed extends Error {
  override readonly name = 'AskFailed';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface AsksOptions {
  readonly session: Session;
  readonly clock: Clock;
  /** Something was written: it is to be flushed by the end of this turn. */
  written(): void;
  /** The code that waits for an answer goes on after this call; it belongs to the invocation. */
  enter(call: StreamCall | null): void;
  /** Calls `go` in a callback of the loop of its own, in the context of the invocation. */
  later(call: StreamCall | null, go: () => void): void;
}

interface Ask {
  readonly json: string;
  readonly body: Uint8Array;
  readonly call: StreamCall | null;
  readonly resolve: (answered: Answered) => void;
  readonly reject: (error: AskFailed) => void;
  readonly deadlineMs: number;
  /** Whoever waited knows. */
  over: boolean;
}

const empty = new Uint8Array(0);

/** Of one tunnel, made when user code asks for the first time. */
export class Asks {
  readonly #options: AsksOptions;
  readonly #inbox = new Inbox();
  /** Until there is room among those without an answer. */
  #waiting: Ask[] = [];
  readonly #unanswered = new Map<number, Ask>();
  #unansweredBytes = 0;
  /** Answers of this read. */
  #answers: { ask: Ask; message: Message }[] = [];
  #number = 0;
  /** Somebody looks for those that take too long: one timer for all of them. */
  #watching = false;
  #closed = false;

  constructor(options: AsksOptions) {
    this.#options = options;
  }

  /** `json`: of an object. The body must not change any more. Rejects with AskFailed, in bounded time. */
  ask(json: string, body: Uint8Array | null, call: StreamCall | null): Promise<Answered> {
    const fault = this.#fault(json, body);
    if (fault !== null) return Promise.reject(fault);
    const { promise, resolve, reject } = Promise.withResolvers<Answered>();
    const ask: Ask = {
      json,
      body: body ?? empty,
      call,
      resolve,
      reject,
      deadlineMs: this.#options.clock.nowMs() + limits.askTimeoutMs,
      over: false,
    };
    this.#watch(limits.askTimeoutMs);
    this.#waiting.push(ask);
    this.#pump();
    return promise;
  }

  /** ANSWER. Throws ProtocolError. */
  frame(payload: Buffer): void {
    const message = this.#inbox.take(payload, this.#expected);
    if (message === null) return;
    const ask = this.#unanswered.get(message.number)!;
    this.#unanswered.delete(message.number);
    this.#unansweredBytes -= ask.body.length;
    if (!ask.over) this.#answers.push({ ask, message });
  }

  /**
   * All of one read was handed over. Code that waits for an answer runs when this callback of the loop is done; so that its
   * time is told apart there is one callback for each, and this one is the first's.
   */
  readDone(): void {
    // There may be room now.
    if (this.#waiting.length > 0) this.#pump();
    if (this.#answers.length === 0) return;
    const answers = this.#answers;
    this.#answers = [];
    for (const [index, { ask, message }] of answers.entries()) {
      if (index > 0) this.#options.later(ask.call, () => this.#settle(ask, message));
      else {
        this.#options.enter(ask.call);
        this.#settle(ask, message);
      }
    }
  }

  /** The tunnel is gone. */
  close(): void {
    this.#closed = true;
    this.#inbox.clear();
    for (const ask of [...this.#waiting, ...this.#unanswered.values()]) {
      this.#fail(ask, 'CLOSED', 'the tunnel to the router has ended');
    }
    this.#waiting = [];
    this.#unanswered.clear();
  }

  #watch(delayMs: number): void {
    if (this.#watching) return;
    this.#watching = true;
    this.#options.clock.after(delayMs, this.#look);
  }

  /** Those that were sent are older than those that wait. */
  readonly #look = (): void => {
    this.#watching = false;
    const nowMs = this.#options.clock.nowMs();
    for (const ask of [...this.#unanswered.values(), ...this.#waiting]) {
      if (ask.over) continue;
      if (ask.deadlineMs > nowMs) {
        this.#watch(ask.deadlineMs - nowMs);
        return;
      }
      this.#fail(ask, 'TIMEOUT', `the platform did not answer within ${limits.askTimeoutMs} ms`);
    }
  };

  #fault(json: string, body: Uint8Array | null): AskFailed | null {
    if (this.#closed) return new AskFailed('CLOSED', 'the tunnel to the router has ended');
    const bodyBytes = body?.length ?? 0;
    if (bodyBytes > limits.askBodyBytes || Buffer.byteLength(json) > limits.askJsonBytes) {
      return new AskFailed('TOO_LARGE', `${bodyBytes} bytes, ${limits.askBodyBytes} are allowed`);
    }
    if (this.#waiting.length < limits.asksWaiting) return null;
    return new AskFailed('OVERLOADED', `${this.#waiting.length} asks of the platform are waiting already`);
  }

  #pump(): void {
    let sent = 0;
    for (const ask of this.#waiting) {
      if (!ask.over && !this.#hasRoom(ask)) break;
      sent += 1;
      if (ask.over) continue;
      do this.#number = (this.#number + 1) >>> 0;
      while (this.#unanswered.has(this.#number));
      this.#unanswered.set(this.#number, ask);
      this.#unansweredBytes += ask.body.length;
      const { json, body } = ask;
      writeMessage(this.#options.session.writer, FrameType.ASK, { number: this.#number, json, body });
    }
    if (sent === 0) return;
    this.#waiting.splice(0, sent);
    this.#options.written();
  }

  #hasRoom({ body }: Ask): boolean {
    if (this.#unanswered.size >= limits.asksUnanswered) return false;
    return this.#unansweredBytes + body.length <= limits.asksUnansweredBytes;
  }

  readonly #expected = (number: number): void => {
    if (!this.#unanswered.has(number)) throw new ProtocolError('BAD_FRAME', `ANSWER to ${number}, which was not asked`);
  };

  #settle(ask: Ask, { fields, body }: Message): void {
    if (fields['ok'] !== true) {
      const { code, message } = fields;
      this.#fail(ask, typeof code === 'string' ? code : 'FAILED', typeof message === 'string' ? message : '');
      return;
    }
    if (!this.#end(ask)) return;
    ask.resolve({ fields, body });
  }

  #fail(ask: Ask, code: string, message: string): void {
    if (this.#end(ask)) ask.reject(new AskFailed(code, message));
  }

  /** False: it was over. */
  #end(ask: Ask): boolean {
    if (ask.over) return false;
    ask.over = true;
    return true;
  }
}
