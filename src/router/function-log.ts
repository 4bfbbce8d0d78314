import type { LogFrame } from '../tunnel/payload.ts';

/** A line that a function, or the platform on its behalf, logged. */
export interface FunctionLogLine {
  readonly functionId: string;
  readonly label: string;
  readonly instance: string;
  /** Null: not known, or none. */
  readonly invocationId: string | null;
  readonly level: LogFrame['level'];
  readonly source: LogFrame['source'];
  readonly text: string;
}
