// What the fake control answers when a test does not say otherwise: a project `shop`, with two deployments.
import type { DeploymentResource, ProjectResource } from '../api/deployments.ts';
import type { CrashResource, InvocationResource, LogLine, UsageTotals } from '../api/observed.ts';
import { ApiError } from '../api/errors.ts';
import type { Answers } from './control.fixture.ts';

const atMs = Date.UTC(2026, 10, 26, 10, 0, 0);
const [newer, older] = ['dep_newer00001', 'dep_older00001'];

export const deployment = (changes: Partial<DeploymentResource> = {}): DeploymentResource => ({
  id: newer,
  project: 'shop',
  target: 'production',
  state: 'ready',
  error: null,
  createdMs: atMs,
  readyMs: atMs + 4200,
  url: 'http://shop-newer00001.localhost:3000',
  aliases: ['shop.localhost', 'shop.example.com'],
  isLive: true,
  wasLive: true,
  creator: 'laptop',
  promotedFrom: null,
  git: { branch: 'main', commit: '0123456789abcdef', message: 'Prices in euros', author: 'Ada', dirty: false },
  files: 12,
  bytes: 345_678,
  functions: [
    {
      id: `${newer}/api/hello`,
      name: 'api/hello',
      label: 'shop/api/hello',
      runtime: 'nodejs24.x',
      memoryMiB: 2048,
      maxDurationMs: 300_000,
      maxConcurrency: 'auto',
      routes: ['/api/hello'],
    },
  ],
  crons: [{ path: '/api/report', schedule: '0 5 * * *' }],
  ...changes,
});

export const project = (changes: Partial<ProjectResource> = {}): ProjectResource => ({
  name: 'shop',
  createdMs: atMs,
  live: newer,
  liveUrl: 'http://shop.localhost:3000',
  previous: older,
  autoPromote: true,
  domains: ['shop.localhost', 'shop.example.com'],
  deployments: 2,
  skewMaxAgeMs: 0,
  retention: { previewDays: 30, productionCount: 10 },
  release: null,
  ...changes,
});

export const line = (changes: Partial<LogLine> = {}): LogLine => ({
  id: 'l1',
  atMs,
  project: 'shop',
  deployment: newer,
  function: 'shop/api/hello',
  instance: 'ins_1',
  invocation: 'inv_1',
  level: 'info',
  source: 'console',
  text: 'hello',
  ...changes,
});

export const invocation = (changes: Partial<InvocationResource> = {}): InvocationResource => ({
  id: 'inv_1',
  project: 'shop',
  deployment: newer,
  function: 'shop/api/hello',
  environment: 'production',
  route: '/api/hello',
  method: 'GET',
  host: 'shop.localhost',
  path: '/api/hello',
  status: 200,
  outcome: 'answered',
  start: 'cold',
  instance: 'ins_1',
  receivedMs: atMs,
  durationMs: 120,
  ttfbMs: 100,
  cpuUs: 12_000,
  memoryMiB: 2048,
  requestBytes: 100,
  responseBytes: 2000,
  refusals: 0,
  traceId: null,
  phases: {
    admittedUs: 100,
    matchedUs: 200,
    cachedUs: 250,
    resolvedUs: 300,
    queuedUs: 310,
    placedUs: 40_000,
    sentUs: 40_100,
    begunUs: 41_000,
    answeredUs: 100_000,
    settledUs: 120_000,
  },
  ...changes,
});

export const crash = (changes: Partial<CrashResource> = {}): CrashResource => ({
  id: '7',
  atMs,
  instance: 'ins_1',
  project: 'shop',
  deployment: newer,
  function: 'shop/api/hello',
  reason: 'an error that nobody caught',
  exitCode: 1,
  signal: null,
  invocation: 'inv_1',
  lost: ['inv_1', 'inv_2'],
  stack: 'Error: no\n    at pay (pay.js:3:9)',
  memoryBytes: 50_000_000,
  cpuMs: 812.5,
  ageMs: 60_000,
  ...changes,
});

const percentiles = { p50: 10, p75: 20, p90: 30, p95: 40, p99: 50, max: 60 };
const cost = {
  cpuUsd: 0.05,
  memoryUsd: 0.02,
  invocationsUsd: 0.001,
  totalUsd: 0.071,
  onePerInstanceUsd: 1.5,
  savedUsd: 1.429,
  savedPercent: 95.3,
};
const totals: UsageTotals = {
  invocations: 1234,
  failed: 5,
  failures: { FUNCTION_INVOCATION_FAILED: 5 },
  nacks: {},
  starts: { cold: 2, prewarmed: 3, warm: 1229 },
  cpuUs: 1_500_000,
  attributedUs: 1_400_000,
  unattributedUs: 100_000,
  bootUs: 50_000,
  memoryGbSeconds: 12.5,
  wallGbSeconds: 200,
  wallUs: 100_000_000,
  latencyMs: percentiles,
  ttfbMs: percentiles,
  peakInFlight: 40,
  peakInstances: 3,
  cost,
};
const group = { project: 'shop', function: 'shop/api/hello', deployment: null, route: null, totals };
const bill = {
  fromMs: Date.UTC(2026, 10, 1),
  toMs: Date.UTC(2026, 11, 1),
  projects: [
    {
      project: 'shop',
      lines: [
        { what: 'Active CPU', quantity: 2.5, unit: 'hour', unitUsd: 0.128, amountUsd: 0.32 },
        { what: 'Provisioned memory', quantity: 40, unit: 'GB-hour', unitUsd: 0.0106, amountUsd: 0.424 },
        { what: 'Invocations', quantity: 1.2, unit: 'million', unitUsd: 0.6, amountUsd: 0.72 },
      ],
      totalUsd: 1.464,
      onePerInstanceUsd: 20,
      savedUsd: 18.536,
      savedPercent: 92.7,
    },
  ],
  totalUsd: 1.464,
  onePerInstanceUsd: 20,
  savedUsd: 18.536,
  savedPercent: 92.7,
  savedGbHours: 120,
};
const run = {
  id: 'run_1',
  cron: 'shop-1',
  path: '/api/report',
  dueMs: atMs,
  startedMs: atMs,
  durationMs: 200,
  outcome: 'answered' as const,
  status: 200,
  detail: null,
  invocation: 'inv_1',
};
const cron = {
  id: 'shop-1',
  project: 'shop',
  deployment: newer,
  path: '/api/report',
  schedule: '0 5 * * *',
  overlap: false,
  enabled: true,
  nextMs: atMs + 3_600_000,
  lastRun: run,
};
const token = { id: 'tok_1', name: 'laptop', role: 'admin' as const };
const variable = { targets: ['production' as const, 'preview' as const], updatedMs: atMs };
const domain = { project: 'shop', target: 'production' as const, createdMs: atMs };

const known = (name: string): void => {
  if (name !== 'shop') throw new ApiError('PROJECT_NOT_FOUND', `There is no project ${name}.`);
};
const found = (id: string): DeploymentResource => {
  if (id === newer) return deployment();
  if (id !== older) throw new ApiError('DEPLOYMENT_NOT_FOUND');
  return deployment({ id, isLive: false, aliases: [], url: 'http://shop-older00001.localhost:3000' });
};
const release = {
  project: 'shop',
  stable: older,
  canary: newer,
  stages: [
    { percent: 10, minutes: 5 },
    { percent: 100, minutes: null },
  ],
  stage: 0,
  percent: 10,
  stageSinceMs: atMs,
  nextMs: atMs + 300_000,
};

const settings = {
  prices: { cpuPerHour: 0.128, memoryPerGbHour: 0.0106, perMillionInvocations: 0.6, wallClockPerGbHour: 0.18 },
  retention: { usageDays: 30, logDays: 7, logBytes: 1_073_741_824 },
  disk: { databaseBytes: 4096, blobBytes: 1_000_000, deploymentBytes: 2_000_000, logBytes: 0 },
};

export const canned: Answers = {
  health: () => ({ status: 'ok', version: '0.1.0' }),
  me: () => ({
    token,
    version: '0.1.0',
    edge: { scheme: 'http', port: 3000, domain: 'localhost' },
    node: 'v24.12.0',
    provider: 'memory limits are the kernel’s',
  }),
  settings: () => settings,
  changeSettings: ({ body }) => ({
    ...settings,
    prices: { ...settings.prices, cpuPerHour: body.prices?.cpuPerHour ?? settings.prices.cpuPerHour },
  }),
  tokens: () => ({ items: [{ ...token, createdMs: atMs, lastUsedMs: null, expiresMs: null }] }),
  createToken: ({ body }) => ({
    token: { ...token, name: body.name, role: body.role, createdMs: atMs, lastUsedMs: null, expiresMs: null },
    secret: 'weir_secret',
  }),
  revokeToken: ({ params }) => {
    if (params.token !== 'tok_1') throw new ApiError('TOKEN_NOT_FOUND');
    return undefined;
  },
  audit: () => ({
    items: [
      {
        id: 'a1',
        atMs,
        actor: 'laptop',
        action: 'deployment.promote',
        project: 'shop',
        subject: newer,
        detail: null,
        address: '127.0.0.1',
      },
    ],
    next: null,
  }),
  projects: () => ({ items: [project()] }),
  project: ({ params }) => (known(params.project), project()),
  deleteProject: ({ params }) => (known(params.project), undefined),
  deployments: ({ params }) => (known(params.project), { items: [found(newer), found(older)], next: null }),
  deployment: ({ params }) => found(params.id),
  deleteDeployment: ({ params }) => {
    if (params.id === newer) throw new ApiError('DEPLOYMENT_IN_USE');
    found(params.id);
    return undefined;
  },
  promote: ({ params }) => found(params.id),
  rollback: ({ params, body }) => (known(params.project), found(body.to ?? older)),
  startRelease: ({ params }) => (known(params.project), release),
  approveRelease: ({ params }) => (known(params.project), project({ release: { ...release, stage: 1, percent: 100 } })),
  completeRelease: ({ params }) => (known(params.project), project()),
  abortRelease: ({ params }) => (known(params.project), project()),
  domains: () => ({
    items: [
      { ...domain, host: 'shop.localhost', isOwn: true },
      { ...domain, host: 'shop.example.com', isOwn: false },
    ],
  }),
  addDomain: ({ params, body }) => (
    known(params.project),
    { ...domain, host: body.host, target: body.target, isOwn: false }
  ),
  removeDomain: ({ params }) => {
    if (params.host !== 'shop.example.com') throw new ApiError('DOMAIN_NOT_FOUND');
    return undefined;
  },
  variables: ({ params }) => {
    known(params.project);
    return {
      items: [
        { ...variable, name: 'MODEL', secret: false, value: 'small "one"' },
        { ...variable, name: 'KEY', secret: true, value: null },
        { ...variable, name: 'ONLY_PROD', secret: false, value: 'p', targets: ['production'] },
      ],
    };
  },
  setVariable: ({ params, body }) => ({
    name: params.name,
    targets: body.targets,
    secret: body.secret,
    value: body.secret ? null : body.value,
    updatedMs: atMs,
  }),
  removeVariable: ({ params }) => {
    if (params.name !== 'MODEL') throw new ApiError('VARIABLE_NOT_FOUND');
    return undefined;
  },
  usage: () => ({ fromMs: atMs, toMs: atMs + 86_400_000, stepS: 720, totals, groups: [group], series: [] }),
  bill: () => bill,
  billCsv: () => 'project,what,amount\nshop,Active CPU,0.32\n',
  logs: () => ({ items: [line({ id: 'l2', level: 'error', text: 'oh\u001B[31m no' }), line()], next: null }),
  async *logEvents() {
    yield { event: 'line', id: 'l3', data: line({ id: 'l3', text: 'followed' }) };
  },
  invocations: () => ({ items: [invocation()], next: null }),
  invocation: ({ params }) => {
    if (params.invocation !== 'inv_1') throw new ApiError('INVOCATION_NOT_FOUND');
    return { invocation: invocation(), lines: [line()], linesDropped: 0 };
  },
  crashes: () => ({ items: [crash()], next: null }),
  crons: () => ({ items: [cron] }),
  cronRuns: () => ({ items: [run], next: null }),
  runCron: ({ params }) => {
    if (params.cron !== 'shop-1') throw new ApiError('CRON_NOT_FOUND');
    return { ...run, outcome: 'running', status: null, durationMs: null };
  },
  changeCron: ({ body }) => ({ ...cron, enabled: body.enabled }),
  explain: ({ query }) => ({ asked: query.function ?? null }),
};
