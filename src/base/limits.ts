import { keptLimits } from './kept-limits.ts';

/** I6: everything has a limit, and the limits are in this file. Units are last in the name. */
export const limits = {
  /** One tunnel frame's payload. Peers cut off whoever announces more. */
  framePayloadBytes: 1024 * 1024,
  /** Request head (target + headers) and response head on the tunnel. */
  headBytes: 64 * 1024,
  /** Header fields in one head. */
  headFields: 256,
  /** What may be in flight towards a receiver of one stream before it must grant more (measured: 256 KiB is best). */
  windowBytes: 256 * 1024,
  /** Largest piece a sender puts in one body frame: a window, so that neither side takes apart what is together. */
  bodyFrameBytes: 256 * 1024,
  /** Body of a complete answer in one frame; what is longer is streamed. */
  chunkBytes: 64 * 1024,
  /** Streams of one tunnel: a slot is 16 bits. */
  streamsPerTunnel: 8192,
  /** JSON of a HELLO, WELCOME, LOAD, LOADED. */
  sessionJsonBytes: 512 * 1024,
  /** From connect to HELLO, and from HELLO to WELCOME. */
  handshakeTimeoutMs: 5_000,
  /** A tunnel that says nothing for so long is pinged; silent for as long again, it is dead. */
  silenceMs: 10_000,
  /** A one-time token that nobody used is forgotten. */
  tokenLifeMs: 60_000,
  /** Connections that have not said HELLO yet. */
  greetingConnections: 1024,
  /** The payload of a HELLO: all that is kept for a peer of whom nothing is known. */
  helloBytes: 16 * 1024,
  /** After GOODBYE a peer gets so long to close; then the connection is cut. */
  lingerMs: 1_000,
  /** Bytes that a connection has taken and the peer has not, above which a writer is asked to wait. */
  connectionHighWaterBytes: 256 * 1024,
  /** Memory that frames are written into; body pieces above the second figure are sent from where they are. */
  slabBytes: 32 * 1024,
  copiedBodyBytes: 4 * 1024,
  /** What is read of a connection at once. */
  readBufferBytes: 256 * 1024,
  /** Text of GOODBYE, DRAIN and FAILED: what is longer is cut. */
  detailBytes: 4 * 1024,

  /** What an instance asks the platform: the JSON of one ask or answer, and its body; a frame carries at most so much of that. */
  askJsonBytes: 128 * 1024,
  askBodyBytes: 2 * 1024 * 1024,
  askFrameBytes: 256 * 1024,
  /** Asks of one instance without an answer, and their bodies together; those that wait for room in there, in the instance. */
  asksUnanswered: 32,
  asksUnansweredBytes: 8 * 1024 * 1024,
  asksWaiting: 1024,
  /** The router answers after so long, if only to say that it took too long; an instance waits so long for an answer. */
  askAnswerMs: 4_000,
  askTimeoutMs: 5_000,
  /** Custom metrics: one emission as JSON; names and keys of attributes; attributes, their values; emissions of one invocation. */
  metricBytes: 32 * 1024,
  metricNameBytes: 63,
  metricAttributes: 50,
  metricValueBytes: 256,
  metricsPerInvocation: 100,
  /** Series (a name with its attributes) of one function that are told apart. */
  metricSeries: 256,

  /** Runtime cache. All of it, and that of one project's environment; what an item takes beside its bytes. */
  runtimeCacheBytes: 256 * 1024 * 1024,
  runtimeCacheScopeBytes: 128 * 1024 * 1024,
  runtimeCacheItemOverheadBytes: 256,
  /** Keys and tags (longer ones are told by their hash), names, what is kept beside an item's bytes; tags of one item or ask;
   * those that an item of getCache() may have. */
  cacheKeyBytes: 512,
  cacheNameBytes: 256,
  cacheNoteBytes: 1024,
  cacheTagBytes: 256,
  cacheTags: 256,
  runtimeCacheTags: 64,
  /** Tags of one project's environment of which it is known when they were expired. */
  cacheTagsKnown: 10_000,
  /** Items that are shown by name. */
  cacheItemsShown: 20,
  /** Tags or source images in one purge, and the length of one. */
  purgedAtOnce: 128,
  purgedBytes: 4 * 1024,
  /** Of texts in one ask, so that they fit into its JSON however they are escaped. */
  askTextsBytes: 16 * 1024,

  /** A log line (text beyond it is cut, and says so). */
  logLineBytes: 256 * 1024,
  /** Log lines buffered in an instance before the tunnel takes them. */
  logBacklogBytes: 4 * 1024 * 1024,

  /** Queue of one function, and how long an invocation may wait in it. */
  queueInvocations: 10_000,
  queueWaitMs: 30_000,
  /** A head of a queue that has waited so long forces a start, if none is under way or the newest seems to hang. */
  queueStaleMs: 100,
  startSlowMs: 5_000,
  /** One instance more than processors: while one has no invocation, between two, another has its processor. */
  instancesBeyondCores: 1,
  /** Where the loops of as many instances as there are processors are held, more of them serve nobody sooner. When nothing
   * has moved for so long there is one more all the same, in case they never yield; up to so many per processor. */
  heldQueueStaleMs: 1_000,
  heldInstancesPerCore: 4,
  /** Beyond that number: one more this often. */
  heldStartMs: 5_000,
  /** 1xx answers of one invocation that are passed on. */
  informs: 32,
  /** Refusals of one invocation by instances before the client is told. Recalls do not count: its time in the queue does. */
  refusals: 16,
  /** Request body bytes kept for an invocation that is not yet on an instance. */
  unplacedBodyBytes: 256 * 1024,

  /** Invocations in one instance: what a function has of which nothing is known; what 'auto' may reach; what anybody may ask for. */
  concurrencyDefault: 100,
  concurrencyAutoMax: 1_000,
  concurrencyMax: 8192,
  /** The limit adapts to the share of its loop (or CPU) that an instance uses: to the first at best; at the second it is full. */
  loadTargetPermille: 750,
  loadFullPermille: 900,
  /** An instance may always have as many as take so much CPU: for less it is not worth to wait in a queue. */
  loopBudgetMs: 10,
  /** Between two steps of the limit: twice as long as an invocation takes, within these bounds. */
  limitStepMinMs: 200,
  limitStepMaxMs: 5_000,
  /** What is near is looked at after so long and enough invocations, or after so long whatever has come. */
  limitSpanMs: 1_000,
  limitSpanMaxMs: 3_000,
  /** Invocations that must have ended for their measure to lower a limit, and to say whether more at once bring more. */
  limitSamples: 20,
  limitFirstSamples: 3,
  limitTrialSamples: 30,
  /** What was found of no use is tried again after so long; a trial that sees too few invocations is given up after so long. */
  limitRetestMs: 3_600_000,
  limitTrialMs: 30_000,
  /** After a guard lowered a limit it does not grow for so many steps. */
  guardHoldSteps: 10,
  /** Guards. A loop's longest turns; memory; time held back for the CPU quota; uncaught errors and timeouts of what ended. */
  guardLoopDelayMs: 50,
  guardMemoryPermille: 800,
  guardThrottledPermille: 250,
  guardErrorsPermille: 200,
  /** A route computes when an invocation uses so much CPU, and so much of its time; it waits again below half of both. */
  computesCpuMs: 20,
  computesPermille: 150,
  /** What the first invocation of an instance uses is not counted below this: modules are compiled, connections opened. */
  firstCpuMs: 150,
  /**
   * Kinds of requests of one function that are learned apart. Of a route that takes any path: first segments of a method, and
   * second segments of a first, that are told apart; and how often a kind has to come before it is shown or kept.
   */
  learnedRoutes: 256,
  learnedFirst: 32,
  learnedSecond: 16,
  learnedTold: 5,
  /** An invocation that found no instance of its lane, and for which none is coming, is put anywhere after so long. */
  laneWaitMs: 250,
  /** Ahead of need: windows over what is in flight or waits, and the share of a limit that is meant to be used. */
  demandWindowMs: 60_000,
  demandPanicMs: 6_000,
  demandTargetPermille: 700,
  /** Instances that use less of a processor than this are not bounded by how many there are. */
  tellingLoad: 0.25,
  /** How often instances that have become too many begin to rest or to drain, half of them at most. */
  consolidateMs: 1_000,
  /** An instance that refuses with nothing to do, for want of what it has used up, is replaced after so long. */
  usedUpMs: 2_000,
  /** How often what is learned is handed over to be kept. */
  rememberMs: 30_000,
  /** Of so many functions at once: it takes time on the router's loop. */
  rememberAtOnce: 8,
  /** Decisions of a function that are remembered with their reasons. */
  decisionsKept: 20,
  /** A function's part of the machine, beside others that want it. */
  weightDefault: 1,
  weightMax: 1000,
  memoryDefaultMiB: 2048,
  memoryMinMiB: 128,
  memoryMaxMiB: 10_240,
  maxDurationDefaultMs: 300_000,
  maxDurationMaxMs: 3_600_000,

  /** Vitals: period, and after how many periods they are too old to act on. */
  vitalsPeriodMs: 200,
  vitalsStalePeriods: 2,
  /** A loop stuck for so long is reported at once, and what waits behind it is recalled. */
  loopStuckMs: 20,
  /** An invocation past maxDuration whose loop does not yield: its instance is killed after so long. */
  killGraceMs: 1_000,
  /** What a process gets between SIGTERM and SIGKILL. */
  terminateGraceMs: 500,
  /** A draining instance ends at the latest after so long. */
  drainMs: 300_000,
  /** An instance with nothing in flight and no background work is kept so long. */
  idleKeepAliveMs: 300_000,
  /** From start to ready. */
  startTimeoutMs: 30_000,
  /** What an instance is expected to need for that, where it is not known. */
  startExpectedMs: 1_000,
  /** First wait after a failed start; doubles to the second. */
  startBackoffMs: 250,
  startBackoffMaxMs: 30_000,
  instancesPerFunction: 10_000,
  /** Processes that boot at once, per processor and at least; and the memory that is left free by starts. */
  startsPerCore: 2,
  startsAtOnce: 4,
  startsLeaveFreeMiB: 256,
  /** That a function waits for the machine is forgotten when it was not said again for so long. */
  waitLapsesMs: 250,
  /** Where others wait for memory below their share: an instance without work is theirs after so long; one with work is
   * drained when they have waited for so long. */
  reclaimIdleMs: 1_000,
  reclaimBusyMs: 1_000,
  /** What is kept without being used leaves so much free; for it to be started, so much more has to be. And how many at once. */
  keptLeaveFreeMiB: 512,
  keptStartFreeMiB: 256,
  keptStartsAtOnce: 4,
  /** That it is short of memory is told again when it was not for so long. */
  memoryTellMs: 60_000,
  /** What the machine has to spare is looked at this often; its processors count as idle below this share of so much time. */
  machineLookMs: 100,
  idleCpuPermille: 700,
  idleCpuWindowMs: 500,
  /** How often the router looks for deadlines that have come. */
  sweepMs: 100,
  /** Functions without instances are looked at this often: one may be wanted ahead of need. */
  idleSweepMs: 1_000,
  /** When of an instance's tunnel and process one has ended, the other is waited for so long. */
  exitWaitMs: 1_000,
  /** A stem that was taken is replaced after so long, so that booting it takes nothing from the function that took it. */
  stemRefillMs: 250,
  /** How often the number of stems is looked over. */
  stemReviewMs: 10_000,
  /** Stems of one runtime and memory size, and of all together; what one is reckoned to take (measured: 50–60 MiB). */
  stemsPerClass: 8,
  stems: 32,
  stemRssMiB: 64,
  /** How often an instance's memory is looked at where the kernel does not limit it: on Linux; by `ps`; near its limit. */
  memoryPeriodMs: 250,
  memorySlowPeriodMs: 2_000,
  memoryNearPeriodMs: 50,
  /** What a process last wrote is waited for so long after its end, if something it started holds its pipes. */
  outputLingerMs: 200,

  /** Edge. */
  requestHeadBytes: 32 * 1024,
  requestHeadTimeoutMs: 10_000,
  clientIdleTimeoutMs: 65_000,
  urlBytes: 14 * 1024,
  /** An origin that a rewrite leads to may be silent for so long. */
  externalTimeoutMs: 120_000,
  clientConnections: 50_000,
  /** How often connections are looked over for heads that are late. */
  connectionCheckMs: 1_000,
  /** Response bytes kept for one client before its function is told to wait. */
  clientBufferBytes: 128 * 1024,
  /** A client that takes nothing of what waits for it for so long is cut off. */
  clientStallMs: 60_000,
  /** What an upgraded connection whose time is up gets to end by itself: a close frame there and back. Then it is cut. */
  socketCloseMs: 2_000,
  /** How often a function may occur among the invocations that led to one, and how many those may be (508 beyond). */
  chainRecursions: 16,
  chainDepth: 64,
  /** The header that says so: 64 functions and a signature. */
  chainBytes: 1024,
  /** What is still read of a request body whose answer is complete, and for how long; then the connection is cut. */
  discardedBodyBytes: 16 * 1024 * 1024,
  discardedBodyMs: 10_000,
  /** Host header values whose deployment is remembered. */
  hostMemoEntries: 1024,
  /** Static files of one deployment, and how deep its directories are followed. */
  publicFiles: 100_000,
  publicDepth: 64,

  /** A routing table: rules (the hosted platform has 2048 of the user's, builders add theirs), characters of a pattern or
   * destination, and of a path or header value that one expands to. */
  routingRules: 32_768,
  routingPatternChars: 4096,
  routedTextChars: 32 * 1024,
  /** What the routing of one request may try: rewrites followed to see whether they lead somewhere, looks for an output. */
  routingForks: 256,
  routingLookups: 1024,

  /** Kept pages, and images. */
  ...keptLimits,

  /** Files the builder reads, configuration included. */
  configBytes: 1024 * 1024,
  functionGlobs: 50,
  functionsPerDeployment: 1024,
  /** Faults of a build output that are told at once; the rest is counted. */
  faultsShown: 50,
  /** JSON files of a build output: a function's lists each file of its bundle. And files that are looked at at once. */
  outputJsonBytes: 32 * 1024 * 1024,
  builderFilesAtOnce: 32,
  /** Outputs of one deployment, and files of one function. */
  outputs: 200_000,
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
  /** A build's folder that does not say which process it is of may be one in the making; after so long it is not. */
  unownedBuildMs: 60_000,
  /** Of what a command printed, the end that an error repeats. */
  commandTailCharacters: 2_000,
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

  /** `weir explain`: how long an answer may take, how large it may be, and how often it is asked for while it is watched. */
  explainWaitMs: 5_000,
  explainBytes: 16 * 1024 * 1024,
  explainPeriodMs: 1_000,
  /** Ports tried after the one that is taken. */
  portAttempts: 50,
  /** Ctrl-C twice within this time is one that came by two ways (terminal, and npm or the launcher passing it on). */
  interruptEchoMs: 250,

  /** What req.body reads whole; a larger body is there as a stream only. */
  parsedBodyBytes: 8 * 1024 * 1024,
  /** How long a module may take, after its import, to call listen(); and a server's entry file. */
  lateListenMs: 1_000,
  serverListenMs: 25_000,
  /** Text without a newline on stdout becomes a log line after so long, or at so much. */
  partialLineMs: 100,
  partialLineBytes: 64 * 1024,

  /** Meter: routes of a function told apart, ended instances and retired functions still listed one by one. */
  meterRoutes: 1024,
  meterEndedInstances: 32,
  meterRetiredFunctions: 256,

  /** What the scheduler has learned: functions of which it is kept, the newest; its file, which is read on the router's loop
   * when another platform has written it; of one function, without its routes where it is more, and minutes of the day in
   * which most came; how often the file is written at most; and a function of which nothing new was learned for so long is
   * forgotten. */
  learnedFunctions: 10_000,
  learnedFileBytes: 4 * 1024 * 1024,
  learnedEntryBytes: 64 * 1024,
  learnedMinutes: 256,
  learnedSaveMs: 30_000,
  learnedKeptMs: 90 * 24 * 3_600_000,

  /** Prewarm. One instance of a production function is kept for so long after its last invocation. */
  scaleToOneMs: 14 * 24 * 3_600_000,
  /** Idle times are told apart by the minute up to here; of so many the oldest count half, and of those beyond so many
   * are remembered. */
  idleRangeMinutes: 240,
  idleTimes: 128,
  longIdleTimes: 5,
  /** A cold start that is avoided may cost so much time of an instance without work. */
  prewarmCostMs: 3_600_000,
  /** Instances that are ready ahead of a surge, at most. */
  surgeInstances: 16,
  /** Nobody looked for so long: what came meanwhile is not known. */
  unwatchedMs: 300_000,
} as const;
