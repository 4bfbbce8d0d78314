/** How a function is run. Every field has been validated and defaulted by the builder. */
export interface FunctionConfig {
  readonly memoryMiB: number;
  readonly maxDurationMs: number;
  /** A ceiling on invocations in one instance; 1 restores one-invocation-per-instance. 'auto' leaves it to the scheduler. */
  readonly maxConcurrency: number | 'auto';
  /** Instances at once, where it may not have as many as the platform allows. */
  readonly maxInstances?: number;
  /** Its part of the machine's memory and processors beside other functions that want them: 2 gets twice as much as 1. */
  readonly weight: number;
  readonly runtime: Runtime;
  /** A `(req, res)` function finds req.query, res.json and the like. */
  readonly helpers: boolean;
  /** An exported function takes a Request, although it looks like a `(req, res)` function. Default: false. */
  readonly webApi?: boolean;
  /** Declared by the build: false means that it expects its answers to be collected before they are sent. Default: true. */
  readonly streams?: boolean;
  /** Stack traces name the sources, where there are maps. Default: true. */
  readonly sourceMaps?: boolean;
  /** Set in the instance before user code is loaded. Never logged. */
  readonly environment: Readonly<Record<string, string>>;
}

/** The newest release of that major version of Node.js. */
export type NodeRuntime = 'nodejs22.x' | 'nodejs24.x' | 'nodejs26.x';

/** An interpreter of that version which the machine has. */
export type PythonRuntime = `python3.${number}`;

/** What runs a function. `executable`: the function is a program of its own. */
export type Runtime = NodeRuntime | PythonRuntime | 'executable';

/** What the runtime is to do with the entry file. */
export type Launch =
  /** Import it and call what it exports; a server that it makes listen() counts too. */
  | 'module'
  /** A zero-config server: import it and wait for listen(). */
  | 'server'
  /** Web-standard code: its default export takes a Request (docs/decisions/0013-edge-in-node.md). */
  | 'edge'
  /** Import it and call one export (`eventExport`) with an event, as AWS's API gateway does (awsLambdaHandler). */
  | 'event'
  /** Python: the file defines `app` (ASGI, WSGI) or `handler` (a BaseHTTPRequestHandler). */
  | 'python'
  /** Start `command`: it listens on the port that it is given. */
  | 'command';

/** One piece of compute in a deployment. */
export interface FunctionSpec {
  /** Unique over all deployments: `DEPLOYMENT/NAME`. */
  readonly id: string;
  /** What people call it: `PROJECT/api/hello`. */
  readonly label: string;
  readonly project: string;
  readonly deployment: string;
  /** Of its deployment. */
  readonly environment: 'production' | 'preview';
  /** The path it was found at, without extension: `api/hello`, `server`. */
  readonly name: string;
  /** Working directory of the instance, absolute: the project's root; of a build output, where the function's bundle lies. */
  readonly root: string;
  /** The project's root, where `root` is another directory. */
  readonly projectDir?: string;
  /** What outlives its deployment, where that has a directory of its own: under this is kept what is learned of it. */
  readonly lineage?: string;
  /** The file to import, absolute (built output for TypeScript, the source itself for JavaScript). */
  readonly entry: string;
  readonly launch: Launch;
  /** Exactly which release runs it: `nodejs22.3.0`. Absent: the platform's own Node, which is of its runtime's major. */
  readonly release?: string;
  /** Files that an edge function fetches by name, absolute. */
  readonly assets?: readonly { readonly name: string; readonly file: string }[];
  /** Of launch 'event': the export to call. Of launch 'python': what the file calls its application, where not as usual. */
  readonly eventExport?: string;
  /** Of launch 'command': the program, looked for in `root` and in PATH, and its arguments. */
  readonly command?: readonly string[];
  /** Of launch 'python': where modules are looked for before anywhere else, absolute. */
  readonly modulePaths?: readonly string[];
  /** Where V8's bytecode of its modules lies, for its instances alone. Absent: where all have theirs. */
  readonly bytecodeDir?: string;
  /**
   * No two versions of it may run at once, since they would write the same files: instances of the one that is replaced are
   * ended, sockets included, before the next one is started. Default: false.
   */
  readonly alone?: boolean;
  readonly config: FunctionConfig;
}

/** What runs a function: instances of equal releases are interchangeable until they are told their function. */
export const releaseOf = (spec: Pick<FunctionSpec, 'release' | 'config'>): string =>
  spec.release ?? spec.config.runtime;
