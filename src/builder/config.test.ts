import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Cron } from '../model/snapshot.ts';
import { functionConfig, readConfig, refuseUnmatched } from './config.ts';

let home: string;
let count = 0;
before(async () => void (home = await mkdtemp(join(tmpdir(), 'weir-config-'))));
after(() => rm(home, { recursive: true, force: true }));

async function project(files: Readonly<Record<string, string | object>>): Promise<string> {
  count += 1;
  const dir = await mkdtemp(join(home, `p${count}-`));
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(dir, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return dir;
}

async function refused(files: Readonly<Record<string, string | object>>): Promise<string> {
  const dir = await project(files);
  const error = await readConfig(dir).then(
    () => assert.fail('accepted'),
    (error: unknown) => error as Error,
  );
  assert.equal(error.name, 'UsageError', error.stack);
  return error.message.replaceAll(`${dir}/`, '').replaceAll(dir, 'DIR');
}

test('without a file everything has its default', async () => {
  const config = await readConfig(await project({}));
  assert.deepEqual(functionConfig(config, 'api/a.js'), {
    memoryMiB: 2048,
    maxDurationMs: 300_000,
    maxConcurrency: 'auto',
    weight: 1,
    helpers: true,
    runtime: 'nodejs24.x',
    environment: {},
  });
});

test('the first pattern that matches is the function’s, and a file’s own name matches though it has brackets', async () => {
  const config = await readConfig(
    await project({
      'weir.json': {
        functions: {
          'api/[id].ts': { memory: 128, maxDuration: 'max', maxConcurrency: 1 },
          'api/**/*.ts': { memory: 256, maxDuration: 7, maxConcurrency: 'auto' },
          '**': { memory: 512 },
        },
      },
    }),
  );
  const of = (path: string) => functionConfig(config, path);
  assert.deepEqual(
    [of('api/[id].ts').memoryMiB, of('api/[id].ts').maxDurationMs, of('api/[id].ts').maxConcurrency],
    [128, 3_600_000, 1],
  );
  assert.deepEqual([of('api/x/y.ts').memoryMiB, of('api/x/y.ts').maxDurationMs], [256, 7000]);
  assert.equal(of('server.js').memoryMiB, 512);
});

test('environment: file, then .env, then .env.local, then the function’s own', async () => {
  const dir = await project({
    'weir.json': {
      environment: { A: 'file', B: 'file', C: 'file', D: 'file' },
      functions: { 'api/a.js': { environment: { D: 'function' } } },
    },
    '.env': 'B=dotenv\nC="dotenv"\nD=dotenv\n',
    '.env.local': 'C=local\nD=local\n',
  });
  const config = await readConfig(dir);
  assert.deepEqual(functionConfig(config, 'api/a.js').environment, {
    A: 'file',
    B: 'dotenv',
    C: 'local',
    D: 'function',
  });
  assert.equal(functionConfig(config, 'api/b.js').environment['D'], 'local');
});

test('wrong values name the file, the path in it, what was expected and what was there', async () => {
  const cases: readonly (readonly [object, string])[] = [
    [
      { functions: { 'api/*.ts': { memory: 'big' } } },
      'weir.json: functions["api/*.ts"].memory: expected a whole number from 128 to 10240 (MB), got "big"',
    ],
    [
      { functions: { a: { memory: 64 } } },
      'weir.json: functions.a.memory: expected a whole number from 128 to 10240 (MB), got 64',
    ],
    [
      { functions: { a: { maxDuration: 1.5 } } },
      'weir.json: functions.a.maxDuration: expected a whole number from 1 to 3600 (seconds) or "max", got 1.5',
    ],
    [
      { functions: { a: { maxConcurrency: 8193 } } },
      'weir.json: functions.a.maxConcurrency: expected a whole number from 1 to 8192 or "auto", got 8193',
    ],
    [
      { functions: { a: { runtime: 'nodejs18.x' } } },
      'weir.json: functions.a.runtime: expected "nodejs22.x", "nodejs24.x", "nodejs26.x" or "python3.12" (or another 3.x), got "nodejs18.x"',
    ],
    [{ functions: { a: { memroy: 128 } } }, 'weir.json: functions.a.memroy: there is no such setting'],
    [{ alias: [] }, 'weir.json: alias: there is no such setting'],
    [{ functions: { a: null } }, 'weir.json: functions.a: expected an object of settings, got null'],
    [{ functions: ['a'] }, 'weir.json: functions: expected an object from file patterns to settings, got a list'],
    [[], 'weir.json: (top level): expected an object, got a list'],
    [
      { name: 'Not A Host' },
      'weir.json: name: expected lower-case letters, digits and hyphens, at most 63, as in a host name, got "Not A Host"',
    ],
    [
      { environment: { '1A': 'x' } },
      'weir.json: environment["1A"]: expected a name of letters, digits and underscores that does not begin with a digit as its name',
    ],
  ];
  for (const [content, message] of cases) assert.equal(await refused({ 'weir.json': content }), message);
});

test('limits and weights out of range, or no numbers, are refused with the value and what is allowed', async () => {
  const allowed = {
    maxConcurrency: 'a whole number from 1 to 8192 or "auto"',
    maxInstances: 'a whole number from 1 to 10000',
    weight: 'a whole number from 1 to 1000',
  };
  for (const [setting, range] of Object.entries(allowed)) {
    for (const value of [0, -1, 1e9, 1.5, 'many', '2', null, [1]]) {
      const got = Array.isArray(value) ? 'a list' : JSON.stringify(value);
      for (const file of ['weir.json', 'vercel.json']) {
        const text = await refused({ [file]: { functions: { 'api/heavy.js': { [setting]: value } } } });
        assert.equal(text, `${file}: functions["api/heavy.js"].${setting}: expected ${range}, got ${got}`);
      }
    }
  }
});

test('a function’s weight is the one of its pattern, in either file', async () => {
  for (const file of ['weir.json', 'vercel.json']) {
    const dir = await project({ [file]: { functions: { 'api/heavy.js': { weight: 2 }, '**': { weight: 1000 } } } });
    const config = await readConfig(dir);
    assert.equal(functionConfig(config, 'api/heavy.js').weight, 2);
    assert.equal(functionConfig(config, 'api/light.js').weight, 1000);
    assert.equal(functionConfig(config, 'api/light.js', { weight: 3 }).weight, 3, 'code is the strongest');
    assert.deepEqual(config.warnings, []);
  }
});

test('the runtime is the one that was asked for, and one sentence says which are discontinued', async () => {
  const functions = {
    'a.js': { runtime: 'nodejs22.x' },
    'b.js': { runtime: 'nodejs20.x' },
    'c.js': { runtime: 'nodejs26.x' },
    'd.js': {},
  };
  for (const file of ['weir.json', 'vercel.json']) {
    const dir = await project({ [file]: { functions } });
    const config = await readConfig(dir);
    assert.deepEqual(
      Object.keys(functions).map((name) => functionConfig(config, name).runtime),
      ['nodejs22.x', 'nodejs22.x', 'nodejs26.x', 'nodejs24.x'],
    );
    assert.deepEqual(config.warnings, [
      `${dir}/${file}: runtime: nodejs20.x is discontinued: nodejs22.x runs in its place`,
    ]);
  }
});

test('engines.node of package.json chooses the runtime of what does not say', async () => {
  const runtime = async (node: unknown): Promise<unknown> => {
    const dir = await project({
      'package.json': { engines: { node } },
      'weir.json': { functions: { 'own.js': { runtime: 'nodejs24.x' } } },
    });
    const config = await readConfig(dir);
    assert.equal(functionConfig(config, 'own.js').runtime, 'nodejs24.x');
    assert.equal(config.runtime, functionConfig(config, 'a.js').runtime);
    return config.warnings.length === 0 ? config.runtime : config.warnings[0]!.replace(dir, 'DIR');
  };
  assert.equal(await runtime('22.x'), 'nodejs22.x');
  assert.equal(await runtime('>=18'), 'nodejs24.x');
  assert.equal(await runtime(24), 'nodejs24.x');
  assert.equal(
    await runtime('18.x'),
    'DIR/package.json: engines.node: "18.x" is satisfied by no runtime that there is: nodejs24.x runs',
  );
  const config = await readConfig(await project({ 'package.json': '{ "engines": ' }));
  assert.deepEqual([config.runtime, config.warnings], ['nodejs24.x', []], 'others tell that it cannot be read');
});

test('every fault is told at once', async () => {
  const text = await refused({ 'weir.json': { x: 1, functions: { a: { memory: 1, maxDuration: 0 } } } });
  assert.equal(text.split('\n').length, 3);
});

test('a value in an environment is never shown', async () => {
  const text = await refused({ 'weir.json': { environment: { SECRET: 12_345 } } });
  assert.equal(text, 'weir.json: environment.SECRET: expected a string, got a number');
});

test('too many patterns are refused', async () => {
  const functions = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`a${index}`, {}]));
  assert.match(await refused({ 'weir.json': { functions } }), /functions: expected at most 50 patterns/);
});

test('broken JSON is shown where it breaks', async () => {
  const cases: readonly (readonly [string, string])[] = [
    ['{\n  "a": 1,\n}', 'weir.json:3:1: not valid JSON: unexpected "}"'],
    ['{\n "a": tru }', 'weir.json:2:10: not valid JSON: unexpected " "'],
    ['{"a" 1}', 'weir.json:1:6: not valid JSON: unexpected "1"'],
    ['{"a": 1} x', 'weir.json:1:10: not valid JSON: unexpected "x"'],
    ['{"a":', 'weir.json:1:6: not valid JSON: the file ends too early'],
    ['', 'weir.json:1:1: not valid JSON: the file ends too early'],
    ["{'a': 1}", 'weir.json:1:2: not valid JSON: unexpected "\'"'],
    ['{"a": "x\ny"}', 'weir.json:1:9: not valid JSON: unexpected "\\n"'],
  ];
  for (const [text, message] of cases) assert.equal(await refused({ 'weir.json': text }), message);
});

test('vercel.json: what has no effect is named, what is unknown is refused, env reaches functions', async () => {
  const dir = await project({
    'vercel.json': {
      $schema: 'https://openapi.vercel.sh/vercel.json',
      version: 2,
      fluid: true,
      env: { A: 'a' },
      rewrites: [{ source: '/a', destination: '/b' }],
      crons: [{ path: '/api/x', schedule: '0 5 * * *' }],
      git: {},
      functions: { 'api/*': { memory: 1024, regions: ['iad1'] } },
    },
  });
  const config = await readConfig(dir);
  assert.deepEqual(config.warnings, [
    `${dir}/vercel.json: without effect in this version of Weir: git, functions.*.regions`,
  ]);
  assert.equal(functionConfig(config, 'api/x.js').memoryMiB, 1024);
  assert.deepEqual(functionConfig(config, 'api/x.js').environment, { A: 'a' });
  assert.equal(await refused({ 'vercel.json': { rewrite: [] } }), 'vercel.json: rewrite: there is no such setting');
});

test('crons: whether calls may overlap is said in weir.json alone; what is wrong is refused by field', async () => {
  const crons = [
    { path: '/a', schedule: '0 5 * * *', overlap: false },
    { path: '/b?c=d', schedule: '* * * * *' },
  ];
  assert.deepEqual((await readConfig(await project({ 'weir.json': { crons } }))).crons, crons);
  const [{ overlap: _, ...bare }, other] = crons as [Cron, Cron];
  assert.deepEqual((await readConfig(await project({ 'vercel.json': { crons } }))).crons, [bare, other]);
  for (const [cron, message] of [
    [{ overlap: 'no' }, 'crons[0].overlap: expected true or false, got "no"'],
    [{ overlaps: false }, 'crons[0].overlaps: there is no such setting'],
    [
      { schedule: '0 24 * * *' },
      'crons[0].schedule: expected an hour from 0 to 23 (as in *, 23, 0-23, 0,23 or */2) in place of "24", got "0 24 * * *"',
    ],
    [{ path: '/a b' }, 'crons[0].path: expected a path of printable ASCII characters without spaces and #, got "/a b"'],
  ] as const)
    assert.equal(
      await refused({ 'weir.json': { crons: [{ path: '/a', schedule: '* * * * *', ...cron }] } }),
      `weir.json: ${message}`,
    );
});

test('weir.json and vercel.json together are refused', async () => {
  assert.match(await refused({ 'weir.json': {}, 'vercel.json': {} }), /^DIR: has both weir\.json and vercel\.json/);
});

test('a file over the limit is refused before it is read', async () => {
  assert.match(await refused({ 'weir.json': ' '.repeat(1024 * 1024 + 1) }), /1048577 bytes; at most 1048576 are read/);
});

test('a pattern that matches no file is refused by name', async () => {
  const config = await readConfig(await project({ 'weir.json': { functions: { 'api/*.ts': {}, 'apo/*.ts': {} } } }));
  assert.throws(() => refuseUnmatched(config, ['api/a.ts']), {
    name: 'UsageError',
    message: /weir\.json: functions\["apo\/\*\.ts"\]: matches no function's file; the functions are api\/a\.ts$/,
  });
  refuseUnmatched(config, ['api/a.ts', 'apo/b.ts']);
});
