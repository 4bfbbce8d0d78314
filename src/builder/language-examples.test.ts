// That each example in another language is recognised; that it answers is for test/e2e.
import assert from 'node:assert/strict';
import { chmod, cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { silentLog } from '../base/log.ts';
import type { PythonRuntime } from '../model/function.ts';
import { host, project } from './project.fixture.ts';
import { buildProject } from './project.ts';

const examples = fileURLToPath(new URL('../../examples', import.meta.url));
const python = { choose: () => Promise.resolve<PythonRuntime>('python3.12') };

/** A machine whose Go and Bun are these, so that none is needed. */
async function build(name: string) {
  const dir = join(await project({}), name);
  await cp(join(examples, name), dir, { recursive: true, filter: (path) => !/node_modules|\.weir|server$/.test(path) });
  const bin = join(dir, '.bin');
  await mkdir(bin);
  const compiler = (output: number): string =>
    `#!/bin/sh\nprintf '#!/bin/sh\\n' >"$${output}"; chmod +x "$${output}"\n`;
  const tools = { go: compiler(3), rustc: compiler(3), bun: '', deno: '' };
  for (const [tool, content] of Object.entries(tools)) {
    await writeFile(join(bin, tool), content);
    await chmod(join(bin, tool), 0o755);
  }
  const { functions, routes } = await buildProject(dir, {
    project: name,
    deployment: 'dep_1',
    target: 'preview',
    isDevelopment: false,
    hosts: [],
    environment: {},
    log: silentLog,
    host: { ...host, environment: { PATH: `${bin}:/usr/bin:/bin` }, python: python as unknown as typeof host.python },
    reads: new Set(),
  });
  return functions.map(({ launch, entry, command, config }, index) => {
    const started = (command ?? [entry]).map((each) => each.replace(`${dir}/`, ''));
    return [routes[index]!.pattern, launch, config.runtime].concat(started);
  });
}

test('each example in Python is one', async () => {
  for (const [name, entry] of [
    ['fastapi', 'main.py'],
    ['flask', 'app.py'],
    ['django', 'mysite/wsgi.py'],
    ['asgi', 'asgi.py'],
    ['python-llm-proxy', 'main.py'],
  ] as const) {
    assert.deepEqual(await build(name), [['/[...path]', 'python', 'python3.12', entry]], name);
  }
  assert.deepEqual(await build('python-handler'), [
    ['/api/hello', 'python', 'python3.12', 'api/hello.py'],
    ['/api/users', 'python', 'python3.12', 'api/users.py'],
  ]);
});

test('each example of a program is one, with what builds and starts it', async () => {
  assert.deepEqual(await build('go'), [['/[...path]', 'command', 'executable', 'server']]);
  assert.deepEqual(await build('bun'), [['/[...path]', 'command', 'executable', '.bin/bun', 'server.ts']]);
  assert.deepEqual(await build('rust'), [['/[...path]', 'command', 'executable', 'server']]);
  const deno = ['.bin/deno', 'run', '--allow-net=127.0.0.1', '--allow-env=PORT', 'server.ts'];
  assert.deepEqual(await build('deno'), [['/[...path]', 'command', 'executable', ...deno]]);
});
