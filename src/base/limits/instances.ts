/** Instances and what starts them; user code inside them; what is counted. */
export const instanceLimits = {
  /** Vitals: period, and after how many periods they are too old to act on. */
  vitalsPeriodMs: 200,
  vitalsStalePeriods: 2,
  /** A loop stuck for so long is reported at once, and what waits behind it is recalled. */
  loopStuckMs: 20,
  /** In batched mode, of a process beside its core: BEGUN waits for the answer so long. */
  begunWaitsMs: 5,
  /** What the host of processes plays through when it has started. */
  rehearsedInvocations: 15,
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
  /** What the machine has to spare is looked at this often; its processors count as idle below the first share
   * of so much time, and as full from the second on. */
  machineLookMs: 100,
  idleCpuPermille: 700,
  fullCpuPermille: 950,
  idleCpuWindowMs: 500,
  /** What an instance has begun may take so long when a newer version waits for its end; sockets are asked to end at once. */
  makeWayMs: 3_000,
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

  /** What req.body reads whole; a larger body is there as a stream only. */
  parsedBodyBytes: 8 * 1024 * 1024,
  /** How long a module may take, after its import, to call listen(); and a server's entry file. */
  lateListenMs: 1_000,
  serverListenMs: 25_000,
  /** Text without a newline on stdout becomes a log line after so long, or at so much. */
  partialLineMs: 100,
  partialLineBytes: 64 * 1024,

  /** A language process beside its core (protocol/runtime.md). One message of a program; connections it may send them by. */
  ipcMessageBytes: 1024 * 1024,
  ipcConnections: 8,
  /** A program listens, or a runtime greets, after so long: before the router gives the instance up. What it last said is told. */
  readyMs: 29_000,
  toldLines: 20,
  /** Connections to a program that nobody uses are closed after so long: before most servers do. */
  programIdleMs: 4_000,
  /** A process that has work and says nothing is asked whether its loop comes round: a runtime, a program; at first, and at most. */
  pulseMs: 50,
  pulseMaxMs: 1_000,
  programPulseMs: 1_000,
  programPulseMaxMs: 8_000,

  /** Meter: routes of a function told apart, ended instances and retired functions still listed one by one. */
  meterRoutes: 1024,
  meterEndedInstances: 32,
  meterRetiredFunctions: 256,
  /** What is told of an invocation has so much of its path. */
  recordedPathBytes: 1024,
  /** What is told of a crash has so much of the last stack. */
  crashStackChars: 16 * 1024,
} as const;
