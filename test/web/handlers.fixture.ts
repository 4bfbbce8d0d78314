// What the fake control answers. The types are the API's, so that it cannot say what Weir would not.
import { ApiError } from '../../src/api/errors.ts';
import type { InvocationResource, Now, Usage, UsageTotals } from '../../src/api/observed.ts';
import type { Answer, Call, RouteName } from '../../src/api/routes.ts';
import type { TokenResource } from '../../src/api/platform.ts';
import { costOf, invocationOf, labelOf, liveOf, percentilesOf, sumOf, totalsOf } from './traffic.fixture.ts';
import type { FakeFunction } from './traffic.fixture.ts';
import { happenings } from './happenings.fixture.ts';
import { lineOf } from './world.fixture.ts';
import type { World } from './world.fixture.ts';

export interface Scene {
  readonly world: World;
  /** Until when what the load button sent is in flight. */
  burst: { untilMs: number; requests: number };
  readonly nowMs: () => number;
}

export type Handlers = { readonly [N in RouteName]?: (call: Call<N>, scene: Scene, token: TokenResource) => Answer<N> };

const spanMs = (text: string, nowMs: number): number => {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (count === undefined) return Number(text);
  return nowMs - Number(count) * { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit as 's'];
};

export function nowAt({ world, burst }: Scene, atMs: number): Now {
  const isBurst = atMs < burst.untilMs;
  const functions = world.functions.map((item, index) =>
    liveOf(item, atMs, isBurst && index === 2 ? burst.requests : 0),
  );
  const add = (pick: (item: Now['functions'][number]) => number) =>
    functions.reduce((sum, item) => sum + pick(item), 0);
  const hours = (atMs - world.startedMs) / 3_600_000;
  const all = sumOf(world.functions.map((item) => totalsOf(item, Math.floor(world.startedMs / 1e7) * 1e7, 3600)));
  const bought = {
    invocations: Math.round(all.invocations * hours),
    cpuUs: all.cpuUs * hours,
    memoryGbSeconds: all.memoryGbSeconds * hours,
    wallGbSeconds: all.wallGbSeconds * hours + burst.requests,
  };
  const sumMs = (pick: (item: FakeFunction) => number) =>
    world.functions.reduce((sum, item) => sum + pick(item) * item.rate, 0) /
    Math.max(
      1,
      add(({ perSecond }) => perSecond.invocations),
    );
  return {
    atMs,
    functions,
    stems: world.functions.length === 0 ? 1 : 3,
    perSecond: {
      invocations: add(({ perSecond }) => perSecond.invocations),
      failed: add(({ perSecond }) => perSecond.failed),
      cpuMs: add(({ perSecond }) => perSecond.cpuMs),
    },
    latencyMs: percentilesOf(sumMs(({ wallMs }) => wallMs) * 0.3, 1.1),
    ttfbMs: percentilesOf(sumMs(({ ttfbMs }) => ttfbMs) * 0.6, 0.8),
    since: {
      startedMs: world.startedMs,
      invocations: bought.invocations,
      failed: Math.round(all.failed * hours),
      savedGbHours: (bought.wallGbSeconds - bought.memoryGbSeconds) / 3600,
      cost: costOf(bought),
    },
  };
}

function usageOf(scene: Scene, query: Call<'usage'>['query']): Usage {
  const nowMs = scene.nowMs();
  const fromMs = spanMs(query.from, nowMs);
  const toMs = query.to === undefined ? nowMs : Math.min(nowMs, spanMs(query.to, nowMs));
  const stepS = query.step ?? Math.max(60, Math.ceil((toMs - fromMs) / 120_000 / 60) * 60);
  const chosen = scene.world.functions.filter(
    (item) => query.function === undefined || labelOf(item) === query.function,
  );
  const starts: number[] = [];
  for (let atMs = Math.floor(fromMs / stepS / 1000) * stepS * 1000; atMs < toMs; atMs += stepS * 1000)
    starts.push(atMs);
  const series = starts.map((atMs) => ({ atMs, totals: sumOf(chosen.map((item) => totalsOf(item, atMs, stepS))) }));
  const whole = (item: FakeFunction): UsageTotals => sumOf(starts.map((atMs) => totalsOf(item, atMs, stepS)));
  const groups = chosen.flatMap((item): Usage['groups'] => {
    const totals = whole(item);
    const group = { project: item.project, function: labelOf(item), deployment: item.deployment, route: null, totals };
    return query.group === 'route' ? item.routes.map((route) => ({ ...group, route })) : item.isLive ? [group] : [];
  });
  return {
    fromMs,
    toMs,
    stepS,
    totals: sumOf(series.map(({ totals }) => totals)),
    groups: groups.toSorted((a, b) => b.totals.cost.totalUsd - a.totals.cost.totalUsd),
    series,
  };
}

function billOf(scene: Scene, query: Call<'bill'>['query']): Answer<'bill'> {
  const nowMs = scene.nowMs();
  const month = query.month ?? new Date(nowMs).toISOString().slice(0, 7);
  const fromMs = Date.parse(`${month}-01T00:00:00Z`);
  const [year = 0, number = 0] = month.split('-').map(Number);
  const toMs = Math.min(nowMs, Date.UTC(year, number, 1));
  const projects = scene.world.projects.map(({ name }) => {
    const own = scene.world.functions.filter((item) => item.project === name);
    const totals = sumOf(own.map((item) => totalsOf(item, fromMs, Math.max(0, (toMs - fromMs) / 1000))));
    const { cost } = totals;
    const line = (what: string, quantity: number, unit: string, unitUsd: number) => ({
      what,
      quantity,
      unit,
      unitUsd,
      amountUsd: quantity * unitUsd,
    });
    return {
      project: name,
      lines: [
        line('Active CPU', totals.cpuUs / 3.6e9, 'hours', 0.128),
        line('Memory while there is work', totals.memoryGbSeconds / 3600, 'GB-hours', 0.0106),
        line('Invocations', totals.invocations / 1e6, 'million', 0.6),
      ],
      totalUsd: cost.totalUsd,
      onePerInstanceUsd: cost.onePerInstanceUsd,
      savedUsd: cost.savedUsd,
      savedPercent: cost.savedPercent,
      gb: totals.wallGbSeconds - totals.memoryGbSeconds,
    };
  });
  const add = (pick: (item: (typeof projects)[number]) => number) =>
    projects.reduce((sum, item) => sum + pick(item), 0);
  const theirs = add(({ onePerInstanceUsd }) => onePerInstanceUsd);
  const savedUsd = add((item) => item.savedUsd);
  return {
    fromMs,
    toMs,
    projects,
    totalUsd: add(({ totalUsd }) => totalUsd),
    onePerInstanceUsd: theirs,
    savedUsd,
    savedPercent: theirs === 0 ? 0 : (savedUsd / theirs) * 100,
    savedGbHours: add(({ gb }) => gb) / 3600,
  };
}

/** The newest first: one every 700 ms, whoever looks. */
function invocationsOf({ world, nowMs }: Scene): InvocationResource[] {
  const lively = world.functions.filter(({ isLive }) => isLive);
  if (lively.length === 0) return [];
  return Array.from({ length: 60 }, (_, back) =>
    invocationOf(lively[(back * 7) % lively.length]!, (back * 3) % 40, Math.floor(nowMs()) - back * 700),
  );
}

const found = <T>(
  item: T | undefined,
  code: 'DEPLOYMENT_NOT_FOUND' | 'PROJECT_NOT_FOUND' | 'INVOCATION_NOT_FOUND' | 'TOKEN_NOT_FOUND',
): T => {
  if (item === undefined) throw new ApiError(code);
  return item;
};

function makeLive(scene: Scene, id: string): Answer<'promote'> {
  const { world } = scene;
  const chosen = found(
    world.deployments.find((item) => item.id === id),
    'DEPLOYMENT_NOT_FOUND',
  );
  const before = world.deployments.find((item) => item.project === chosen.project && item.isLive)?.id ?? null;
  world.deployments = world.deployments.map((item) =>
    item.project === chosen.project
      ? { ...item, isLive: item.id === id, wasLive: item.wasLive || item.id === id }
      : item,
  );
  world.projects = world.projects.map((item) =>
    item.name === chosen.project ? { ...item, live: id, previous: before } : item,
  );
  return found(
    world.deployments.find((item) => item.id === id),
    'DEPLOYMENT_NOT_FOUND',
  );
}

const changeRelease = ({ world }: Scene, name: string, ended: boolean): Answer<'project'> => {
  world.projects = world.projects.map((item) =>
    item.name === name
      ? { ...item, release: ended || item.release === null ? null : { ...item.release, stage: 2, percent: 100 } }
      : item,
  );
  return found(
    world.projects.find((item) => item.name === name),
    'PROJECT_NOT_FOUND',
  );
};

export const handlers: Handlers = {
  ...happenings,
  me: (_, __, token) => ({
    token: { id: token.id, name: token.name, role: token.role },
    version: '0.1.0',
    edge: { scheme: 'http', port: 3000, domain: 'localhost' },
    node: 'v24.12.0',
    provider: 'Memory limits are the kernel’s: a cgroup was delegated.',
  }),
  health: () => ({ status: 'ok', version: '0.1.0' }),
  projects: (_, { world }) => ({ items: world.projects }),
  deployments: ({ params, query }, { world }) => ({
    items: world.deployments.filter(
      (item) => item.project === params.project && (query.target ?? item.target) === item.target,
    ),
    next: null,
  }),
  deployment: ({ params }, { world }) =>
    found(
      world.deployments.find(({ id }) => id === params.id),
      'DEPLOYMENT_NOT_FOUND',
    ),
  promote: ({ params }, scene) => makeLive(scene, params.id),
  rollback: ({ params }, scene) => {
    const { previous } = found(
      scene.world.projects.find(({ name }) => name === params.project),
      'PROJECT_NOT_FOUND',
    );
    if (previous === null) throw new ApiError('NOTHING_BEFORE');
    return makeLive(scene, previous);
  },
  deleteDeployment: ({ params }, { world }) => {
    world.deployments = world.deployments.filter(({ id }) => id !== params.id);
  },
  approveRelease: ({ params }, scene) => changeRelease(scene, params.project, false),
  completeRelease: ({ params }, scene) => changeRelease(scene, params.project, true),
  abortRelease: ({ params }, scene) => changeRelease(scene, params.project, true),
  domains: ({ query }, { world }) => ({ items: world.domains.filter(({ project }) => project === query.project) }),
  addDomain: ({ params, body }, { world, nowMs }) => {
    if (world.domains.some(({ host }) => host === body.host)) throw new ApiError('DOMAIN_TAKEN');
    const made = { ...body, project: params.project, createdMs: nowMs(), isOwn: false };
    world.domains.push(made);
    return made;
  },
  removeDomain: ({ params }, { world }) => {
    world.domains = world.domains.filter(({ host }) => host !== params.host);
  },
  variables: ({ params }, { world }) => ({
    items: world.variables.filter(({ project }) => project === params.project),
  }),
  setVariable: ({ params, body }, { world, nowMs }) => {
    const made = {
      ...body,
      project: params.project,
      name: params.name,
      value: body.secret ? null : body.value,
      updatedMs: nowMs(),
    };
    world.variables.push(made);
    return made;
  },
  removeVariable: ({ params, query }, { world }) => {
    world.variables = world.variables.filter(
      ({ name, targets }) => name !== params.name || (query.target !== undefined && !targets.includes(query.target)),
    );
  },
  tokens: (_, { world }) => ({ items: world.tokens }),
  createToken: ({ body }, { world, nowMs }) => {
    const token = {
      id: `tok_${world.tokens.length}`,
      name: body.name,
      role: body.role,
      createdMs: nowMs(),
      lastUsedMs: null,
      expiresMs: null,
    };
    world.tokens.push(token);
    return { token, secret: 'weir_4f1d9c0be2a84c67_shown_once' };
  },
  revokeToken: ({ params }, { world }) => {
    found(
      world.tokens.find(({ id }) => id === params.token),
      'TOKEN_NOT_FOUND',
    );
    world.tokens = world.tokens.filter(({ id }) => id !== params.token);
  },
  settings: () => ({
    prices: { cpuPerHour: 0.128, memoryPerGbHour: 0.0106, perMillionInvocations: 0.6, wallClockPerGbHour: 0.18 },
    retention: { usageDays: 400, logDays: 14, logBytes: 2 ** 30 },
    disk: { databaseBytes: 14_200_000, blobBytes: 88_000_000, deploymentBytes: 410_000_000, logBytes: 61_000_000 },
  }),
  audit: (_, { world }) => ({
    items: world.deployments.slice(0, 6).map((item, index) => ({
      id: `${index}`,
      atMs: item.createdMs,
      actor: item.creator,
      action: 'deployment.create',
      project: item.project,
      subject: item.id,
      detail: null,
      address: '127.0.0.1',
    })),
    next: null,
  }),
  now: (_, scene) => nowAt(scene, scene.nowMs()),
  explain: ({ query }, scene) => {
    const item = scene.world.functions.find((known) => labelOf(known) === query.function);
    if (item === undefined) return { kind: 'unknown' };
    const at = (backMs: number, text: string, instance: string | null = null) => ({
      wallMs: scene.nowMs() - backMs,
      text,
      instance,
    });
    const first = liveOf(item, scene.nowMs(), 0).instances[0]?.id ?? null;
    return {
      kind: 'found',
      explanation: {
        lanes: [{ lane: 'waits', limit: item.limit, saturation: item.limit * 1.33 }],
        kept: { instances: 1, reason: 'last invocation less than a minute ago' },
        decisions: [
          at(412_000, `started 1 of 1: 1 waits, and one instance takes 100`),
          at(398_000, `limit 100 → ${item.limit + 6}: event loop delay 51 ms > 50 ms`, first),
          at(122_000, `limit ${item.limit + 6} → ${item.limit + 1}: in flight ÷ utilisation`, first),
          at(9_000, item.reason, first),
        ],
      },
    };
  },
  usage: ({ query }, scene) => usageOf(scene, query),
  bill: ({ query }, scene) => billOf(scene, query),
  billCsv: () => 'project,what,quantity,unit,amount\r\nshop,Active CPU,12.4,hour,1.59\r\n',
  logs: (_, { world, nowMs }) => ({
    items: Array.from({ length: 50 }, (_, back) => lineOf(world, 5000 - back, nowMs() - back * 500)).filter(
      (line) => line !== null,
    ),
    next: null,
  }),
  invocations: ({ query }, scene) => {
    const items = invocationsOf(scene).filter(
      (item) =>
        (query.function ?? item.function) === item.function &&
        (query.start ?? item.start) === item.start &&
        (query.failed !== true || item.outcome !== 'answered') &&
        item.durationMs >= (query.slowerThanMs ?? 0) &&
        (query.status === undefined || `${item.status}`[0] === query.status[0]),
    );
    const from = Number(query.cursor ?? 0);
    return {
      items: items.slice(from, from + query.limit),
      next: items.length > from + query.limit ? `${from + query.limit}` : null,
    };
  },
  invocation: ({ params }, scene) => {
    const invocation = found(
      invocationsOf(scene).find(({ id }) => id === params.invocation),
      'INVOCATION_NOT_FOUND',
    );
    const lines = Array.from({ length: 300 }, (_, index) => lineOf(scene.world, index, invocation.receivedMs)).filter(
      (line) => line?.function === invocation.function,
    );
    return {
      invocation,
      lines: lines
        .slice(0, 3)
        .map((line, index) => Object.assign(line!, { id: `${index}`, invocation: invocation.id })),
      linesDropped: 0,
    };
  },
  load: ({ body }, scene) => {
    scene.burst = { untilMs: scene.nowMs() + 2500, requests: body.requests };
    return {
      requests: body.requests,
      answered: body.requests,
      failed: 0,
      statuses: { 200: body.requests },
      tookMs: 1184,
      latencyMs: percentilesOf(612, 0.7),
      instances: 4,
    };
  },
};
