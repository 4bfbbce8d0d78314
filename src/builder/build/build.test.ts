import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { project } from '../project.fixture.ts';
import type { Files } from '../project.fixture.ts';
import { building, fakeNpm, nuxt, packageFile } from './build.fixture.ts';
import { vercelTool } from './tool.ts';

const { make, refusal } = building(process.env);
const read = (dir: string, path: string): any => JSON.parse(readFileSync(join(dir, path), 'utf8'));

test('a project is built by its own script, which finds what makes it choose the output', async () => {
  const dir = await project({
    ...nuxt,
    'weir.json': '{ "environment": { "DECLARED": "yes" } }',
    '.env': 'STAGE=secret\n',
  });
  const { made: result, said, printed } = await make(dir);
  assert.deepEqual(said, ['building Nuxt 4.5.2: npm run build']);
  assert.match(printed, /built by itself/);
  assert.ok(result.kind === 'made');
  assert.deepEqual([result.title, result.summary.functions, result.summary.files], ['Nuxt 4.5.2', 0, 1]);
  const environment = read(dir, '.vercel/output/static/environment.json');
  const { VERCEL, NITRO_PRESET, CI, DECLARED, STAGE } = environment;
  assert.deepEqual(
    { VERCEL, NITRO_PRESET, CI, DECLARED },
    { VERCEL: '1', NITRO_PRESET: 'vercel', CI: '1', DECLARED: 'yes' },
  );
  // Frameworks read these files themselves, each in an order of its own.
  assert.equal(STAGE, undefined);
});

test('buildCommand of vercel.json comes before the script, vercel-build before build', async () => {
  const dir = await project({ ...nuxt, 'vercel.json': '{ "buildCommand": "node build.mjs && echo by the command" }' });
  assert.match((await make(dir)).printed, /by the command/);
  const scripts = { build: 'exit 3', 'vercel-build': 'node build.mjs' };
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ dependencies: { nuxt: '*' }, scripts }));
  writeFileSync(join(dir, 'vercel.json'), '{}');
  assert.equal((await make(dir)).made.kind, 'made');
});

test('without a script the framework’s own command is run', async () => {
  const dir = await project({
    ...nuxt,
    'package.json': '{ "dependencies": { "nuxt": "*" } }',
    'node_modules/.bin/nuxt': '#!/bin/sh\nnode build.mjs\n',
  });
  chmodSync(join(dir, 'node_modules/.bin/nuxt'), 0o755);
  const { made: result, said } = await make(dir);
  assert.deepEqual([result.kind, said], ['made', ['building Nuxt 4.5.2: nuxt build']]);
});

test('what vercel.json says of routes and crons is in the output, the project’s routes before the framework’s', async () => {
  const settings = {
    redirects: [{ source: '/old', destination: '/new' }],
    headers: [{ source: '/(.*)', headers: [{ key: 'x-a', value: 'b' }] }],
    crons: [{ path: '/tick', schedule: '* * * * *' }],
  };
  const dir = await project({ ...nuxt, 'vercel.json': JSON.stringify(settings) });
  await make(dir);
  const { routes, crons, version } = read(dir, '.vercel/output/config.json');
  assert.deepEqual([version, crons], [3, settings.crons]);
  assert.deepEqual(
    routes.map(({ src, handle, status }: any) => status ?? handle ?? src),
    [308, '^(?:/(.*))$', 'filesystem', '/(.*)'],
  );
});

test('an output whose config.json is long is as good as any', async () => {
  const routes = Array.from({ length: 20_000 }, (_, index) => ({
    src: `^/${'long/'.repeat(10)}${index}$`,
    status: 404,
  }));
  const build = `
    import { mkdirSync, writeFileSync } from 'node:fs';
    mkdirSync('.vercel/output', { recursive: true });
    writeFileSync('.vercel/output/config.json', ${JSON.stringify(JSON.stringify({ version: 3, routes }))});`;
  const dir = await project({ ...nuxt, 'build.mjs': build });
  assert.equal((await make(dir)).made.kind, 'made');
  assert.equal(read(dir, '.vercel/output/config.json').routes.length, routes.length);
});

test('a build without an output names what the project has to use', async () => {
  const dir = await project({
    'package.json': packageFile('@sveltejs/kit', 'node -e 0'),
    'node_modules/@sveltejs/kit/package.json': '{ "version": "2.70.4" }',
  });
  await refusal(dir, /left no \.vercel\/output\/config\.json: the project has to use @sveltejs\/adapter-vercel/);
  const other = await project({ ...nuxt, 'package.json': packageFile('nuxt', 'node -e 0') });
  await refusal(other, /the project chooses another output/);
  const version = `mkdir -p .vercel/output && echo '{"version":2}' > .vercel/output/config.json`;
  const old = await project({ ...nuxt, 'package.json': packageFile('nuxt', version) });
  await refusal(old, /config\.json: version: expected 3 \(Build Output API\), got 2/);
});

test('what can be mended is refused before anything is run', async () => {
  const notInstalled = await project({ 'package.json': packageFile('nuxt'), 'pnpm-lock.yaml': '' });
  await refusal(notInstalled, /nuxt is in package\.json, and not installed: `pnpm install --frozen-lockfile` first/);
  await refusal(await project({}), /no framework is recognised: there is no package\.json/);
  await refusal(await project({ 'package.json': '{}' }), /package\.json has none of next, nuxt, /);
  await refusal(await project({ 'package.json': '{ "dependencies": ' }), /package\.json:1:\d+: not valid JSON/);
  await refusal(join(tmpdir(), 'weir-nowhere'), /weir-nowhere: there is no such directory/);
  const wrong = await project({ ...nuxt, 'vercel.json': '{ "buildCommand": 3 }' });
  await refusal(wrong, /vercel\.json: buildCommand: expected a string, got 3/);
});

test('a server that runs as it is needs no build', async () => {
  const dir = await project({
    'package.json': packageFile('express'),
    'node_modules/express/package.json': '{ "version": "5.3.0" }',
  });
  assert.deepEqual((await make(dir)).made, { kind: 'nothing-to-do', title: 'Express 5.3.0' });
});

const nextProject = (version: string): Files => ({
  'package.json': packageFile('next'),
  'node_modules/next/package.json': JSON.stringify({ version }),
});

test('Next.js is given the adapter, whose output is put in place wherever it was made', async () => {
  const adapter = `
    const { mkdirSync, writeFileSync } = require('node:fs');
    module.exports = {
      name: 'Fake',
      modifyConfig: (config) => ({ ...config, modified: true }),
      async onBuildComplete({ distDir }) {
        mkdirSync(distDir + '/output/functions/a.func', { recursive: true });
        writeFileSync(distDir + '/output/config.json', JSON.stringify({ version: 3, given: process.env.NEXT_ADAPTER_VERCEL_CONFIG }));
      },
    };`;
  const build = `
    const adapter = await import(process.env.NEXT_ADAPTER_PATH);
    if (adapter.name !== 'Fake' || !adapter.modifyConfig({}, {}).modified) process.exit(5);
    await adapter.onBuildComplete({ distDir: 'elsewhere/dist' });`;
  const dir = await project({
    ...nextProject('16.4.6'),
    'build.mjs': build,
    'vercel.json': '{ "functions": { "app/**": { "memory": 512 } } }',
  });
  const environment = {
    ...(await fakeNpm({ 'node_modules/@vercel/next/dist/adapter/index.js': adapter })),
    FAKE_BUILD: 'node build.mjs',
  };
  const { made: result, said } = await make(dir, { environment });
  assert.ok(result.kind === 'made');
  assert.equal(result.summary.functions, 1);
  assert.match(said[0]!, /^fetching @vercel\/next@/);
  const { given } = read(dir, '.vercel/output/config.json');
  assert.deepEqual(JSON.parse(given), { zeroConfig: true, functions: { 'app/**': { memory: 512 } } });
  assert.ok(!existsSync(join(dir, 'elsewhere/dist/output')));
  // It was fetched, and is there.
  assert.deepEqual((await make(dir, { environment })).said, ['building Next.js 16.4.6: npm run build']);
});

test('what has no adapter is built by vercel build, offline, with a project file that is gone afterwards', async () => {
  const vercel = `#!/bin/sh
mkdir -p .vercel/output/static && echo '{"version":3}' > .vercel/output/config.json
cp .vercel/project.json .vercel/output/static/; echo "$@"`;
  const environment = await fakeNpm({ 'node_modules/.bin/vercel': vercel });
  for (const [files, options, framework] of [
    [nextProject('15.5.0'), {}, 'nextjs'],
    [nextProject('16.4.6'), { byVercel: true }, 'nextjs'],
    [{ 'package.json': '{}' }, { byVercel: true }, null],
  ] as const) {
    const dir = await project(files);
    const { made: result, printed } = await make(dir, { environment, ...options });
    assert.deepEqual([result.kind, printed], ['made', 'build --yes\n']);
    const { settings } = read(dir, '.vercel/output/static/project.json');
    assert.deepEqual(settings, { framework, installCommand: '' });
    assert.ok(!existsSync(join(dir, '.vercel/project.json')));
  }
  const linked = await project({ ...nextProject('15.5.0'), '.vercel/project.json': '{ "projectId": "prj_1" }' });
  await make(linked, { environment });
  assert.equal(read(linked, '.vercel/output/static/project.json').projectId, 'prj_1');
  assert.equal(readFileSync(join(linked, '.vercel/project.json'), 'utf8'), '{ "projectId": "prj_1" }');
});

test('a project file that a killed build left is not taken for the user’s, whose own comes back', async () => {
  const vercel = `#!/bin/sh
mkdir -p .vercel/output/static && echo '{"version":3}' > .vercel/output/config.json
cp .vercel/project.json .vercel/output/static/`;
  const environment = await fakeNpm({ 'node_modules/.bin/vercel': vercel });
  for (const own of [null, '{ "projectId": "prj_1",  "orgId": "team_1" }']) {
    const dir = await project({ 'package.json': '{}', ...(own === null ? {} : { '.vercel/project.json': own }) });
    const script = `
      import { withVercelProject } from ${JSON.stringify(new URL('vercel-project.ts', import.meta.url).href)};
      await withVercelProject('.', 'gatsby', () => process.kill(process.pid, 'SIGKILL'));`;
    spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], { cwd: dir });
    assert.equal(read(dir, '.vercel/project.json').settings.framework, 'gatsby', 'it has been killed in time');
    await make(dir, { environment, byVercel: true });
    assert.equal(read(dir, '.vercel/output/static/project.json').settings.framework, null);
    const after = own === null ? null : readFileSync(join(dir, '.vercel/project.json'), 'utf8');
    assert.equal(after, own);
    assert.deepEqual(readdirSync(join(dir, '.vercel')), own === null ? ['output'] : ['output', 'project.json']);
  }
});

test('nothing is run from a cache that others may write into', async () => {
  const vercel = (text: string): string =>
    `#!/bin/sh\nmkdir -p .vercel/output && echo '{"version":3}' > .vercel/output/config.json; echo ${text}`;
  const environment = await fakeNpm({ 'node_modules/.bin/vercel': vercel('fetched') });
  const planted = `cache/tools/${vercelTool.title}/node_modules/.bin/vercel`;
  const dir = await project({ 'package.json': '{}', [planted]: vercel('planted') });
  const options = { environment, byVercel: true, temporaryDir: await project({}) };
  chmodSync(join(dir, planted), 0o755);
  assert.equal((await make(dir, options)).printed, 'planted\n');
  chmodSync(join(dir, 'cache/tools'), 0o777);
  const { said, printed } = await make(dir, options);
  assert.deepEqual([said[0], printed], [`fetching ${vercelTool.title} from npm, once`, 'fetched\n']);
});

test('what cannot be fetched is an error with npm’s own words, and leaves nothing behind', async () => {
  const bin = await project({ npm: '#!/bin/sh\necho "ENOTFOUND registry.example" >&2\nexit 1\n' });
  chmodSync(join(bin, 'npm'), 0o755);
  const dir = await project(nextProject('16.4.6'));
  const environment = { ...process.env, PATH: `${bin}:/usr/bin:/bin` };
  await refusal(dir, /@vercel\/next@\S+ could not be fetched.*npm exited with 1:\nENOTFOUND registry\.example$/s, {
    environment,
  });
  assert.deepEqual(readdirSync(join(dir, 'cache/tools')), []);
  const empty = await project({});
  await refusal(dir, /there is no npm on the PATH/, { environment: { PATH: empty } });
});

test('many that fetch at once get one and the same', async () => {
  const vercel = '#!/bin/sh\nmkdir -p .vercel/output && echo \'{"version":3}\' > .vercel/output/config.json';
  const environment = await fakeNpm({ 'node_modules/.bin/vercel': vercel });
  const cacheDir = join(await project({}), 'cache');
  const dirs = await Promise.all(Array.from({ length: 4 }, () => project({ 'package.json': '{}' })));
  const all = await Promise.all(dirs.map((dir) => make(dir, { environment, cacheDir, byVercel: true })));
  assert.ok(all.every(({ made: { kind } }) => kind === 'made'));
  assert.equal(readdirSync(join(cacheDir, 'tools')).length, 1);
});
