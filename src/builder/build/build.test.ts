import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { project } from '../project.fixture.ts';
import type { Files } from '../project.fixture.ts';
import { makeOutput } from './build.ts';
import type { Made, MakeOptions } from './build.ts';
import { runCommand } from './command.ts';

const packageFile = (dependency: string, build = 'node build.mjs'): string =>
  JSON.stringify({ private: true, dependencies: { [dependency]: '*' }, scripts: { build } });

/** A project of Nuxt whose build writes what it found, and an output. */
const nuxt = {
  'package.json': packageFile('nuxt'),
  'node_modules/nuxt/package.json': '{ "version": "4.5.2" }',
  'build.mjs': `
    import { mkdirSync, writeFileSync } from 'node:fs';
    mkdirSync('.vercel/output/static', { recursive: true });
    writeFileSync('.vercel/output/static/environment.json', JSON.stringify(process.env));
    const routes = [{ handle: 'filesystem' }, { src: '/(.*)', dest: '/__fallback' }];
    writeFileSync('.vercel/output/config.json', JSON.stringify({ version: 3, routes }));
    console.log('built by itself');
  `,
};

interface Ran {
  readonly made: Made;
  readonly said: readonly string[];
  readonly printed: string;
}

async function make(dir: string, options: Partial<MakeOptions> = {}): Promise<Ran> {
  const said: string[] = [];
  let printed = '';
  const result = await makeOutput(dir, {
    byVercel: false,
    cacheDir: join(dir, 'cache'),
    environment: process.env,
    clock: systemClock,
    say: (line) => void said.push(line),
    output: (text) => void (printed += text),
    ...options,
  });
  return { made: result, said, printed };
}

const read = (dir: string, path: string): any => JSON.parse(readFileSync(join(dir, path), 'utf8'));

const refusal = (dir: string, pattern: RegExp, options: Partial<MakeOptions> = {}): Promise<void> =>
  assert.rejects(make(dir, options), (error: Error) => {
    assert.ok(error instanceof UsageError, error.stack);
    assert.match(error.message, pattern);
    return true;
  });

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

test('a build that fails says how, and leaves what was built before', async () => {
  const dir = await project({ ...nuxt, '.vercel/output/config.json': '{ "version": 3, "before": true }' });
  writeFileSync(
    join(dir, 'build.mjs'),
    `
    import { mkdirSync, writeFileSync } from 'node:fs';
    mkdirSync('.vercel/output', { recursive: true });
    writeFileSync('.vercel/output/half.txt', '');
    console.error('something is wrong');
    process.exit(7);
  `,
  );
  const { made: result, printed } = await make(dir);
  assert.deepEqual(result, { kind: 'failed', command: 'npm run build', how: 'exited with 7' });
  assert.match(printed, /something is wrong/);
  assert.equal(read(dir, '.vercel/output/config.json').before, true);
  assert.ok(!existsSync(join(dir, '.vercel/output/half.txt')));
  assert.ok(!existsSync(join(dir, '.vercel/output.before')));
});

test('a build that is interrupted has ended with all it started when what was built before is back', async () => {
  const dir = await project({ ...nuxt, '.vercel/output/config.json': '{ "version": 3, "before": true }' });
  // Neither npm nor the shell hands on that it is told to end; what ends late writes until it does.
  writeFileSync(
    join(dir, 'build.mjs'),
    `
    import { mkdirSync, writeFileSync } from 'node:fs';
    process.on('SIGTERM', () => setTimeout(() => {
      mkdirSync('.vercel/output', { recursive: true });
      writeFileSync('.vercel/output/late.txt', '');
      writeFileSync('ended.txt', '');
      process.exit();
    }, 200));
    setInterval(() => undefined, 1000);
    console.log('waiting', process.pid);`,
  );
  const stop = new AbortController();
  let pid = 0;
  const { made: result } = await make(dir, {
    signal: stop.signal,
    output(text) {
      pid ||= Number(/waiting (\d+)/.exec(text)?.[1] ?? 0);
      if (pid > 0) stop.abort();
    },
  });
  assert.deepEqual(result, { kind: 'failed', command: 'npm run build', how: 'was interrupted' });
  assert.ok(isGone(pid));
  assert.equal(existsSync(join(dir, 'ended.txt')), true, 'it had the time that it took');
  assert.equal(read(dir, '.vercel/output/config.json').before, true);
  assert.equal(existsSync(join(dir, '.vercel/output/late.txt')), false);
});

test('what does not end when it is told to is killed, also where nobody hears of it any more', async () => {
  const dir = await project({
    'stubborn.mjs': `
    import { writeFileSync } from 'node:fs';
    process.on('SIGTERM', () => undefined);
    setInterval(() => undefined, 1000);
    writeFileSync('ready.txt', '');`,
  });
  const stop = new AbortController();
  let aheadMs = 0;
  const ended = runCommand('node stubborn.mjs > log.txt 2>&1 & echo $!; wait', null, {
    cwd: dir,
    environment: process.env,
    clock: { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs },
    output: () => undefined,
    signal: stop.signal,
  });
  await until(() => existsSync(join(dir, 'ready.txt')));
  stop.abort();
  aheadMs = limits.commandGraceMs;
  const result = await ended;
  assert.ok(result.kind === 'failed');
  assert.equal(result.how, 'was interrupted');
  await until(() => isGone(Number(result.lastLines)));
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** Also one that has ended, of which nobody wants to know how. */
function isGone(pid: number): boolean {
  assert.ok(pid > 0);
  try {
    process.kill(pid, 0);
    return process.platform === 'linux' && / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

test('what was built before is gone when the build succeeds', async () => {
  const dir = await project({ ...nuxt, '.vercel/output/static/stale.txt': 'stale' });
  await make(dir);
  assert.ok(!existsSync(join(dir, '.vercel/output/static/stale.txt')));
  assert.ok(!existsSync(join(dir, '.vercel/output.before')));
});

test('what a killed build had put aside is back before the next one, and is lost to none that fails', async () => {
  const dir = await project({
    ...nuxt,
    '.vercel/output.before/config.json': '{ "version": 3, "good": true }',
    '.vercel/output/half.txt': '',
    // It ran as process 4194304 + 1, which no Linux has, or under this process's own number in another container.
    '.vercel/output.lock': '4194305',
  });
  writeFileSync(join(dir, 'vercel.json'), '{ "buildCommand": "exit 1" }');
  for (const pid of [4_194_305, process.pid]) {
    writeFileSync(join(dir, '.vercel/output.lock'), String(pid));
    assert.equal((await make(dir)).made.kind, 'failed');
    assert.equal(read(dir, '.vercel/output/config.json').good, true);
  }
  assert.deepEqual(readdirSync(join(dir, '.vercel')), ['output']);
  assert.deepEqual(readdirSync(join(dir, '.vercel/output')), ['config.json']);
});

test('of two builds at once the second is refused, and disturbs nothing', async () => {
  const dir = await project({ ...nuxt, '.vercel/output/config.json': '{ "version": 3, "good": true }' });
  const wait = `node -e "console.log('building'); setInterval(() => fs.existsSync('go.txt') && process.exit(), 10)"`;
  writeFileSync(join(dir, 'vercel.json'), JSON.stringify({ buildCommand: `${wait} && node build.mjs` }));
  let begun = false;
  const first = make(dir, { output: () => void (begun = true) });
  await until(() => begun);
  await refusal(dir, new RegExp(`output\\.lock: process ${process.pid} builds here at the moment`));
  writeFileSync(join(dir, 'go.txt'), '');
  assert.equal((await first).made.kind, 'made');
  assert.deepEqual(readdirSync(join(dir, '.vercel')), ['output']);
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

/** An npm that installs what `files` are, without asking anybody. */
async function fakeNpm(files: Files): Promise<NodeJS.ProcessEnv> {
  const lines = Object.entries(files).map(
    ([path, text]) => `mkdir -p ${dirname(path)} && cat > ${path} <<'END'\n${text}\nEND\nchmod +x ${path}`,
  );
  const bin = await project({
    npm: `#!/bin/sh\nif [ "$1" = run ]; then sh -c "$FAKE_BUILD"; exit $?; fi\n${lines.join('\n')}\n`,
  });
  chmodSync(join(bin, 'npm'), 0o755);
  return { ...process.env, PATH: `${bin}:/usr/bin:/bin` };
}

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
