/** What the control keeps, and what it tells others. */
export const controlLimits = {
  /** Logs: what lines, invocations and crashes take on disk together, and how long they are kept, unless the settings say
   * otherwise; crashes, beside that, by number. */
  logBytes: 1024 * 1024 * 1024,
  logDays: 30,
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
} as const;
