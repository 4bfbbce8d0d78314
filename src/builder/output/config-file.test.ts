import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../base/limits.ts';
import { refusal } from '../project.fixture.ts';
import { build, nodeConfig, outputProject } from './output.fixture.ts';

const a = { 'functions/a.func/.vc-config.json': nodeConfig, 'functions/a.func/index.js': '' };
const at = 'DIR/.vercel/output/config.json: ';

async function refused(config: unknown): Promise<string[]> {
  const dir = await outputProject({ ...a, 'config.json': config });
  return (await refusal(dir, () => build(dir))).split('\n').map((line) => line.replace(at, ''));
}

async function accepted(config: object) {
  return (await build(await outputProject({ ...a, 'config.json': { version: 3, ...config } }))).deployment;
}

test('a config.json that is wrong is refused by path, with what is there and what is allowed', async () => {
  for (const [config, message] of [
    [{ version: 2 }, 'version: expected 3, got 2'],
    [{}, 'version: expected 3, got nothing'],
    [[], '(top level): expected an object, got a list'],
    ['null', '(top level): expected an object, got null'],
    ['{ "version": 3, }', 'not valid JSON: line 1, column 17: unexpected "}"'],
    [
      { version: 3, crons: [{ path: 'a', schedule: '* * * * *' }] },
      'crons[0].path: expected a path that begins with /, got "a"',
    ],
    [
      { version: 3, crons: [{ path: '/a', schedule: 'daily' }] },
      'crons[0].schedule: expected five fields of a cron expression, as in "0 5 * * *", got "daily"',
    ],
    [{ version: 3, deploymentId: 'a b' }, 'deploymentId: expected at most 32 letters, digits, - and _, got "a b"'],
    [
      { version: 3, framework: { slug: 'next', version: 1 } },
      'framework: expected an object with slug and version, each a string of at most 50 characters, got an object',
    ],
    [{ version: 3, images: {} }, 'images.sizes: expected a list, got nothing'],
    [
      { version: 3, images: { sizes: [1], formats: ['image/png'] } },
      'images.formats[0]: expected "image/avif" or "image/webp", got "image/png"',
    ],
    [{ version: 3, overrides: { 'a.html': 'b' } }, 'overrides["a.html"]: expected an object, got "b"'],
    [{ version: 3, wildcard: [{ domain: 'x' }] }, 'wildcard[0].value: expected a string, got nothing'],
    [
      { version: 3, afterCacheBypass: [{ hasAll: [{ type: 'header', key: 'a' }] }] },
      'afterCacheBypass[0].hasAll[0].type: expected "request.header" or "cache.response.header", got "header"',
    ],
  ] as const)
    assert.deepEqual(await refused(config), [message]);
});

test('a rule that is wrong is refused by its place, in the words of the rest', async () => {
  const rule = (fields: object) => ({ version: 3, routes: [{ handle: 'filesystem' }, fields] });
  for (const [config, message] of [
    [{ version: 3, routes: {} }, 'routes: expected a list, got an object'],
    [{ version: 3, routes: ['a'] }, 'routes[0]: expected an object, got "a"'],
    [rule({ dest: '/a' }), 'routes[1].src: is missing'],
    [rule({ src: 5 }), 'routes[1].src: expected a string, got 5'],
    [rule({ src: '/(', dest: '/b' }), 'routes[1]: has invalid src/source regular expression "^/($".'],
    [rule({ src: '/a', regex: 'x' }), 'routes[1].regex: there is no such setting'],
    [rule({ src: '/a', status: 99 }), 'routes[1].status: expected a number from 100 to 999, got 99'],
    [
      rule({ src: '/a', source: '/b' }),
      'routes[1]: cannot define both `src` and `source`. Please use only one.'.replaceAll('`', ''),
    ],
    [
      rule({ handle: 'later' }),
      'routes[1].handle: expected "error", "filesystem", "hit", "miss", "resource" or "rewrite", got "later"',
    ],
    [rule({ handle: 'filesystem' }), 'routes[1]: is a duplicate. Please use one handle: filesystem at most.'],
    [rule({ src: '/a', has: [{ type: 'cookie' }] }), 'routes[1].has[0].key: is missing'],
    [
      rule({ src: '/a', has: [{ type: 'cookie', key: 'b', value: 5 }] }),
      'routes[1].has[0].value: expected a string or an object, got 5',
    ],
    [
      rule({ src: '/a', missing: [{ type: 'query', key: 'b', value: '(?<' }] }),
      'routes[1].missing[0].value: expected a regular expression: Invalid regular expression: /^(?:(?<)$/: Invalid capture group name',
    ],
    [
      rule({ src: '/a', transforms: [{ type: 'request.headers', op: 'set', target: { key: 'a' } }] }),
      'routes[1].transforms[0].args: is missing',
    ],
    [
      rule({ src: '/a', transforms: [{ type: 'request.path', op: 'append', args: '/b' }] }),
      'routes[1].transforms[0].op: expected "set", got "append"',
    ],
    [
      rule({ src: '/a', transforms: [{ type: 'request.path', op: 'set', args: '/b', target: { key: 'a' } }] }),
      'routes[1].transforms[0].target: is not allowed here',
    ],
    [rule({ src: '/a', dest: '/' + 'x'.repeat(4096) }), 'routes[1].dest: expected at most 4096 characters, got "4097"'],
    [
      rule({ src: '/a', destination: { service: 'api' } }),
      'routes[1].destination: services of their own are not run in this version of Weir',
    ],
    [
      { version: 3, routes: [{ handle: 'hit' }, { src: '/a', dest: '/b' }] },
      'routes[1]: cannot define dest/destination after handle: hit.\nrestroutes[1]: must define continue: true after handle: hit.',
    ],
  ] as const)
    assert.deepEqual((await refused(config)).join('\nrest'), message);
});

test('all faults of all files are told at once, and of very many the number', async () => {
  const dir = await outputProject({
    'config.json': { version: 4, routes: [{ src: 1 }, { src: 2 }] },
    'functions/a.func/.vc-config.json': { runtime: 'ruby3.3' },
    'functions/a.prerender-config.json': '{',
    'functions/b.func/index.js': '',
  });
  const text = await refusal(dir, () => build(dir));
  assert.deepEqual(
    text
      .split('\n')
      .map((line) => line.replace(/.*output\//, '').replace(/,? got.*|: expected.*/, ''))
      .toSorted(),
    [
      'config.json: routes[0].src',
      'config.json: routes[1].src',
      'config.json: version',
      'functions/a.func/.vc-config.json: handler',
      'functions/a.func/.vc-config.json: runtime',
      'functions/a.prerender-config.json: not valid JSON: line 1, column 2: the file ends too early',
      'functions/b.func/.vc-config.json: cannot be read: every function has one',
    ],
  );
  const many = await refused({ version: 3, routes: Array.from({ length: 200 }, () => ({ src: 1 })) });
  assert.equal(many.length, limits.faultsShown + 1);
  assert.equal(many.at(-1), 'and 150 more like these');
});

test('rules are normalised; empty objects and lists, and what has no effect, are left out', async () => {
  const { routing } = await accepted({
    routes: [
      {
        source: '/a/(?<id>\\d+)',
        destination: '/b?id=$id',
        statusCode: 201,
        headers: {},
        has: [],
        user: true,
        methods: ['GET'],
      },
      { src: '^/c$', env: ['A'], dest: '/$A', locale: { cookie: 'NEXT_LOCALE', redirect: { de: '/de' } } },
      { handle: 'miss' },
      { src: '/(.*)', dest: '/x', check: true, mitigate: { action: 'deny' } },
    ],
  });
  assert.deepEqual(routing?.rules, [
    { src: '^/a/(?<id>\\d+)$', dest: '/b?id=$id', status: 201, methods: ['GET'] },
    { src: '^/c$', dest: '/$A', env: ['A'], locale: { cookie: 'NEXT_LOCALE', redirect: { de: '/de' } } },
    { handle: 'miss' },
    { src: '^/(.*)$', dest: '/x', check: true, mitigate: { action: 'deny' } },
  ]);
});

test('images have the defaults of the hosted platform', async () => {
  const { routing } = await accepted({
    images: {
      sizes: [16],
      remotePatterns: [{ protocol: 'https:', hostname: '^a$' }],
      localPatterns: [{ pathname: '^/x$', search: '' }],
    },
    afterCacheBypass: [
      {
        hasAll: [
          { type: 'request.header', key: 'a' },
          { type: 'request.header', key: 'b', value: { pre: 'c' } },
        ],
      },
    ],
  });
  assert.deepEqual(routing?.images, {
    sizes: [16],
    qualities: null,
    domains: [],
    remotePatterns: [{ protocol: 'https', hostname: '^a$', port: null, pathname: null, search: null }],
    localPatterns: [{ pathname: '^/x$', search: '' }],
    minimumCacheTtlS: 60,
    formats: [],
    dangerouslyAllowSvg: false,
    contentSecurityPolicy: null,
    contentDisposition: 'inline',
  });
  assert.deepEqual(routing?.afterCacheBypass, [
    {
      name: null,
      hasAll: [
        { type: 'request.header', key: 'a', value: null },
        { type: 'request.header', key: 'b', value: { pre: 'c' } },
      ],
    },
  ]);
});

test('what is not run is named: services and schedules, and middleware that is not there', async () => {
  const dir = await outputProject({
    ...a,
    'config.json': {
      version: 3,
      services: [],
      routes: [
        { src: '/x', middlewarePath: '/_middleware', continue: true },
        { src: '/x', middlewarePath: '/a', continue: true },
      ],
    },
  });
  assert.deepEqual((await build(dir)).warnings, [
    'warn: DIR/.vercel/output/config.json: without effect in this version of Weir: services',
    'warn: DIR/.vercel/output/config.json: routes[0].middlewarePath: there is no function /_middleware',
  ]);
});

test('a file over the limit is refused before it is read', async () => {
  const text = await refused(' '.repeat(limits.outputJsonBytes + 1));
  assert.deepEqual(text, [`${limits.outputJsonBytes + 1} bytes; at most ${limits.outputJsonBytes} are read`]);
});
