import { z } from 'zod';
import { cursor, deploymentId, flag, level, limit, projectName, since, target } from './fields.ts';
import * as o from './observed.ts';
import type { Route } from './route.ts';

const list = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) });
const span = { from: since.default('24h'), to: since.optional() };
const which = {
  project: projectName.optional(),
  deployment: deploymentId.optional(),
  function: z.string().max(300).optional().describe('PROJECT/NAME, or NAME'),
};
const usageQuery = z.object({
  ...span,
  ...which,
  environment: target.optional(),
  group: z.enum(['project', 'function', 'deployment', 'route']).default('function'),
  step: z.coerce.number().int().min(60).max(86_400).optional().describe('Seconds, of the series; left out: 120 points'),
});
const billQuery = z.object({
  month: z
    .string()
    .regex(/^(?:19[7-9]\d|[2-9]\d{3})-(?:0[1-9]|1[0-2])$/, 'YYYY-MM')
    .optional()
    .describe('In UTC; left out: the current one'),
  from: since.optional(),
  to: since.optional(),
  project: projectName.optional(),
});
const logQuery = z.object({
  ...which,
  from: since.optional(),
  to: since.optional(),
  level: level.optional().describe('This one and those above it'),
  invocation: z.string().max(64).optional(),
  status: z
    .string()
    .regex(/^[1-5](?:\d\d|xx)$/, '404 or 5xx')
    .optional()
    .describe('Of the invocation that logged'),
  text: z.string().max(200).optional().describe('What the line has in it, whatever the case'),
});
const listing = { limit: limit(1000, 100), cursor };

/** What happens, happened and was used; crons. */
export const observedRoutes = {
  now: {
    method: 'GET',
    path: '/v1/now',
    role: 'read',
    tag: 'observability',
    summary: 'What happens now',
    query: z.object({ project: projectName.optional() }),
    answer: o.now,
  },
  nowEvents: {
    method: 'GET',
    path: '/v1/now/events',
    role: 'read',
    tag: 'observability',
    summary: 'What happens now, every second, as event `now`',
    query: z.object({ project: projectName.optional() }),
    answer: 'text',
    events: o.now,
  },
  explain: {
    method: 'GET',
    path: '/v1/explain',
    role: 'read',
    tag: 'observability',
    summary: 'Why a function is scheduled as it is',
    query: z.object({ function: z.string().max(300).optional() }),
    answer: z.record(z.string(), z.unknown()),
  },
  usage: {
    method: 'GET',
    path: '/v1/usage',
    role: 'read',
    tag: 'usage',
    summary: 'What was used',
    query: usageQuery,
    answer: o.usage,
  },
  bill: {
    method: 'GET',
    path: '/v1/bill',
    role: 'read',
    tag: 'usage',
    summary: 'A bill, and what one invocation an instance would have cost',
    query: billQuery,
    answer: o.bill,
  },
  billCsv: {
    method: 'GET',
    path: '/v1/bill.csv',
    role: 'read',
    tag: 'usage',
    summary: 'The same for a spreadsheet',
    query: billQuery,
    answer: 'text',
  },
  logs: {
    method: 'GET',
    path: '/v1/logs',
    role: 'read',
    tag: 'logs',
    summary: 'Lines of the log, the newest first',
    query: logQuery.extend({ ...listing, status: logQuery.shape.status }),
    answer: o.logPage,
  },
  logEvents: {
    method: 'GET',
    path: '/v1/logs/events',
    role: 'read',
    tag: 'logs',
    summary: 'Lines as they come, as events `line`; Last-Event-ID goes on where it stopped',
    query: logQuery
      .omit({ from: true, to: true, status: true })
      .extend({ tail: z.coerce.number().int().min(0).max(1000).default(0).describe('So many earlier lines first') }),
    answer: 'text',
    events: o.logLine,
  },
  invocations: {
    method: 'GET',
    path: '/v1/invocations',
    role: 'read',
    tag: 'logs',
    summary: 'Invocations, the newest first',
    query: z.object({
      ...which,
      ...listing,
      from: since.optional(),
      to: since.optional(),
      status: logQuery.shape.status,
      failed: flag,
      start: z.enum(['cold', 'prewarmed', 'warm']).optional(),
      slowerThanMs: z.coerce.number().min(0).optional(),
    }),
    answer: o.invocationPage,
  },
  invocation: {
    method: 'GET',
    path: '/v1/invocations/:invocation',
    role: 'read',
    tag: 'logs',
    summary: 'One invocation, with its phases and what it logged',
    params: z.object({ invocation: z.string().max(64) }),
    answer: o.invocationDetail,
    errors: ['INVOCATION_NOT_FOUND'],
  },
  crashes: {
    method: 'GET',
    path: '/v1/crashes',
    role: 'read',
    tag: 'logs',
    summary: 'Instances that ended without being asked to, the newest first',
    query: z.object({ ...which, ...listing, from: since.optional() }),
    answer: o.crashPage,
  },
  crons: {
    method: 'GET',
    path: '/v1/crons',
    role: 'read',
    tag: 'crons',
    summary: 'Paths that are called at times',
    query: z.object({ project: projectName.optional() }),
    answer: list(o.cron),
  },
  cronRuns: {
    method: 'GET',
    path: '/v1/crons/:cron/runs',
    role: 'read',
    tag: 'crons',
    summary: 'When one was called, the newest first',
    params: z.object({ cron: z.string().max(128) }),
    query: z.object(listing),
    answer: z.object({ items: z.array(o.cronRun), next: z.string().nullable() }),
    errors: ['CRON_NOT_FOUND'],
  },
  runCron: {
    method: 'POST',
    path: '/v1/crons/:cron/run',
    role: 'deploy',
    tag: 'crons',
    summary: 'Call it now',
    params: z.object({ cron: z.string().max(128) }),
    answer: o.cronRun,
    status: 202,
    errors: ['CRON_NOT_FOUND', 'WRONG_STATE'],
  },
  changeCron: {
    method: 'PATCH',
    path: '/v1/crons/:cron',
    role: 'deploy',
    tag: 'crons',
    summary: 'Pause one, or let it go on',
    params: z.object({ cron: z.string().max(128) }),
    body: z.object({ enabled: z.boolean() }),
    answer: o.cron,
    errors: ['CRON_NOT_FOUND'],
  },
  load: {
    method: 'POST',
    path: '/v1/load',
    role: 'deploy',
    tag: 'observability',
    summary: 'Send requests to a deployment, and tell what came',
    body: o.loadOrder,
    answer: o.loadResult,
    errors: ['DEPLOYMENT_NOT_FOUND', 'TOO_MANY_REQUESTS'],
  },
} as const satisfies Record<string, Route>;
