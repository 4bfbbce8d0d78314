/** What one instance asks of the platform, and the answers: as many at once, and as much of them, as the limits allow. */
import type { Clock, Timer } from '../base/clock.ts';
import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { type PlatformServices, type ServiceScope } from '../model/services.ts';
import { FrameType } from '../tunnel/frame.ts';
import { Inbox, type Message, writeMessage } from '../tunnel/message.ts';
import type { Session } from '../tunnel/session.ts';
import { type Answer, BadAsk, execute } from './ask-orders.ts';

export interface AskServing {
  readonly services: PlatformServices;
  readonly clock: Clock;
  readonly log: Log;
}

interface Ready {
  readonly number: number;
  readonly json: string;
  readonly body: Buffer;
}

const noBody = Buffer.alloc(0);

/** Of one data connection, made when it asks for the first time. */
export class Asks {
  readonly #session: Session;
  readonly #serving: AskServing;
  readonly #inbox = new Inbox();
  /** Without a complete answer: the bytes of their bodies, by number. */
  readonly #unanswered = new Map<number, number>();
  #unansweredBytes = 0;
  /** Answers that wait until the instance has taken those before. */
  readonly #ready: Ready[] = [];
  #closed = false;

  constructor(session: Session, serving: AskServing) {
    this.#session = session;
    this.#serving = serving;
  }

  /** ASK. Throws ProtocolError. */
  frame(payload: Buffer, scope: ServiceScope): void {
    const message = this.#inbox.take(payload, this.#begins);
    if (message !== null) void this.#answer(message, scope);
  }

  /** The connection has room again. */
  drained(): void {
    this.#send();
  }

  close(): void {
    this.#closed = true;
    this.#inbox.clear();
    this.#ready.length = 0;
  }

  readonly #begins = (number: number, bodyBytes: number): void => {
    const tooMany = this.#unanswered.size >= limits.asksUnanswered;
    if (tooMany || this.#unansweredBytes + bodyBytes > limits.asksUnansweredBytes || this.#unanswered.has(number)) {
      const detail = `ask ${number} of ${bodyBytes} bytes beside ${this.#unanswered.size} of ${this.#unansweredBytes}`;
      throw new ProtocolError('BAD_FRAME', `${detail} without an answer`);
    }
    this.#unanswered.set(number, bodyBytes);
    this.#unansweredBytes += bodyBytes;
  };

  async #answer({ number, fields, body }: Message, scope: ServiceScope): Promise<void> {
    const { clock, services } = this.#serving;
    const { promise: tooLate, resolve } = Promise.withResolvers<Answer>();
    const late = refusal('TIMEOUT', `the platform did not answer within ${limits.askAnswerMs} ms`);
    const timer: Timer = clock.after(limits.askAnswerMs, () => resolve(late));
    const answer = await Promise.race([tooLate, this.#execute(fields, body, scope, services)]);
    timer.cancel();
    if (this.#closed) return;
    this.#ready.push({ number, json: JSON.stringify(answer.fields), body: answer.body ?? noBody });
    this.#send();
  }

  /** Never rejects: errors are data. */
  async #execute(
    fields: Message['fields'],
    body: Buffer,
    scope: ServiceScope,
    services: PlatformServices,
  ): Promise<Answer> {
    try {
      const answer = await execute(fields, body, scope, services);
      return { fields: { ok: true, ...answer.fields }, body: answer.body };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (error instanceof BadAsk) return refusal('BAD_ASK', message);
      this.#serving.log.warn('what a function asked of the platform failed', { ...scope, cause: message });
      return refusal('FAILED', message);
    }
  }

  /** What the instance is slow to take waits here, where the number of asks without an answer bounds it. */
  #send(): void {
    const { connection, writer } = this.#session;
    while (this.#ready.length > 0 && connection.bufferedBytes <= limits.connectionHighWaterBytes) {
      const ready = this.#ready.shift()!;
      writeMessage(writer, FrameType.ANSWER, ready);
      writer.flush();
      this.#unansweredBytes -= this.#unanswered.get(ready.number) ?? 0;
      this.#unanswered.delete(ready.number);
    }
  }
}

const refusal = (code: string, message: string): Answer => ({
  fields: { ok: false, code, message: message.slice(0, limits.detailBytes) },
  body: null,
});
