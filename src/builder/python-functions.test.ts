import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { UsageError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import type { PythonRuntime } from '../model/function.ts';
import { host, project, refusal } from './project.fixture.ts';
import type { Files } from './project.fixture.ts';
import { buildProject } from './project.ts';
import type { PythonWish } from './python-releases.ts';

/** A machine with these. */
const python = {
  choose(wish: PythonWish | null): Promise<PythonRuntime> {
    const minor = [14, 12, 11].find((each) => wish?.fits([3, each, 0]) ?? true);
    return minor === undefined
      ? Promise.reject(new UsageError(`${wish!.by} asks for ${wish!.text}`))
      : Promise.resolve<PythonRuntime>(`python3.${minor}`);
  },
};

async function build(files: Files) {
  const dir = await project(files);
  const reads = new Set<string>();
  const make = () =>
    buildProject(dir, {
      project: 'shop',
      deployment: 'dep_1',
      target: 'preview',
      isDevelopment: false,
      hosts: [],
      environment: {},
      log: silentLog,
      host: { ...host, python: python as unknown as typeof host.python },
      reads,
    });
  return { dir, make, reads };
}

const app = 'from flask import Flask\napp = Flask(__name__)\n';

test('functions in Python and JavaScript are one deployment, each with its runtime and settings', async () => {
  const { dir, make, reads } = await build({
    'api/a.py': '',
    'api/b.ts': 'export const GET = () => new Response();',
    'api/old.py': '',
    'src/shop/web.py': app,
    'pyproject.toml': '[project]\nrequires-python = ">=3.11,<3.13"\n[tool.weir]\nentrypoint = "shop.web:make"\n',
    'requirements.txt': '-r more/base.txt\nflask',
    'more/base.txt': '',
    'weir.json': JSON.stringify({
      functions: { 'api/old.py': { runtime: 'python3.11', memory: 512 }, 'api/a.py': { maxDuration: 9 } },
    }),
  });
  const { functions } = await make();
  assert.deepEqual(
    functions.map((each) => [each.name, each.launch, each.config.runtime, each.config.memoryMiB, each.entry]),
    [
      ['api/a', 'python', 'python3.12', 2048, join(dir, 'api/a.py')],
      ['api/b', 'module', 'nodejs24.x', 2048, join(dir, '.weir/dev/dep_1/api/b.mjs')],
      ['api/old', 'python', 'python3.11', 512, join(dir, 'api/old.py')],
      ['server', 'python', 'python3.12', 2048, join(dir, 'src/shop/web.py')],
    ],
  );
  assert.deepEqual([functions[3]!.modulePaths, functions[3]!.eventExport], [[join(dir, 'src')], 'make']);
  assert.equal(functions[0]!.config.maxDurationMs, 9000);
  for (const file of ['api/a.py', 'src/shop/web.py', 'requirements.txt', 'more/base.txt'])
    assert.ok(reads.has(file), file);
});

test('without a word the newest runs; one that is asked for and is not there is refused; as is one of another language', async () => {
  const { make } = await build({ 'app.py': app });
  assert.equal((await make()).functions[0]!.config.runtime, 'python3.14');
  const refused = async (files: Files): Promise<string> => {
    const { dir, make: attempt } = await build(files);
    return refusal(dir, attempt);
  };
  const says = (runtime: string): string => JSON.stringify({ functions: { 'a*': { runtime }, 'api/*': { runtime } } });
  assert.equal(await refused({ 'app.py': app, '.python-version': '3.13.1' }), 'DIR/.python-version asks for 3.13.1');
  assert.match(
    await refused({
      'api/a.py': '',
      'weir.json': JSON.stringify({ functions: { 'api/*': { runtime: 'python3.13' } } }),
    }),
    /^DIR\/weir\.json: runtime of api\/a\.py asks for 3\.13/,
  );
  assert.match(
    await refused({ 'app.py': app, 'api/b.js': '', 'weir.json': says('nodejs22.x') }),
    /^DIR\/weir\.json: runtime: nodejs22\.x cannot run app\.py: expected "python3\.N" for it, by a pattern of its own/,
  );
  assert.match(
    await refused({ 'app.py': app, 'api/b.js': '', 'weir.json': says('python3.12') }),
    /^DIR\/weir\.json: runtime: python3\.12 cannot run api\/b\.js: expected a version of Node for it/,
  );
});
