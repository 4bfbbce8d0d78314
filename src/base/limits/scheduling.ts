/** How many at once, how many instances, and what is learned of functions. */
export const schedulingLimits = {
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
  /** While it was not seen how many an instance takes, there are no more than processors: those that are free take more by then. */
  unknownMs: 5_000,
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
