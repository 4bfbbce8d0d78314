// Crons and crashes of the fake control.
import { ApiError } from '../../src/api/errors.ts';
import type { CrashResource, CronResource, CronRun } from '../../src/api/observed.ts';
import type { Handlers, Scene } from './handlers.fixture.ts';
import { chance } from './traffic.fixture.ts';

const hour = 3_600_000;

export function cronsOf(deployment: string, nowMs: number): CronResource[] {
  const cron = (number: number, path: string, schedule: string, lastRun: CronRun | null): CronResource => ({
    id: `shop.${number}`,
    project: 'shop',
    deployment,
    path,
    schedule,
    overlap: true,
    enabled: true,
    nextMs: nowMs + number * hour,
    lastRun,
  });
  return [
    cron(1, '/api/report', '0 5 * * *', runOf('shop.1', '/api/report', nowMs - 7 * hour, 200)),
    cron(2, '/api/sync?full=1', '*/10 * * * *', runOf('shop.2', '/api/sync?full=1', nowMs - 240_000, 500)),
    cron(3, '/api/tidy', '0,30 8-18/2 * * *', null),
  ];
}

const runOf = (cron: string, path: string, atMs: number, status: number): CronRun => ({
  id: `${cron}.${atMs}`,
  cron,
  path,
  dueMs: atMs,
  startedMs: atMs,
  durationMs: 812,
  outcome: status < 500 ? 'answered' : 'failed',
  status,
  detail: status < 500 ? null : 'it answered 500',
  invocation: null,
});

function crashesOf({ world, nowMs }: Scene, invocation: string | null): CrashResource[] {
  const item = world.functions.find(({ name }) => name === 'api/checkout');
  if (item === undefined) return [];
  const crash = (id: string, backMs: number, changes: Partial<CrashResource>): CrashResource => ({
    id,
    atMs: Math.floor(nowMs() - backMs),
    instance: `ins_${Math.floor(chance('crash', id) * 2 ** 32).toString(16)}`,
    project: item.project,
    deployment: item.deployment,
    function: `${item.project}/${item.name}`,
    reason: 'an error that nobody caught',
    exitCode: 1,
    signal: null,
    invocation,
    lost: ['inv_a', 'inv_b'],
    stack: "TypeError: Cannot read properties of undefined (reading 'iban')\n    at pay (api/checkout.ts:41:18)",
    memoryBytes: 118_000_000,
    cpuMs: 8120,
    ageMs: 1_900_000,
    ...changes,
  });
  const killed = { exitCode: null, signal: 'SIGKILL', reason: 'it took more memory than it has', stack: null };
  return [crash('2', 1.2 * hour, {}), crash('1', 5 * hour, { ...killed, invocation: null })];
}

const cronOf = ({ world }: Scene, id: string): CronResource => {
  const cron = world.crons.find((item) => item.id === id);
  if (cron === undefined) throw new ApiError('CRON_NOT_FOUND');
  return cron;
};
const change = ({ world }: Scene, changed: CronResource): void => {
  world.crons = world.crons.map((item) => (item.id === changed.id ? changed : item));
};

export const happenings: Handlers = {
  crashes: ({ query }, scene) => ({
    items: crashesOf(scene, 'inv_of_crash').filter((item) => (query.function ?? item.function) === item.function),
    next: null,
  }),
  crons: ({ query }, { world }) => ({
    items: world.crons.filter(({ project }) => (query.project ?? project) === project),
  }),
  cronRuns: ({ params }, scene) => {
    const { lastRun } = cronOf(scene, params.cron);
    return { items: lastRun === null ? [] : [lastRun, { ...lastRun, id: 'before', outcome: 'skipped' }], next: null };
  },
  runCron: ({ params }, scene) => {
    const cron = cronOf(scene, params.cron);
    const lastRun = runOf(cron.id, cron.path, Math.floor(scene.nowMs()), 200);
    change(scene, { ...cron, lastRun });
    return lastRun;
  },
  changeCron: ({ params, body }, scene) => {
    const changed = { ...cronOf(scene, params.cron), enabled: body.enabled };
    change(scene, changed);
    return changed;
  },
};
