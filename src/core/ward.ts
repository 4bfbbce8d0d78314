import type { Session } from '../tunnel/session.ts';
import type { Measured } from './attribution.ts';
import type { Claims } from './claims.ts';
import type { CorePhase } from './core-phase.ts';
import type { StreamCall } from './stream.ts';
import type { Streams } from './streams.ts';
import type { Turns } from './turns.ts';

/** Whose CPU it was. */
export interface Charges {
  /** From now on the loop works for `owner`; begins a turn of it, outside of one. Returns the time, milliseconds. */
  enter(owner: Measured | null): number;
  /** Microseconds of CPU that `measured` used and that were not reported yet: they are, by this call. */
  take(measured: Measured): number;
  /** At the end of a turn: what comes now is nobody's. */
  settle(): void;
  /** The function is known: what is used from now on is its own. */
  booted(): void;
}

/** What the process is told of the core that looks after it. */
export interface WardCore {
  readonly phase: CorePhase['kind'];
  readonly streams: Streams | null;
  /** The system, or the platform, wants the process to end. */
  terminated(): void;
  /** Nobody caught it. `call`: the invocation it came from; null: it is not known. */
  fatal(error: unknown, origin: string, call: StreamCall | null): void;
  /** For the function's log. */
  warn(text: string): void;
  /** Written, and not taken by the kernel. */
  readonly unsentBytes: number;
}

/**
 * The process that a core looks after: its own (this-process.ts), or one beside it (child/beside.ts). What a core does not know
 * is what it is like, how it is heard of, and how it ends.
 */
export interface Ward {
  /** As HELLO tells them. */
  readonly pid: number;
  readonly runtimeName: string;
  readonly cells: Int32Array;
  readonly claims: Claims;
  /** Of the loop that this core runs on. */
  readonly turns: Turns;
  readonly charges: Charges;
  /** An invocation has come, and has not been handed over: it still may be held back (Streams.hold). */
  readonly arriving?: () => void;
  /**
   * 0: user code may answer within the turn in which it is called; BEGUN leaves at its end. Otherwise it cannot, and where BEGUN may
   * leave with what follows it, it waits for that so long.
   */
  readonly begunWaitsMs: number;
  /** Handlers count until they have returned, also those whose answer is complete (Call.handling). */
  readonly lingers: boolean;
  /** There is no later: what is written must leave within this call. */
  readonly isExiting: boolean;
  attach(core: WardCore): void;
  /** From here on it reports how the process is. */
  opened(session: Session): void;
  loaded(): void;
  /** Before what was written in a turn leaves. */
  turnEnds(): void;
  /** There is, or was, something to do for it. */
  busy(): void;
  /**
   * Nothing is left to finish that is known of. Asks the process to end, gives it its time, and calls back: it may still have
   * something to log. `leftMs`: so long it may take where it has work that only it knows of; the router waits no longer.
   */
  leave(leftMs: number, then: () => void): void;
  /** Reports no more. */
  closed(): void;
  /** Ends it in order. Idempotent: the first code counts. */
  end(code: number): void;
  /** Ends it at once. */
  abort(code: number): void;
}
