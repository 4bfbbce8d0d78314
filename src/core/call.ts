/**
 * The seam between core and runtime inside an instance: one invocation, as the core hands it to the runtime. The core
 * implements Call, the runtime implements CallListener and Runtime. Callbacks and booleans: no promise per chunk.
 */
export interface Call {
  /** Invocation id. */
  readonly id: string;
  readonly method: string;
  readonly target: string;
  /** Name, value, name, value, …, as received. */
  readonly headers: readonly string[];
  readonly hasBody: boolean;
  readonly upgrade: boolean;
  /** Milliseconds since the epoch at which maxDuration is up. */
  readonly deadlineWallMs: number;
  /** Set by the runtime before `begin` returns. */
  listener: CallListener;
  /**
   * What the handler returned, if that has yet to settle; null: nothing that could be waited for. Nobody waits for the
   * answer of a cancelled invocation, but its handler goes on, and counts among those at once until it is done or its
   * time is up.
   */
  handling: PromiseLike<unknown> | null;
  /** Free for the runtime: what belongs to this invocation (request context, abort controller). */
  context: unknown;

  inform(status: number, headers: readonly string[]): void;
  /** Complete answer. A body over 64 KiB is streamed by the core. Terminal. */
  reply(status: number, headers: readonly string[], body: Uint8Array | string | null): void;
  /** Start of a streamed answer; sent by the end of this turn of the loop at the latest. 101: raw bytes from here on. */
  head(status: number, headers: readonly string[]): void;
  /** False: the credit is used up (what was given is kept and sent); wait for CallListener.writable. */
  write(chunk: Uint8Array): boolean;
  end(): void;
  /** No (complete) answer will come. Code: one of the catalogue's. Terminal. */
  fail(code: string, detail: string): void;
  /**
   * For whoever keeps the answer; as they are in a header. late: its head has left. full: more than limits.addedTags, or
   * too long together; none of them is added then.
   */
  addCacheTags(tags: readonly string[]): 'added' | 'late' | 'full';
  /** The consumer took so many bytes of the request body: the router may send as many more. */
  consumed(bytes: number): void;
}

export interface CallListener {
  /** A piece of the request body; the callee's to keep (the core copies it out of the read buffer). */
  body(chunk: Buffer): void;
  bodyEnd(): void;
  writable(): void;
  /** The client left, maxDuration is up, or the tunnel is lost. What is written from now on goes nowhere. */
  cancelled(reason: 'client' | 'timeout' | 'unwanted' | 'tunnel'): void;
  /** Another listener takes its place: user code has upgraded the connection, and answers the raw way. */
  detached?(): void;
}

/** What LOAD says: the function this instance is to run, for its whole life. */
export interface LoadOrder {
  readonly function: string;
  readonly root: string;
  readonly entry: string;
  readonly launch: 'module' | 'server' | 'web' | 'edge' | 'event' | 'python' | 'command';
  /** Whether (req, res) functions find helpers; absent: they do. */
  readonly helpers?: boolean;
  /** Whether stack traces name the sources, where there are maps; absent: they do. */
  readonly sourceMaps?: boolean;
  /** Files by the name that edge code fetches them by. */
  readonly assets?: Readonly<Record<string, string>>;
  /** The export that takes events. */
  readonly eventExport?: string;
  /** Of launch 'command': a program and its arguments. */
  readonly command?: readonly string[];
  /** Directories with Python modules. */
  readonly modulePaths?: readonly string[];
  /** A directory with V8's bytecode of the modules. */
  readonly bytecode?: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly memoryMiB: number;
  readonly maxDurationMs: number;
  readonly maxConcurrency: number | null;
  readonly deployment: string;
  readonly project: string;
}

/** What loads and calls the user's code in a language. */
export interface Runtime {
  /** Loads user code. Rejects with an Error whose stack is the user's to read. */
  load(order: LoadOrder): Promise<void>;
  /** Hands an invocation to user code. Runs inside the call's async context. Must not throw. */
  begin(call: Call): void;
}
