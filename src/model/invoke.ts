import type { Failure } from '../base/errors.ts';
import type { FunctionSpec } from './function.ts';
import type { TraceContext } from './telemetry.ts';

/**
 * The seam between edge and router. Callbacks and booleans, no promise and no stream object per chunk.
 *
 * The edge calls `invoke` and gets an Invocation; the router calls the Exchange until exactly one of `reply`, `end` and
 * `fail` was called (I1). After that it calls nothing more, and calls on the Invocation do nothing.
 */
export interface Invoker {
  invoke(target: FunctionSpec, head: RequestHead, exchange: Exchange): Invocation;
}

/** A request as it goes onto the tunnel: internal headers stripped, forwarding headers set. */
export interface RequestHead {
  readonly id: string;
  readonly method: string;
  /** Path and query, origin-form. */
  readonly target: string;
  /** Name, value, name, value, …; no CR, LF or NUL in them. */
  readonly headers: readonly string[];
  /** Body bytes will follow through Invocation.write, closed by Invocation.endBody. */
  readonly hasBody: boolean;
  /** The client asked for a protocol upgrade: after a 101, bytes flow both ways as body until both sides have ended. */
  readonly upgrade: boolean;
  /** The route's pattern, for metering and logs. */
  readonly route: string;
  /** Where traces are asked for: that of the request, and for the router of this invocation. Absent, null: of none. */
  readonly trace?: TraceContext | null;
  /**
   * When the edge received it, admitted it and knew what answers it, by the platform's clock. Absent: the platform makes the
   * invocation by itself, or it was not looked at; then the router's own time stands for them.
   */
  readonly receivedMs?: number;
  readonly admittedMs?: number;
  readonly matchedMs?: number;
  /**
   * All of it is as an HTTP parser passed it, or made here of nothing else. Where rules or middleware had a say it is not:
   * the router looks at every character of it, as it does when nothing is said.
   */
  readonly parsed?: boolean;
}

/** Why an upgraded connection has to end. replaced: its instance drains. shutdown: the platform ends. */
export type GoAway = 'maxDuration' | 'replaced' | 'shutdown';

/** How one invocation is answered: implemented by the edge, called by the router. */
export interface Exchange {
  /** A 1xx other than 101. Any number of times, before `head` or `reply`. */
  inform(status: number, headers: readonly string[]): void;
  /** A complete answer at once. Terminal. False: `body` is still referred to after the call, for as long as it takes. */
  reply(status: number, headers: readonly string[], body: Buffer | null): boolean;
  /** The start of a streamed answer. It must reach the client without waiting for the first body chunk. */
  head(status: number, headers: readonly string[]): void;
  /**
   * The next piece. True: it was taken, and its memory may be used again. False: it is still referred to; no more, please,
   * until Invocation.resume().
   */
  body(chunk: Buffer): boolean;
  /** The streamed answer is complete. Terminal. */
  end(): void;
  /** No (complete) answer will come. Before `head`: an error page. After: the client's connection is cut. Terminal. */
  fail(failure: Failure): void;
  /**
   * After a 101: the connection is to end, and both ends are told so. What has not ended soon after fails. An exchange
   * without it is not asked.
   */
  goAway?(why: GoAway): void;
  /** Invocation.write returned false before; it may be called again. */
  drained(): void;
}

/** The edge's handle on an invocation under way: implemented by the router. */
export interface Invocation {
  /** A piece of the request body (after a 101: any bytes). False: wait for Exchange.drained(). */
  write(chunk: Buffer): boolean;
  endBody(): void;
  /** The client took what was written: Exchange.body may be called again. */
  resume(): void;
  /** The client is gone. The function is told (its abort signal fires); nothing more is called on the Exchange. */
  cancel(): void;
}
