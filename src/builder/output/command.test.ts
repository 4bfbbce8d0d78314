import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { host, refusal } from '../project.fixture.ts';
import { build, outputProject } from './output.fixture.ts';

const folder = '.vercel/output/functions/a.func';
const vc = 'functions/a.func/.vc-config.json';
const file = (name: string): string => `functions/a.func/${name}`;

async function executable(dir: string, ...names: readonly string[]): Promise<string> {
  for (const name of names) await chmod(join(dir, name), 0o755);
  return dir;
}

async function only(dir: string) {
  const { functions } = (await build(dir)).deployment;
  assert.equal(functions.length, 1);
  return functions[0]!;
}

test('a program of a build output is started as it is, whatever a pattern says of Node', async () => {
  const settings = { runtime: 'executable', handler: 'bin/run', memory: 256, environment: { A: '1' } };
  const dir = await outputProject(
    { [vc]: settings, [file('bin/run')]: '#!/bin/sh\n' },
    { 'weir.json': { functions: { a: { runtime: 'nodejs22.x', maxDuration: 7 } } } },
  );
  const spec = await only(await executable(dir, `${folder}/bin/run`));
  assert.deepEqual([spec.launch, spec.command], ['command', [join(spec.root, 'bin/run')]]);
  assert.deepEqual([spec.config.runtime, spec.config.memoryMiB, spec.config.maxDurationMs], ['executable', 256, 7000]);
  assert.equal(spec.config.environment['A'], '1');
});

test("of the hosted platform's proxy and the server behind it the server is started", async () => {
  const settings = { runtime: 'executable', handler: 'executable', runtimeLanguage: 'go' };
  const dir = await outputProject({ [vc]: settings, [file('executable')]: 'proxy', [file('user-server')]: 'server' });
  const spec = await only(await executable(dir, `${folder}/executable`, `${folder}/user-server`));
  assert.deepEqual(spec.command, [join(spec.root, 'user-server')]);
});

test('bun is taken from the packages of the project', async () => {
  const dir = await outputProject(
    { [vc]: { runtime: 'bun1.x', handler: 'index.ts', launcherType: 'Nodejs' }, [file('index.ts')]: '' },
    { 'node_modules/.bin/bun': '' },
  );
  const spec = await only(await executable(dir, 'node_modules/.bin/bun'));
  assert.deepEqual(spec.command, [join(dir, 'node_modules/.bin/bun'), join(spec.root, 'index.ts')]);
});

test("what the hosted platform's Python builder writes is started by that Python", async (t) => {
  const runtime = await host.python.choose(null).catch(() => null);
  if (runtime === null) return t.skip('no Python');
  const python = (fields: object) => ({
    [vc]: { runtime, handler: 'vc__handler__python.vc_handler', ...fields },
    [file('vc__handler__python.py')]: '',
  });
  const spec = await only(await outputProject(python({})));
  assert.deepEqual(spec.command, [host.python.binary(runtime), join(spec.root, 'vc__handler__python.py')]);
  const other = await outputProject(python({ handler: 'index.handler' }));
  assert.match(
    await refusal(other, () => build(other)),
    /a\.func\/\.vc-config\.json: handler: expected "vc__handler__python\.vc_handler", .*, got "index\.handler"$/,
  );
  const absent = await outputProject(python({ runtime: 'python3.99' }));
  assert.match(
    await refusal(absent, () => build(absent)),
    /^DIR\/\S*a\.func\/\.vc-config\.json: runtime asks for Python 3\.99, and this machine has 3\./,
  );
});

test('what cannot be started is refused', async () => {
  const dir = await outputProject({ [vc]: { runtime: 'executable', handler: 'run' }, [file('run')]: '' });
  assert.match(await refusal(dir, () => build(dir)), /a\.func\/\.vc-config\.json: handler: run is not executable$/);
  const missing = await outputProject({ [vc]: { runtime: 'executable', handler: 'run' } });
  assert.match(await refusal(missing, () => build(missing)), /handler: there is no file "run" in the bundle$/);
});
