import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { textLog } from '../base/log.ts';
import { host, project, refusal } from './project.fixture.ts';
import type { Files } from './project.fixture.ts';
import { buildProject } from './project.ts';

const program = (fields: object): string => JSON.stringify({ runtime: 'executable', ...fields });

async function build(files: Files, executable: readonly string[] = []) {
  const dir = await project(files);
  for (const file of executable) await chmod(join(dir, file), 0o755);
  const lines: string[] = [];
  const reads = new Set<string>();
  const make = () =>
    buildProject(dir, {
      project: 'shop',
      deployment: 'dep_1',
      target: 'preview',
      isDevelopment: false,
      hosts: [],
      environment: { PLATFORM: 'yes' },
      log: textLog((line) => void lines.push(line.replaceAll(dir, 'DIR'))),
      host: { ...host, environment: { PATH: '/usr/bin:/bin' } },
      reads,
    });
  return { dir, lines, reads, make };
}

const refused = async (files: Files): Promise<string> => {
  const { dir, make } = await build(files);
  return refusal(dir, make);
};

test('a program answers what nothing else does, with its settings', async () => {
  const { dir, make, lines, reads } = await build(
    {
      'weir.json': program({
        command: ['./server', '--flag'],
        environment: { A: '1' },
        functions: { server: { memory: 256, maxDuration: 5 } },
      }),
      server: '#!/bin/sh\n',
      'server.js': 'not looked at',
      'api/a.js': '',
      'public/index.html': '',
    },
    ['server'],
  );
  const { functions, routes, publicDir } = await make();
  assert.deepEqual(
    routes.map(({ pattern, functionId }) => [pattern, functionId]),
    [
      ['/api/a', 'dep_1/api/a'],
      ['/[...path]', 'dep_1/server'],
    ],
  );
  const { launch, command, config, root, label } = functions[1]!;
  assert.deepEqual([launch, command, root, label], ['command', [join(dir, 'server'), '--flag'], dir, 'shop/server']);
  assert.deepEqual([config.runtime, config.memoryMiB, config.maxDurationMs], ['executable', 256, 5000]);
  assert.deepEqual(config.environment, { A: '1', PLATFORM: 'yes' });
  assert.equal(publicDir, join(dir, 'public'));
  assert.deepEqual(lines, []);
  assert.ok(reads.has('(a program)'));
});

test('its build is run first, told as it goes, and what it makes is the program', async () => {
  const make = ['sh', '-c', 'echo making; printf "#!/bin/sh\\n" >made; chmod +x made; printf done >&2'];
  const built = await build({ 'weir.json': program({ command: ['./made'], build: make }) });
  assert.deepEqual((await built.make()).functions[0]!.command, [join(built.dir, 'made')]);
  assert.match(
    built.lines.join('\n'),
    /^shop: sh -c .*\nshop: (?:making\nshop: done|done\nshop: making)\nshop: built in \d+\.\d s$/,
  );
  assert.match(
    await refused({
      'weir.json': program({ command: ['./made'], build: ['sh', '-c', 'echo first; echo "main.go:3: wrong"; exit 2'] }),
    }),
    /^DIR\/weir\.json: build: `sh -c .*` exited with 2:\nfirst\nmain\.go:3: wrong$/,
  );
  assert.match(
    await refused({ 'weir.json': program({ command: ['./made'], build: ['true'] }) }),
    /^DIR\/weir\.json: command: there is no file DIR\/made \(after `true`\)$/,
  );
  assert.match(
    await refused({ 'weir.json': program({ command: ['./made'], build: ['no-such-tool', 'x'] }) }),
    /^DIR\/weir\.json: build: there is no no-such-tool in DIR, in its node_modules, or in PATH: install it/,
  );
  const packages = { 'package.json': '{ "dependencies": { "no-such-tool": "1" } }' };
  assert.match(
    await refused({ 'weir.json': program({ command: ['no-such-tool'] }), ...packages }),
    /or in PATH: npm install in DIR$/,
  );
});

test('where a program is looked for', async () => {
  const { make } = await build({ 'weir.json': program({ command: ['sh'] }) });
  assert.match((await make()).functions[0]!.command![0]!, /^\/(?:usr\/)?bin\/sh$/);
  const packaged = await build({ 'weir.json': program({ command: ['tool', 'a.ts'] }), 'node_modules/.bin/tool': '' }, [
    'node_modules/.bin/tool',
  ]);
  assert.equal((await packaged.make()).functions[0]!.command![0], join(packaged.dir, 'node_modules/.bin/tool'));
  assert.equal(
    await refused({ 'weir.json': program({ command: ['./server'] }), server: '' }),
    'DIR/weir.json: command: DIR/server is not executable: chmod +x ./server',
  );
});

test('what does not go together is refused with a sentence', async () => {
  for (const [fields, message] of [
    [{ command: ['./x'] }, 'command: is of a program, which is said by "runtime": "executable" and "command": […]'],
    [{ build: ['make'] }, 'build: is of a program, which is said by "runtime": "executable" and "command": […]'],
    [
      { runtime: 'executable' },
      'runtime: "executable" needs the command that starts it, as in "command": ["./server"]',
    ],
    [
      { runtime: 'python3.12' },
      'runtime: expected "executable", with a command (a version of Node or Python is said in functions, or by package.json or .python-version), got "python3.12"',
    ],
    [
      { runtime: 'executable', command: './x' },
      'command: expected a list of the program and its arguments, as in ["./server", "--verbose"], got "./x"',
    ],
    [
      { functions: { 'api/a.js': { runtime: 'executable' } } },
      'functions["api/a.js"].runtime: expected a runtime of files: a program is said at the top level ("runtime": "executable", "command": […]), got "executable"',
    ],
  ] as const) {
    assert.equal(await refused({ 'api/a.js': '', 'weir.json': JSON.stringify(fields) }), `DIR/weir.json: ${message}`);
  }
  assert.match(
    await refused({ 'weir.json': program({ command: ['sh'] }), '.vercel/output/config.json': '{"version":3}' }),
    /^DIR\/weir\.json: command: there is a build in \.vercel\/output, which is served in its place: remove one of them$/,
  );
});
