// What is told of the platform's work to whoever subscribes (src/base/channels.ts). Nobody has to.
import type { ErrorCode } from '../base/errors.ts';

/** How an invocation came to its instance: a process was started, a booted stem took it, or one had room. */
export type StartKind = 'cold' | 'prewarmed' | 'warm';

/**
 * The ten phases of an invocation (ARCHITECTURE.md, "The life of an invocation"), in order. Microseconds from received, whole.
 * Null: the invocation did not come so far, or did not need it (`queued`: it was placed at once).
 */
export interface Phases {
  readonly admittedUs: number;
  readonly matchedUs: number;
  /** What is kept was looked at, and did not answer. */
  readonly cachedUs: number;
  readonly resolvedUs: number;
  readonly queuedUs: number | null;
  readonly placedUs: number | null;
  readonly sentUs: number | null;
  readonly begunUs: number | null;
  /** The first byte of the answer. */
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
  /** The route's pattern. */
  readonly route: string;
  readonly method: string;
  readonly host: string;
  /** Path without its query, cut off at limits.recordedPathBytes. */
  readonly path: string;
  /** What the client got; null: nothing, since it left. */
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
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** How often an instance refused it or it was recalled before it began. */
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

/** An instance that ended without being asked to. */
export interface CrashReport {
  readonly atMs: number;
  readonly instance: string;
  readonly functionId: string;
  readonly label: string;
  readonly project: string;
  readonly deployment: string;
  /** What is known of why: `exited with 1`, `SIGKILL`, `out of memory`, `an error that nobody caught`. */
  readonly reason: string;
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The invocation whose code did it, where that is known. */
  readonly invocationId: string | null;
  /** Those that had begun and were lost. */
  readonly lost: readonly string[];
  readonly stack: string | null;
  /** As last reported: at death. */
  readonly memoryBytes: number | null;
  readonly cpuMs: number | null;
  readonly ageMs: number;
}
