import type { Call } from '../../src/core/call.ts';
import type { LogLevel, LogSource } from '../../src/tunnel/payload.ts';

/** What the runtime needs of the core that it runs in. */
export interface Host {
  /** One more, or one fewer, promise that the instance must outlive. */
  background(delta: 1 | -1): void;
  /** A line for the log, with the invocation it belongs to; null: none. */
  log(level: LogLevel, source: LogSource, text: string, call: Call | null): void;
  /** The invocation that the code on the stack works for. */
  currentCall(): Call | undefined;
}

/** A thrown value as a person reads it: the stack, and the causes below it. */
export function describe(error: unknown): string {
  const { inspect } = process.getBuiltinModule('node:util');
  return typeof error === 'string' ? error : inspect(error, { depth: 4 });
}

/** For the error page: what kind of error it was. Its message and stack are the log's: they may hold secrets. */
export const kindOf = (error: unknown): string =>
  error instanceof Error ? `The function threw ${error.name}.` : `The function threw a ${typeof error}.`;
