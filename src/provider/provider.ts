/** What starts and stops instances. It knows nothing of functions' code: an instance dials the router and is told there. */
export interface Provider {
  readonly kind: 'process' | 'container' | 'kubernetes';
  /** One sentence a person reads once at start-up: how memory is limited here, and what the system lacks. */
  describe(): string;
  /** Instances may be of these releases from now on: what all of one share can be there before the first. */
  expect?(releases: ReadonlySet<string>): void;
  /** Starts one instance. Never throws: a start that fails is an `exited` event. */
  start(order: StartOrder, events: ProviderEvents): Started;
  /** Ends every instance that is left (SIGTERM, grace, SIGKILL) and frees what was taken. */
  close(): Promise<void>;
}

export interface StartOrder {
  readonly instance: string;
  /** Lets its data connection in, once. Handed over outside argv, so that no process list shows it. */
  readonly token: string;
  /** As `releaseOf` names it: `nodejs24.x` (the platform's own), `nodejs22.3.0` (exactly that). */
  readonly release: string;
  readonly memoryMiB: number;
  /** V8's bytecode from the first module on; null: a stem's, which is told with its function. Absent: what all share. */
  readonly bytecodeDir?: string | null;
  /** Only loads the function that `token` describes (LOAD, as JSON), has V8 write its bytecode, and ends; 0 when it could. */
  readonly isScratch?: boolean;
}

export interface ProviderEvents {
  /** Once, whatever happened. */
  exited(exit: Exit): void;
  /** A line that did not come through the tunnel (native code, a crash report), without its newline. */
  output(source: 'stdout' | 'stderr', line: string): void;
}

export type Exit =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly signal: string; readonly outOfMemory: boolean }
  | { readonly kind: 'failed'; readonly reason: string };

export interface Started {
  readonly pid: number | null;
  /** SIGTERM, then SIGKILL after `graceMs`. Idempotent. */
  terminate(graceMs: number): void;
  /** SIGKILL. Idempotent. */
  kill(): void;
  /** What the operating system says now; null where it cannot be asked, or after the end. */
  usage(): { readonly cpuUs: number; readonly rssBytes: number } | null;
}
