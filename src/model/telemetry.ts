// What is told of the platform's work to whoever subscribes (src/base/channels.ts). Nobody has to.
import type { ErrorCode } from '../base/errors.ts';

/** A line that a function, or the platform on its behalf, logged. */
export interface FunctionLogLine {
  /** Unix time, as it reached the router. */
  readonly atMs: number;
  readonly functionId: string;
  readonly label: string;
  readonly instance: string;
  /** Null: not known, or none. */
  readonly invocationId: string | null;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly source: 'platform' | 'stdout' | 'stderr';
  readonly text: string;
}

/** How an invocation came to its instance: a process was started, a booted stem took it, or one had room. */
export type StartKind = 'cold' | 'prewarmed' | 'warm';

/**
 * The ten phases of an invocation (ARCHITECTURE.md, "The life of an invocation"), in order. Microseconds from received, whole.
 * Null: the invocation did not come so far, or did not need it (`queued`: it was placed at once). Of one that was placed
 * several times, the last time counts. Those that the platform makes by itself (a page that is made anew) are received by the router.
 */
export interface Phases {
  /** Its head may be served, and its host is known. */
  readonly admittedUs: number;
  /** Which function answers is known; of a routing table with middleware, after that has answered. */
  readonly matchedUs: number;
  /** What is kept was looked at, and did not answer. */
  readonly cachedUs: number;
  /** The router has it, for the one version of the function that is to answer. */
  readonly resolvedUs: number;
  readonly queuedUs: number | null;
  readonly placedUs: number | null;
  readonly sentUs: number | null;
  readonly begunUs: number | null;
  /** The first byte of the function's answer. */
  readonly answeredUs: number | null;
  readonly settledUs: number;
}

/** One invocation that has settled. Published once for each (I1). */
export interface InvocationRecord {
  readonly id: string;
  readonly functionId: string;
  /** `PROJECT/NAME` */
  readonly label: string;
  readonly project: string;
  readonly deployment: string;
  readonly environment: 'production' | 'preview';
  /** The route's pattern, as the meter counts it (limits.meterRoutes). */
  readonly route: string;
  readonly method: string;
  readonly host: string;
  /** As the function got it: path without its query, cut off at limits.recordedPathBytes. */
  readonly path: string;
  /** What the function answered, or that of the error page; null: nothing, since the client left before. */
  readonly status: number | null;
  /** `answered`, or why there was no answer of the function's. */
  readonly outcome: 'answered' | ErrorCode;
  /** Null: no instance had it. */
  readonly start: StartKind | null;
  readonly instance: string | null;
  /** Unix time. */
  readonly receivedMs: number;
  readonly phases: Phases;
  /** Attributed by its instance. */
  readonly cpuUs: number;
  readonly memoryMiB: number;
  /** Of its body, that came from the client; after a 101 all that it sent. */
  readonly requestBytes: number;
  /** Of the answer's body, that the function sent. */
  readonly responseBytes: number;
  /** How often an instance refused it, it was recalled, or its instance was lost, before it began. */
  readonly refusals: number;
  /** W3C trace context of the invocation; null: nobody asks for traces. */
  readonly trace: TraceContext | null;
}

/** W3C Trace Context, level 1. Hexadecimal, lower case. */
export interface TraceContext {
  readonly traceId: string;
  /** Of the invocation's own span. */
  readonly spanId: string;
  /** Null: the trace begins here. */
  readonly parentSpanId: string | null;
  readonly sampled: boolean;
}

/** An instance that ended without being asked to, and what its code has to do with it. */
export interface CrashReport {
  readonly atMs: number;
  readonly instance: string;
  readonly functionId: string;
  readonly label: string;
  readonly project: string;
  readonly deployment: string;
  /** What is known of why, as in its log: `its process exited with code 1`, `out of memory`, `an error that nobody caught`. */
  readonly reason: string;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The invocation whose code did it, where that is known. */
  readonly invocationId: string | null;
  /** Those that had begun, or may have, and were lost. */
  readonly lost: readonly string[];
  /** The last that it logged. */
  readonly stack: string | null;
  /** As it last reported, and as the operating system last said; null: neither did. */
  readonly memoryBytes: number | null;
  readonly cpuMs: number | null;
  readonly ageMs: number;
}
