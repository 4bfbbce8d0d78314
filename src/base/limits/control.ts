/** Deployments, and whoever may make them; logs, metrics and traces. */
export const controlLimits = {
  /** One file of an upload, and all files of a deployment. */
  blobBytes: 1024 * 1024 * 1024,
  deploymentBytes: 4 * 1024 * 1024 * 1024,
  /** Files and links; and folders. */
  deploymentFiles: 50_000,
  /** Folders in folders of an upload, and bytes of one name in it. */
  uploadDepth: 64,
  uploadNameBytes: 255,
  /** JSON that a call of the API brings; what lists the files of a deployment. */
  apiBodyBytes: 1024 * 1024,
  apiManifestBytes: 64 * 1024 * 1024,
  /** A body that does not go on for so long. */
  apiStallMs: 60_000,
  /** What was uploaded of a file is kept so long for whoever goes on with it; what belongs to no deployment too. */
  partialBlobKeptMs: 24 * 3_600_000,
  /** How much there is in all of it is looked at so often at most. */
  blobBytesKnownMs: 10_000,
  /** Files that are looked at at once. */
  looksAtOnce: 32,
  /** Deployments that are made at once, and lines that are kept of what their making says. */
  makesAtOnce: 2,
  /** A platform that ends waits so long for what is being made. */
  makeStopMs: 2_000,
  makeLogLines: 2_000,
  makeLogLineLength: 4_096,
  /** Of so many that were made last, it is kept. */
  makeLogsKept: 20,
  /** A deployment that nobody finished. */
  unfinishedDeploymentMs: 24 * 3_600_000,
  deploymentsPerProject: 1_000,
  /** Records of those that were deleted. */
  deletedPerProject: 1_000,
  /** When a token was used last is noted so often. */
  tokenUseNotedMs: 60_000,
  /** Wrong tokens from one address in a minute, and addresses that are remembered for it. */
  wrongTokensPerMinute: 20,
  wrongTokenAddresses: 10_000,
  /** Files of a deployment that was deleted: instances that end may still read them. */
  deletedTreeKeptMs: 5 * 60_000,
  /** The one before may be about to end. */
  databaseLockMs: 2_000,
  auditEntries: 100_000,
  /** Files that are copied at once. */
  copiesAtOnce: 16,
  /** What a project has of its own where it does not say otherwise. */
  skewMaxAgeMs: 24 * 3_600_000,
  previewDays: 30,
  productionCount: 10,
  domainsPerProject: 100,
  variablesPerProject: 500,
  /** Usage: rows by the minute and by the hour; what is read at once; what one answer has. */
  usageRows: 2_000_000,
  usageBatchRows: 250,
  usageRetainRows: 5_000,
  /** Rows that are written at once; when they could not be, that is tried again so much later; so many wait, at most. */
  usageWriteRows: 50,
  usageRetryMs: 10_000,
  usageWaitingRows: 50_000,
  usageGroups: 5_000,
  usagePoints: 1_500,
  /** The clock is looked at so often while there are crons: it may have been set, or the machine may have slept. */
  cronLookMs: 10_000,
  /** A clock that is set back by no more does not make crons come twice; one that is set back further was wrong before. */
  cronSetBackMs: 3 * 3_600_000,
  /** Calls of crons that are under way at once; what a call takes beyond its function's own time; what is read of an answer. */
  cronCallsAtOnce: 500,
  cronGraceMs: 10_000,
  cronAnswerBytes: 64 * 1024 * 1024,
  /** Runs that are kept of one cron, and for how long. */
  cronRunsKept: 1_000,
  cronRunKeptMs: 30 * 24 * 3_600_000,
  /** Requests that are sent to see what a deployment stands: how long that may take. */
  loadMs: 60_000,
  /** Invocations that have settled and whose answer has not come, as far as their instances are counted. */
  loadSettledKept: 20_000,
  /** How often retention, stages of releases and forgotten uploads are looked at. */
  controlSweepMs: 1_000,
  retentionSweepMs: 60_000,
  /** How often files that no deployment has are looked for. */
  blobSweepMs: 3_600_000,

  /** Logs: what lines, invocations and crashes take on disk together, and how long they are kept, unless the settings say
   * otherwise; crashes, beside that, by number. */
  logBytes: 1024 * 1024 * 1024,
  logDays: 7,
  crashesKept: 1_000,
  /** What is logged is handed over to be written after so long, or when there is so much of it: a kill −9 loses no more. */
  logBatchMs: 100,
  logBatchBytes: 1024 * 1024,
  logBatchLines: 2_000,
  /** What waits to be written. What comes while there is so much is not kept, and counted, by so many functions. */
  logUnwrittenBytes: 32 * 1024 * 1024,
  logUnwrittenLines: 50_000,
  logDroppedFunctions: 1_000,
  /** A search looks at so many rows at most, so many in a turn, and answers with so many bytes: then there is a next page. */
  logScanRows: 2_000_000,
  logSliceRows: 20_000,
  logAnswerBytes: 8 * 1024 * 1024,
  /** Searches that wait for an answer. */
  logQuestions: 256,
  /** Of what one invocation has logged, what is shown with it; all is found by searching. */
  logInvocationLines: 1_000,
  /** Who follows the log; what waits for one that is slow; a sign of life, so that proxies keep the connection. */
  logFollowers: 100,
  logFollowerLines: 2_000,
  logFollowerBytes: 4 * 1024 * 1024,
  logBeatMs: 15_000,
  /** How often what is too old is looked for; and a thread that has ended is started again after so long, doubling up to the second. */
  logTidyMs: 60_000,
  logRestartMs: 1_000,
  logRestartMaxMs: 60_000,

  /** Traces: invocations that wait to be sent to the collector, those of one request, and how long they are gathered. */
  traceQueue: 4_096,
  traceBatch: 64,
  traceBatchMs: 1_000,
  /** An attempt is given up after so long; another follows after the first pause, doubling up to the second, so often. */
  traceTimeoutMs: 10_000,
  traceRetryMs: 1_000,
  traceRetryMaxMs: 30_000,
  traceAttempts: 5,
  /** What is left when the platform ends is sent for so long. */
  traceFlushMs: 5_000,

  /** Metrics: functions that are told apart; those that are served go before, the rest is one. */
  metricFunctions: 200,
} as const;
