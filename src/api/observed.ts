// What is measured and recorded: usage, logs, invocations, crashes.
import { z } from 'zod';
import { count, level, page, timeMs } from './fields.ts';

const usd = z.number().describe('US dollars');
const starts = z.object({ cold: count, prewarmed: count, warm: count });
/** Milliseconds; null: nothing was measured. */
const percentiles = z.object({
  p50: z.number().nullable(),
  p75: z.number().nullable(),
  p90: z.number().nullable(),
  p95: z.number().nullable(),
  p99: z.number().nullable(),
  max: z.number().nullable(),
});

const cost = z.object({
  cpuUsd: usd,
  memoryUsd: usd,
  invocationsUsd: usd,
  totalUsd: usd,
  onePerInstanceUsd: usd.describe('The same traffic, one invocation an instance, paid by wall-clock GB-hours'),
  savedUsd: usd,
  savedPercent: z.number(),
});

/** What was used in a span, of one group. */
const usageTotals = z.object({
  invocations: count,
  failed: count,
  failures: z.record(z.string(), count).describe('By error code'),
  nacks: z.record(z.string(), count).describe('Refused before they began, by reason'),
  starts,
  cpuUs: count.describe('What the operating system says, from the moment instances were told their function'),
  attributedUs: count,
  unattributedUs: count,
  bootUs: count.describe('To boot instances; charged to nobody'),
  memoryGbSeconds: z.number(),
  wallGbSeconds: z.number(),
  wallUs: count,
  latencyMs: percentiles,
  ttfbMs: percentiles,
  peakInFlight: count,
  peakInstances: count,
  cost,
});

const usageGroup = z.object({
  project: z.string().nullable(),
  function: z.string().nullable().describe('PROJECT/NAME'),
  deployment: z.string().nullable(),
  route: z.string().nullable(),
  totals: usageTotals,
});
const usagePoint = z.object({ atMs: timeMs, totals: usageTotals });

/** `groups` over the whole span, greatest cost first; `series` of the sum of them. */
export const usage = z.object({
  fromMs: timeMs,
  toMs: timeMs,
  stepS: count,
  totals: usageTotals,
  groups: z.array(usageGroup).describe('5,000 at most; `totals` has the others too'),
  series: z.array(usagePoint),
});
export type Usage = z.infer<typeof usage>;
export type UsageTotals = z.infer<typeof usageTotals>;

const billLine = z.object({
  what: z.string().describe('Active CPU'),
  quantity: z.number(),
  unit: z.string().describe('hour'),
  unitUsd: usd,
  amountUsd: usd,
});
export const bill = z.object({
  fromMs: timeMs,
  toMs: timeMs,
  projects: z.array(
    z.object({
      project: z.string(),
      lines: z.array(billLine),
      totalUsd: usd,
      onePerInstanceUsd: usd,
      savedUsd: usd,
      savedPercent: z.number(),
    }),
  ),
  totalUsd: usd,
  onePerInstanceUsd: usd,
  savedUsd: usd,
  savedPercent: z.number(),
  savedGbHours: z.number(),
});
export type BillResource = z.infer<typeof bill>;

export const prices = z.object({
  cpuPerHour: z.number().min(0).max(1000),
  memoryPerGbHour: z.number().min(0).max(1000),
  perMillionInvocations: z.number().min(0).max(1000),
  wallClockPerGbHour: z.number().min(0).max(1000),
});

export const logLine = z.object({
  id: z.string().describe('Where it stands in the log: give it as `cursor` or as Last-Event-ID'),
  atMs: timeMs,
  project: z.string(),
  deployment: z.string(),
  function: z.string().describe('PROJECT/NAME'),
  instance: z.string().nullable(),
  invocation: z.string().nullable(),
  level,
  source: z.string().describe('stdout, stderr, console, platform'),
  text: z.string(),
});
export type LogLine = z.infer<typeof logLine>;
export const logPage = page(logLine);

const at = z.int().nonnegative().nullable();
/** Microseconds from received. */
const phases = z.object({
  admittedUs: count,
  matchedUs: count,
  cachedUs: count,
  resolvedUs: count,
  queuedUs: at,
  placedUs: at,
  sentUs: at,
  begunUs: at,
  answeredUs: at,
  settledUs: count,
});

const invocation = z.object({
  id: z.string(),
  project: z.string(),
  deployment: z.string(),
  function: z.string(),
  environment: z.enum(['production', 'preview']),
  route: z.string(),
  method: z.string(),
  host: z.string(),
  path: z.string(),
  status: z.int().nullable(),
  outcome: z.string().describe('answered, or an error code'),
  start: z.enum(['cold', 'prewarmed', 'warm']).nullable(),
  instance: z.string().nullable(),
  receivedMs: timeMs,
  durationMs: z.number(),
  ttfbMs: z.number().nullable(),
  cpuUs: count,
  memoryMiB: z.int(),
  requestBytes: count,
  responseBytes: count,
  refusals: count,
  traceId: z.string().nullable(),
  phases,
});
export type InvocationResource = z.infer<typeof invocation>;
export const invocationPage = page(invocation);
export const invocationDetail = z.object({ invocation, lines: z.array(logLine), linesDropped: count });

const crash = z.object({
  id: z.string(),
  atMs: timeMs,
  instance: z.string(),
  project: z.string(),
  deployment: z.string(),
  function: z.string(),
  reason: z.string(),
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  invocation: z.string().nullable(),
  lost: z.array(z.string()),
  stack: z.string().nullable(),
  memoryBytes: count.nullable(),
  cpuMs: z.number().nullable(),
  ageMs: z.number(),
});
export type CrashResource = z.infer<typeof crash>;
export const crashPage = page(crash);

/** One instance, now. */
const liveInstance = z.object({
  id: z.string(),
  state: z.string(),
  pid: z.int().nullable(),
  memoryMiB: z.int(),
  ageMs: count,
  inFlight: count,
  background: count,
  limit: z.int().nullable(),
  paused: z.string().nullable(),
  cpuPercent: z.number().nullable().describe('Of one processor'),
  usedBytes: count.nullable(),
  loopDelayMs: z.number().nullable(),
});
const liveFunction = z.object({
  id: z.string(),
  label: z.string(),
  project: z.string(),
  deployment: z.string(),
  isLive: z.boolean(),
  limit: z.int(),
  limitReason: z.string().nullable().describe('The last decision about its limit, as a sentence'),
  inFlight: count,
  queued: count,
  oldestQueuedMs: count,
  backingOff: z.string().nullable(),
  instances: z.array(liveInstance),
  /** Of the last whole second. */
  perSecond: z.object({ invocations: z.number(), failed: z.number(), cpuMs: z.number() }),
});
/** What happens now: sent every second as server-sent event `now`. */
export const now = z.object({
  atMs: timeMs,
  functions: z.array(liveFunction),
  stems: count,
  /** Of the last whole second. */
  perSecond: z.object({ invocations: z.number(), failed: z.number(), cpuMs: z.number() }),
  latencyMs: percentiles.describe('Of the last minute'),
  ttfbMs: percentiles.describe('Of the last minute'),
  /** Since the platform was started. */
  since: z.object({ startedMs: timeMs, invocations: count, failed: count, savedGbHours: z.number(), cost }),
});
export type Now = z.infer<typeof now>;
export type LiveFunction = z.infer<typeof liveFunction>;

export const cron = z.object({
  id: z.string().describe('PROJECT and a number: what `weir cron run` takes'),
  project: z.string(),
  deployment: z.string(),
  path: z.string(),
  schedule: z.string(),
  overlap: z.boolean().describe('Whether it is called while the call before is under way'),
  enabled: z.boolean(),
  nextMs: timeMs.nullable(),
  lastRun: z.lazy(() => cronRun).nullable(),
});
export const cronRun = z.object({
  id: z.string(),
  cron: z.string(),
  path: z.string(),
  dueMs: timeMs,
  startedMs: timeMs.nullable(),
  durationMs: z.number().nullable(),
  outcome: z.enum(['answered', 'failed', 'skipped', 'running']),
  status: z.int().nullable(),
  detail: z.string().nullable().describe('skipped: the run before had not ended'),
  invocation: z.string().nullable(),
});
export type CronResource = z.infer<typeof cron>;
export type CronRun = z.infer<typeof cronRun>;

export const loadOrder = z.object({
  url: z.url().describe('Of a deployment that is served here'),
  requests: z.int().min(1).max(5000).default(200),
  atOnce: z.int().min(1).max(500).default(200),
});
export const loadResult = z.object({
  requests: count,
  answered: count,
  failed: count,
  statuses: z.record(z.string(), count),
  tookMs: z.number(),
  latencyMs: percentiles,
  instances: count.describe('That answered'),
});
export type LoadResult = z.infer<typeof loadResult>;
