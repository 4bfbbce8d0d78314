import type { Answered } from '../../src/core/asks.ts';
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
  /** The platform answers what it is asked, and counts metrics. */
  readonly services: boolean;
  /** `json`: of an object (protocol/tunnel.md, Asks); the body must not change any more. Rejects with AskFailed, in bounded time. */
  ask(json: string, body: Uint8Array | null): Promise<Answered>;
  /** `json`: of a metric's name and attributes. */
  metric(value: number, json: string): void;
}

const ignore = (): void => undefined;

/** Where there is no platform to tell. */
export const noHost: Host = {
  background: ignore,
  log: ignore,
  currentCall: () => undefined,
  services: false,
  ask: () => Promise.reject(new Error('nobody is there')),
  metric: ignore,
};

/** A thrown value as a person reads it: the stack, and the causes below it. */
export function describe(error: unknown): string {
  const { inspect } = process.getBuiltinModule('node:util');
  return typeof error === 'string' ? error : inspect(error, { depth: 4 });
}

/** For the error page: what kind of error it was. Its message and stack are the log's: they may hold secrets. */
export const kindOf = (error: unknown): string =>
  error instanceof Error ? `The function threw ${error.name}.` : `The function threw a ${typeof error}.`;
