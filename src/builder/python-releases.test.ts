import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { project, refusal } from './project.fixture.ts';
import { satisfies } from './python/specifier.ts';
import { PythonReleases, wishOfProject, wishOfRuntime } from './python-releases.ts';

/** Directories with programs that say that they are these versions. */
async function machine(pythons: Readonly<Record<string, string>>) {
  const home = await project({});
  const add = async (path: string, version: string): Promise<void> => {
    const file = join(home, path);
    const said = {
      version: version.split(/[.p]/).map(Number),
      binary: file,
      preview: version.endsWith('p'),
      name: 'cpython',
      platform: 'x',
    };
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `#!/bin/sh\necho asked >>${home}/asked\necho '${JSON.stringify(said)}'\n`);
    await chmod(file, 0o755);
  };
  for (const [path, version] of Object.entries(pythons)) await add(path, version);
  const environment = { PATH: `${join(home, 'bin')}:${join(home, '.pyenv/shims')}:/usr/bin:/bin` };
  return {
    home,
    add,
    releases: new PythonReleases({
      environment: { ...environment, PATH: environment.PATH.replace(':/usr/bin:/bin', '') },
      home,
      clock: systemClock,
    }),
  };
}

test('the newest there is, in PATH, of pyenv and of uv; the one of a version that PATH has first', async () => {
  const { home, releases } = await machine({
    'bin/python3': '3.12.9',
    'bin/python3.9': '3.9.1',
    '.pyenv/shims/python3': '3.15.0',
    '.pyenv/versions/3.11.7/bin/python3': '3.11.7',
    '.pyenv/versions/3.11.10/bin/python3': '3.11.10',
    '.pyenv/versions/3.12.10/bin/python3': '3.12.10',
    '.local/share/uv/python/cpython-3.13.0-linux-x86_64-gnu/bin/python3': '3.13.0',
    '.local/share/uv/python/cpython-3.14.0rc1-linux-x86_64-gnu/bin/python3': '3.14.0p',
  });
  assert.equal(releases.binary('python3.12'), null, 'nobody has looked');
  assert.equal(await releases.choose(null), 'python3.13');
  assert.equal(releases.binary('python3.12'), join(home, 'bin/python3'));
  assert.equal(releases.binary('python3.11'), join(home, '.pyenv/versions/3.11.10/bin/python3'));
  assert.equal(releases.binary('python3.9'), null);
  assert.equal(await releases.choose(wishOfRuntime('python3.14', 'x')), 'python3.14');
});

test('one that is not there is refused with who asked and what there is; one that was installed since is found', async () => {
  const { releases, add } = await machine({ 'bin/python3': '3.11.2' });
  const wish = wishOfRuntime('python3.12', 'weir.json: runtime');
  assert.equal(
    await refusal('-', () => releases.choose(wish)),
    "weir.json: runtime asks for Python 3.12, and this machine has 3.11.2. Install it (`uv python install 3.12`, or by the system's package manager), or ask for another one.",
  );
  await add('bin/python3.12', '3.12.1');
  assert.equal(await releases.choose(wish), 'python3.12');
  const { releases: none } = await machine({});
  assert.match(
    await refusal('-', () => none.choose(null)),
    /^there are functions in Python, and this machine has no Python from 3\.11 on/,
  );
});

test('a project asks by .python-version, then by requires-python', async () => {
  const fits = async (files: Readonly<Record<string, string>>): Promise<unknown> => {
    const dir = await project(files);
    const wish = await wishOfProject(dir);
    const versions = [
      [3, 11, 4],
      [3, 12, 0],
      [3, 13, 1],
    ] as const;
    return wish && [wish.by.replace(dir, 'DIR'), versions.filter((each) => wish.fits(each)).map(([, minor]) => minor)];
  };
  const requires = { 'pyproject.toml': '[project]\nrequires-python = ">=3.12"\n' };
  assert.equal(await fits({}), null);
  assert.deepEqual(await fits(requires), ['DIR/pyproject.toml: requires-python', [12, 13]]);
  assert.deepEqual(await fits({ ...requires, '.python-version': '# here\n3.11.9\n3.12\n' }), [
    'DIR/.python-version',
    [11],
  ]);
  assert.deepEqual(await fits({ '.python-version': 'cpython-3.13\n' }), ['DIR/.python-version', [13]]);
  const wrong = await project({ '.python-version': 'pypy3.10\n' });
  assert.equal(
    await refusal(wrong, () => wishOfProject(wrong)),
    'DIR/.python-version: expected a version as in 3.12, got "pypy3.10"',
  );
  const odd = await project({ 'pyproject.toml': '[project]\nrequires-python = "newest"\n' });
  assert.match(await refusal(odd, () => wishOfProject(odd)), /expected versions as in ">=3\.11,<3\.14", got "newest"$/);
});

test('specifiers of versions', () => {
  for (const [specifiers, holds] of [
    ['>=3.11', true],
    ['>=3.11,<3.12', false],
    ['>3.12', true],
    ['~=3.11', true],
    ['~=3.11.2', false],
    ['==3.12.*', true],
    ['==3.12', false],
    ['!=3.12.*', false],
    ['!= 3.12.4', false],
    ['<=3.12', false],
    ['', true],
    ['>=3.x', null],
    ['^3.12', null],
  ] as const) {
    assert.equal(satisfies([3, 12, 4], specifiers), holds, specifiers);
  }
});
