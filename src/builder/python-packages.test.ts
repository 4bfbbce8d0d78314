import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import promises, { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { textLog } from '../base/log.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { Deployment } from '../model/snapshot.ts';
import { openStore } from './own-store.ts';
import { project, refusal } from './project.fixture.ts';
import { PythonPackages } from './python-packages.ts';
import { PythonReleases } from './python-releases.ts';

const own = new PythonReleases({ environment: process.env, home: homedir(), clock: systemClock });

/** Without uv: what it does is pip's work here. Null: this machine has no Python with pip. */
async function scene(t: TestContext) {
  const runtime = await own.choose(null).catch(() => null);
  const binary = runtime === null ? null : own.binary(runtime);
  const hasPip = binary !== null && spawnSync(binary, ['-m', 'pip', '-V']).status === 0;
  if (runtime === null || !hasPip) {
    t.skip('no Python with pip');
    return null;
  }
  const home = await project({});
  const dir = await openStore(home, home, 'python');
  const lines: string[] = [];
  const environment = { PATH: '/usr/bin:/bin', HOME: home, PIP_NO_INDEX: '1' };
  const log = textLog((line) => void lines.push(line));
  const open = () => new PythonPackages({ dir, releases: own, environment, clock: systemClock, log });
  const deployment = {
    project: 'shop',
    functions: [
      { id: 'a', launch: 'python', config: { runtime } },
      { id: 'b', launch: 'module', config: { runtime: 'nodejs24.x' } },
    ] as unknown as FunctionSpec[],
  } as unknown as Deployment;
  const settle = async (root: string, packages = open()): Promise<readonly string[] | undefined> => {
    const { functions } = await packages.settle(deployment, root);
    assert.equal(functions[1], deployment.functions[1]);
    return functions[0]!.modulePaths;
  };
  return { dir, lines, settle, open, binary };
}

/** A package with one module, which says `value`. */
function wheel(binary: string, dir: string, value: string): string {
  const name = 'thing-1.0-py3-none-any.whl';
  const script = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as z:
    z.writestr("thing.py", "value = " + repr(sys.argv[2]) + "\\n")
    z.writestr("thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: thing\\nVersion: 1.0\\n")
    z.writestr("thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    z.writestr("thing-1.0.dist-info/RECORD", "")
`;
  execFileSync(binary, ['-c', script, join(dir, name), value]);
  return name;
}

test('packages are installed once, outside the project, compiled, and shared by what asks for the same', async (t) => {
  const found = await scene(t);
  if (found === null) return;
  const { dir, lines, settle, open, binary } = found;
  // A module of the project's must not get in pip's way.
  const root = await project({ 'logging.py': 'raise SystemExit("mine")', 'requirements.txt': '' });
  const name = wheel(binary, root, 'one');
  assert.equal(await settle(root), undefined, 'nothing is asked for');
  await writeFile(join(root, 'requirements.txt'), `# mine\n-r base.txt\n`);
  await writeFile(join(root, 'base.txt'), `./${name}\n`);
  const packages = open();
  const [[place], [again]] = (await Promise.all([settle(root, packages), settle(root, packages)])) as [
    string[],
    string[],
  ];
  assert.equal(place, again);
  assert.ok(place!.startsWith(`${dir}/python3.`));
  assert.match(lines[0]!, /^shop: the packages of requirements\.txt are being installed \(pip\)$/);
  assert.match(lines.at(-1)!, /^shop: the packages are installed, after \d+ s$/);
  assert.match(await readFile(join(place!, 'thing.py'), 'utf8'), /one/);
  const compiled = (await readdir(join(place!, '__pycache__'))).find((each) => each.startsWith('thing.'));
  const code = await readFile(join(place!, '__pycache__', compiled!), 'latin1');
  assert.ok(code.includes(join(place!, 'thing.py')), 'tracebacks name the file where it is');
  const count = lines.length;
  assert.deepEqual(await settle(root), [place]);
  assert.equal(lines.length, count, 'nothing is installed again');
  await writeFile(join(root, 'base.txt'), `./${name} # changed\n`);
  assert.notDeepEqual(await settle(root), [place]);
  assert.deepEqual(
    (await readdir(dir)).filter((each) => each.startsWith('new-')),
    [],
  );
});

test('pyproject.toml names packages; those that nothing used for long are removed', async (t) => {
  const found = await scene(t);
  if (found === null) return;
  const { dir, settle, binary, lines } = found;
  const root = await project({});
  const name = wheel(binary, root, 'two');
  const write = (text: string): Promise<void> => writeFile(join(root, 'pyproject.toml'), text);
  await write('[project]\nname = "x"\ndependencies = []\n');
  assert.equal(await settle(root), undefined);
  await write(`[project]\nname = "x"\ndependencies = [\n  "thing @ file://${join(root, name)}",\n]\n`);
  await writeFile(join(root, 'uv.lock'), '');
  const [place] = (await settle(root))!;
  assert.match(
    lines.join('\n'),
    /uv\.lock: there is no uv in PATH, so that the newest versions that pyproject\.toml allows/,
  );
  await utimes(place!, 1, 1);
  await write(`[project]\nname = "x"\ndependencies = ["thing @ file://${join(root, name)}", "thing"]\n`);
  const [other] = (await settle(root))!;
  assert.notEqual(other, place);
  assert.equal(await stat(place!).catch(() => null), null);
  assert.deepEqual(await readdir(dir), [other!.slice(dir.length + 1)]);
});

test('packages of which only a part could be removed are not taken for whole', async (t) => {
  const found = await scene(t);
  if (found === null) return;
  const { dir, settle, binary } = found;
  const root = await project({});
  const line = `./${wheel(binary, root, 'three')}\n`;
  await writeFile(join(root, 'requirements.txt'), line);
  const [place] = (await settle(root))!;
  await utimes(place!, 1, 1);
  // As a process that is killed before it has removed anything else.
  const { rm } = promises;
  const mock = t.mock.method(promises, 'rm', async (file: string) => rm(join(file, 'thing.py'), { force: true }));
  syncBuiltinESMExports();
  await writeFile(join(root, 'requirements.txt'), `${line}# more\n`);
  await settle(root).finally(() => {
    mock.mock.restore();
    syncBuiltinESMExports();
  });
  assert.equal(await stat(place!).catch(() => null), null);
  await writeFile(join(root, 'requirements.txt'), line);
  assert.deepEqual(await settle(root), [place]);
  assert.match(await readFile(join(place!, 'thing.py'), 'utf8'), /three/);
  assert.ok(
    (await readdir(dir)).some((each) => each.startsWith('new-')),
    'what is left is removed later',
  );
});

test('what cannot be installed is told with its place', async (t) => {
  const found = await scene(t);
  if (found === null) return;
  const { settle, dir } = found;
  const refused = async (files: Readonly<Record<string, string>>): Promise<string> => {
    const root = await project(files);
    return refusal(root, () => settle(root));
  };
  assert.equal(
    await refused({ 'requirements.txt': '# web\nflask>=3\nno-such_thing==1.0\n' }).then((text) => text.split('\n')[0]),
    'DIR/requirements.txt:2: pip cannot install it: Could not find a version that satisfies the requirement flask>=3 (from versions: none)',
  );
  assert.match(
    await refused({ 'requirements.txt': '\nflask >>> 3\n' }),
    /^DIR\/requirements\.txt:2: pip cannot install it: Invalid requirement/,
  );
  assert.equal(
    await refused({ 'requirements.txt': '-r gone.txt\n' }),
    'DIR/requirements.txt:1: there is no file DIR/gone.txt',
  );
  assert.equal(
    await refused({ 'pyproject.toml': '[project]\nname = x\n' }),
    'DIR/pyproject.toml:2:8: not valid TOML: Invalid value',
  );
  assert.match(await refused({ 'pyproject.toml': '[project]\ndynamic = ["dependencies"]\n' }), /are dynamic: name the/);
  assert.match(
    await refused({ 'pyproject.toml': '[tool.poetry.dependencies]\nflask = "^3"\n' }),
    /\[tool\.poetry\.dependencies\] is not read: .*poetry export/,
  );
  assert.match(
    await refused({ 'Pipfile.lock': JSON.stringify({ default: { flask: { version: '==3.0', extras: ['async'] } } }) }),
    /^DIR\/Pipfile\.lock: pip cannot install it: .*flask==3\.0/,
  );
  assert.deepEqual(await readdir(dir), []);
});
