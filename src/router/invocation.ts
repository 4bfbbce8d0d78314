// Hot path: one object per invocation; a small request and a complete answer allocate nothing else here.
import type { ErrorCode, Failure } from '../base/errors.ts';
import { errors, ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { InstanceMeter } from '../meter/instance-meter.ts';
import type { Outcome, RouteMeter } from '../meter/tally.ts';
import type { Exchange, Invocation, RequestHead } from '../model/invoke.ts';
import type { StartKind } from '../model/telemetry.ts';
import type { NackReason } from '../model/vitals.ts';
import type { RouteProfile } from '../scheduler/routes.ts';
import { AnswerFlow } from './answer-flow.ts';
import type { InstanceState } from './instance-state.ts';
import { hostOf } from './record.ts';
import { RequestBody, type BodySink } from './request-body.ts';

/**
 * The life of an invocation in the router (ARCHITECTURE.md, "The life of an invocation", from placed on).
 * queued: on no instance. sent: on an instance, which may still refuse it. begun: user code has it. answering: the head
 * of a streamed answer was passed on. settled: exactly one terminal outcome (I1).
 */
export type InvocationPhase = 'queued' | 'sent' | 'begun' | 'answering' | 'settled';

/** From sent back to queued: nacked, recalled, or its tunnel was lost and it is proven not to have begun (I2). Never after begun (I3). */
export const transitions: Readonly<Record<InvocationPhase, readonly InvocationPhase[]>> = {
  queued: ['sent', 'settled'],
  sent: ['begun', 'answering', 'queued', 'settled'],
  begun: ['answering', 'settled'],
  answering: ['settled'],
  settled: [],
};

export type CancelReason = 'client' | 'timeout' | 'unwanted';

/** The instance that has the invocation, as the invocation sees it. */
export interface Carrier extends BodySink {
  readonly state: { readonly kind: InstanceState['kind'] };
  grant(stream: number, bytes: number): void;
  cancel(stream: number, reason: CancelReason): void;
  /** The stream has ended on the router's side; its slot is free. */
  release(invocation: RoutedInvocation): void;
}

/** The function's pool, as the invocation sees it. */
export interface InvocationOwner {
  nowMs(): number;
  /** Once, when its `outcome` is known and it is on no instance any more: for the meter. */
  accounted(invocation: RoutedInvocation): void;
  /** Once, before the exchange hears of it. */
  settled(invocation: RoutedInvocation): void;
  /** Refused before it began: it is on no instance any more. */
  returned(invocation: RoutedInvocation, reason: NackReason | 'lost'): void;
}

export class RoutedInvocation implements Invocation {
  head: RequestHead;
  readonly route: RouteMeter;
  receivedMs = 0;
  /** Numbers for who is told of it (record.ts). −1: it did not come so far. */
  queuedMs = -1;
  begunMs = -1;
  answeredMs = -1;
  /** When it left its instance. */
  releasedMs = -1;
  /** What the client was told; 0: nothing. */
  status = 0;
  requestBytes = 0;
  responseBytes = 0;
  /** How often it came back before it began. */
  returns = 0;
  phase: InvocationPhase = 'queued';
  /** Set while it is on an instance. */
  carrier: Carrier | null = null;
  stream = 0;
  sentMs = 0;
  deadlineMs = 0;
  /** How often an instance refused it: at some time it is given up. */
  refusals = 0;
  /** Of the instance that has or had it when it settled; null while it is on none. */
  meter: InstanceMeter | null = null;
  /** For the scheduler: what kind of request it is, where it waits or was placed; −1: in no queue, on no instance. */
  profile!: RouteProfile;
  lane = 0;
  queueHandle = -1;
  index = -1;
  /** It was in the queue at least once. */
  waited = false;
  recalled = false;
  start: StartKind = 'warm';
  outcome: Outcome = 'answered';
  cpuUs = 0;
  wallMs = 0;
  readonly #exchange: Exchange;
  readonly #owner: InvocationOwner;
  #body: RequestBody | null = null;
  #flow: AnswerFlow | null = null;
  /** After a 101: bytes flow both ways. */
  #raw = false;
  /** Its time is up, and both ends were told. */
  #goingAway = false;
  #isAccounted = false;
  #informs = 0;

  constructor(owner: InvocationOwner, head: RequestHead, exchange: Exchange, route: RouteMeter) {
    this.#owner = owner;
    this.head = head;
    this.#exchange = exchange;
    this.route = route;
  }

  /** When it is over at the latest: an upgraded connection gets a while to close. */
  get lastMs(): number {
    return this.head.upgrade && !this.#goingAway ? this.deadlineMs + limits.socketCloseMs : this.deadlineMs;
  }

  /** Of its CPU, as attributed; 0: its instance could not say. */
  get cpuMs(): number {
    return this.cpuUs / 1000;
  }

  // — the edge's side —

  write(chunk: Buffer): boolean {
    if (this.phase === 'settled') return true;
    this.requestBytes += chunk.length;
    const body = (this.#body ??= new RequestBody(this.phase === 'queued' || this.phase === 'sent'));
    body.push(chunk);
    const open = this.#bodyOpen();
    if (open) body.pump(this.carrier!, this.stream);
    body.blocked = body.unsentBytes > 0 && (open || body.unsentBytes >= limits.unplacedBodyBytes);
    return !body.blocked;
  }

  endBody(): void {
    if (this.phase === 'settled' || !(this.head.hasBody || this.head.upgrade)) return;
    const body = (this.#body ??= new RequestBody(this.phase === 'queued' || this.phase === 'sent'));
    body.end();
    if (this.#bodyOpen()) body.pump(this.carrier!, this.stream);
  }

  resume(): void {
    const flow = this.#flow;
    if (this.phase !== 'answering' || flow === null) return;
    const grant = flow.resume(this.#exchange);
    this.#grant(grant);
    if (flow.ended && flow.delivered) this.#finish();
  }

  cancel(): void {
    this.#stop('client');
    this.#settle('CLIENT_CLOSED_REQUEST');
  }

  // — the pool's and the instance's side —

  /** It was put on an instance: the head is on its way, and what there is of the body follows. */
  sent(carrier: Carrier, stream: number, nowMs: number): void {
    this.#move('sent');
    this.carrier = carrier;
    this.stream = stream;
    this.sentMs = nowMs;
    this.recalled = false;
    if (this.#body !== null && this.#bodyOpen()) this.#pump(this.#body);
  }

  begun(): void {
    if (this.phase !== 'sent') return;
    this.#move('begun');
    this.begunMs = this.#owner.nowMs();
    this.#body?.begun();
  }

  /** CREDIT: user code has read of the body, so it has begun, and nothing is kept to be sent again. */
  credited(bytes: number): void {
    this.begun();
    const body = this.#body;
    if (body === null) return;
    body.granted(bytes);
    if (this.#bodyOpen()) this.#pump(body);
  }

  /** A NACK. Throws UNEXPECTED_FRAME when the instance had said that it began. */
  nacked(reason: NackReason): void {
    if (this.phase !== 'sent') throw unexpected('NACK', this.phase);
    this.#return(reason);
  }

  /** The tunnel ended, and it is proven that the invocation never ran. */
  lost(): void {
    if (this.phase === 'sent') this.#return('lost');
  }

  inform(status: number, headers: readonly string[]): void {
    this.begun();
    if (this.phase === 'answering') throw unexpected('INFORM', this.phase);
    this.#informs += 1;
    if (this.#informs <= limits.informs) this.#exchange.inform(status, headers);
  }

  /** A complete answer. False: `body` is still referred to. */
  reply(status: number, headers: readonly string[], body: Buffer | null): boolean {
    if (this.phase === 'answering') throw unexpected('RESPONSE', this.phase);
    if (status < 200 || status > 599) {
      this.#invalid(status);
      return true;
    }
    this.status = status;
    this.responseBytes = body === null ? 0 : body.length;
    this.#settle('answered');
    return this.#exchange.reply(status, headers, body);
  }

  /** The head of a streamed answer, or a 101. */
  answer(status: number, headers: readonly string[]): void {
    if (this.phase === 'answering') throw unexpected('RESPONSE', this.phase);
    const raw = status === 101 && this.head.upgrade;
    if ((status < 200 && !raw) || status > 599) {
      this.#stop('unwanted');
      this.#invalid(status);
      return;
    }
    this.begun();
    this.#move('answering');
    this.answeredMs = this.#owner.nowMs();
    this.status = status;
    this.#raw = raw;
    // It will not be sent again, and may be idle for hours.
    if (raw) this.head = { ...this.head, headers: ['host', hostOf(this.head)] };
    this.#flow = new AnswerFlow();
    this.#exchange.head(status, raw ? withMaxDuration(headers, this.deadlineMs - this.sentMs) : headers);
    if (raw && this.#body !== null && this.#bodyOpen()) this.#pump(this.#body);
  }

  /** A piece of a streamed answer. False: it is still referred to. */
  chunk(chunk: Buffer): boolean {
    const flow = this.#flow;
    if (flow === null || flow.ended) throw unexpected('BODY', this.phase);
    this.responseBytes += chunk.length;
    this.#grant(flow.receive(chunk, this.#exchange));
    return !flow.keeps;
  }

  /** Everything has come. The stream is free; the invocation settles when the client has been given all of it. */
  bodyEnd(cpuUs: number): void {
    const flow = this.#flow;
    if (flow === null) throw unexpected('BODY_END', this.phase);
    this.cpuUs = cpuUs;
    flow.ended = true;
    this.#release();
    this.#account('answered');
    if (flow.delivered) this.#finish();
  }

  /** No (complete) answer will come. Terminal, and idempotent like every terminal here. */
  fail(code: ErrorCode, detail: string, retryAfterS?: number): void {
    if (this.status === 0) this.status = errors[code].status;
    if (!this.#settle(code)) return;
    const failure: Failure = retryAfterS === undefined ? { code, detail } : { code, detail, retryAfterS };
    this.#exchange.fail(failure);
  }

  /** A newer version waits for its instance to end. What is no upgraded connection may finish. */
  makeWay(nowMs: number): void {
    if (this.#raw) this.expire(nowMs);
  }

  /** maxDuration is up. False: it is an upgraded connection, which now ends by itself or is late at its new deadline. */
  expire(nowMs: number): boolean {
    if (this.#raw && !this.#goingAway && this.#exchange.goAway !== undefined) {
      this.#goingAway = true;
      this.deadlineMs = nowMs + limits.socketCloseMs;
      this.#exchange.goAway(this.carrier?.state.kind === 'draining' ? 'replaced' : 'maxDuration');
      return false;
    }
    this.#stop('timeout');
    const durationMs = Math.round(this.deadlineMs - this.sentMs);
    this.fail('FUNCTION_INVOCATION_TIMEOUT', `the function did not finish within ${durationMs} ms`);
    return true;
  }

  /** Tells the instance that nobody waits for it any more. */
  #stop(reason: CancelReason): void {
    if (this.phase !== 'settled') this.carrier?.cancel(this.stream, reason);
  }

  #invalid(status: number): void {
    this.fail('FUNCTION_RESPONSE_INVALID', `the function answered with status ${status}`);
  }

  #finish(): void {
    if (this.#settle('answered')) this.#exchange.end();
  }

  #return(reason: NackReason | 'lost'): void {
    this.#move('queued');
    this.#release();
    this.returns += 1;
    this.meter = null;
    this.#body?.restart();
    this.#owner.returned(this, reason);
  }

  /** The one way out. False: it had settled before. */
  #settle(outcome: Outcome): boolean {
    if (this.phase === 'settled') return false;
    this.#move('settled');
    this.#release();
    this.#account(outcome);
    this.#body = null;
    this.#flow?.stop();
    this.#flow = null;
    this.#owner.settled(this);
    return true;
  }

  /** The instance may be gone long before a slow client has been given everything: the meter is told when it is done. */
  #account(outcome: Outcome): void {
    if (this.#isAccounted) return;
    this.#isAccounted = true;
    this.outcome = outcome;
    this.#owner.accounted(this);
  }

  #release(): void {
    const carrier = this.carrier;
    if (carrier === null) return;
    this.carrier = null;
    carrier.release(this);
  }

  /** Whether body bytes may go onto the stream now. */
  #bodyOpen(): boolean {
    return this.carrier !== null && (this.#raw || this.head.hasBody);
  }

  #pump(body: RequestBody): void {
    body.pump(this.carrier!, this.stream);
    if (!body.blocked || body.unsentBytes > 0) return;
    body.blocked = false;
    this.#exchange.drained();
  }

  #grant(bytes: number): void {
    if (bytes > 0) this.carrier?.grant(this.stream, bytes);
  }

  #move(to: InvocationPhase): void {
    if (!transitions[this.phase].includes(to)) throw new Error(`an invocation cannot go from ${this.phase} to ${to}`);
    this.phase = to;
  }
}

const maxDurationHeader = 'x-weir-max-duration';

const unexpected = (frame: string, phase: InvocationPhase): ProtocolError =>
  new ProtocolError('UNEXPECTED_FRAME', `${frame} for an invocation that is ${phase}`);

/** A 101 says how many seconds the connection may last, whatever its function says of that. */
function withMaxDuration(headers: readonly string[], durationMs: number): string[] {
  const others = headers.filter((_, index) => headers[index & ~1]!.toLowerCase() !== maxDurationHeader);
  return [...others, maxDurationHeader, String(Math.round(durationMs) / 1000)];
}
