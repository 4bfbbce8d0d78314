// Hot path: one object per invocation of a process that speaks frames.
import { ProtocolError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { Connection } from '../../tunnel/connection.ts';
import { ReceiveCredit, SendCredit } from '../../tunnel/flow.ts';
import { parsedHeadText } from '../../tunnel/head.ts';
import { type Failed, requestFlags, type Response } from '../../tunnel/payload.ts';
import type { FrameWriter } from '../../tunnel/writer.ts';
import type { CallListener } from '../call.ts';
import type { StreamCall } from '../stream.ts';
import type { Charged } from './shared-charges.ts';

export interface FramesHost {
  readonly writer: FrameWriter;
  readonly connection: Connection;
  readonly windowBytes: number;
  /** Something was written for the process. */
  written(): void;
  /** The process has nothing more of it in hand. */
  returned(call: FramesCall): void;
  cancelled(call: FramesCall): void;
}

/** What a runtime says that measured nothing. */
const unmeasured = 0xffff_ffff;
const mostUpgradeFlags = requestFlags.noBody | requestFlags.upgrade;

export type FramesPhase =
  /** Handed over; no head has come. */
  | 'begun'
  | 'answering'
  /** The router wants nothing more; the handler has not returned. */
  | 'cancelled'
  | 'over';

export const transitions: Readonly<Record<FramesPhase, readonly FramesPhase[]>> = {
  begun: ['answering', 'cancelled', 'over'],
  answering: ['cancelled', 'over'],
  cancelled: ['over'],
  over: [],
};

/** One invocation between the core and the process beside it. Both directions have the windows of the tunnel, so nothing gathers. */
export class FramesCall implements CallListener, Charged {
  measuredUs = -1;
  usedUs = 0;
  sinceMs = 0;
  place = -1;
  readonly call: StreamCall;
  readonly #host: FramesHost;
  #phase: FramesPhase = 'begun';
  #send: SendCredit | null = null;
  #receive: ReceiveCredit | null = null;
  /** Of the request's body, sent to the process, which has not granted them again. */
  #inHandBytes = 0;
  /** Of the request's body, beyond the credit of the process: a router with a larger window. */
  #unsent: Buffer[] | null = null;
  #bodyEnded = false;
  /** Of the answer, taken by nobody yet. */
  #owedBytes = 0;
  #settle: (() => void) | null = null;

  constructor(host: FramesHost, call: StreamCall) {
    this.#host = host;
    this.call = call;
  }

  get isUpgraded(): boolean {
    return this.call.upgrade;
  }

  /** REQUEST. */
  start(): void {
    const { call } = this;
    const flags = (call.hasBody ? 0 : requestFlags.noBody) | (call.upgrade ? requestFlags.upgrade : 0);
    const leftMs = Math.max(0, call.deadlineWallMs - Date.now());
    const head = parsedHeadText(call.id, call.method, call.target, call.headers);
    this.#host.writer.request(call.stream, flags & mostUpgradeFlags, leftMs, head);
    this.#host.written();
  }

  // — from the core —

  body(chunk: Buffer): void {
    if (this.#unsent === null) this.#sendPiece(chunk);
    else this.#unsent.push(chunk);
    this.#host.written();
  }

  bodyEnd(): void {
    this.#bodyEnded = true;
    if (this.#unsent !== null) return;
    this.#host.writer.bodyEnd(this.call.stream);
    this.#host.written();
  }

  writable(): void {
    const bytes = this.#owedBytes;
    this.#owedBytes = 0;
    this.#grant(bytes);
  }

  cancelled(reason: Parameters<CallListener['cancelled']>[0]): void {
    if (this.#phase === 'over' || this.#phase === 'cancelled') return;
    this.#enter('cancelled');
    this.#unsent = null;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#settle = resolve;
    this.call.handling = promise;
    this.#host.cancelled(this);
    this.#host.writer.cancel(this.call.stream, reason === 'tunnel' ? 'unwanted' : reason);
    this.#host.written();
  }

  // — from the process; all throw ProtocolError —

  response({ flags, status, cpuUs, headers, body }: Response): void {
    this.#expect('begun', 'RESPONSE');
    if (flags === 0) {
      this.#enter('answering');
      this.call.head(status, headers);
      if (this.call.over) this.cancelled('unwanted');
      return;
    }
    this.#measured(cpuUs);
    if (body !== null && body.length > limits.copiedBodyBytes) this.#host.connection.keep();
    this.call.reply(status, headers, body);
    this.#over();
  }

  inform(status: number, headers: readonly string[]): void {
    this.#expect('begun', 'INFORM');
    this.call.inform(status, headers);
    // It could not be sent: the invocation has failed, and the process has yet to hear of that.
    if (this.call.over) this.cancelled('unwanted');
  }

  /** A piece of the answer, a view of what was read. */
  answer(chunk: Buffer): void {
    // It crossed the CANCEL.
    if (this.#phase === 'cancelled') return;
    this.#expect('answering', 'BODY');
    this.#receive ??= new ReceiveCredit(this.#host.windowBytes);
    this.#receive.receive(chunk.length);
    const isSmall = chunk.length <= limits.copiedBodyBytes;
    if (!isSmall) this.#host.connection.keep();
    if (this.call.write(isSmall ? Buffer.from(chunk) : chunk)) this.#grant(chunk.length);
    else this.#owedBytes += chunk.length;
  }

  answerEnd(cpuUs: number): void {
    if (this.#phase === 'cancelled') return;
    this.#expect('answering', 'BODY_END');
    this.#measured(cpuUs);
    this.call.end();
    this.#over();
  }

  failed({ code, detail, cpuUs }: Failed): void {
    if (this.#phase === 'cancelled') return;
    if (this.#phase === 'over') this.#expect('begun', 'FAILED');
    this.#measured(cpuUs);
    this.call.fail(code, detail);
    this.#over();
  }

  granted(bytes: number): void {
    if (this.#phase === 'cancelled' || this.#phase === 'over') return;
    // The router is granted what the process says it took: no more than it was given.
    if (bytes > this.#inHandBytes) {
      throw new ProtocolError('CREDIT_OVERRUN', `a credit of ${bytes} bytes, ${this.#inHandBytes} were sent`);
    }
    this.#inHandBytes -= bytes;
    this.#send ??= new SendCredit(this.#host.windowBytes);
    this.#send.grant(bytes);
    const waiting = this.#unsent;
    this.#unsent = null;
    if (waiting !== null) for (const piece of waiting) this.#sendPiece(piece);
    if (waiting !== null && this.#unsent === null && this.#bodyEnded) this.#host.writer.bodyEnd(this.call.stream);
    this.call.consumed(bytes);
    this.#host.written();
  }

  /** The handler of one that was cancelled has returned. */
  returned(): void {
    this.#expect('cancelled', 'an empty BODY_END');
    this.#over();
  }

  /** The process is gone. */
  lost(): void {
    if (this.#phase !== 'over') this.#over();
  }

  get isCancelled(): boolean {
    return this.#phase === 'cancelled';
  }

  #sendPiece(piece: Buffer): void {
    this.#send ??= new SendCredit(this.#host.windowBytes);
    const allowed = this.#unsent === null ? this.#send.take(piece.length) : 0;
    if (allowed > 0) {
      this.#inHandBytes += allowed;
      this.#host.writer.body(this.call.stream, piece.subarray(0, allowed));
    }
    if (allowed < piece.length) (this.#unsent ??= []).push(piece.subarray(allowed));
  }

  #grant(bytes: number): void {
    const grant = this.#receive?.consumed(bytes) ?? 0;
    if (grant === 0 || this.#phase !== 'answering') return;
    this.#host.writer.credit(this.call.stream, grant);
    this.#host.written();
  }

  #measured(cpuUs: number): void {
    if (cpuUs !== unmeasured) this.measuredUs = cpuUs;
  }

  #expect(phase: FramesPhase, name: string): void {
    if (this.#phase !== phase) throw new ProtocolError('UNEXPECTED_FRAME', `${name} while it is ${this.#phase}`);
  }

  #over(): void {
    this.#enter('over');
    this.#settle?.();
    this.#host.returned(this);
  }

  #enter(next: FramesPhase): void {
    if (!transitions[this.#phase].includes(next)) {
      throw new TypeError(`an invocation of a process beside cannot go from ${this.#phase} to ${next}`);
    }
    this.#phase = next;
  }
}
