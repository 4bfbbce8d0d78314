import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { live } from './live.fixture.ts';

let home: string;
before(async () => void (home = await mkdtemp(join(tmpdir(), 'weir-live-'))));
after(() => rm(home, { recursive: true, force: true }));

test('what a function writes into its own project is no new version; what builds read is', async () => {
  const dir = await mkdtemp(join(home, 'p-'));
  await mkdir(join(dir, 'api'));
  await writeFile(join(dir, 'read.json'), '1');
  await writeFile(
    join(dir, 'api/a.js'),
    `import data from '../read.json' with { type: 'json' }; export const GET = data;`,
  );
  await writeFile(join(dir, 'vercel.json'), '{ "regions": [] }');
  const { published, lines, until, projects } = await live(dir);
  try {
    for (const file of ['data.json', 'my.db', 'api/sedAb12Z', 'out.txt']) await writeFile(join(dir, file), '1');
    await writeFile(join(dir, 'read.json'), '2');
    await until(() => published.length === 2);
    assert.match(lines.at(-1)!, /^p: read\.json changed: new version/);
    await writeFile(join(dir, 'read.json'), '{');
    await until(() => lines.some((line) => line.includes('cannot be built')));
    await writeFile(join(dir, 'read.json'), '3');
    await until(() => published.length === 3);
    await mkdir(join(dir, 'public'));
    await writeFile(join(dir, 'public/i.html'), '');
    await until(() => published.at(-1)?.deployments[0]?.publicDir === join(dir, 'public'));
    assert.equal(
      lines.filter((line) => line.startsWith('warn:')).length,
      1,
      'a warning is not told again at every change',
    );
  } finally {
    await projects.close();
  }
});

test('a change is a new deployment; a broken one keeps the last; static files leave functions alone', async () => {
  const dir = await mkdtemp(join(home, 'p-'));
  for (const folder of ['api', 'public']) await mkdir(join(dir, folder));
  await writeFile(join(dir, 'api/a.ts'), 'export const GET = 1;');
  const { published, lines, until, projects } = await live(dir);
  try {
    const [first] = published[0]!.deployments;
    assert.equal(first?.functions[0]?.config.environment['WHERE'], `p ${first?.id}`);

    await writeFile(join(dir, 'api/a.ts'), 'export const GET = 2;');
    await until(() => published.length === 2);
    const [second] = published[1]!.deployments;
    assert.notEqual(second?.id, first?.id);
    assert.equal(published[1]!.version, 2);

    await writeFile(join(dir, 'api/a.ts'), 'export const GET = ;');
    await until(() => lines.some((line) => line.includes('cannot be built')));
    assert.match(lines.at(-1)!, /api\/a\.ts:1:20: Unexpected ";"/);
    assert.equal(projects.deployments[0], second);

    await writeFile(join(dir, 'public/i.html'), 'hi');
    await until(() => published.length === 3);
    const [third] = published[2]!.deployments;
    assert.equal(third?.id, second?.id);
    assert.notEqual(third, second, 'the edge looks at a deployment that is another object');
    assert.equal(third?.functions, second?.functions);
  } finally {
    await projects.close();
  }
  assert.deepEqual(await readdir(join(dir, '.weir/dev')), [], 'what was built is removed at the end');
});

test('what fails when a version is published is told, and the next change is published', async () => {
  const dir = await mkdtemp(join(home, 'p-'));
  await mkdir(join(dir, 'api'));
  await writeFile(join(dir, 'api/a.ts'), 'export const GET = 1;');
  const failed = Promise.withResolvers<void>();
  const { published, lines, until, projects } = await live(dir, (version) => {
    if (version !== 2) return;
    failed.resolve();
    throw new Error('not this one');
  });
  try {
    await writeFile(join(dir, 'api/a.ts'), 'export const GET = 2;');
    await failed.promise;
    await writeFile(join(dir, 'api/a.ts'), 'export const GET = 3;');
    await until(() => published.length === 2);
    assert.equal(published[1]?.version, 3);
    const told = lines.find((line) => line.startsWith('error:'));
    assert.match(told ?? '', /^error: p: the new version could not be published\nError: not this one\n/);
  } finally {
    await projects.close();
  }
});

test('the build that is served stays, however many after it cannot be published', async () => {
  const dir = await mkdtemp(join(home, 'p-'));
  await mkdir(join(dir, 'api'));
  await writeFile(join(dir, 'api/a.ts'), 'export const GET = 0;');
  const { published, lines, until, projects } = await live(dir, (version) => {
    if (version > 1) throw new Error('none of these');
  });
  try {
    const told = (): number => lines.filter((line) => line.startsWith('error:')).length;
    for (let version = 1; version <= 7; version += 1) {
      await writeFile(join(dir, 'api/a.ts'), `export const GET = ${version};`);
      await until(() => told() === version);
    }
    const kept = await readdir(join(dir, '.weir/dev'));
    assert.ok(kept.includes(published[0]!.deployments[0]!.id));
    assert.ok(kept.length <= 6, `${kept.length} builds are kept`);
  } finally {
    await projects.close();
  }
});

test('a routing table that cannot be used is no new version, and its faults are told', async () => {
  const dir = await mkdtemp(join(home, 'p-'));
  await mkdir(join(dir, 'api'));
  await writeFile(join(dir, 'api/a.js'), 'export const GET = () => new Response();');
  const { published, lines, until, projects } = await live(dir);
  await writeFile(join(dir, 'vercel.json'), '{ "routes": [{ "src": "^/wrong$", "dest": "/api/a" }] }');
  await until(() => lines.some((line) => line.includes('it is wrong')));
  assert.equal(published.length, 1);
  await writeFile(join(dir, 'vercel.json'), '{ "routes": [{ "src": "^/right$", "dest": "/api/a" }] }');
  await until(() => published.length === 2);
  await projects.close();
});

test('a program is built again when a source changes, and not for what its build writes', async () => {
  const dir = await mkdtemp(join(home, 'p-'));
  const make = 'cat main.go >server && chmod +x server && echo made >generated.go && touch data.json && echo >>count';
  await writeFile(
    join(dir, 'weir.json'),
    JSON.stringify({ runtime: 'executable', command: ['./server'], build: ['sh', '-c', make] }),
  );
  await writeFile(join(dir, 'main.go'), 'one');
  const { published, lines, until, projects } = await live(dir);
  try {
    assert.equal(await readFile(join(dir, 'server'), 'utf8'), 'one');
    await writeFile(join(dir, 'main.go'), 'two');
    await until(() => lines.some((line) => /main\.go.* changed: new version/.test(line)));
    assert.equal(await readFile(join(dir, 'server'), 'utf8'), 'two');
    await writeFile(join(dir, 'main.go'), 'three');
    await until(() => published.length >= 3 && lines.filter((line) => /main\.go/.test(line)).length >= 2);
    await new Promise((resolve) => void setTimeout(resolve, 1_000));
    const count = published.length;
    assert.ok(count <= 5, `${count} versions`);
    await new Promise((resolve) => void setTimeout(resolve, 1_000));
    assert.equal(published.length, count, 'it comes to rest');
  } finally {
    await projects.close();
  }
});
