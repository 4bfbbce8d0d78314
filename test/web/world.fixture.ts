// What the fake control has: projects, deployments, domains, variables, tokens; and what its functions say.
import { createHash } from 'node:crypto';
import type {
  DeploymentResource,
  DomainResource,
  ProjectResource,
  VariableResource,
} from '../../src/api/deployments.ts';
import type { CronResource, LogLine } from '../../src/api/observed.ts';
import type { TokenResource } from '../../src/api/platform.ts';
import { cronsOf } from './happenings.fixture.ts';
import { chance, invocationOf, labelOf } from './traffic.fixture.ts';
import type { FakeFunction } from './traffic.fixture.ts';

export interface World {
  readonly functions: readonly FakeFunction[];
  projects: ProjectResource[];
  deployments: DeploymentResource[];
  domains: DomainResource[];
  variables: (VariableResource & { project: string })[];
  tokens: TokenResource[];
  crons: CronResource[];
  readonly startedMs: number;
}

const hour = 3_600_000;
const dep = (name: string): string => `dep_${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;

const live = { isLive: true } as const;
const functions: readonly FakeFunction[] = [
  {
    ...live,
    project: 'assistant',
    name: 'api/chat',
    deployment: dep('assistant 3'),
    rate: 21,
    wallMs: 2900,
    cpuMs: 7.1,
    ttfbMs: 340,
    memoryMiB: 1024,
    limit: 64,
    failing: 0.004,
    reason: 'limit 60 → 64: 58 in flight use 69 % of the loop, so it is full at 84',
    routes: ['/api/chat'],
  },
  {
    ...live,
    project: 'assistant',
    name: 'api/embed',
    deployment: dep('assistant 3'),
    rate: 34,
    wallMs: 210,
    cpuMs: 3.2,
    ttfbMs: 190,
    memoryMiB: 512,
    limit: 38,
    failing: 0.001,
    reason: 'limit 34 → 38: 27 in flight use 54 % of the loop, so it is full at 50',
    routes: ['/api/embed'],
  },
  {
    ...live,
    project: 'shop',
    name: 'api/cart',
    deployment: dep('shop 9'),
    rate: 410,
    wallMs: 96,
    cpuMs: 3.9,
    ttfbMs: 88,
    memoryMiB: 512,
    limit: 13,
    failing: 0.002,
    reason: 'limit 14 → 13: 12 in flight use 67 % of the loop, so it is full at 17',
    routes: ['/api/cart', '/api/cart/[id]'],
  },
  {
    ...live,
    project: 'shop',
    name: 'api/checkout',
    deployment: dep('shop 9'),
    rate: 6,
    wallMs: 640,
    cpuMs: 11,
    ttfbMs: 620,
    memoryMiB: 1024,
    limit: 28,
    failing: 0.011,
    reason: 'limit 24 → 28: 9 in flight use 24 % of the loop',
    routes: ['/api/checkout'],
  },
  {
    ...live,
    project: 'shop',
    name: 'api/search',
    deployment: dep('shop 9'),
    rate: 27,
    wallMs: 58,
    cpuMs: 19,
    ttfbMs: 54,
    memoryMiB: 1024,
    limit: 3,
    failing: 0.001,
    reason: 'limit 4 → 3: 3 in flight use 92 % of the loop: it computes',
    routes: ['/api/search'],
  },
  {
    ...live,
    project: 'docs',
    name: 'render',
    deployment: dep('docs 2'),
    rate: 4,
    wallMs: 41,
    cpuMs: 12,
    ttfbMs: 30,
    memoryMiB: 256,
    limit: 5,
    failing: 0,
    reason: 'limit 6 → 5: 1 in flight uses 14 % of the loop',
    routes: ['/', '/guide/[id]'],
  },
  {
    isLive: false,
    project: 'shop',
    name: 'api/cart',
    deployment: dep('shop 10'),
    rate: 0.4,
    wallMs: 92,
    cpuMs: 3.7,
    ttfbMs: 84,
    memoryMiB: 512,
    limit: 100,
    failing: 0,
    reason: 'nothing is known yet: it begins with 100',
    routes: ['/api/cart'],
  },
];

const messages = [
  ['shop', 'Cart: keep the currency of the first item', 'production', 'feature/currency'],
  ['shop', 'Search by synonyms', 'production', 'main'],
  ['shop', 'Checkout waits for the bank at most ten seconds', 'production', 'main'],
  ['shop', 'Prices with tax, where it is asked for', 'production', 'main'],
  ['shop', 'Recommendations, first try', 'failed', 'feature/recommend'],
  ['shop', 'Cart: merge after sign-in', 'production', 'main'],
  ['shop', 'Search: pages', 'production', 'main'],
] as const;

function deploymentsOf(nowMs: number): DeploymentResource[] {
  const made = (
    project: string,
    key: string,
    agoMs: number,
    { message, ...changes }: Partial<DeploymentResource> & { readonly message: string },
  ): DeploymentResource => {
    const id = dep(key);
    const own = functions.filter((item) => item.project === project && item.name !== '').filter(({ isLive }) => isLive);
    return {
      id,
      project,
      target: 'production',
      state: 'ready',
      error: null,
      createdMs: nowMs - agoMs,
      readyMs: nowMs - agoMs + 4_180,
      url: `http://${project}-${id.slice(4, 12)}.localhost:3000/`,
      aliases: [],
      isLive: false,
      wasLive: false,
      creator: 'ada',
      promotedFrom: null,
      git: {
        branch: 'main',
        commit: createHash('sha1').update(key).digest('hex'),
        message,
        author: 'Ada',
        dirty: false,
      },
      files: 214,
      bytes: 1_830_000,
      functions: own.map((item) => ({
        id: `${id}/${item.name}`,
        name: item.name,
        label: labelOf(item),
        runtime: 'nodejs24',
        memoryMiB: item.memoryMiB,
        maxDurationMs: 300_000,
        maxConcurrency: 'auto',
        routes: [...item.routes],
      })),
      crons: [],
      ...changes,
    };
  };
  const [preview, current, ...older] = messages;
  return [
    made('shop', 'shop 11', 20_000, {
      message: 'Cart: vouchers',
      state: 'building',
      target: 'preview',
      readyMs: null,
      creator: 'ci',
      git: {
        branch: 'feature/vouchers',
        commit: createHash('sha1').update('v').digest('hex'),
        message: 'Cart: vouchers',
        author: 'Grace',
        dirty: false,
      },
    }),
    made('shop', 'shop 10', 0.7 * hour, {
      message: preview[1],
      target: 'preview',
      creator: 'ci',
      git: {
        branch: preview[3],
        commit: createHash('sha1').update('c').digest('hex'),
        message: preview[1],
        author: 'Grace',
        dirty: true,
      },
    }),
    made('shop', 'shop 9', 5.2 * hour, {
      message: current[1],
      isLive: true,
      wasLive: true,
      aliases: ['shop.localhost', 'shop.example.com'],
    }),
    ...older.map(([, message, kind], index) =>
      made(
        'shop',
        `shop ${8 - index}`,
        (26 + 19 * index) * hour,
        kind === 'failed'
          ? {
              message,
              state: 'failed',
              target: 'preview',
              readyMs: null,
              error: "api/recommend.ts:3:24: Could not resolve './model'",
            }
          : { message, wasLive: true },
      ),
    ),
    made('assistant', 'assistant 4', 0.4 * hour, { message: 'Shorter prompts', creator: 'ci' }),
    made('assistant', 'assistant 3', 31 * hour, {
      message: 'Answers are streamed',
      isLive: true,
      wasLive: true,
      aliases: ['assistant.localhost'],
    }),
    made('docs', 'docs 2', 80 * hour, {
      message: 'A guide to domains',
      isLive: true,
      wasLive: true,
      aliases: ['docs.localhost'],
    }),
  ];
}

function projectOf(name: string, nowMs: number, changes: Partial<ProjectResource>): ProjectResource {
  return {
    name,
    createdMs: nowMs - 900 * hour,
    live: null,
    liveUrl: `http://${name}.localhost:3000/`,
    previous: null,
    autoPromote: true,
    domains: [`${name}.localhost`],
    deployments: 0,
    skewMaxAgeMs: 12 * hour,
    retention: { previewDays: 30, productionCount: 10 },
    release: null,
    ...changes,
  };
}

export function emptyWorld(nowMs: number): World {
  return {
    functions: [],
    projects: [],
    deployments: [],
    domains: [],
    variables: [],
    crons: [],
    tokens: [tokenOf('ada', 'admin', nowMs)],
    startedMs: nowMs - 60_000,
  };
}

const tokenOf = (name: string, role: TokenResource['role'], nowMs: number): TokenResource => ({
  id: `tok_${name}`,
  name,
  role,
  createdMs: nowMs - 800 * hour,
  lastUsedMs: nowMs - 40_000,
  expiresMs: null,
});

export function busyWorld(nowMs: number): World {
  const release = {
    project: 'assistant',
    stable: dep('assistant 3'),
    canary: dep('assistant 4'),
    stages: [
      { percent: 10, minutes: 5 },
      { percent: 50, minutes: null },
      { percent: 100, minutes: null },
    ],
    stage: 1,
    percent: 50,
    stageSinceMs: nowMs - 700_000,
    nextMs: null,
  };
  const variable = (project: string, name: string, value: string | null, targets: VariableResource['targets']) => ({
    project,
    name,
    value,
    secret: value === null,
    targets,
    updatedMs: nowMs - 120 * hour,
  });
  const host = (project: string, name: string, isOwn: boolean): DomainResource => ({
    host: name,
    project,
    target: name.startsWith('next.') ? 'preview' : 'production',
    createdMs: nowMs - 700 * hour,
    isOwn,
  });
  return {
    functions,
    deployments: deploymentsOf(nowMs),
    crons: cronsOf(dep('shop 9'), nowMs),
    projects: [
      projectOf('shop', nowMs, {
        live: dep('shop 9'),
        previous: dep('shop 8'),
        deployments: 9,
        domains: ['shop.localhost', 'shop.example.com'],
      }),
      projectOf('assistant', nowMs, { live: dep('assistant 3'), deployments: 2, release }),
      projectOf('docs', nowMs, { live: dep('docs 2'), deployments: 1 }),
    ],
    domains: [
      host('shop', 'shop.localhost', true),
      host('shop', 'shop.example.com', false),
      host('shop', 'next.shop.example.com', false),
      host('assistant', 'assistant.localhost', true),
      host('docs', 'docs.localhost', true),
    ],
    variables: [
      variable('shop', 'DATABASE_URL', null, ['production']),
      variable('shop', 'DATABASE_URL', 'postgres://localhost/shop_preview', ['preview']),
      variable('shop', 'LOG_LEVEL', 'info', ['production', 'preview']),
      variable('shop', 'STRIPE_KEY', null, ['production']),
    ],
    tokens: [tokenOf('ada', 'admin', nowMs), tokenOf('ci', 'deploy', nowMs), tokenOf('screen', 'read', nowMs)],
    startedMs: nowMs - 14 * 24 * hour,
  };
}

const sayings: readonly (readonly [string, LogLine['level'], string])[] = [
  ['shop/api/cart', 'info', 'cart 4711: 3 items, 58.20 EUR'],
  ['assistant/api/chat', 'info', 'model answered: 412 tokens in 2.9 s'],
  ['shop/api/search', 'debug', 'query "rain coat": 38 hits in 21 ms'],
  ['shop/api/checkout', 'warn', 'bank took 4.1 s, of 10 s at most'],
  ['assistant/api/embed', 'info', 'embedded 12 pieces'],
  ['shop/api/cart', 'info', 'cart 4712: 1 item, <b>12.00</b> EUR'],
  ['docs/render', 'info', 'rendered /guide/domains'],
  [
    'shop/api/checkout',
    'error',
    "TypeError: Cannot read properties of undefined (reading 'iban')\n    at pay (api/checkout.ts:41:18)\n    at POST (api/checkout.ts:12:9)",
  ],
  ['assistant/api/chat', 'info', 'stream begun after 340 ms'],
];

/** The line with this number; one a number, for ever. */
export function lineOf(world: World, index: number, atMs: number): LogLine | null {
  const [label, level, text] = sayings[Math.floor(chance('line', index) * sayings.length)] ?? sayings[0]!;
  const item = world.functions.find((found) => found.isLive && labelOf(found) === label);
  if (item === undefined) return null;
  const { id, instance } = invocationOf(item, index % 40, atMs);
  return {
    id: `${index}`,
    atMs,
    project: item.project,
    deployment: item.deployment,
    function: label,
    instance,
    invocation: id,
    level,
    source: level === 'error' ? 'stderr' : 'console',
    text,
  };
}
