// Hot path: every frame an instance sends.
import { errors, type ErrorCode, ProtocolError } from '../base/errors.ts';
import { FrameType, type Role } from '../tunnel/frame.ts';
import {
  readBackground,
  readBegins,
  readBodyEnd,
  readCredit,
  readDrain,
  readFailed,
  readInform,
  readLog,
  readNack,
  readNothing,
  readResponse,
  readVitals,
  responseFlags,
} from '../tunnel/payload.ts';
import { readLoaded } from '../tunnel/greeting.ts';
import { readMetric } from '../tunnel/message.ts';
import type { Session, SessionEnd, SessionEvents } from '../tunnel/session.ts';
import { Asks, type AskServing } from './asks.ts';
import type { Instance } from './instance.ts';
import type { RoutedInvocation } from './invocation.ts';
import { scopeOf } from '../model/services.ts';
import { noVitals, type Vitals } from '../model/vitals.ts';

/**
 * What one connection of an instance says. The session has seen to it that each frame may come from an instance on this
 * connection; what does not fit its stream's phase throws a ProtocolError, which cuts the instance off. Frames for a
 * stream that is not current are old ones that crossed its end.
 */
export class InstanceFrames implements SessionEvents {
  readonly #instance: Instance;
  readonly #role: Role;
  #session: Session | null = null;
  /** VITALS say what changed since the last ones on the same connection. */
  #vitals: Vitals = noVitals;
  /** Null: nothing can be asked. */
  readonly #serving: AskServing | null;
  #asks: Asks | null = null;

  constructor(instance: Instance, role: Role, serving: AskServing | null) {
    this.#instance = instance;
    this.#role = role;
    this.#serving = serving;
  }

  opened(session: Session): void {
    this.#session = session;
    if (this.#role === 'data') this.#instance.dataOpened(session);
    else this.#instance.control = session;
  }

  readDone(): void {
    if (this.#role === 'data') this.#instance.cameRound();
  }

  drained(): void {
    // Of streams nothing waits here: what is outstanding on a slow tunnel is bounded by their credit (I4).
    this.#asks?.drained();
  }

  /**
   * A loop that is busy cannot answer on the data connection: that is what the sentinel is for, and maxDuration. Only an
   * instance that has nothing to do, or whose sentinel is silent too, is dead.
   */
  unanswered(): boolean {
    const { control, streams } = this.#instance;
    return this.#role === 'data' && (control !== null || streams.count > 0);
  }

  closed(end: SessionEnd): void {
    this.#asks?.close();
    if (this.#role === 'data') this.#instance.dataClosed(end);
    else this.#instance.controlClosed(end);
  }

  body(stream: number, chunk: Buffer): void {
    if (this.#instance.streams.get(stream)?.chunk(chunk) === false) this.#session!.connection.keep();
  }

  frame(type: number, stream: number, payload: Buffer): void {
    if (type === FrameType.LOG) {
      const { keeper, recent } = this.#instance;
      keeper.logged(readLog(payload), this.#instance, recent.idOf(stream));
    } else if (stream === 0) {
      this.#sessionFrame(type, payload);
    } else {
      const invocation = this.#instance.streams.get(stream);
      if (invocation !== undefined) this.#streamFrame(type, invocation, payload);
    }
  }

  #streamFrame(type: number, invocation: RoutedInvocation, payload: Buffer): void {
    switch (type) {
      case FrameType.RESPONSE:
        this.#response(invocation, payload);
        return;
      case FrameType.BEGUN:
        readNothing(payload);
        this.#instance.served = true;
        invocation.begun();
        return;
      case FrameType.BODY_END:
        invocation.bodyEnd(readBodyEnd(payload));
        return;
      case FrameType.CREDIT:
        invocation.credited(readCredit(payload));
        return;
      case FrameType.NACK:
        this.#instance.nacked(invocation, readNack(payload), this.#session!);
        return;
      case FrameType.INFORM: {
        const { status, headers } = readInform(payload);
        invocation.inform(status, headers);
        return;
      }
      case FrameType.FAILED: {
        const { code, detail, cpuUs } = readFailed(payload);
        invocation.cpuUs = cpuUs;
        invocation.fail(Object.hasOwn(errors, code) ? (code as ErrorCode) : 'FUNCTION_INVOCATION_FAILED', detail);
        return;
      }
      default:
    }
  }

  #response(invocation: RoutedInvocation, payload: Buffer): void {
    const { flags, status, cpuUs, headers, body } = readResponse(payload);
    this.#instance.served = true;
    invocation.cpuUs = cpuUs;
    if (flags !== responseFlags.complete) invocation.answer(status, headers);
    else if (!invocation.reply(status, headers, body)) this.#session!.connection.keep();
  }

  #sessionFrame(type: number, payload: Buffer): void {
    const instance = this.#instance;
    switch (type) {
      case FrameType.VITALS: {
        const { vitals } = readVitals(payload, this.#vitals);
        this.#vitals = vitals;
        instance.gotVitals(vitals);
        return;
      }
      case FrameType.BACKGROUND:
        instance.gotBackground(readBackground(payload));
        return;
      case FrameType.BEGINS:
        instance.batched = readBegins(payload) === 'batched';
        return;
      case FrameType.DRAIN: {
        const { leftMs, reason } = readDrain(payload);
        instance.notes.drains(reason);
        instance.drain(reason, leftMs);
        return;
      }
      case FrameType.LOADED:
        instance.gotLoaded(readLoaded(payload));
        return;
      case FrameType.METRIC: {
        const { name, value, attributes } = readMetric(payload);
        instance.meter?.metric(name, value, attributes);
        return;
      }
      case FrameType.ASK:
        this.#ask(payload);
        return;
      default:
    }
  }

  /** Whose things it may ask for is its function's to say, not its own (I7). */
  #ask(payload: Buffer): void {
    const { home } = this.#instance;
    if (this.#serving === null || home === null) throw new ProtocolError('UNEXPECTED_FRAME', 'ASK, and no function');
    this.#asks ??= new Asks(this.#session!, this.#serving);
    this.#asks.frame(payload, scopeOf(home.spec));
  }
}
