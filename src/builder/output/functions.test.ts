import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Prerender } from '../../model/output.ts';
import { refusal } from '../project.fixture.ts';
import { build, link, nodeConfig, outputProject } from './output.fixture.ts';

const vc = (name: string): string => `functions/${name}.func/.vc-config.json`;
const code = (name: string): string => `functions/${name}.func/index.js`;

async function refused(tree: Readonly<Record<string, unknown>>): Promise<string> {
  const dir = await outputProject(tree);
  return (await refusal(dir, () => build(dir))).replaceAll('DIR/.vercel/output/functions/', '');
}

test('a function that cannot be run is refused by file and path, with what is allowed', async () => {
  const config = (fields: object) => ({ [vc('a')]: { ...nodeConfig, ...fields }, [code('a')]: '' });
  const others =
    'expected "nodejs22.x", "nodejs24.x", "nodejs26.x", "edge", "python3.12" (or another 3.x), "bun1.x" or "executable" (functions of other runtimes are not run in this version of Weir)';
  for (const [fields, message] of [
    [{ runtime: 'ruby3.3' }, `runtime: ${others}, got "ruby3.3"`],
    [{ runtime: 'nodejs18.x' }, `runtime: ${others}, got "nodejs18.x"`],
    [{ runtime: 'container', handler: 'registry/image' }, `runtime: ${others}, got "container"`],
    [{ runtime: undefined }, `runtime: ${others}, got nothing`],
    [{ handler: undefined }, 'handler: expected the path of the file to load, in the bundle, got nothing'],
    [{ handler: 'missing.js' }, 'handler: there is no file "missing.js" in the bundle'],
    [{ handler: '.vc-config.json' }, 'handler: there is no file ".vc-config.json" in the bundle'],
    [{ launcherType: 'Other' }, 'launcherType: expected "Nodejs", got "Other"'],
    [{ memory: 64 }, 'memory: expected a whole number from 128 to 10240 (MB), got 64'],
    [{ maxDuration: 4000 }, 'maxDuration: expected a whole number from 1 to 3600 (seconds) or "max", got 4000'],
    [{ maxConcurrency: 0 }, 'maxConcurrency: expected a whole number from 1 to 8192 or "auto", got 0'],
    [{ environment: { SECRET: 12345 } }, 'environment.SECRET: expected a string, got a number'],
    [{ shouldAddHelpers: 'yes' }, 'shouldAddHelpers: expected true or false, got "yes"'],
    [{ filePathMap: ['a'] }, 'filePathMap: expected an object from paths in the bundle to paths of files, got a list'],
  ] as const)
    assert.equal(await refused(config(fields)), `a.func/.vc-config.json: ${message}`);
  const edge = { runtime: 'edge', entrypoint: 'index.js' };
  assert.equal(
    await refused({ [vc('e')]: { ...edge, assets: [{ name: 'x', path: '../x' }] }, [code('e')]: '' }),
    'e.func/.vc-config.json: assets[0].path: there is no file "../x" in the bundle',
  );
  assert.equal(
    await refused({ [vc('e')]: { runtime: 'edge' } }),
    'e.func/.vc-config.json: entrypoint: expected the path of the file to load, in the bundle, got nothing',
  );
});

test('what a function says of itself, what the project says of it, and where it says nothing', async () => {
  const own = {
    ...nodeConfig,
    runtime: 'nodejs20.x',
    memory: 512,
    maxDuration: 'max',
    maxConcurrency: 5,
    shouldAddHelpers: true,
    shouldAddSourcemapSupport: true,
    useWebApi: true,
    supportsResponseStreaming: false,
    environment: { A: 'own', B: 'own', C: 'own' },
  };
  const dir = await outputProject(
    { [vc('api/own')]: own, [code('api/own')]: '', [vc('plain')]: nodeConfig, [code('plain')]: '' },
    {
      'weir.json': {
        environment: { A: 'project', D: 'project' },
        functions: { 'api/*': { memory: 1024, environment: { C: 'rule' } }, 'app/elsewhere.ts': { memory: 256 } },
      },
      '.env': 'B=dotenv\nE=dotenv',
    },
  );
  const { deployment, warnings } = await build(dir);
  const [one, plain] = deployment.functions.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  assert.deepEqual(one!.config, {
    memoryMiB: 1024,
    maxDurationMs: 3_600_000,
    maxConcurrency: 5,
    weight: 1,
    runtime: 'nodejs22.x',
    helpers: true,
    webApi: true,
    sourceMaps: true,
    streams: false,
    environment: {
      PLATFORM: 'yes',
      VERCEL_DEPLOYMENT_ID: 'dep_1',
      NODE_ENV: 'production',
      A: 'own',
      B: 'own',
      C: 'rule',
      D: 'project',
      E: 'dotenv',
    },
  });
  assert.equal(plain!.config.memoryMiB, 2048);
  const { helpers, webApi, sourceMaps, streams } = plain!.config;
  assert.deepEqual([helpers, webApi, sourceMaps, streams], [false, false, false, true]);
  assert.deepEqual(warnings, [
    'warn: DIR/.vercel/output: runtime: nodejs20.x is discontinued: nodejs22.x runs in its place',
    'warn: DIR/weir.json: functions["app/elsewhere.ts"]: matches no function of the output, and is without effect beyond its build; the functions are api/own, plain',
  ]);
  assert.deepEqual([one!.id, one!.label, one!.launch], ['dep_1/api/own', 'shop/api/own', 'module']);
});

test('an edge function has its entry, its environment and the files that it fetches', async () => {
  const dir = await outputProject(
    {
      [vc('e')]: {
        runtime: 'edge',
        entrypoint: 'app/index.js',
        environment: { A: '1' },
        assets: [{ name: 'font.ttf', path: 'assets/font.ttf' }],
        filePathMap: { 'assets/font.ttf': 'font.ttf', 'wasm/x.wasm': 'x.wasm' },
      },
      'functions/e.func/app/index.js': 'export default () => {}',
    },
    { 'font.ttf': '', 'x.wasm': '' },
  );
  const [spec] = (await build(dir)).deployment.functions;
  const root = join(dir, '.weir/dev/dep_1/functions/e.func');
  assert.deepEqual([spec!.launch, spec!.root, spec!.entry], ['edge', root, join(root, 'app/index.js')]);
  assert.deepEqual(spec!.assets, [{ name: 'font.ttf', file: join(root, 'assets/font.ttf') }]);
  assert.equal(spec!.config.environment['A'], '1');
});

test('a link is the same function under another path, also by way of other links; one to nowhere is refused', async () => {
  const dir = await outputProject({ [vc('a')]: nodeConfig, [code('a')]: '' });
  await link(dir, 'functions/z.func', 'deep/y.func');
  await link(dir, 'functions/deep/y.func', join(dir, '.vercel/output/functions/a.func'));
  const { deployment } = await build(dir);
  assert.equal(deployment.functions.length, 1);
  assert.deepEqual(
    [...deployment.outputs!].map(([path, output]) => [path, output.kind === 'function' && output.functionId]),
    ['a', 'deep/y', 'z'].map((path) => [path, 'dep_1/a']),
  );
  for (const [target, message] of [
    ['missing.func', 'leads to missing.func, where there is no function'],
    ['b.func', 'leads to b.func, where there is no function'],
    ['a', 'expected a link to a .func folder in DIR/.vercel/output/functions, got one to a'],
    [
      '../../outside.func',
      'expected a link to a .func folder in DIR/.vercel/output/functions, got one to ../../outside.func',
    ],
  ] as const) {
    const broken = await outputProject({ [vc('a')]: nodeConfig, [code('a')]: '' });
    await link(broken, 'functions/b.func', target);
    assert.equal(await refusal(broken, () => build(broken)), `DIR/.vercel/output/functions/b.func: ${message}`);
  }
});

test('a link to a folder of functions is followed, and refused where it leads out of the project', async () => {
  const elsewhere = await outputProject({}, { 'f/b.func/.vc-config.json': nodeConfig, 'f/b.func/index.js': '' });
  const ours = { 'more/b.func/.vc-config.json': nodeConfig, 'more/b.func/index.js': '' };
  const dir = await outputProject({ [vc('a')]: nodeConfig, [code('a')]: '' }, ours);
  await link(dir, 'functions/in', '../../../more');
  const { deployment } = await build(dir);
  assert.deepEqual([...deployment.outputs!.keys()], ['a', 'in/b']);
  await link(dir, 'functions/out', join(elsewhere, 'f'));
  assert.equal(
    await refusal(dir, () => build(dir)),
    `DIR/.vercel/output/functions/out: expected a link to a folder in the project, got one that leads out of it, to ${join(elsewhere, 'f')}`,
  );
});

test('a prerender that is wrong is refused by file and path', async () => {
  const tree = (prerender: object) => ({
    [vc('a')]: nodeConfig,
    [code('a')]: '',
    'functions/a.prerender-config.json': prerender,
  });
  for (const [prerender, message] of [
    [{ expiration: 'soon' }, 'expiration: expected a number of seconds, or false, got "soon"'],
    [{ expiration: -1 }, 'expiration: expected a number of seconds, or false, got -1'],
    [{ group: 0 }, 'group: expected a whole number from 1, got 0'],
    [{ bypassToken: 'short' }, 'bypassToken: expected a string of at least 32 characters, got a string'],
    [{ allowQuery: 'q' }, 'allowQuery: expected a list of strings, got "q"'],
    [{ allowHeader: [1] }, 'allowHeader[0]: expected a string, got 1'],
    [{ passQuery: 1 }, 'passQuery: expected true or false, got 1'],
    [{ initialHeaders: { a: ['b'] } }, 'initialHeaders.a: expected a string, got a list'],
    [{ initialStatus: 0 }, 'initialStatus: expected a whole number from 1, got 0'],
    [{ chain: { outputPath: '', headers: {} } }, 'chain.outputPath: expected a path, got ""'],
    [
      { experimentalBypassFor: [{ type: 'header' }] },
      'experimentalBypassFor[0]: expected an object with type, key, and a value or none, got an object',
    ],
    [
      { experimentalBypassFor: [{ type: 'header', key: 'a', value: '[' }] },
      'experimentalBypassFor[0].value: expected a regular expression: Invalid regular expression: /^(?:[)$/: Unterminated character class',
    ],
    [{ fallback: 'missing.html' }, 'fallback: there is no file "missing.html" beside it'],
    [
      { fallback: '../../../secret.txt' },
      'fallback: expected a file in the output, got "../../../secret.txt", which leads out of it',
    ],
    [{ fallback: 5 }, 'fallback: expected the path of a file, an object with fsPath, or null, got 5'],
  ] as const) {
    const dir = await outputProject(tree(prerender), { 'secret.txt': '' });
    assert.equal(
      await refusal(dir, () => build(dir)),
      `DIR/.vercel/output/functions/a.prerender-config.json: ${message}`,
    );
  }
});

test('a token is never shown', async () => {
  const text = await refused({
    [vc('a')]: nodeConfig,
    [code('a')]: '',
    'functions/a.prerender-config.json': { bypassToken: 'a-secret' },
  });
  assert.doesNotMatch(text, /a-secret/);
});

test('answers of edge functions are not kept', async () => {
  const edge = { [vc('e')]: { runtime: 'edge', entrypoint: 'index.js' }, [code('e')]: '' };
  const own = await outputProject({ ...edge, 'functions/e.prerender-config.json': {} });
  const { deployment, warnings } = await build(own);
  assert.equal(deployment.outputs!.get('e')!.kind, 'function');
  assert.match(warnings.join(), /e\.prerender-config\.json: without effect: answers of edge functions are not kept$/);

  const linked = await outputProject({ ...edge, 'functions/f.prerender-config.json': {} });
  await link(linked, 'functions/f.func', 'e.func');
  assert.equal(
    await refusal(linked, () => build(linked)),
    'DIR/.vercel/output/functions/f.prerender-config.json: expected a Node.js function to keep the answers of, got the edge function e',
  );
});

test('a header says the type of a fallback; without one its own field does, or else its name', async () => {
  const headers = async (initialHeaders: object, fallback: unknown): Promise<Prerender['initialHeaders']> => {
    const dir = await outputProject({
      [vc('a')]: nodeConfig,
      [code('a')]: '',
      'functions/a.html': '',
      'functions/a.bin': '',
      'functions/a.prerender-config.json': { initialHeaders, fallback },
    });
    const output = (await build(dir)).deployment.outputs!.get('a');
    assert.ok(output?.kind === 'prerender');
    return output.prerender.initialHeaders;
  };
  const own = { fsPath: 'a.html', contentType: 'text/own' };
  assert.deepEqual(await headers({ vary: 'rsc' }, own), { vary: 'rsc', 'content-type': 'text/own' });
  assert.deepEqual(await headers({ 'Content-Type': 'text/x' }, own), { 'Content-Type': 'text/x' });
  assert.deepEqual(await headers({}, 'a.html'), { 'content-type': 'text/html; charset=utf-8' });
  assert.deepEqual(await headers({}, 'a.bin'), {});
  assert.deepEqual(await headers({}, null), {});
});
