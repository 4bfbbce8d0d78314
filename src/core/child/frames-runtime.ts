// Hot path: every frame between the core and the process beside it (protocol/runtime.md, Frames).
import type { Socket } from 'node:net';
import { systemClock } from '../../base/clock.ts';
import { ProtocolError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { Connection } from '../../tunnel/connection.ts';
import { frameName, FrameType } from '../../tunnel/frame.ts';
import { type Hello, readLoaded } from '../../tunnel/greeting.ts';
import { type Fields, Inbox, type Message, metricFixedBytes, readMetric, writeMessage } from '../../tunnel/message.ts';
import {
  readBackground,
  readBodyEnd,
  readCredit,
  readDrain,
  readFailed,
  readInform,
  readLog,
  readResponse,
} from '../../tunnel/payload.ts';
import { acceptSession, type Session, type SessionEnd, type SessionEvents } from '../../tunnel/session.ts';
import { overAccepted } from '../../tunnel/socket.ts';
import type { FrameWriter } from '../../tunnel/writer.ts';
import { type Answered, AskFailed } from '../asks.ts';
import type { Call, LoadOrder, Runtime } from '../call.ts';
import type { InstanceCore } from '../core.ts';
import { nextTick } from '../loop.ts';
import { StreamCall } from '../stream.ts';
import type { ProcessBeside } from './beside.ts';
import { FramesCall, type FramesHost } from './frames-call.ts';
import { LoadFault } from './load-fault.ts';

export interface FramesEvents {
  /** The runtime has booted. */
  booted(hello: Hello): void;
  /** The connection has ended, and with it the instance. `fault`: the rule that was broken; null: it just ended. */
  ended(fault: string | null): void;
}

const pingBytes = Buffer.from('weirloop');

/** A language process that speaks frames: relays invocations, and what they ask, both ways. */
export class FramesRuntime implements Runtime, FramesHost, SessionEvents {
  readonly connection: Connection;
  readonly windowBytes = limits.windowBytes;
  readonly #events: FramesEvents;
  readonly #ward: ProcessBeside;
  #core: InstanceCore | null = null;
  #session: Session | null = null;
  /** Outlives its session: what is written between that one's end and the process's goes nowhere. */
  #writer: FrameWriter | null = null;
  #hello: Hello | null = null;
  readonly #calls: (FramesCall | undefined)[] = [];
  /** Cancelled, with a slot that may be used again, until their handlers return. */
  readonly #returning = new Map<number, FramesCall>();
  #loading: PromiseWithResolvers<void> | null = null;
  #background = 0;
  readonly #inbox = new Inbox();
  readonly #asked = new Map<number, number>();
  #askedBytes = 0;
  #tick = false;
  #upgraded = 0;
  /** GOODBYE was said. */
  #isParting = false;

  constructor(channel: Socket, ward: ProcessBeside, events: FramesEvents) {
    this.#ward = ward;
    this.#events = events;
    this.connection = overAccepted(channel);
    acceptSession(this.connection, {
      clock: systemClock,
      greetingMs: limits.readyMs,
      admit: (hello) => {
        this.#hello = hello;
        const welcome = { instance: '', maxStreams: limits.streamsPerTunnel, windowBytes: this.windowBytes };
        // Whether the router answers is known when it is asked.
        return { kind: 'welcome', welcome: { ...welcome, services: true }, events: this };
      },
      refused: (end) => events.ended(faultOf(end)),
    });
  }

  get writer(): FrameWriter {
    if (this.#writer === null) throw new TypeError('a runtime that has not booted is written to');
    return this.#writer;
  }

  /** Invocations of which something can be expected: a socket may be silent for as long as it likes. */
  get working(): number {
    return this.#ward.charges.inFlight - this.#upgraded;
  }

  attach(core: InstanceCore): void {
    this.#core = core;
  }

  ask(): void {
    this.#session?.writer.ping(pingBytes);
    this.#session?.writer.flush();
  }

  /** SIGTERM may overtake it: what user code prints on that is still taken, until the process is gone. */
  farewell(): void {
    if (this.#session === null || this.#isParting) return;
    this.#isParting = true;
    this.writer.goodbye('DRAINED', '');
    this.writer.flush();
  }

  /** The process is gone. */
  gone(): void {
    for (const call of this.#calls) call?.lost();
    for (const call of this.#returning.values()) call.lost();
    this.#session?.destroy('the process is gone');
  }

  // — Runtime —

  /** Without a connection it stays open: the end of the process, which is near, says why. */
  load(order: LoadOrder): Promise<void> {
    this.#loading = Promise.withResolvers<void>();
    const { promise } = this.#loading;
    this.writer.load(order);
    this.writer.flush();
    return promise;
  }

  begin(call: Call): void {
    if (!(call instanceof StreamCall)) throw new TypeError('an invocation of another core');
    const own = new FramesCall(this, call);
    call.listener = own;
    call.context = own;
    const slot = call.stream & 0xffff;
    while (this.#calls.length <= slot) this.#calls.push(undefined);
    this.#calls[slot] = own;
    const nowMs = performance.now();
    this.#ward.charges.began(own, nowMs);
    if (own.isUpgraded) this.#upgraded += 1;
    this.#ward.pulse.began(nowMs);
    own.start();
  }

  // — FramesHost —

  written(): void {
    if (this.#tick) return;
    this.#tick = true;
    nextTick(this.#flush);
  }

  returned(own: FramesCall): void {
    const { stream } = own.call;
    if (this.#calls[stream & 0xffff] === own) this.#calls[stream & 0xffff] = undefined;
    else this.#returning.delete(stream);
    this.#ward.charges.ended(own, performance.now());
    if (own.isUpgraded) this.#upgraded -= 1;
  }

  cancelled(own: FramesCall): void {
    const { stream } = own.call;
    if (this.#calls[stream & 0xffff] === own) this.#calls[stream & 0xffff] = undefined;
    this.#returning.set(stream, own);
  }

  // — SessionEvents —

  opened(session: Session): void {
    this.#session = session;
    this.#writer = session.writer;
    if (this.#hello !== null) this.#events.booted(this.#hello);
  }

  frame(type: number, stream: number, payload: Buffer): void {
    if (this.#isParting && type !== FrameType.LOG) return;
    this.#ward.pulse.heard(performance.now());
    if (type > FrameType.ANSWER) this.#ofStream(type, stream, payload);
    else this.#ofSession(type, stream, payload);
  }

  body(stream: number, chunk: Buffer): void {
    if (this.#isParting) return;
    this.#ward.pulse.heard(performance.now());
    const own = this.#current(stream);
    if (own !== undefined) own.answer(chunk);
  }

  readDone(): void {
    this.#flush();
  }

  ponged(): void {
    this.#ward.pulse.answered(performance.now());
  }

  /** The core asks by itself, when there is something to wait for. */
  unanswered(): boolean {
    return true;
  }

  drained(): void {}

  closed(end: SessionEnd): void {
    this.#session = null;
    this.#inbox.clear();
    if (end.kind === 'left' || this.#isParting) return;
    this.#core?.severed();
    this.#events.ended(faultOf(end));
  }

  #current(stream: number): FramesCall | undefined {
    const own = this.#calls[stream & 0xffff];
    return own?.call.stream === stream ? own : undefined;
  }

  #ofStream(type: number, stream: number, payload: Buffer): void {
    const own = this.#current(stream) ?? this.#returning.get(stream);
    switch (type) {
      case FrameType.RESPONSE:
        // Read first: what breaks the rules does so also when it crosses a CANCEL.
        return own?.isCancelled === false ? own.response(readResponse(payload)) : void readResponse(payload);
      case FrameType.INFORM: {
        const { status, headers } = readInform(payload);
        if (own?.isCancelled === false) own.inform(status, headers);
        return;
      }
      case FrameType.BODY_END:
        if (payload.length > 0) own?.answerEnd(readBodyEnd(payload));
        else if (own?.isCancelled === true) own.returned();
        else if (own !== undefined) throw new ProtocolError('BAD_FRAME', 'BODY_END of 0 bytes');
        return;
      case FrameType.FAILED:
        own?.failed(readFailed(payload));
        return;
      case FrameType.CREDIT:
        own?.granted(readCredit(payload));
        return;
      default:
        throw new ProtocolError('UNEXPECTED_FRAME', `${frameName(type)} from a runtime`);
    }
  }

  #ofSession(type: number, stream: number, payload: Buffer): void {
    const core = this.#core;
    switch (type) {
      case FrameType.LOG: {
        const { level, source, text } = readLog(payload);
        core?.relay(stream, level, source, text);
        return;
      }
      case FrameType.LOADED: {
        const loaded = readLoaded(payload);
        if (this.#loading === null) throw new ProtocolError('UNEXPECTED_FRAME', 'LOADED before LOAD');
        if (loaded.ok) this.#loading.resolve();
        else this.#loading.reject(new LoadFault(loaded.message));
        return;
      }
      case FrameType.BACKGROUND: {
        const outstanding = readBackground(payload);
        core?.background(outstanding - this.#background);
        this.#background = outstanding;
        return;
      }
      case FrameType.METRIC:
        this.#metric(payload);
        return;
      case FrameType.ASK:
        this.#takeAsk(payload);
        return;
      case FrameType.DRAIN:
        core?.unfit(readDrain(payload).reason);
        return;
      default:
        throw new ProtocolError('UNEXPECTED_FRAME', `${frameName(type)} from a runtime`);
    }
  }

  #metric(payload: Buffer): void {
    readMetric(payload);
    // One that is too long is counted as dropped there.
    const json = payload.length > limits.metricBytes ? '{}' : payload.toString('utf8', metricFixedBytes);
    this.#core?.metric(payload.readDoubleBE(0), json);
  }

  #takeAsk(payload: Buffer): void {
    const message = this.#inbox.take(payload, this.#asks);
    if (message !== null) void this.#answer(message);
  }

  /** The rules of the tunnel, for the runtime's asks too. */
  readonly #asks = (number: number, bodyBytes: number): void => {
    const fits =
      !this.#asked.has(number) &&
      this.#asked.size < limits.asksUnanswered &&
      this.#askedBytes + bodyBytes <= limits.asksUnansweredBytes;
    if (!fits) throw new ProtocolError('BAD_FRAME', `ASK ${number}: more at once than is allowed`);
    this.#asked.set(number, bodyBytes);
    this.#askedBytes += bodyBytes;
  };

  async #answer({ number, fields, body }: Message): Promise<void> {
    const answer = await this.#answered(fields, body);
    this.#askedBytes -= this.#asked.get(number) ?? 0;
    this.#asked.delete(number);
    if (this.#session === null) return;
    writeMessage(this.writer, FrameType.ANSWER, { number, ...answer });
    this.written();
  }

  /** Never rejects: nobody but the runtime is to hear of what it asked amiss. */
  async #answered(asked: Fields, body: Buffer): Promise<{ json: string; body: Uint8Array }> {
    try {
      if (this.#core === null) throw new AskFailed('CLOSED', 'the router cannot be asked yet');
      const { fields, body: given }: Answered = await this.#core.ask(JSON.stringify(asked), body);
      return { json: JSON.stringify(fields), body: given };
    } catch (error) {
      // JSON.stringify has no words for what nests deeper than its stack.
      const { code, message } =
        error instanceof AskFailed ? error : new AskFailed('INVALID', `it cannot be passed on: ${String(error)}`);
      return { json: JSON.stringify({ ok: false, code, message }), body: Buffer.alloc(0) };
    }
  }

  readonly #flush = (): void => {
    this.#tick = false;
    this.#writer?.flush();
  };
}

const faultOf = ({ kind, code, detail }: SessionEnd): string | null =>
  kind === 'lost' ? null : `${kind === 'goodbye' ? 'it said ' : ''}${code}: ${detail}`;
