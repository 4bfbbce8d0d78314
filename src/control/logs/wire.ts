// What the platform's thread and the log's thread tell each other.
import type { LogLine, InvocationResource, CrashResource } from '../../api/observed.ts';
import type { CrashReport } from '../../model/telemetry.ts';

/** In the order of their ranks. */
export const levels = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof levels)[number];

export type Cell = string | number | null;
/** Of a line in `Batch.lines`: id, atMs, index of its function, instance, invocation, level, source, text. */
export const lineCells = 8;
/** Of an invocation in `Batch.invocations`; the order is that of the table's columns. */
export const invocationCells = 28;
/** Of a function in `Batch.functions`: its id, label, project, deployment. */
export const functionCells = 4;

/** Flat, so that copying it into the other thread costs the platform's little. */
export interface Batch {
  readonly functions: string[];
  readonly lines: Cell[];
  readonly invocations: Cell[];
  readonly crashes: CrashReport[];
}

export interface Which {
  readonly project?: string | undefined;
  readonly deployment?: string | undefined;
  /** `PROJECT/NAME`, or `NAME`. */
  readonly function?: string | undefined;
}

export interface LineQuery extends Which {
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** This one and those above it. */
  readonly level?: Level | undefined;
  readonly invocation?: string | undefined;
  /** `404` or `5xx`: of the invocation that logged. */
  readonly status?: string | undefined;
  readonly text?: string | undefined;
  readonly limit: number;
  /** Ids below it, the newest first. */
  readonly before?: number | undefined;
  /** Ids above it, the oldest first. */
  readonly after?: number | undefined;
}

export interface InvocationQuery extends Which {
  /** When it settled. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  readonly status?: string | undefined;
  readonly failed?: boolean | undefined;
  readonly start?: 'cold' | 'prewarmed' | 'warm' | undefined;
  readonly slowerThanMs?: number | undefined;
  readonly limit: number;
  readonly before?: number | undefined;
}

export interface CrashQuery extends Which {
  readonly fromMs?: number | undefined;
  readonly limit: number;
  readonly before?: number | undefined;
}

/** `next`: where the search goes on; null: there is nothing more. It may have found nothing so far, and have more to look at. */
export interface Found<T> {
  readonly items: T[];
  readonly next: number | null;
}

export interface InvocationFound {
  readonly invocation: InvocationResource;
  readonly lines: LogLine[];
  /** That it has logged beside those. */
  readonly linesLeftOut: number;
}

export type Question =
  | { readonly kind: 'lines'; readonly query: LineQuery }
  | { readonly kind: 'invocations'; readonly query: InvocationQuery }
  | { readonly kind: 'invocation'; readonly id: string }
  | { readonly kind: 'crashes'; readonly query: CrashQuery };

export interface Answers {
  lines: Found<LogLine>;
  invocations: Found<InvocationResource>;
  invocation: InvocationFound | null;
  crashes: Found<CrashResource>;
}

export interface Retention {
  readonly logBytes: number;
  readonly logDays: number;
}

export type Order =
  | { readonly kind: 'batch'; readonly number: number; readonly batch: Batch }
  | { readonly kind: 'ask'; readonly number: number; readonly question: Question }
  /** `nowMs`: the thread has no clock of its own. */
  | { readonly kind: 'tidy'; readonly retention: Retention; readonly nowMs: number }
  | { readonly kind: 'close' };

export type Report =
  | { readonly kind: 'open'; readonly lastId: number; readonly usedBytes: number }
  /** Not null: why nothing of it is kept. */
  | { readonly kind: 'written'; readonly number: number; readonly usedBytes: number; readonly trouble: string | null }
  | { readonly kind: 'answer'; readonly number: number; readonly answer: Answers[Question['kind']] }
  | { readonly kind: 'refused'; readonly number: number; readonly why: string }
  /** What was there could not be used, and is kept beside. */
  | { readonly kind: 'set aside'; readonly why: string; readonly file: string };

/** What the thread is started with. */
export interface ThreadOrder {
  readonly file: string;
  readonly retention: Retention;
  readonly nowMs: number;
}
