import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const launcher = fileURLToPath(new URL('../../bin/weir', import.meta.url));
const nodeLauncher = fileURLToPath(new URL('../../bin/weir-node', import.meta.url));
let home: string;
before(() => void (home = mkdtempSync(join(tmpdir(), 'weir-cli-'))));
after(() => rmSync(home, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function run(
  command: string,
  args: readonly string[],
  cwd = home,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Ended> {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

const weir = (...args: string[]): Promise<Ended> => run(process.execPath, [launcher, ...args]);

test('help: on standard output, with examples, for every command', async () => {
  const all = await weir('--help');
  assert.equal(all.code, 0);
  assert.equal(all.err, '');
  for (const part of ['dev', 'start', 'Examples']) assert.ok(all.out.includes(part), part);
  const dev = await weir('dev', '--help');
  assert.match(dev.out, /--stems <auto\|0> [^-]*\(default: auto\)/);
  for (const part of ['--port', '--host', 'api/**', 'weir.json', '.env.local', 'Ctrl-C', 'Examples']) {
    assert.ok(dev.out.includes(part), part);
  }
  assert.match((await weir('start', '--help')).out, /NAME\.localhost/);
  const build = await weir('build', '--help');
  for (const part of ['--vercel', 'Next.js', 'Exit codes', 'Examples']) assert.ok(build.out.includes(part), part);
});

test('build: what has to be mended is exit code 2, a build that fails is 1', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weir-site-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  mkdirSync(join(dir, 'node_modules/nuxt'), { recursive: true });
  const refused = await weir('build', dir);
  assert.deepEqual([refused.code, refused.out], [2, '']);
  assert.match(refused.err, /^weir: .*weir-site-\S+: no framework is recognised: there is no package\.json/);
  writeFileSync(join(dir, 'node_modules/nuxt/package.json'), '{ "version": "4.5.2" }');
  const scripts = { build: 'echo trying && exit 3' };
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ dependencies: { nuxt: '*' }, scripts }));
  const failed = await weir('build', dir);
  assert.equal(failed.code, 1);
  assert.match(failed.out, /^building Nuxt 4\.5\.2: npm run build\n[^]*trying\n/);
  assert.match(failed.err, /weir: the build failed: npm run build exited with 3\n$/);
});

test('the version is package.json’s', async () => {
  const { code, out } = await weir('--version');
  assert.equal(code, 0);
  assert.match(out, /^\d+\.\d+\.\d+\n$/);
});

test('mistakes in arguments: on standard error, exit code 2, and what was meant', async () => {
  for (const [args, expected] of [
    [['deb'], /^weir: unknown command 'deb'\n\(Did you mean dev\?\)/],
    [['dev', '--prot', '1'], /^weir: unknown option '--prot'\n\(Did you mean --port\?\)/],
    [
      ['dev', '--port', 'x'],
      /^weir: option '-p, --port <port>' argument 'x' is invalid\. A whole number from 0 to 65535/,
    ],
    [['dev', '--port', '70000'], /from 0 to 65535/],
    [['dev', '--stems', '3'], /"auto" or "0" is expected/],
    [['dev', 'a', 'b'], /^weir: too many arguments/],
    [['dev', 'gone'], /^weir: \S+\/gone: there is no such directory/],
    [['start', 'gone'], /^weir: \S+\/gone: there is no such folder/],
    [['start', '.'], /^weir: \S+: there is no project in this folder, and nothing to serve in itself/],
  ] as const) {
    const { code, out, err } = await weir(...args);
    assert.equal(code, 2, args.join(' '));
    assert.match(err, expected);
    assert.equal(out, '');
  }
});

test('no command: the help, as a mistake', async () => {
  const { code, err } = await weir();
  assert.equal(code, 2);
  assert.match(err, /Usage: weir/);
});

/** Runs what follows as if this Node were an older one. */
const asOld = [
  '--import',
  'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.0.0"}})',
];

test('an older Node finds the one that was installed with Weir, also through links and from elsewhere', async () => {
  const linked = join(home, 'bin');
  mkdirSync(linked);
  symlinkSync(launcher, join(linked, 'weir'));
  for (const path of [launcher, join(linked, 'weir')]) {
    const { code, out } = await run(process.execPath, [...asOld, path, '--version']);
    assert.equal(code, 0);
    assert.match(out, /^\d+\.\d+\.\d+\n$/);
  }
  const { code, err } = await run(process.execPath, [...asOld, launcher, 'deb']);
  assert.deepEqual([code, /unknown command/.test(err)], [2, true]);
});

const script = (name: string, text: string): string => {
  const path = join(home, name);
  writeFileSync(path, text);
  return path;
};

test('the Node that runs the platform has flags, whichever Node it was started by', async () => {
  const show = "data:text/javascript,console.error('FLAGS',...process.execArgv)";
  const path = [dirname(process.execPath), process.env['PATH']].join(delimiter);
  const env = { ...process.env, PATH: path, NODE_OPTIONS: `--import "${show}"` };
  const linked = join(mkdtempSync(join(home, 'linked-')), 'weir');
  symlinkSync(launcher, linked);
  for (const [command, ...args] of [[launcher], [linked], [process.execPath, ...asOld, launcher]] as const) {
    const { code, out, err } = await run(command, [...args, '--version'], home, env);
    assert.deepEqual([code, /^\d/.test(out)], [0, true], err);
    assert.match(err, /FLAGS --max-semi-space-size=8\n$/, command);
  }
});

test('the launcher passes signals on, the exit code back, and the signal that ended it', async () => {
  const waits = script(
    'waits.ts',
    `const alive: NodeJS.Timeout = setInterval(() => {}, 1000);
     for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const)
       process.on(signal, () => { console.log(signal); clearInterval(alive); process.exitCode = 7; });
     console.log('up', process.version);`,
  );
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) {
    const child = spawn(process.execPath, [...asOld, nodeLauncher, waits], { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (/^up v\d+.*\n$/.test(out)) child.kill(signal);
    });
    const [code] = (await once(child, 'close')) as [number | null];
    assert.equal(code, 7);
    assert.match(out, new RegExp(`\n${signal}\n$`));
  }
  const dies = script('dies.ts', `process.kill(process.pid, 'SIGKILL');`);
  const child = spawn(process.execPath, [...asOld, nodeLauncher, dies], { stdio: 'inherit' });
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL');
});

test('without a newer Node it says what to do', async () => {
  const alone = join(home, 'alone/bin');
  mkdirSync(alone, { recursive: true });
  for (const name of ['weir', 'node24.js']) copyFileSync(join(dirname(launcher), name), join(alone, name));
  writeFileSync(join(home, 'alone/package.json'), '{"type":"module"}');
  const { code, err } = await run(process.execPath, [...asOld, join(alone, 'weir'), 'dev']);
  assert.equal(code, 1);
  assert.match(err, /^weir: needs Node 24 or newer, and this is v/);
  assert.match(err, /npm install --include=optional/);
  // One that lies there and is too old is passed over.
  mkdirSync(join(home, 'alone/node_modules/.bin'), { recursive: true });
  const old = join(home, 'alone/node_modules/.bin/node');
  writeFileSync(old, '#!/bin/sh\necho v18.0.0\n');
  chmodSync(old, 0o755);
  const again = await run(process.execPath, [...asOld, join(alone, 'weir'), 'dev']);
  assert.equal(again.code, 1);
  assert.match(again.err, /needs Node 24/);
});

test('every Node from 18 on this machine’s PATH can start it', async () => {
  const nodes = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'node'));
  for (const node of new Set(nodes.filter((path) => existsSync(path)).map((path) => realpathSync(path)))) {
    const version = await run(node, ['--version']);
    if (Number.parseInt(version.out.slice(1), 10) < 18) continue;
    const { code, out, err } = await run(node, [launcher, '--version']);
    assert.deepEqual([code, err], [0, ''], `${node} ${version.out}`);
    assert.match(out, /^\d+\.\d+\.\d+\n$/);
  }
});
