import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Routing } from '../model/routing.ts';
import { readConfig } from './config.ts';
import { host, project, refusal } from './project.fixture.ts';
import { buildProject } from './project.ts';
import { silentLog } from '../base/log.ts';

const plain = { 'api/a.js': 'export const GET = 1;' };

async function routing(config: object, file = 'vercel.json'): Promise<Routing | null> {
  return (await readConfig(await project({ ...plain, [file]: JSON.stringify(config) }))).routing;
}

const refused = async (config: object, file = 'vercel.json'): Promise<string> => {
  const dir = await project({ [file]: JSON.stringify(config) });
  return (await refusal(dir, () => readConfig(dir))).replaceAll(`DIR/${file}: `, '');
};

test('rewrites, redirects, headers and the rest become rules, in the order of the hosted platform', async () => {
  const config = {
    cleanUrls: true,
    trailingSlash: false,
    routes: [{ src: '/legacy', dest: '/api/a' }],
    redirects: [
      { source: '/old/:id', destination: '/new/:id', permanent: false },
      { source: '/gone', destination: '/', has: [{ type: 'header', key: 'X-Old' }] },
    ],
    headers: [{ source: '/(.*)', headers: [{ key: 'x-a', value: 'b' }] }],
    rewrites: [{ source: '/posts/:slug', destination: '/api/a' }],
  };
  for (const file of ['vercel.json', 'weir.json']) {
    assert.deepEqual((await routing(config, file))?.rules, [
      { src: '^/(?:(.+)/)?index(?:\\.html)?/?$', headers: { Location: '/$1' }, status: 308 },
      { src: '^/(.*)\\.html/?$', headers: { Location: '/$1' }, status: 308 },
      { src: '^/(.*)\\/$'.replace('\\/', '/'), headers: { Location: '/$1' }, status: 308 },
      { src: '^/legacy$', dest: '/api/a' },
      { src: '^/old(?:/([^/]+?))$', headers: { Location: '/new/$1' }, status: 307 },
      { src: '^/gone$', headers: { Location: '/' }, status: 308, has: [{ type: 'header', key: 'x-old' }] },
      { src: '^(?:/(.*))$', headers: { 'x-a': 'b' }, continue: true },
      { handle: 'filesystem' },
      { src: '^/posts(?:/([^/]+?))$', dest: '/api/a?slug=$1', check: true },
    ]);
  }
});

test('no fields, no routing; fields of images and crons are kept', async () => {
  assert.equal(await routing({}), null);
  assert.equal(await routing({ cleanUrls: false, rewrites: [], redirects: [] }), null);
  assert.deepEqual(
    [(await routing({ cleanUrls: true }))?.cleanUrls, (await routing({ trailingSlash: true }))?.cleanUrls],
    [true, undefined],
  );
  const images = (await routing({ images: { sizes: [16] } }))?.images;
  assert.deepEqual([images?.sizes, images?.minimumCacheTtlS], [[16], 60]);
  const dir = await project({
    ...plain,
    'vercel.json': JSON.stringify({
      crons: [{ path: '/api/a', schedule: '0 5 * * *' }],
      rewrites: [{ source: '/x', destination: '/y' }],
    }),
  });
  const { routing: table, crons } = await buildProject(dir, {
    project: 'p',
    deployment: 'dep_1',
    target: 'preview',
    isDevelopment: false,
    host,
    hosts: [],
    environment: {},
    log: silentLog,
    reads: new Set(),
  });
  assert.deepEqual(crons, [{ path: '/api/a', schedule: '0 5 * * *' }]);
  assert.deepEqual(table?.rules, [{ handle: 'filesystem' }, { src: '^/x$', dest: '/y', check: true }]);
});

test('faults of the library and of its schemas are told by file and path, with the others', async () => {
  for (const [config, message] of [
    [{ rewrites: {} }, 'rewrites: expected a list, got an object'],
    [{ rewrites: [{ source: '/a' }] }, 'rewrites[0].destination: is missing'],
    [
      { rewrites: [{ source: '/a', destination: 5 }] },
      'rewrites[0].destination: expected a string or an object, got 5',
    ],
    [
      { rewrites: [{ source: '/:a', destination: '/:b' }] },
      'rewrites[0]: has segment ":b" in destination property but not in source or has property.',
    ],
    [{ rewrites: [{ source: '/(', destination: '/b' }] }, 'rewrites[0]: has invalid source regular expression "/(".'],
    [
      { rewrites: [{ source: '/a', destination: { service: 'b' } }] },
      'rewrites[0].destination: services of their own are not run in this version of Weir',
    ],
    [
      { redirects: [{ source: '/a', destination: '/b', permanent: true, statusCode: 301 }] },
      'redirects[0]: cannot define both permanent and statusCode properties.',
    ],
    [{ headers: [{ source: '/a', headers: [{ key: 'a' }] }] }, 'headers[0].headers[0].value: is missing'],
    [
      { routes: [{ handle: 'filesystem' }], rewrites: [{ source: '/a', destination: '/b' }] },
      'routes: handle: "filesystem" cannot be used together with rewrites, which come after it',
    ],
    [{ cleanUrls: 'yes' }, 'cleanUrls: expected true or false, got "yes"'],
    [{ trailingSlash: 1 }, 'trailingSlash: expected true or false, got 1'],
    [{ routes: [{ src: '/a', statuz: 1 }] }, 'routes[0].statuz: there is no such setting'],
    [
      { redirects: [{ source: '/a', destination: '/b', has: [{ type: 'host', value: '[' }] }] },
      'redirects[0].has[0].value: expected a regular expression: Invalid regular expression: /^(?:[)$/: Unterminated character class',
    ],
    [
      { crons: [{ path: '/a', schedule: 'x' }] },
      'crons[0].schedule: expected five fields of a cron expression, as in "0 5 * * *", got "x"',
    ],
    [{ memroy: 1, trailingSlash: 1 }, 'memroy: there is no such setting\ntrailingSlash: expected true or false, got 1'],
  ] as const)
    for (const file of ['vercel.json', 'weir.json']) assert.equal(await refused(config, file), message);
});
