/** What one instance asks of the platform, and the answers: as many at once, and as much of them, as the limits allow. */
import type { Clock } from '../base/clock.ts';
import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { PlatformServices, ServiceScope } from '../model/services.ts';
import { FrameType } from '../tunnel/frame.ts';
import { Inbox, type Message, writeMessage } from '../tunnel/message.ts';
import type { Session } from '../tunnel/session.ts';
import { type Answer, BadAsk, execute } from './ask-orders.ts';

export interface AskServing {
  readonly services: PlatformServices;
  readonly clock: Clock;
  readonly log: Log;
}

interface Ask {
  readonly number: number;
  readonly bodyBytes: number;
  /** Infinity: it is not complete, and it is the instance that takes its time. */
  deadlineMs: number;
  /** Null: there is none yet. */
  answer: Answer | null;
}

const noBody = Buffer.alloc(0);
const tooLate = refusal('TIMEOUT', `the platform did not answer within ${limits.askAnswerMs} ms`);

/** Of one data connection, made when it asks for the first time. */
export class Asks {
  readonly #session: Session;
  readonly #serving: AskServing;
  readonly #inbox = new Inbox();
  /** Those whose answer has not been written. */
  readonly #unanswered = new Map<number, Ask>();
  #unansweredBytes = 0;
  /** Answers that wait until the instance has taken those before. */
  readonly #ready: Ask[] = [];
  /** Somebody looks for those that take too long: one timer for all of them. */
  #watching = false;
  #closed = false;

  constructor(session: Session, serving: AskServing) {
    this.#session = session;
    this.#serving = serving;
  }

  /** ASK. Throws ProtocolError. */
  frame(payload: Buffer, scope: ServiceScope): void {
    const message = this.#inbox.take(payload, this.#begins);
    if (message === null) return;
    const ask = this.#unanswered.get(message.number)!;
    ask.deadlineMs = this.#serving.clock.nowMs() + limits.askAnswerMs;
    this.#watch(limits.askAnswerMs);
    void this.#execute(ask, message, scope);
  }

  /** The connection has room again. */
  drained(): void {
    this.#send();
  }

  close(): void {
    this.#closed = true;
    this.#inbox.clear();
    this.#ready.length = 0;
    this.#unanswered.clear();
  }

  readonly #begins = (number: number, bodyBytes: number): void => {
    const tooMany = this.#unanswered.size >= limits.asksUnanswered;
    if (tooMany || this.#unansweredBytes + bodyBytes > limits.asksUnansweredBytes || this.#unanswered.has(number)) {
      const detail = `ask ${number} of ${bodyBytes} bytes beside ${this.#unanswered.size} of ${this.#unansweredBytes}`;
      throw new ProtocolError('BAD_FRAME', `${detail} without an answer`);
    }
    this.#unanswered.set(number, { number, bodyBytes, deadlineMs: Infinity, answer: null });
    this.#unansweredBytes += bodyBytes;
  };

  #watch(delayMs: number): void {
    if (this.#watching) return;
    this.#watching = true;
    this.#serving.clock.after(delayMs, this.#look);
  }

  readonly #look = (): void => {
    this.#watching = false;
    const nowMs = this.#serving.clock.nowMs();
    let nextMs = Infinity;
    for (const ask of this.#unanswered.values()) {
      if (ask.answer !== null) continue;
      if (ask.deadlineMs <= nowMs) this.#answer(ask, tooLate);
      else nextMs = Math.min(nextMs, ask.deadlineMs);
    }
    if (nextMs < Infinity) this.#watch(nextMs - nowMs);
  };

  /** The first answer counts. */
  #answer(ask: Ask, answer: Answer): void {
    if (this.#closed || ask.answer !== null) return;
    ask.answer = answer;
    this.#ready.push(ask);
    this.#send();
  }

  /** Never rejects: errors are data. */
  async #execute(ask: Ask, { fields, body }: Message, scope: ServiceScope): Promise<void> {
    let answer;
    try {
      const made = await execute(fields, body, scope, this.#serving.services);
      answer = { fields: { ok: true, ...made.fields }, body: made.body };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      answer = refusal(error instanceof BadAsk ? 'BAD_ASK' : 'FAILED', message);
      if (!(error instanceof BadAsk)) {
        this.#serving.log.warn('what a function asked of the platform failed', { ...scope, cause: message });
      }
    }
    this.#answer(ask, answer);
  }

  /** What the instance is slow to take waits here, where the number of asks without an answer bounds it. */
  #send(): void {
    const { connection, writer } = this.#session;
    while (this.#ready.length > 0 && connection.bufferedBytes <= limits.connectionHighWaterBytes) {
      const { number, bodyBytes, answer } = this.#ready.shift()!;
      if (answer === null) continue;
      const json = JSON.stringify(answer.fields);
      writeMessage(writer, FrameType.ANSWER, { number, json, body: answer.body ?? noBody });
      writer.flush();
      this.#unansweredBytes -= bodyBytes;
      this.#unanswered.delete(number);
    }
  }
}

function refusal(code: string, message: string): Answer {
  return { fields: { ok: false, code, message: message.slice(0, limits.detailBytes) }, body: null };
}
