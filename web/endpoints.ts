import type { RouteName, routes } from '../src/api/routes.ts';

type Row<N extends RouteName> = readonly [
  method: (typeof routes)[N]['method'],
  path: (typeof routes)[N]['path'],
  role: (typeof routes)[N]['role'],
];

/** The part of the API that the dashboard calls. Types hold it to the API's own table, which has schemas and so stays out. */
export const endpoints = {
  me: ['GET', '/v1/me', 'read'],
  tokens: ['GET', '/v1/tokens', 'admin'],
  createToken: ['POST', '/v1/tokens', 'admin'],
  revokeToken: ['DELETE', '/v1/tokens/:token', 'admin'],
  settings: ['GET', '/v1/settings', 'read'],
  audit: ['GET', '/v1/audit', 'admin'],
  projects: ['GET', '/v1/projects', 'read'],
  deployments: ['GET', '/v1/projects/:project/deployments', 'read'],
  deployment: ['GET', '/v1/deployments/:id', 'read'],
  deploymentEvents: ['GET', '/v1/deployments/:id/events', 'read'],
  promote: ['POST', '/v1/deployments/:id/promote', 'deploy'],
  rollback: ['POST', '/v1/projects/:project/rollback', 'deploy'],
  deleteDeployment: ['DELETE', '/v1/deployments/:id', 'deploy'],
  approveRelease: ['POST', '/v1/projects/:project/release/approve', 'deploy'],
  completeRelease: ['POST', '/v1/projects/:project/release/complete', 'deploy'],
  abortRelease: ['POST', '/v1/projects/:project/release/abort', 'deploy'],
  domains: ['GET', '/v1/domains', 'read'],
  addDomain: ['POST', '/v1/projects/:project/domains', 'deploy'],
  removeDomain: ['DELETE', '/v1/projects/:project/domains/:host', 'deploy'],
  variables: ['GET', '/v1/projects/:project/env', 'read'],
  setVariable: ['PUT', '/v1/projects/:project/env/:name', 'deploy'],
  removeVariable: ['DELETE', '/v1/projects/:project/env/:name', 'deploy'],
  nowEvents: ['GET', '/v1/now/events', 'read'],
  explain: ['GET', '/v1/explain', 'read'],
  usage: ['GET', '/v1/usage', 'read'],
  bill: ['GET', '/v1/bill', 'read'],
  billCsv: ['GET', '/v1/bill.csv', 'read'],
  logEvents: ['GET', '/v1/logs/events', 'read'],
  logs: ['GET', '/v1/logs', 'read'],
  invocations: ['GET', '/v1/invocations', 'read'],
  invocation: ['GET', '/v1/invocations/:invocation', 'read'],
  crashes: ['GET', '/v1/crashes', 'read'],
  crons: ['GET', '/v1/crons', 'read'],
  cronRuns: ['GET', '/v1/crons/:cron/runs', 'read'],
  runCron: ['POST', '/v1/crons/:cron/run', 'deploy'],
  changeCron: ['PATCH', '/v1/crons/:cron', 'deploy'],
  load: ['POST', '/v1/load', 'deploy'],
} as const satisfies { [N in RouteName]?: Row<N> };

export type Endpoint = keyof typeof endpoints;
