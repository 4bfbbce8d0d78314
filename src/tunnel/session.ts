// Hot path: data() and frame(). One connection from its greeting to its end, the same on both sides.
import type { Clock, Timer } from '../base/clock.ts';
import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Connection } from './connection.ts';
import {
  type FrameHandler,
  FrameType,
  frameName,
  protocolVersion,
  type Role,
  scopesOf,
  sessionScope,
  streamScope,
} from './frame.ts';
import { type Hello, readHello, readWelcome, type Welcome } from './greeting.ts';
import { readGoodbye } from './payload.ts';
import { FrameReader } from './reader.ts';
import { FrameWriter } from './writer.ts';

/** What the session's owner is told. A ProtocolError thrown from `frame` or `body` cuts the peer off with its code. */
export interface SessionEvents extends FrameHandler {
  /** WELCOME was sent, or has come. First. */
  opened(session: Session): void;
  /** After a flush that returned false. */
  drained(): void;
  /** Every frame of one read has been handed over: the moment for one flush. */
  readDone?(): void;
  /** The peer has answered a PING, whoever of this side sent it. */
  ponged?(opaque: Buffer): void;
  /** The peer answers no PING. True: wait for as long again, there is other proof that it lives. */
  unanswered?(): boolean;
  /** Once, last, possibly from within a call to the session. */
  closed(end: SessionEnd): void;
}

export interface SessionEnd {
  readonly kind:
    /** The peer said so: the code and detail are its own. */
    | 'goodbye'
    /** This side said so. */
    | 'left'
    /** This side did not let the peer in. */
    | 'refused'
    /** The peer broke the protocol. */
    | 'violation'
    /** The peer did not greet, or answer, in time. */
    | 'timeout'
    /** The connection ended without a word. */
    | 'lost';
  readonly code: string;
  readonly detail: string;
}

export type Admission =
  | { readonly kind: 'welcome'; readonly welcome: Omit<Welcome, 'version'>; readonly events: SessionEvents }
  | { readonly kind: 'refuse'; readonly code: string; readonly detail: string };

/** A phase owns its timer; whoever leaves the phase cancels it. */
export type SessionPhase =
  | { readonly kind: 'greeting'; readonly timer: Timer }
  | { readonly kind: 'open' | 'draining'; readonly timer: Timer }
  | { readonly kind: 'closed'; readonly end: SessionEnd };

export const transitions: Readonly<Record<SessionPhase['kind'], readonly SessionPhase['kind'][]>> = {
  greeting: ['open', 'closed'],
  open: ['draining', 'closed'],
  draining: ['closed'],
  closed: [],
};

export interface AcceptOptions {
  readonly clock: Clock;
  /** How long HELLO is waited for. Default: limits.handshakeTimeoutMs. */
  readonly greetingMs?: number;
  /** Decides by the token and role. `session` opens when it says welcome. */
  admit(hello: Hello, session: Session): Admission;
  /** The connection ended before it was admitted. */
  refused(end: SessionEnd): void;
}

export interface OpenOptions {
  readonly clock: Clock;
  readonly hello: Omit<Hello, 'lowestVersion' | 'highestVersion'>;
  readonly events: SessionEvents;
}

/** The router's side of a connection that dialled in. */
export function acceptSession(connection: Connection, options: AcceptOptions): Session {
  return new Session(connection, options.clock, { side: 'router', options });
}

/** The instance's side: says HELLO. Everything written while one read is handed over leaves at its end. */
export function openSession(connection: Connection, options: OpenOptions): Session {
  return new Session(connection, options.clock, { side: 'instance', options });
}

type Part =
  | { readonly side: 'router'; readonly options: AcceptOptions }
  | { readonly side: 'instance'; readonly options: OpenOptions };

const pingBytes = Buffer.from('weirping');
const unwelcome: Omit<Welcome, 'version'> = { instance: '', maxStreams: 0, windowBytes: 0 };
const noScopes: Uint8Array = new Uint8Array(256);

export class Session {
  readonly connection: Connection;
  readonly writer: FrameWriter;
  readonly #clock: Clock;
  readonly #part: Part;
  readonly #reader: FrameReader;
  #phase: SessionPhase;
  #events: SessionEvents | null = null;
  #role: Role;
  #welcome: Welcome = { version: 0, ...unwelcome };
  /** What the peer may send, by type; all 0 until the session is open. */
  #scopes = noScopes;
  #maxStreams = 0;
  /** Something came since the last look; a PING is out; a PONG is to be flushed. */
  #heard = true;
  #pinged = false;
  #ponged = false;

  constructor(connection: Connection, clock: Clock, part: Part) {
    this.connection = connection;
    this.writer = new FrameWriter(connection);
    this.#clock = clock;
    this.#part = part;
    this.#role = part.side === 'instance' ? part.options.hello.role : 'data';
    this.#reader = new FrameReader({
      frame: (type, stream, payload) => this.#frame(type, stream, payload),
      body: (stream, chunk) => this.#body(stream, chunk),
    });
    connection.events = {
      data: (chunk) => this.#data(chunk),
      drained: () => this.#events?.drained(),
      closed: (reason) => this.#close({ kind: 'lost', code: 'LOST', detail: reason }),
    };
    const { greetingMs = limits.handshakeTimeoutMs } = part.side === 'router' ? part.options : {};
    this.#phase = { kind: 'greeting', timer: clock.after(greetingMs, this.#greetedTooLate) };
    if (part.side === 'router') {
      this.#reader.payloadMaxBytes = limits.helloBytes;
    } else {
      this.writer.hello({ lowestVersion: protocolVersion, highestVersion: protocolVersion, ...part.options.hello });
      this.writer.flush();
    }
  }

  get phase(): SessionPhase['kind'] {
    return this.#phase.kind;
  }

  /** Known from the beginning on the instance, once admitted on the router. */
  get role(): Role {
    return this.#role;
  }

  /** What was agreed on; version 0 before the session is open. */
  get welcome(): Welcome {
    return this.#welcome;
  }

  /** DRAIN. From the router: nothing new will be sent. From the instance: it asks the router to say that. */
  drain(leftMs: number, reason: string): void {
    if (this.#phase.kind !== 'open' && this.#phase.kind !== 'draining') return;
    this.writer.drain(leftMs, reason);
    this.writer.flush();
    if (this.#part.side === 'router') this.#draining();
  }

  /** GOODBYE, and the end: what was written before leaves first. Idempotent. */
  goodbye(code: string, detail: string): void {
    this.#end({ kind: 'left', code, detail });
  }

  /** The end, at once and without a word. Idempotent. */
  destroy(reason: string): void {
    this.#close({ kind: 'left', code: 'LOST', detail: reason });
    this.connection.destroy(reason);
  }

  #data(chunk: Buffer): void {
    this.#heard = true;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      // Anything else is a defect of ours, and not for the session to hide.
      if (!(error instanceof ProtocolError)) throw error;
      this.#end({ kind: 'violation', code: error.code, detail: error.message });
    }
    if (this.#phase.kind === 'closed') return;
    this.#events?.readDone?.();
    // The router flushes once per turn of its loop, for all that it read there; an answer to a PING does not wait.
    if (this.#ponged || this.#part.side === 'instance') this.writer.flush();
    this.#ponged = false;
  }

  #frame(type: number, stream: number, payload: Buffer): void {
    if (this.#phase.kind === 'greeting') this.#greeting(type, stream, payload);
    else {
      this.#check(type, stream);
      if (type > FrameType.GOODBYE || !this.#own(type, payload)) this.#events?.frame(type, stream, payload);
    }
  }

  #body(stream: number, chunk: Buffer): void {
    if (this.#phase.kind === 'greeting') this.#greeting(FrameType.BODY, stream, chunk);
    else {
      this.#check(FrameType.BODY, stream);
      this.#events?.body(stream, chunk);
    }
  }

  /** Throws ProtocolError: not from this side, not on this connection, not with this stream. */
  #check(type: number, stream: number): void {
    const scopes = this.#scopes[type] ?? 0;
    if (scopes === 0) {
      throw new ProtocolError(
        'UNEXPECTED_FRAME',
        `${frameName(type)} on a ${this.#role} connection, ${this.#phase.kind}`,
      );
    }
    const fits =
      stream === 0
        ? (scopes & sessionScope) !== 0
        : (scopes & streamScope) !== 0 && stream >= 0x1_0000 && (stream & 0xffff) < this.#maxStreams;
    if (!fits) throw new ProtocolError('BAD_STREAM', `${frameName(type)} for stream 0x${stream.toString(16)}`);
  }

  /** The session's own frames. False: its owner's. */
  #own(type: number, payload: Buffer): boolean {
    switch (type) {
      case FrameType.PING:
        if (payload.length !== 8) throw new ProtocolError('BAD_FRAME', `PING of ${payload.length} bytes`);
        // Who asks and does not read the answers gets no more of them.
        if (this.connection.bufferedBytes <= limits.connectionHighWaterBytes) {
          this.writer.pong(payload);
          this.#ponged = true;
        }
        return true;
      case FrameType.PONG:
        if (payload.length !== 8) throw new ProtocolError('BAD_FRAME', `PONG of ${payload.length} bytes`);
        this.#events?.ponged?.(payload);
        return true;
      case FrameType.GOODBYE:
        this.#close({ kind: 'goodbye', ...readGoodbye(payload) });
        return true;
      case FrameType.DRAIN:
        if (this.#part.side === 'instance') this.#draining();
        return false;
      default:
        return false;
    }
  }

  #greeting(type: number, stream: number, payload: Buffer): void {
    if (this.#part.side === 'router') {
      if (type !== FrameType.HELLO) throw new ProtocolError('HELLO_EXPECTED', `${frameName(type)} before HELLO`);
      greetsNoStream(stream);
      this.#admit(readHello(payload), this.#part.options);
      return;
    }
    if (type === FrameType.GOODBYE) {
      this.#close({ kind: 'goodbye', ...readGoodbye(payload) });
      return;
    }
    if (type !== FrameType.WELCOME) throw new ProtocolError('UNEXPECTED_FRAME', `${frameName(type)} before WELCOME`);
    greetsNoStream(stream);
    const welcome = readWelcome(payload);
    if (welcome.version !== protocolVersion) {
      throw new ProtocolError('VERSION', `WELCOME chose version ${welcome.version}, offered was ${protocolVersion}`);
    }
    this.#open(welcome, this.#part.options.events);
  }

  #admit(hello: Hello, options: AcceptOptions): void {
    if (hello.lowestVersion > protocolVersion || hello.highestVersion < protocolVersion) {
      const detail = `the instance speaks versions ${hello.lowestVersion} to ${hello.highestVersion}, the router ${protocolVersion}`;
      this.#end({ kind: 'refused', code: 'VERSION', detail });
      return;
    }
    this.#role = hello.role;
    const admission = options.admit(hello, this);
    if (admission.kind === 'refuse') {
      this.#end({ kind: 'refused', code: admission.code, detail: admission.detail });
      return;
    }
    const welcome = { version: protocolVersion, ...admission.welcome };
    this.#reader.payloadMaxBytes = limits.framePayloadBytes;
    this.writer.welcome(welcome);
    this.#open(welcome, admission.events);
    this.writer.flush();
  }

  #open(welcome: Welcome, events: SessionEvents): void {
    this.#enter({ kind: 'open', timer: this.#clock.after(limits.silenceMs, this.#listen) });
    this.#events = events;
    this.#welcome = welcome;
    this.#maxStreams = welcome.maxStreams;
    this.#scopes = scopesOf(this.#part.side === 'router' ? 'instance' : 'router', this.#role);
    events.opened(this);
  }

  #draining(): void {
    if (this.#phase.kind === 'open') this.#enter({ kind: 'draining', timer: this.#phase.timer });
  }

  readonly #greetedTooLate = (): void => {
    const awaited = this.#part.side === 'router' ? 'HELLO' : 'WELCOME';
    this.#end({ kind: 'timeout', code: 'TIMEOUT', detail: `no ${awaited} in time` });
  };

  /** Every silenceMs. No clock is read per chunk: silence is noticed after one to two periods, and death one later. */
  readonly #listen = (): void => {
    if (this.#phase.kind !== 'open' && this.#phase.kind !== 'draining') return;
    if (this.#heard) {
      this.#heard = false;
      this.#pinged = false;
    } else if (!this.#pinged) {
      this.#pinged = true;
      this.writer.ping(pingBytes);
      this.writer.flush();
    } else if (this.#events?.unanswered?.() !== true) {
      this.#end({ kind: 'timeout', code: 'TIMEOUT', detail: `no answer to PING in ${limits.silenceMs} ms` });
      return;
    }
    this.#phase = { kind: this.#phase.kind, timer: this.#clock.after(limits.silenceMs, this.#listen) };
  };

  #enter(next: SessionPhase): void {
    if (!transitions[this.#phase.kind].includes(next.kind)) {
      throw new TypeError(`a session cannot go from ${this.#phase.kind} to ${next.kind}`);
    }
    if (this.#phase.kind !== 'closed' && (next.kind === 'closed' || next.timer !== this.#phase.timer)) {
      this.#phase.timer.cancel();
    }
    this.#phase = next;
  }

  /** The end of our making: the peer is told why. */
  #end(end: SessionEnd): void {
    if (this.#phase.kind === 'closed') return;
    this.writer.goodbye(end.code, end.detail);
    this.writer.flush();
    this.#close(end);
  }

  /** The one way to the end. What is left of the connection goes on by itself: no owner hears of it any more. */
  #close(end: SessionEnd): void {
    if (this.#phase.kind === 'closed') return;
    this.#enter({ kind: 'closed', end });
    this.#reader.stop();
    if (end.kind !== 'lost') letGo(this.connection, this.#clock);
    if (this.#events !== null) this.#events.closed(end);
    else if (this.#part.side === 'router') this.#part.options.refused(end);
    else this.#part.options.events.closed(end);
  }
}

function greetsNoStream(stream: number): void {
  if (stream !== 0) throw new ProtocolError('BAD_STREAM', `a greeting for stream 0x${stream.toString(16)}`);
}

/** Lets GOODBYE reach the peer, who closes then; cuts it off when it does not. What still comes is dropped. */
function letGo(connection: Connection, clock: Clock): void {
  const timer = clock.after(limits.lingerMs, () => connection.destroy('the peer did not close'));
  const ignore = (): void => undefined;
  connection.events = { data: ignore, drained: ignore, closed: () => timer.cancel() };
  connection.end();
}
