// Functions on other majors of Node than the platform's: installed by npm when they are first needed.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dev, project, repository, type Weir } from './weir.ts';

/** What leans on Node's insides; each is a test of the runtime by itself, and takes no port that another run may have. */
const leaning = [
  'console',
  'context',
  'decoded',
  'exchange',
  'helpers',
  'lazy-messages',
  'node-http',
  'upgrade',
  'web',
];

const majors = [22, 26];
const server = `
import { createServer } from 'node:http';
createServer((req, res) => res.end(process.versions.node)).listen(3000);`;
const source = `
import { getCompileCacheDir } from 'node:module';
export function GET() { return Response.json({ node: process.versions.node, binary: process.execPath, bytecode: getCompileCacheDir() }); }
export async function POST(request) { return new Response(request.body); }
export function PUT(request) { for (const end = Date.now() + 400; Date.now() < end;); return new Response('blocked'); }`;

function runtimeTests(node: string): Promise<string> {
  const files = leaning.flatMap((name) => globSync(`runtimes/node/${name}.test.ts`, { cwd: repository }));
  assert.equal(files.length, leaning.length);
  const args = ['--test', '--test-reporter=tap', '--test-concurrency=2', '--test-timeout=60000', ...files];
  return new Promise((resolve) => {
    // The runner of this very test would take the other one's report for its own.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    execFile(node, args, { cwd: repository, env, maxBuffer: 1 << 26 }, (_error, stdout) => resolve(stdout));
  });
}

async function serves(weir: Weir, path: string, major: number): Promise<string> {
  const { node, binary } = (await weir.get(path)).json();
  assert.equal(Number.parseInt(node, 10), major, `${path} runs on ${node}`);
  assert.equal((await weir.send('POST', path, 'echo')).text, 'echo');
  // A loop that is held is noticed by the sentinel; what waits behind it goes elsewhere or is answered after it.
  const answers = await Promise.all([weir.send('PUT', path), weir.send('PUT', path), weir.get(path)]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  );
  return binary;
}

test('three majors side by side; the runtime passes its tests on each', { timeout: 600_000 }, async (t) => {
  const runtimes = Object.fromEntries(majors.map((major) => [`api/*${major}.js`, { runtime: `nodejs${major}.x` }]));
  const own = Number.parseInt(process.versions.node, 10);
  const dir = project(t, {
    'weir.json': JSON.stringify({ functions: runtimes }),
    'api/own.js': source,
    ...Object.fromEntries(majors.map((major) => [`api/on${major}.js`, source])),
    ...Object.fromEntries(majors.map((major) => [`api/server${major}.js`, server])),
  });
  const first = await dev(t, dir);
  await serves(first, '/api/own', own);
  const binaries = [];
  for (const major of majors) binaries.push(await serves(first, `/api/on${major}`, major));
  assert.equal(await first.stop(), 0);
  const pinned = JSON.parse(readFileSync(join(dir, '.weir/runtimes.json'), 'utf8')) as Record<string, string>;
  assert.deepEqual(
    Object.keys(pinned),
    majors.map((major) => `nodejs${major}.x`),
  );
  // Once more, without an npm: all that is needed is there.
  const path = process.env['PATH'];
  t.after(() => void (process.env['PATH'] = path));
  process.env['PATH'] = '/bin-of-nobody';
  // And with bytecode made ahead, which is another one for each.
  t.after(() => void delete process.env['WEIR_BYTECODE']);
  process.env['WEIR_BYTECODE'] = '1';
  const second = await dev(t, dir);
  for (const major of majors) {
    const { node, bytecode } = (await second.get(`/api/on${major}`)).json();
    assert.equal(node, pinned[`nodejs${major}.x`]);
    assert.equal((await second.get(`/api/server${major}`)).text, node);
    assert.match(bytecode, new RegExp(`weir-run-.*/bytecode/.*/v${node}-`));
  }
  assert.equal(await second.stop(), 0);
  for (const binary of binaries) {
    const report = await runtimeTests(binary);
    assert.ok(/^# pass \d{2,}$/m.test(report), report.slice(-2000));
    assert.match(
      report,
      /^# fail 0$/m,
      report
        .split('\n')
        .filter((line) => line.startsWith('not ok'))
        .join('\n'),
    );
  }
});
