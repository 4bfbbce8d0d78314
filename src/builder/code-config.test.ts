import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Launch } from '../model/function.ts';
import { readCodeConfig } from './code-config.ts';
import { project, refusal } from './project.fixture.ts';

const read = async (source: string, file = 'api/a.ts', launch: Launch = 'module') => {
  const dir = await project({ [file]: source });
  const { settings, warnings } = await readCodeConfig(dir, file, launch);
  return { settings, warnings: warnings.map((warning) => warning.replace(dir, 'DIR')) };
};
const settings = async (source: string, file?: string) => {
  const { settings, warnings } = await read(source, file);
  assert.deepEqual(warnings, []);
  return settings;
};

test('settings in a function’s own file are read, in the forms that people write', async () => {
  const all = { maxDuration: 60, memory: 512 };
  assert.deepEqual(await settings('export const config = { maxDuration: 60, memory: 512, runtime: "nodejs" };'), all);
  assert.deepEqual(
    await settings(
      'const own: C = {\n  // why\n  maxDuration: 60,\n  "memory": 5_12,\n} as const satisfies C;\nexport { own as config };',
    ),
    all,
  );
  assert.deepEqual(await settings('export let a = 1, maxDuration = 60 * 5;', 'api/a.mjs'), { maxDuration: 300 });
  assert.deepEqual(
    await settings('export const runtime = `nodejs22.x`, P = () => <p>export const config = 1</p>;', 'api/a.tsx'),
    {
      runtime: 'nodejs22.x',
    },
  );
  assert.deepEqual(await settings('export const maxDuration = "max"; export const config = { maxConcurrency: 1 };'), {
    maxDuration: 'max',
    maxConcurrency: 1,
  });
  assert.deepEqual(await settings('export const config = { weight: 2, maxConcurrency: "auto" };'), {
    weight: 2,
    maxConcurrency: 'auto',
  });
  assert.deepEqual(await settings('export const maxDuration = 5; export const config = { maxDuration: 6 };'), {
    maxDuration: 6,
  });
});

test('what only looks like settings is none', async () => {
  const sources = [
    'const config = { memory: 1 }; export const GET = () => config;',
    'export const GET = () => `\nexport const config = { memory: 1 };\nvar config = { memory: 1 };`;',
    '// export const config = { memory: 1 };\nexport const GET = 1;',
    'export const GET = () => { const maxDuration = 99999; return maxDuration; };',
    'export const GET = ;  export const config = { memory: 1 };',
  ];
  for (const source of sources) assert.deepEqual(await settings(source), {}, source);
  const commented =
    'import { config } from "./x.js"; f({ /*\nvar config = { memory: 1 };\n*/ a: 1 }); export { config };';
  assert.deepEqual((await read(commented)).settings, {});
  assert.deepEqual(await settings('module.exports.config = { memory: 1 };', 'api/a.cjs'), {});
});

test('wrong values are refused by file and field, all at once', async () => {
  const dir = await project({
    'api/a.js':
      'export const config = { memory: 64, maxDuration: "long", runtime: "bun" }; export const maxDuration = 0;',
  });
  assert.deepEqual((await refusal(dir, () => readCodeConfig(dir, 'api/a.js', 'module'))).split('\n'), [
    'DIR/api/a.js: config.memory: expected a whole number from 128 to 10240 (MB), got 64',
    'DIR/api/a.js: config.maxDuration: expected a whole number from 1 to 3600 (seconds) or "max", got "long"',
    'DIR/api/a.js: config.runtime: expected "nodejs22.x", "nodejs24.x" or "nodejs26.x", got "bun"',
    'DIR/api/a.js: maxDuration: expected a whole number from 1 to 3600 (seconds) or "max", got 0',
  ]);
});

test('limits and weights out of range, or no numbers, are refused with the value and what is allowed', async () => {
  for (const value of ['0', '-1', '1000000000', '"many"']) {
    const dir = await project({ 'api/a.js': `export const config = { maxConcurrency: ${value}, weight: ${value} };` });
    assert.deepEqual((await refusal(dir, () => readCodeConfig(dir, 'api/a.js', 'module'))).split('\n'), [
      `DIR/api/a.js: config.maxConcurrency: expected a whole number from 1 to 8192 or "auto", got ${value}`,
      `DIR/api/a.js: config.weight: expected a whole number from 1 to 1000, got ${value}`,
    ]);
  }
});

test('a function for an edge runtime is one, in whatever form it says so', async () => {
  const isEdge = async (source: string, launch: Launch = 'module'): Promise<boolean> =>
    (await readCodeConfig(await project({ 'api/a.ts': source }), 'api/a.ts', launch)).isEdge;
  assert.equal(await isEdge("export const config = { runtime: 'edge' };"), true);
  assert.equal(await isEdge("export const runtime = 'experimental-edge';"), true);
  assert.equal(await isEdge("export const runtime = 'nodejs'; export const config = { maxDuration: 5 };"), false);
  assert.equal(await isEdge("export const config = { runtime: 'edge' };", 'server'), false);
});

test('what has no effect is named', async () => {
  const source = `export const config = { runtime: 'edge', regions: ['iad1'], matcher: '/a', maxDuration: LIMIT, memory: 256 };
    export const preferredRegion = 'iad1'; import { LIMIT } from './limit.js';`;
  const found = await read(source);
  assert.deepEqual(found.settings, { memory: 256 });
  assert.deepEqual(found.warnings, [
    'DIR/api/a.ts: config.maxDuration is not a literal: without effect',
    'DIR/api/a.ts: without effect in this version of Weir: config.regions, config.matcher',
    'DIR/api/a.ts: without effect in this version of Weir: preferredRegion',
  ]);
  assert.deepEqual((await read('export const config = load();')).warnings, [
    'DIR/api/a.ts: config is not an object of literals: without effect',
  ]);
});

test('what counts in config only is named where it is an export of its own, whatever its value', async () => {
  for (const name of ['memory', 'maxConcurrency', 'maxInstances', 'weight']) {
    for (const value of ['0', '"many"', '4', 'LIMIT']) {
      const found = await read(`export const ${name} = ${value}; export const maxDuration = 5;`);
      assert.deepEqual(found, {
        settings: { maxDuration: 5 },
        warnings: [`DIR/api/a.ts: ${name} is without effect as an export: use export const config = { ${name}: … }`],
      });
      const ofServer = await read(`export const ${name} = ${value};`, 'server.ts', 'server');
      assert.deepEqual(ofServer, { settings: {}, warnings: [] });
    }
  }
  assert.deepEqual(await settings('const weight = 0, memory = "many"; export const GET = () => weight + memory;'), {});
});

test('a server may have a config of its own', async () => {
  const found = await read('export const config = { port: env.PORT, maxDuration: 9 };', 'server.ts', 'server');
  assert.deepEqual(found, { settings: { maxDuration: 9 }, warnings: [] });
});

// Time that grows with the square of the text would be half a minute here, an hour for what people's bundles are.
test('a bundle that says one of the words very often is looked through at once', { timeout: 5_000 }, async () => {
  for (const word of ['config ', 'export ']) {
    const found = await read(word.repeat(300_000 / word.length), 'server.mjs', 'server');
    assert.deepEqual(found, { settings: {}, warnings: [] });
    // The time limit is looked at between two turns of the loop.
    await turn();
  }
});
