import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../base/clock.ts';
import { project } from '../project.fixture.ts';
import { PythonReleases } from '../python-releases.ts';
import { declaredPackages } from './declared.ts';
import type { Interpreter } from './interpreters.ts';

const nobody = { version: [3, 13, 0], binary: '/gone', platform: 'x', isPreview: false } as unknown as Interpreter;

/** Whether what is asked for is something else once a file has another content. */
async function changesWith(
  dir: string,
  file: string,
  { hasUv = false, interpreter = nobody }: { hasUv?: boolean; interpreter?: Interpreter } = {},
): Promise<boolean> {
  const content = async (): Promise<string> => (await declaredPackages(dir, interpreter, hasUv))!.content;
  await writeFile(join(dir, file), 'before');
  const before = await content();
  assert.equal(await content(), before);
  await writeFile(join(dir, file), 'and afterwards');
  return (await content()) !== before;
}

test('what is in a wheel or an archive that requirements name is a part of what is asked for', async () => {
  const dir = await project({ 'wheels/a-1.whl': '', 'a-1.tar.gz': '', 'sub/more.txt': '', 'sub/links/a-1.whl': '' });
  for (const [line, file] of [
    ['./wheels/a-1.whl', 'wheels/a-1.whl'],
    ['wheels/a-1.whl --no-binary a', 'wheels/a-1.whl'],
    ['a-1.tar.gz', 'a-1.tar.gz'],
    ['a-1.tar.gz ; python_version > "3"', 'a-1.tar.gz'],
    [`a[x] @ file://${dir}/wheels/a-1.whl#sha256=12`, 'wheels/a-1.whl'],
    [`file://${dir}/wheels/a%2D1.whl`, 'wheels/a-1.whl'],
    ['a @ ./wheels/a-1.whl', 'wheels/a-1.whl'],
    [`-e file://${dir}/wheels`, 'wheels/a-1.whl'],
    ['a\n--find-links wheels', 'wheels/a-1.whl'],
    [`a\n-f file://${dir}/wheels/`, 'wheels/a-1.whl'],
  ] as const) {
    await writeFile(join(dir, 'requirements.txt'), line);
    assert.equal(await changesWith(dir, file), true, line);
  }
  await writeFile(join(dir, 'requirements.txt'), 'a\n-r sub/more.txt');
  await writeFile(join(dir, 'sub/more.txt'), '--find-links=links');
  assert.equal(await changesWith(dir, 'sub/links/a-1.whl'), true, 'links are looked for from where they are named');
  await writeFile(
    join(dir, 'requirements.txt'),
    'a @ https://b.test/wheels/a-1.whl\n--find-links https://b.test/wheels',
  );
  assert.equal(await changesWith(dir, 'wheels/a-1.whl'), false);
});

test('and those that pyproject.toml names', async (t) => {
  const releases = new PythonReleases({ environment: process.env, home: homedir(), clock: systemClock });
  const runtime = await releases.choose(null).catch(() => null);
  const interpreter = runtime === null ? null : await releases.interpreter(runtime);
  if (interpreter === null) return t.skip('no Python');
  const dir = await project({ 'a-1.whl': '' });
  await writeFile(join(dir, 'pyproject.toml'), `[project]\ndependencies = ["a @ file://${dir}/a-1.whl"]\n`);
  assert.equal(await changesWith(dir, 'a-1.whl', { interpreter }), true);
});

test('and the local packages of uv.lock, but not the project itself', async () => {
  const dir = await project({ 'libs/a/a.py': '', 'libs/b/b.py': '', 'c-1.whl': '', 'app.py': '', 'pages/d.py': '' });
  await writeFile(
    join(dir, 'uv.lock'),
    `version = 1
[[package]]
name = "app"
source = { editable = "." }
[[package]]
name = "a"
source = { editable = "libs/a" }
[[package]]
name = "c"
source = { path = "c-1.whl" }
[[package]]
name = "e"
source = { registry = "https://pypi.org/simple" }
`,
  );
  const sources = '[tool.uv.sources]\nb = { path = "libs/b" }\ne = { index = "x" }\n[tool.other]\npath = "pages"\n';
  await writeFile(join(dir, 'pyproject.toml'), sources);
  for (const file of ['libs/a/a.py', 'libs/b/b.py', 'c-1.whl'])
    assert.equal(await changesWith(dir, file, { hasUv: true }), true, file);
  for (const file of ['app.py', 'pages/d.py']) assert.equal(await changesWith(dir, file, { hasUv: true }), false, file);
});
