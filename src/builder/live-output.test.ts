import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { live } from './live.fixture.ts';
import { nodeConfig, outputProject } from './output/output.fixture.ts';
import { load, project } from './project.fixture.ts';

const mapped = { ...nodeConfig, filePathMap: { 'lib.js': 'lib.js' } };
const files = {
  'functions/a.func/.vc-config.json': mapped,
  'functions/a.func/index.js': '',
  'static/one.txt': 'one',
};

const write = (dir: string, path: string, content: unknown): Promise<void> =>
  writeFile(join(dir, path), typeof content === 'string' ? content : JSON.stringify(content));

test('an output that is built anew is a new version, and what it was made of is none', async () => {
  const dir = await outputProject(files, { 'lib.js': '', 'app/page.js': '', 'public/x.txt': '' });
  const { published, lines, until, projects } = await live(dir);
  try {
    const [first] = published[0]!.deployments;
    assert.deepEqual([...first!.outputs!.keys()].toSorted(), ['a', 'one.txt']);
    for (const path of ['app/page.js', 'app/new.js', 'lib.js', 'public/x.txt', 'package.json'])
      await write(dir, path, '{}');
    await write(dir, '.vercel/output/static/two.txt', 'two');
    await write(dir, '.vercel/output/config.json', { version: 3, routes: [] });
    await until(() => published.length === 2);
    assert.match(lines.at(-1)!, /^p: \.vercel\/output\/config\.json changed: new version/);
    const [second] = published[1]!.deployments;
    assert.ok(second!.outputs!.has('two.txt'));
    assert.notEqual(second!.fingerprint, first!.fingerprint);
    await write(dir, '.env', 'A=1');
    await until(() => published.length === 3);
    assert.equal(published[2]!.deployments[0]!.functions[0]!.config.environment['A'], '1');
    assert.equal(existsSync(first!.functions[0]!.root), true, 'it may still be starting instances');
  } finally {
    await projects.close();
  }
  assert.equal(existsSync(published[2]!.deployments[0]!.functions[0]!.root), false);
});

test('while a framework builds, what it built before goes on, and no half of what it writes is served', async () => {
  const complete = {
    ...files,
    'functions/whole.func/.vc-config.json': nodeConfig,
    'functions/whole.func/index.js': "exports.answer = 'as before';",
  };
  const dir = await outputProject(complete, { 'lib.js': '', 'api/plain.js': 'export const GET = 1;' });
  const { published, lines, until, projects } = await live(dir);
  try {
    await rm(join(dir, '.vercel/output'), { recursive: true });
    await until(() => lines.some((line) => line.includes('is gone')));
    const { outputs, functions } = published[0]!.deployments[0]!;
    const file = outputs!.get('one.txt');
    assert.equal(file?.kind === 'file' && (await readFile(file.file, 'utf8')), 'one');
    const { default: whole } = await load(functions.find(({ name }) => name === 'whole')!.entry);
    assert.deepEqual(whole, { answer: 'as before' });
    await write(dir, '.env', 'A=1');
    await until(() => lines.filter((line) => line.includes('is gone')).length === 2);
    assert.equal(published.length, 1, 'and nothing else in the project takes its place');
    await mkdir(join(dir, '.vercel/output/functions/b.func'), { recursive: true });
    await write(dir, '.vercel/output/config.json', { version: 3 });
    await write(dir, '.vercel/output/functions/b.func/index.js', '');
    await write(dir, '.vercel/output/functions/b.func/.vc-config.json', nodeConfig);
    await until(() => published.length === 2);
    assert.deepEqual([...published[1]!.deployments[0]!.outputs!.keys()], ['b']);
  } finally {
    await projects.close();
  }
});

test('an output that is moved there takes the place of the project’s sources; a broken one takes nobody’s', async () => {
  const built = await outputProject(files, { 'lib.js': '' });
  const dir = await project({ 'api/a.js': 'export const GET = 1;', 'lib.js': '' });
  const { published, lines, until, projects } = await live(dir);
  try {
    assert.equal(published[0]!.deployments[0]!.outputs, null);
    await rename(join(built, '.vercel'), join(dir, '.vercel'));
    await until(() => published.length === 2);
    assert.ok(published[1]!.deployments[0]!.outputs!.has('one.txt'));
    await write(dir, '.vercel/output/config.json', '{ "version": 2 }');
    await until(() => lines.some((line) => line.includes('cannot be built')));
    assert.match(lines.at(-1)!, /config\.json: version: expected 3, got 2$/);
    assert.equal(projects.deployments[0], published[1]!.deployments[0]);
  } finally {
    await projects.close();
  }
});
