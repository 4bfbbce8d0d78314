import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fakeControl } from '../control.fixture.ts';
import { home, launcher, start, weir } from '../run.fixture.ts';
import type { Home } from '../run.fixture.ts';

const isInstalled = (shell: string): boolean => spawnSync(shell, ['--version']).error === undefined;

async function script(at: Home, shell: string): Promise<string> {
  const { code, out } = await weir(at, {}, ['completion', shell]);
  assert.equal(code, 0);
  const file = join(at.dir, `weir.${shell}`);
  writeFileSync(file, out);
  return file;
}

test('scripts are such as their shell can read', async (t) => {
  const at = home(t);
  const checked: string[] = [];
  for (const [shell, check] of [
    ['bash', ['-n']],
    ['zsh', ['-n']],
    ['fish', ['--no-execute']],
  ] as const) {
    const file = await script(at, shell);
    if (!isInstalled(shell)) continue;
    execFileSync(shell, [...check, file]);
    checked.push(shell);
  }
  assert.ok(checked.includes('bash'));
});

/** What bash suggests at the end of a line, in a shell where `weir` is this one. */
async function suggested(at: Home, environment: Readonly<Record<string, string>>, line: string): Promise<string[]> {
  const file = await script(at, 'bash');
  const bin = join(at.dir, 'bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(launcher, join(bin, 'weir'));
  const words = line.split(' ');
  const code = `source ${file}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _weir; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const child = spawn('bash', ['--norc', '-c', code], {
    cwd: at.dir,
    env: { ...at.environment, ...environment, PATH: `${bin}:${at.environment['PATH']}` },
  });
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  await new Promise((resolve) => void child.once('close', resolve));
  return out.split('\n').filter((word) => word !== '');
}

for (const [line, expected] of [
  ['weir dep', ['deploy']],
  ['weir env ', ['ls', 'set', 'rm', 'pull']],
  ['weir release ab', ['abort']],
  ['weir deploy --pro', ['--prod', '--project']],
  ['weir logs --level ', ['debug', 'info', 'warn', 'error']],
  ['weir completion z', ['zsh']],
  ['weir ls ', ['shop']],
  ['weir inspect dep_n', ['dep_newer00001']],
  ['weir promote ', ['dep_newer00001', 'dep_older00001']],
  ['weir env set --project ', ['shop']],
  ['weir cron run ', ['shop-1']],
  ['weir crashes --st', ['--stack']],
  ['weir crash ', ['7']],
] as const) {
  test(`bash completes: ${line}`, async (t) => {
    const [control, at] = [await fakeControl(t), home(t)];
    assert.deepEqual(await suggested(at, control.environment, line), expected);
  });
}

test('names are none where no control is, and nobody is told', async (t) => {
  const at = home(t);
  for (const kind of ['projects', 'deployments', 'contexts', 'what']) {
    assert.deepEqual(await start(at, {}, ['__complete', kind]).ended(), { code: 0, out: '', err: '' });
  }
});
