// The reader beside the hosted platform's own, `deserializeBuildOutput` of @vercel/build-utils, on one folder that has all.
import assert from 'node:assert/strict';
import { realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { deserializeBuildOutput, deserializeLambda } from '@vercel/build-utils';
import type { Output, Prerender } from '../../model/output.ts';
import type { Deployment } from '../../model/snapshot.ts';
import { build, link, nodeConfig, outputProject } from './output.fixture.ts';

const token = 'a-token-of-thirty-two-characters-or-more';

async function everything(): Promise<string> {
  const dir = await outputProject(
    {
      'config.json': {
        version: 3,
        routes: [
          { source: '/old/(.*)', destination: '/new/$1', statusCode: 301 },
          {
            src: '/mw',
            middlewarePath: 'edge',
            continue: true,
            has: [{ type: 'cookie', key: 'a', value: { eq: 'b' } }],
          },
          { handle: 'filesystem' },
          { src: '/blog/(?<slug>[^/]+)', dest: '/blog/[slug]?slug=$slug', check: true },
          { handle: 'hit' },
          { src: '/_next/(.*)', headers: { 'cache-control': 'immutable' }, continue: true },
        ],
        overrides: {
          'about.html': { path: 'about', contentType: 'text/html; charset=utf-8' },
          'raw.bin': { contentType: 'text/plain' },
          'missing.html': { path: 'nowhere' },
          'api/a': { contentType: 'text/x-shadowed' },
        },
        wildcard: [{ domain: 'example.com', value: '/en' }],
        images: { sizes: [64, 128], domains: [], minimumCacheTTL: 10, formats: ['image/avif'] },
        crons: [{ path: '/api/a', schedule: '0 5 * * *' }],
        deploymentId: 'build_7',
        framework: { slug: 'nextjs', version: '16.0.0' },
      },
      'static/index.html': 'home',
      'static/about.html': 'about',
      'static/raw.bin': 'raw',
      'static/deep/er/file.txt': 'deep',
      'static/.well-known/x': 'dot',
      'static/api/a': 'shadowed by a function',
      'functions/index.func/.vc-config.json': { ...nodeConfig, filePathMap: { 'lib/shared.js': 'src/shared.js' } },
      'functions/index.func/index.js': 'module.exports = () => {}',
      'functions/index.prerender-config.json': {
        group: 3,
        expiration: 60,
        staleExpiration: 3600,
        bypassToken: token,
        allowQuery: ['q'],
        allowHeader: ['host'],
        passQuery: true,
        initialHeaders: { 'content-type': 'text/html' },
        initialStatus: 404,
        exposeErrBody: true,
        experimentalBypassFor: [{ type: 'header', key: 'next-action' }],
        sourcePath: '/index',
        chain: { outputPath: 'index', headers: { a: 'b' } },
        fallback: 'index.prerender-fallback.html',
      },
      'functions/index.prerender-fallback.html': '<p>',
      'functions/api/a.func/.vc-config.json': {
        ...nodeConfig,
        memory: 512,
        maxDuration: 'max',
        shouldAddHelpers: true,
      },
      'functions/api/a.func/index.js': '',
      'functions/api/a.func/inner.func/not-a-function.js': '',
      'functions/api/a.func/node_modules/dep/index.js': '',
      'functions/edge.func/.vc-config.json': {
        runtime: 'edge',
        entrypoint: 'e.js',
        assets: [{ name: 'f', path: 'f.bin' }],
      },
      'functions/edge.func/e.js': 'export default () => {}',
      'functions/edge.func/f.bin': '',
      'functions/blog/[slug].func/.vc-config.json': { ...nodeConfig, environment: { A: '1' } },
      'functions/blog/[slug].func/index.js': '',
      'functions/blog/[slug].prerender-config.json': { group: 2, expiration: false, fallback: null },
      'functions/blog/one.prerender-config.json': {
        group: 1,
        expiration: 5,
        fallback: { type: 'FileFsRef', fsPath: 'one.fallback.json', contentType: 'application/json' },
      },
      'functions/blog/one.fallback.json': '{}',
      'functions/orphan.prerender-config.json': { group: 9, fallback: null },
    },
    { 'src/shared.js': 'module.exports = 1;', 'outside.txt': 'outside' },
  );
  await link(dir, 'static/linked.html', 'about.html');
  await link(dir, 'static/leaves.txt', '../../../outside.txt');
  await link(dir, 'static/copy', 'deep');
  await link(dir, 'functions/api/a.func/link.js', 'index.js');
  await link(dir, 'functions/api/b.func', 'a.func');
  await link(dir, 'functions/edge2.func', 'edge.func');
  await link(dir, 'functions/blog/one.func', '[slug].func');
  await link(dir, 'functions/z/y.func', '../api/a.func');
  return dir;
}

test('outputs, prerenders, routes and all else are as the reference reader has them', async () => {
  const dir = await everything();
  const warnings: string[] = [];
  const oracle = await deserializeBuildOutput({
    outputDir: join(dir, '.vercel/output'),
    repoRootPath: dir,
    deserializeLambda,
    groupLambdas: (all) => Promise.resolve(all),
    includeDeploymentId: true,
    warn: (text) => warnings.push(text),
  });
  const { deployment, warnings: own } = await build(dir);
  const expected = fromOracle(
    oracle.output as unknown as Readonly<Record<string, OracleOutput>>,
    join(dir, '.vercel/output'),
  );
  assert.deepEqual(fromOurs(deployment, await realpath(join(dir, '.vercel/output'))), expected);
  assert.ok(Object.keys(expected).length > 14);
  assert.deepEqual(
    [...deployment.outputs!.keys()].slice(-3),
    ['blog/one', 'blog/[slug]', 'index'],
    'in the order of groups',
  );
  assert.deepEqual(deployment.crons, oracle.crons);
  assert.deepEqual(deployment.routing?.wildcard, oracle.wildcard);
  assert.deepEqual(deployment.routing?.images?.sizes, oracle.images?.sizes);
  assert.equal(deployment.ownId, oracle.deploymentId);
  assert.equal(warnings.length, 1, 'the override of a file that is missing');
  assert.deepEqual(own, [
    'warn: DIR/.vercel/output/static/leaves.txt: is left out: it leads out of DIR/.vercel/output/static, to DIR/outside.txt',
    'warn: DIR/.vercel/output/config.json: overrides["missing.html"]: there is no such file in static/',
  ]);
});

interface OracleOutput {
  readonly type: string;
  readonly fsPath: string;
  readonly contentType?: string;
  readonly handler?: string;
  readonly entrypoint?: string;
  readonly memory?: number;
  readonly maxDuration?: number | 'max';
  readonly files?: Readonly<Record<string, unknown>>;
  readonly lambda?: OracleOutput;
  readonly fallback?: { readonly fsPath: string; readonly contentType?: string } | null;
  readonly [field: string]: unknown;
}

function fromOracle(output: Readonly<Record<string, OracleOutput>>, dir: string): Record<string, unknown> {
  const names = namer();
  return Object.fromEntries(
    Object.entries(output)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, each]) => {
        const { type, lambda } = each;
        if (type === 'FileFsRef')
          return [
            path,
            {
              file: relative(dir, each.fsPath).replace('copy/', 'deep/').replace('linked', 'about'),
              contentType: each.contentType ?? null,
            },
          ];
        if (type !== 'Prerender')
          return [path, { function: names(each, path), handler: each.handler ?? each.entrypoint }];
        return [
          path,
          {
            function: names(lambda!, path),
            prerender: {
              expirationS: each['expiration'] === false ? null : each['expiration'],
              staleExpirationS: each['staleExpiration'] ?? null,
              group: each['group'] ?? null,
              bypassToken: each['bypassToken'] ?? null,
              fallback: each.fallback ? { file: relative(dir, each.fallback.fsPath) } : null,
              allowQuery: each['allowQuery'] ?? null,
              allowHeader: each['allowHeader'] ?? null,
              passQuery: each['passQuery'] ?? false,
              initialHeaders:
                each['initialHeaders'] ??
                (each.fallback?.contentType ? { 'content-type': each.fallback.contentType } : {}),
              initialStatus: each['initialStatus'] ?? 200,
              exposeErrorBody: each['exposeErrBody'] ?? false,
              bypassFor: each['experimentalBypassFor'] ?? [],
              sourcePath: each['sourcePath'] ?? null,
              chain: each['chain'] ?? null,
            },
          },
        ];
      }),
  );
}

function fromOurs({ outputs, functions }: Deployment, dir: string): Record<string, unknown> {
  const names = namer();
  return Object.fromEntries(
    [...outputs!]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, output]: [string, Output]) => {
        if (output.kind === 'file')
          return [path, { file: inOutput(dir, output.file), contentType: output.contentType }];
        const spec = functions.find(({ id }) => id === output.functionId)!;
        const name = names(spec, path);
        if (output.kind === 'function') return [path, { function: name, handler: relative(spec.root, spec.entry) }];
        return [path, { function: name, prerender: withRelative(output.prerender, dir) }];
      }),
  );
}

const withRelative = (prerender: Prerender, dir: string): Prerender => ({
  ...prerender,
  fallback: prerender.fallback && { file: inOutput(dir, prerender.fallback.file) },
});

/** Where a file lies that was put in place for a deployment. */
const inOutput = (dir: string, file: string): string =>
  relative(dir, file).replace('../../.weir/dev/dep_1/files/output/', '');

/** What is the same object has the same name: the first path it was found at. */
function namer(): (object: object, path: string) => string {
  const names = new Map<object, string>();
  return (object, path) => {
    if (!names.has(object)) names.set(object, path);
    return names.get(object)!;
  };
}
