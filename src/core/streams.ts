// Hot path: every frame of the data connection that belongs to a stream.
import { systemClock } from '../base/clock.ts';
import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { NackReason } from '../model/vitals.ts';
import { nackReasons } from '../model/vitals.ts';
import { FrameType } from '../tunnel/frame.ts';
import { type BeginsMode, readCancel, readCredit, readNothing, readRequest } from '../tunnel/payload.ts';
import type { Session } from '../tunnel/session.ts';
import type { FrameWriter } from '../tunnel/writer.ts';
import { refusal } from './admission.ts';
import { Announcements } from './announcements.ts';
import { BeginsPolicy } from './begins.ts';
import { Cell } from './board.ts';
import type { CallListener } from './call.ts';
import { currentCall } from './context.ts';
import { nextTick } from './loop.ts';
import { StreamCall, type StreamHost } from './stream.ts';
import type { Ward } from './ward.ts';

export interface StreamsOptions {
  readonly session: Session;
  readonly ward: Pick<Ward, 'claims' | 'cells' | 'turns' | 'charges' | 'lingers' | 'arriving' | 'begunWaitsMs'>;
  /** Hands an invocation to user code, inside its context. */
  readonly begin: (call: StreamCall) => void;
  /** For the function's log. */
  log(text: string, call: StreamCall): void;
  /** User code threw where nobody but the core could catch it. */
  threw(error: unknown, call: StreamCall): void;
}

/** What admission goes by, as far as the core sets it. */
export interface Gate {
  open: boolean;
  draining: boolean;
  failed: boolean;
  maxConcurrency: number;
  maxDurationMs: number;
  /** performance.now() at the end of the instance's life. */
  lifeEndsMs: number;
}

/** The invocations of one tunnel: a table by slot, admission, claims, begin, and what leaves when. */
export class Streams implements StreamHost {
  readonly writer: FrameWriter;
  readonly windowBytes: number;
  readonly gate: Gate = {
    open: false,
    draining: false,
    failed: false,
    maxConcurrency: Infinity,
    maxDurationMs: 0,
    lifeEndsMs: Infinity,
  };
  /** Handed to user code since the start. */
  begun = 0;
  readonly #options: StreamsOptions;
  readonly #calls: (StreamCall | undefined)[] = [];
  readonly #begins = new BeginsPolicy();
  /** What the router knows to be in force: what the policy chose takes effect when BEGINS has left the process. */
  #mode: BeginsMode = 'prompt';
  #modesChosen = 0;
  readonly #announcements: Announcements;
  /** Received, and not handed to user code: BEGUN has not left yet. */
  #waiting = 0;
  #open = 0;
  /** Invocations that have ended, whose handlers have not returned, and whose time is not up. */
  #lingering = 0;
  /** Of those, the ones whose answers are complete. */
  #finishing = 0;
  #background = 0;
  #backgroundTold = 0;
  #reading = false;
  #tick = false;
  /** Received while nothing is handed over; null: all is. */
  #held: StreamCall[] | null = null;
  /** Its stream ends because the router said so. */
  #cancelling: StreamCall | null = null;

  constructor(options: StreamsOptions) {
    this.#options = options;
    this.writer = options.session.writer;
    this.windowBytes = options.session.welcome.windowBytes;
    this.#announcements = new Announcements(this.writer, options.ward.begunWaitsMs);
  }

  /** Received and not ended. */
  get open(): number {
    return this.#open;
  }

  /** Work after answers: what waitUntil was told of, and handlers that go on after a complete one. */
  get background(): number {
    return this.#background + this.#finishing;
  }

  /** Throws ProtocolError. */
  frame(type: number, stream: number, payload: Buffer): void {
    this.#reading = true;
    if (type === FrameType.REQUEST) {
      this.#request(stream, payload);
      return;
    }
    if (type === FrameType.RECALL) {
      readNothing(payload);
      this.#recall(stream);
      return;
    }
    const call = this.#calls[stream & 0xffff];
    // Not current: it crossed its stream's end.
    if (call === undefined || call.stream !== stream) return;
    if (type === FrameType.CREDIT) this.#inside(call, grant, readCredit(payload));
    else if (type === FrameType.BODY_END) this.#inside(call, endBody, readNothing(payload));
    else if (type === FrameType.CANCEL) this.#cancel(call, readCancel(payload));
  }

  body(stream: number, chunk: Buffer): void {
    this.#reading = true;
    const call = this.#calls[stream & 0xffff];
    if (call !== undefined && call.stream === stream) this.#inside(call, takeBody, chunk);
  }

  /** All of one read was handed over; the session flushes next. */
  readDone(): void {
    this.#reading = false;
    this.#tellBackground();
  }

  written(): void {
    const { turns, charges } = this.#options.ward;
    // Its end flushes. (Code that no callback of the loop led to: a finalizer, say.)
    if (!turns.inside) charges.enter(null);
    if (this.#mode === 'batched' || this.#reading || this.#tick) return;
    // User code is known to keep the loop: what is ready does not wait for whoever is called next.
    this.#tick = true;
    nextTick(this.flush);
  }

  readonly flush = (): void => {
    this.#tick = false;
    this.#announcements.turnEnds();
    this.#tellBackground();
    this.writer.flush();
  };

  /** The end: also what could have waited. */
  flushAll(): void {
    this.#announcements.write();
    this.flush();
  }

  /** Whether flush() would send something. */
  get pending(): boolean {
    return this.writer.pendingBytes > 0 || this.#announcements.pending || this.#background !== this.#backgroundTold;
  }

  takeCpuUs(call: StreamCall): number {
    return this.#options.ward.charges.take(call);
  }

  refused(call: StreamCall, detail: string): void {
    this.#options.log(`The answer cannot be sent: ${detail}`, call);
  }

  ended(call: StreamCall): void {
    const slot = call.stream & 0xffff;
    if (this.#calls[slot] === call) this.#calls[slot] = undefined;
    if (!call.began) this.#waiting -= 1;
    this.#open -= 1;
    this.#count();
    this.written();
    if (this.#options.ward.lingers && call.handling !== null && call !== this.#cancelling) {
      this.#linger(call, call.handling, 1);
    }
  }

  /** Work that waitUntil was told of: begun or done. */
  changeBackground(delta: number): void {
    this.#background += delta;
    this.#options.ward.cells[Cell.background] = this.#background;
    this.written();
  }

  cancelAll(reason: Parameters<CallListener['cancelled']>[0]): void {
    for (const call of this.#calls) if (call !== undefined) this.#inside(call, cancel, reason);
  }

  /** The process that ran them is gone: what it had fails; what it had not been given can go elsewhere. */
  failAll(code: string, detail: string): void {
    for (const call of this.#calls) {
      if (call === undefined || call.over) continue;
      if (call.began || !this.#options.ward.claims.refuse(call.stream)) call.fail(code, detail);
      else {
        this.writer.nack(call.stream, 'errors');
        call.cancel('unwanted');
      }
    }
  }

  #request(stream: number, payload: Buffer): void {
    const call = new StreamCall(this, stream, readRequest(payload));
    const reason = this.#refusal();
    if (reason !== null) {
      if (this.#options.ward.claims.refuse(stream)) this.writer.nack(stream, reason);
      return;
    }
    const slot = stream & 0xffff;
    // The router uses a slot again when its stream has ended there: what we still have of it is wanted by nobody.
    const former = this.#calls[slot];
    if (former !== undefined) this.#cancel(former, 'unwanted');
    while (this.#calls.length <= slot) this.#calls.push(undefined);
    this.#calls[slot] = call;
    this.#open += 1;
    this.#waiting += 1;
    this.#options.ward.arriving?.();
    if (this.#held === null) this.#start(call);
    else {
      this.#held.push(call);
      this.#count();
    }
  }

  /** Nothing more is handed over until `release`: what comes waits, and can be recalled. Idempotent. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    for (const call of held) if (!call.over) this.#start(call);
    this.#count();
    this.written();
  }

  #refusal(): NackReason | null {
    const { charges, turns, cells } = this.#options.ward;
    const nowMs = charges.enter(null);
    const gate = this.gate;
    const ailment = cells[Cell.verdict] ?? 0;
    return refusal({
      open: gate.open,
      draining: gate.draining,
      failed: gate.failed,
      inFlight: this.#open + this.#lingering,
      maxConcurrency: gate.maxConcurrency,
      // The sentinel tells the router itself when the loop is stuck: what was not recalled is wanted here.
      turnMs: cells[Cell.reporting] === 1 ? 0 : nowMs - turns.startedMs,
      lifetimeLeftMs: gate.lifeEndsMs - nowMs,
      maxDurationMs: gate.maxDurationMs,
      verdict: ailment === 0 ? null : (nackReasons[ailment - 1] ?? null),
    });
  }

  /** Claims it, tells the router where it must know before, and runs it. */
  #start(call: StreamCall): void {
    if (!this.#options.ward.claims.begin(call.stream)) {
      // The sentinel revoked and answered it.
      call.cancel('unwanted');
    } else if (this.#mode === 'batched') {
      this.#run(call);
    } else {
      this.writer.begun(call.stream);
      call.announced = true;
      this.writer.flush();
      // Until the kernel has BEGUN, a lost tunnel would prove that it never ran. What is behind BEGUN may still wait: a
      // connection that others keep full is never empty.
      if (this.#options.session.connection.bufferedBytes === 0) this.#run(call);
      else this.#runWhenTold(call);
    }
  }

  #runWhenTold(call: StreamCall): void {
    this.#count();
    this.#options.session.connection.whenSent(() => {
      if (!call.over) this.#run(call);
    });
  }

  #run(call: StreamCall): void {
    const { charges } = this.#options.ward;
    call.begin();
    this.begun += 1;
    this.#waiting -= 1;
    this.#count();
    const fromMs = charges.enter(call);
    try {
      currentCall.run(call, this.#options.begin, call);
    } catch (error) {
      this.#options.threw(error, call);
    }
    const untilMs = charges.enter(null);
    if (call.hasEarly) this.#inside(call, takeEarly, null);
    if (!call.over && !call.announced) this.#announcements.add(call);
    if (this.#begins.observe((untilMs - fromMs) * 1000)) this.#choose(this.#begins.mode);
  }

  /** The router has to know before it takes effect: from BEGINS on, a lost tunnel proves less, or more. */
  #choose(mode: BeginsMode): void {
    const choice = (this.#modesChosen += 1);
    // Prompt says that whatever has no BEGUN never ran: those that ran under batched have theirs before it.
    this.#announcements.write();
    this.writer.begins(mode);
    this.writer.flush();
    this.#mode = 'prompt';
    if (mode === 'prompt') return;
    const { connection } = this.#options.session;
    if (connection.bufferedBytes === 0) this.#mode = mode;
    else {
      connection.whenSent(() => {
        if (choice === this.#modesChosen) this.#mode = mode;
      });
    }
  }

  #recall(stream: number): void {
    const call = this.#calls[stream & 0xffff];
    const current = call !== undefined && call.stream === stream ? call : null;
    const found = this.#options.ward.claims.recall(stream);
    if (found === 'revoked') {
      this.writer.nack(stream, 'recalled');
      current?.cancel('unwanted');
    } else if (found === 'begun' && current !== null) {
      this.writer.begun(stream);
      current.announced = true;
    }
  }

  #cancel(call: StreamCall, reason: 'client' | 'timeout' | 'unwanted'): void {
    if (reason === 'timeout') this.countError();
    this.#cancelling = call;
    this.#inside(call, cancel, reason);
    this.#cancelling = null;
    if (call.handling !== null) this.#linger(call, call.handling);
  }

  /**
   * Its stream has ended, its handler has not: the instance is not as free as its streams say. One that never settles
   * (it waits for what only its client would have brought) counts no longer than its invocation could have taken.
   */
  #linger(call: StreamCall, handling: PromiseLike<unknown>, finishing = 0): void {
    this.#lingering += 1;
    this.#finishing += finishing;
    this.#count();
    let counts = true;
    const drop = (): void => {
      if (!counts) return;
      counts = false;
      timer.cancel();
      this.#lingering -= 1;
      this.#finishing -= finishing;
      this.#count();
      this.written();
    };
    const timer = systemClock.after(call.deadlineWallMs + limits.killGraceMs - systemClock.wallMs(), drop);
    handling.then(drop, drop);
  }

  /** For the vitals: an uncaught error, a timeout. */
  countError(): void {
    const { cells } = this.#options.ward;
    cells[Cell.errors] = (cells[Cell.errors] ?? 0) + 1;
  }

  #tellBackground(): void {
    if (this.#background === this.#backgroundTold) return;
    this.#backgroundTold = this.#background;
    this.writer.background(this.#background);
  }

  #count(): void {
    const { cells } = this.#options.ward;
    cells[Cell.inFlight] = this.#open - this.#waiting + this.#lingering;
    cells[Cell.waiting] = this.#waiting;
  }

  /** User code may follow: its context, and its time. */
  #inside<T>(call: StreamCall, action: (call: StreamCall, argument: T) => void, argument: T): void {
    const { charges } = this.#options.ward;
    charges.enter(call);
    try {
      currentCall.run(call, action, call, argument);
    } catch (error) {
      // The peer's mistake ends the session; user code's must not.
      if (error instanceof ProtocolError) throw error;
      this.#options.threw(error, call);
    }
    charges.enter(null);
  }
}

const grant = (call: StreamCall, bytes: number): void => call.granted(bytes);
const takeBody = (call: StreamCall, chunk: Buffer): void => call.takeBody(chunk);
const takeEarly = (call: StreamCall): void => call.takeEarly();
const endBody = (call: StreamCall): void => call.takeBodyEnd();
const cancel = (call: StreamCall, reason: Parameters<CallListener['cancelled']>[0]): void => call.cancel(reason);
