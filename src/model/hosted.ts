/** What a provider and the host process, which holds instances whose code is not Node's, say to each other. */

/** An instance that the host is to hold. */
export interface HostedOrder {
  readonly instance: string;
  /** Where the router listens, and what lets the instance in, once. */
  readonly address: string;
  readonly token: string;
  /** `python3.11`: an interpreter's; `executable`: the function's own program. */
  readonly release: string;
  /** The interpreter, and what it is to run, which speaks frames; null: the function brings its own program. */
  readonly command: readonly string[] | null;
  /** What every language process finds. */
  readonly environment: Readonly<Record<string, string>>;
  /** Held to so much memory; null: somebody else sees to that. */
  readonly memoryMiB: number | null;
}

export type HostOrder =
  | { readonly do: 'start'; readonly order: HostedOrder }
  /** In order, then by force. */
  | { readonly do: 'terminate'; readonly instance: string; readonly graceMs: number }
  | { readonly do: 'kill'; readonly instance: string }
  | { readonly do: 'limit'; readonly instance: string; readonly memoryMiB: number };

export type HostedExit =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly signal: string; readonly outOfMemory: boolean }
  | { readonly kind: 'failed'; readonly reason: string };

export type HostReport =
  /** Its language process runs; it leads a group of this number. */
  | { readonly is: 'running'; readonly instance: string; readonly pid: number }
  /** A line that could not go through its tunnel. */
  | { readonly is: 'output'; readonly instance: string; readonly source: 'stdout' | 'stderr'; readonly line: string }
  /** Once, last. */
  | { readonly is: 'exited'; readonly instance: string; readonly exit: HostedExit };
