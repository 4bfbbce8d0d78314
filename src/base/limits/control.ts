/** Deployments, and whoever may make them. */
export const controlLimits = {
  /** One file of an upload, and all files of a deployment. */
  blobBytes: 1024 * 1024 * 1024,
  deploymentBytes: 4 * 1024 * 1024 * 1024,
  /** Files and links; and folders. */
  deploymentFiles: 200_000,
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
  /** Of a deployment, what makes its first invocations fast is waited for so long; the rest is made while it is served. */
  preparedWaitMs: 250,
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
} as const;
