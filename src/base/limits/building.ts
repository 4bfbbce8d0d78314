/** Building projects, and the command line. */
export const buildingLimits = {
  /** Files the builder reads, configuration included. */
  configBytes: 1024 * 1024,
  functionGlobs: 50,
  functionsPerDeployment: 1024,
  /** Faults of a build output that are told at once; the rest is counted. */
  faultsShown: 50,
  /** JSON files of a build output: a function's lists each file of its bundle. And files that are looked at at once. */
  outputJsonBytes: 32 * 1024 * 1024,
  builderFilesAtOnce: 32,
  /** Files of one upload. */
  uploadFiles: 200_000,
  /** A file that was changed so short a time ago may be changed again without another time on it. */
  uploadSettledMs: 2_000,
  /** Outputs of one deployment, and files of one function. */
  outputs: 200_000,
  /** Files and folders that are looked at to find them, and folders that are looked into again: links make many of few. */
  outputEntries: 300_000,
  outputFoldersAgain: 10_000,
  functionFiles: 100_000,
  /** Routing: rules of a table, characters of a pattern or destination; patterns and sizes for images; crons. */
  routingTextCharacters: 4096,
  imageRules: 256,
  imageCacheDefaultS: 60,
  crons: 100,
  /** An output that is written at the moment is read when nothing has changed in it for so long, or after so long at last. */
  outputQuietMs: 300,
  outputSettleMs: 30_000,
  /** A bundled runtime that nothing was started from for so long is removed from the cache. */
  payloadKeptMs: 30 * 24 * 3_600_000,
  /** A platform that runs says so often that it uses its runtime. */
  payloadTouchMs: 24 * 3_600_000,
  /** An installed Node that nothing was started from for so long is removed when another is installed. */
  nodeKeptMs: 90 * 24 * 3_600_000,
  /** A platform that runs says so often that it uses its Nodes. And what was installed says its version in this time. */
  nodeTouchMs: 24 * 3_600_000,
  nodeCheckMs: 30_000,
  /** Asking npm for what there is, and then fetching 50 MB. */
  npmViewMs: 60_000,
  npmInstallMs: 15 * 60_000,
  /** Between lines that say how far an installation has come. */
  installTellMs: 3_000,
  /** What npm says is kept for the error, its end only. */
  npmOutputBytes: 64 * 1024,
  /** Versions that a package may have, as JSON. */
  npmViewBytes: 4 * 1024 * 1024,
  /** `.weir/runtimes.json` */
  runtimeLockBytes: 4 * 1024,
  /** Pythons that are looked at, so many at once; each says its version in this time. */
  pythonCandidates: 64,
  pythonAsksAtOnce: 4,
  pythonAskMs: 10_000,
  /** Installing a project's Python packages, and compiling them; how long what nothing uses is kept, and how often its use is said. */
  pythonInstallMs: 20 * 60_000,
  pythonPackagesKeptMs: 30 * 24 * 3_600_000,
  pythonPackagesTouchMs: 24 * 3_600_000,
  /** Files of requirements that name each other; files of packages in the project that are looked at for changes. */
  requirementFiles: 100,
  localPackageFiles: 20_000,
  /** A program's own build. */
  programBuildMs: 60 * 60_000,
  /** A build's folder that does not say which process it is of may be one in the making; after so long it is not. */
  unownedBuildMs: 60_000,
  /** Of what a command printed, the end that an error repeats. */
  commandTailCharacters: 2_000,
  /** A command that is ended may take so long to end by itself; then it is killed, with all that it started. */
  commandGraceMs: 5_000,
  /** Memory of a framework's development server: it compiles, and keeps what it compiled. */
  devServerMiB: 4096,
  /** A half-installed tool of that age is nobody's. */
  abandonedToolMs: 24 * 3_600_000,
  /** Changes of a project count as one when they are so close together; how often to look where nothing tells. */
  watchQuietMs: 60,
  watchPollMs: 1_000,
  /** Nesting of a function's in-code configuration, and of tsconfig.json files that extend each other. */
  literalDepth: 32,
  tsconfigDepth: 32,
  /** What waits for whoever reads the terminal; lines beyond it are dropped, and counted. */
  terminalBacklogBytes: 4 * 1024 * 1024,

  /** A token, or the value of a variable, as it is piped in. */
  secretBytes: 65_536,
  /** Uploading a deployment: files at once, attempts of each, the longest wait between two, what is large enough to be gone on with. */
  uploadsAtOnce: 8,
  uploadAttempts: 6,
  uploadRetryMs: 250,
  uploadRetryMaxMs: 8_000,
  uploadResumeBytes: 8 * 1024 * 1024,
  /** An upload that is given up is tidied away in this time, or not. */
  uploadAbandonMs: 3_000,
  /** Following a stream of events: connections in a row that bring nothing. */
  followAttempts: 8,

  /** `weir explain`: how long an answer may take, how large it may be, and how often it is asked for while it is watched. */
  explainWaitMs: 5_000,
  explainBytes: 16 * 1024 * 1024,
  explainPeriodMs: 1_000,
  /** Ports tried after the one that is taken. */
  portAttempts: 50,
  /** Ctrl-C twice within this time is one that came by two ways (terminal, and npm or the launcher passing it on). */
  interruptEchoMs: 250,

  /**
   * A function that takes longer to load is left to load without bytecode made ahead; and so are those that come when so much
   * time was spent on it, for all projects together. Nothing made for that long, and there is as much again.
   */
  bytecodeFunctionMs: 20_000,
  bytecodeMs: 60_000,
  /** Of what is deployed it is made so long after it is served: whoever deploys asks for it first. */
  bytecodeLaterMs: 1_500,
  /** Of a Next.js build's bundle, source of modules that are compiled though nothing required them yet. */
  bytecodeRestBytes: 16 * 1024 * 1024,
  /** Versions of a project whose bytecode is kept while the platform runs; what is served is beside them. */
  bytecodeVersions: 4,
  /** Projects that are made ready at once when the platform starts: some wait for npm while others compute. */
  projectsAtOnce: 4,
  /** Whoever asks for a project that is not ready yet is told to come again. */
  notReadyRetryS: 2,
} as const;
