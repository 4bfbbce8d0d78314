import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { textLog } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { LiveProjects } from './live.ts';

let home: string;
before(async () => void (home = await mkdtemp(join(tmpdir(), 'weir-live-'))));
after(() => rm(home, { recursive: true, force: true }));

/** A project that is watched, and what was published and logged so far. */
async function live(dir: string, publishing: (version: number) => void = () => undefined) {
  const published: Snapshot[] = [];
  const lines: string[] = [];
  let look = (): void => undefined;
  const projects = new LiveProjects({
    target: 'preview',
    clock: systemClock,
    random: seededRandom(1),
    log: textLog((line) => {
      lines.push(line);
      look();
    }),
    environment: (deployment, { name }) => ({ WHERE: `${name} ${deployment}` }),
    faults: ({ routing }) =>
      routing?.rules.some((rule) => 'src' in rule && rule.src === '^/wrong$') ? ['it is wrong'] : [],
    settle: (deployment) => Promise.resolve(deployment),
    publish(snapshot) {
      publishing(snapshot.version);
      published.push(snapshot);
      look();
    },
  });
  await projects.add({ dir, name: 'p', hosts: [] });
  projects.publish();
  projects.watch();
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const alive = setInterval(() => undefined, 1000);
      look = () => {
        if (!holds()) return;
        clearInterval(alive);
        resolve();
      };
      look();
    });
  return { published, lines, until, projects };
}

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
