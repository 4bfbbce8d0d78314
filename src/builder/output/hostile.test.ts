import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { silentLog } from '../../base/log.ts';
import { readConfig } from '../config.ts';
import { host } from '../project.fixture.ts';
import { buildFromOutput } from './deployment.ts';
import { nodeConfig, outputProject } from './output.fixture.ts';

async function build(dir: string): Promise<void> {
  await buildFromOutput(dir, {
    project: 'shop',
    deployment: 'dep_1',
    target: 'preview',
    hosts: [],
    environment: {},
    config: await readConfig(dir),
    log: silentLog,
    host,
    outDir: join(dir, '.weir/dev/dep_1'),
    claim: () => rm(join(dir, '.weir'), { recursive: true, force: true }),
  });
}

/** Values that the names in these files may have, and that no file should. */
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(
    '',
    '/',
    '..',
    '../..',
    '\0',
    '__proto__',
    '/(',
    '(?<a',
    'a'.repeat(5000),
    1e308,
    -1,
    null,
    [],
    {},
    [null],
    [[]],
  ),
);

const names = {
  config: [
    'version',
    'routes',
    'overrides',
    'images',
    'wildcard',
    'crons',
    'framework',
    'deploymentId',
    'afterCacheBypass',
    '__proto__',
  ],
  route: [
    'src',
    'dest',
    'source',
    'destination',
    'handle',
    'has',
    'missing',
    'headers',
    'status',
    'continue',
    'check',
    'transforms',
    'locale',
    'env',
    'methods',
  ],
  function: [
    'handler',
    'runtime',
    'filePathMap',
    'environment',
    'memory',
    'maxDuration',
    'assets',
    'entrypoint',
    'type',
    '__proto__',
  ],
  prerender: [
    'expiration',
    'fallback',
    'group',
    'bypassToken',
    'allowQuery',
    'initialHeaders',
    'chain',
    'experimentalBypassFor',
  ],
};

const object = (keys: readonly string[], base: object = {}) =>
  fc
    .dictionary(fc.constantFrom(...keys), value, { maxKeys: 4 })
    .map((fields): object => Object.assign({}, base, fields));

const config = fc.oneof(
  object(names.config, { version: 3 }),
  fc.array(object(names.route), { maxLength: 4 }).map((routes) => ({ version: 3, routes })),
);

async function settles(dir: string, path: string, content: unknown): Promise<void> {
  await writeFile(join(dir, '.vercel/output', path), JSON.stringify(content) ?? '');
  const outcome = await build(dir).catch((error: unknown) => error as Error);
  if (outcome instanceof Error) {
    assert.equal(outcome.name, 'UsageError', outcome.stack);
    assert.ok(outcome.message.startsWith(dir), outcome.message);
  }
}

const tree = { 'functions/a.func/.vc-config.json': nodeConfig, 'functions/a.func/index.js': '', 'static/a.html': '' };

test('whatever is in an output, it is served, or refused by the name of a file', async () => {
  const each = (content: fc.Arbitrary<unknown>, path: string) =>
    outputProject(tree).then((dir) =>
      fc.assert(
        fc.asyncProperty(content, (json) => settles(dir, path, json)),
        { numRuns: 150 },
      ),
    );
  await each(config, 'config.json');
  await each(object(names.function, nodeConfig), 'functions/a.func/.vc-config.json');
  await each(object(names.function, { runtime: 'edge', entrypoint: 'index.js' }), 'functions/a.func/.vc-config.json');
  await each(object(names.prerender), 'functions/a.prerender-config.json');
  await each(fc.jsonValue(), 'config.json');
});

test('text that is no JSON is refused', async () => {
  const dir = await outputProject(tree);
  await fc.assert(
    fc.asyncProperty(fc.string(), async (text) => {
      await writeFile(join(dir, '.vercel/output/config.json'), text);
      const error = await build(dir).then(
        () => null,
        (reason: unknown) => reason as Error,
      );
      assert.equal(error?.name, 'UsageError', error?.stack);
    }),
    { numRuns: 100 },
  );
});
