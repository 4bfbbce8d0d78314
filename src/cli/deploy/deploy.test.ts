import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ApiError } from '../../api/errors.ts';
import { deployment, project } from '../canned.fixture.ts';
import { fakeControl } from '../control.fixture.ts';
import type { Answers, FakeControl } from '../control.fixture.ts';
import { home, start, weir } from '../run.fixture.ts';
import type { Home } from '../run.fixture.ts';

const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');
const id = 'dep_made000001';

async function files(at: Home, contents: Readonly<Record<string, string | Buffer>>): Promise<void> {
  for (const [path, content] of Object.entries(contents)) {
    await mkdir(dirname(join(at.dir, path)), { recursive: true });
    await writeFile(join(at.dir, path), content);
  }
}

const hello = { 'weir.json': '{"name":"shop"}', 'api/hello.js': 'export const GET = () => new Response("hi");' };

/** Makes what it is given of the blobs that it has. */
function making(control: () => FakeControl, changes: Answers = {}): Answers {
  const made = deployment({
    id,
    target: 'preview',
    state: 'ready',
    isLive: false,
    url: 'http://shop-made.localhost:3000',
  });
  let target: 'production' | 'preview' = 'preview';
  return {
    createDeployment: ({ body }) => {
      target = body.target;
      const hashes = [...new Set(body.files.map((file) => file.sha256))];
      return {
        deployment: { ...made, state: 'uploading' },
        missing: hashes.filter((hash) => !isWhole(control(), hash)),
      };
    },
    finishDeployment: () => ({ ...made, state: 'building' }),
    deployment: () => ({ ...made, target, isLive: target === 'production' }),
    deleteDeployment: () => undefined,
    async *deploymentEvents() {
      yield { event: 'log', data: { type: 'log', level: 'info', text: 'compiled 1 function', atMs: 1 } };
      yield {
        event: 'state',
        data: { type: 'state', deployment: { ...made, target, isLive: target === 'production' } },
      };
    },
    project: () => project(),
    ...changes,
  };
}

const isWhole = ({ blobs }: FakeControl, hash: string): boolean => blobs.has(hash) && sha256(blobs.get(hash)!) === hash;

interface There {
  readonly control: FakeControl;
  readonly at: Home;
}

async function there(t: Parameters<typeof home>[0], changes: Answers = {}): Promise<There> {
  const late: { control?: FakeControl } = {};
  const control = await fakeControl(
    t,
    making(() => late.control!, changes),
  );
  late.control = control;
  return { control, at: home(t) };
}

const count = ({ calls }: FakeControl, name: string): number => calls.filter((each) => each === name).length;

test('a preview: what is missing is uploaded, what is said is shown, the URL is the result', async (t) => {
  const { control, at } = await there(t);
  await files(at, hello);
  const first = await weir(at, control.environment, ['deploy']);
  assert.deepEqual([first.code, first.out], [0, 'http://shop-made.localhost:3000\n'], first.err);
  assert.match(first.err, /^uploading 2 of 2 files, 59 B: 59 B\n/);
  assert.match(first.err, /making dep_made000001\n {2}compiled 1 function\nready in .*: dep_made000001, preview\n/);
  assert.equal(control.blobs.get(sha256(hello['api/hello.js']))!.toString(), hello['api/hello.js']);
  const asked = control.asked[control.calls.indexOf('createDeployment')]!;
  assert.deepEqual(asked.params, { project: 'shop' });
  const { git, ...body } = asked.body as Record<string, unknown>;
  assert.equal(git, null);
  assert.deepEqual(body, {
    target: 'preview',
    promote: true,
    directory: '',
    links: [],
    files: Object.entries(hello)
      .map(([path, text]) => ({ path, sha256: sha256(text), bytes: text.length, executable: false }))
      .toSorted((a, b) => (a.path < b.path ? -1 : 1)),
  });
  const again = await weir(at, control.environment, ['deploy']);
  assert.match(again.err, /^2 files, 59 B: all of them are there already\n/);
  assert.equal(count(control, 'putBlob'), 2);
});

test('production, with the facts of the commit; --json', async (t) => {
  const { control, at } = await there(t);
  await files(at, hello);
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=a@b.c', ...args], { cwd: at.dir }).toString();
  git('init', '-q', '-b', 'main');
  git('add', '.');
  git('commit', '-qm', 'Prices in euros');
  const clean = await weir(at, control.environment, ['deploy', '--prod', '--no-promote', '--json']);
  assert.equal(clean.err, '');
  const result = JSON.parse(clean.out) as { deployment: { id: string }; liveUrl: string; uploaded: { files: number } };
  assert.deepEqual(
    [result.deployment.id, result.liveUrl, result.uploaded.files],
    [id, 'http://shop.localhost:3000', 2],
  );
  const bodies = (): Record<string, unknown>[] =>
    control.asked.filter((_, index) => control.calls[index] === 'createDeployment').map(({ body }) => body as never);
  const { commit, ...facts } = bodies()[0]!['git'] as Record<string, unknown>;
  assert.match(commit as string, /^[0-9a-f]{40}$/);
  assert.deepEqual(facts, { branch: 'main', message: 'Prices in euros', author: 'Ada', dirty: false });
  assert.deepEqual([bodies()[0]!['target'], bodies()[0]!['promote']], ['production', false]);
  await files(at, { 'api/new.js': 'export const GET = () => new Response("new");' });
  await weir(at, control.environment, ['deploy']);
  assert.equal((bodies()[1]!['git'] as { dirty: boolean }).dirty, true);
});

test('a large file that was interrupted is gone on with, and one whose connection breaks is tried again', async (t) => {
  let puts = 0;
  const large = randomBytes(9 * 1024 * 1024);
  const { control, at } = await there(t, {
    async putBlob({ params, query, request, response }) {
      puts += 1;
      const had = control.blobs.get(params.sha256) ?? Buffer.alloc(0);
      let all = had.subarray(0, query.offset);
      for await (const chunk of request as AsyncIterable<Buffer>) {
        all = Buffer.concat([all, chunk]);
        // The first attempt of the large one ends half-way.
        if (puts === 1 && all.length > 6_000_000) {
          control.blobs.set(params.sha256, all);
          response.destroy();
          return undefined;
        }
      }
      control.blobs.set(params.sha256, all);
      return undefined;
    },
  });
  await files(at, { ...hello, 'public/large.bin': large });
  control.blobs.set(sha256(hello['weir.json']), Buffer.from(hello['weir.json']));
  control.blobs.set(sha256(hello['api/hello.js']), Buffer.from(hello['api/hello.js']));
  // A part of it is there from a run before.
  control.blobs.set(sha256(large), large.subarray(0, 1_000_000));
  const { code, err } = await weir(at, control.environment, ['deploy']);
  assert.equal(code, 0, err);
  assert.ok(control.blobs.get(sha256(large))!.equals(large));
  const offsets = control.asked
    .filter((_, index) => control.calls[index] === 'putBlob')
    .map(({ query }) => (query as { offset: number }).offset);
  assert.equal(offsets.length, 2);
  assert.equal(offsets[0], 1_000_000);
  assert.ok(offsets[1]! > 6_000_000, String(offsets[1]));
  assert.match(err, /uploaded 25 %|uploaded 50 %|uploaded 75 %/);
});

test('what is transient is tried again, what is not is told', async (t) => {
  let failures = 2;
  const { control, at } = await there(t, {
    putBlob: async ({ request }) => {
      for await (const _ of request) continue;
      failures -= 1;
      if (failures >= 0) throw new ApiError('INTERNAL_ERROR');
      throw new ApiError('DISK_FULL');
    },
  });
  await files(at, { 'api/hello.js': hello['api/hello.js'] });
  const { code, out, err } = await weir(at, control.environment, ['deploy', '--project', 'shop']);
  assert.deepEqual([code, out], [1, '']);
  assert.match(err, /weir: There is no room left on the disk of the control\.\n$/);
  assert.equal(count(control, 'putBlob'), 3);
  // What lacks files is tidied away.
  assert.equal(count(control, 'deleteDeployment'), 1);
  assert.equal(count(control, 'finishDeployment'), 0);
});

test('eight files at once, and never more', async (t) => {
  let [now, most] = [0, 0];
  let eight: () => void;
  const full = new Promise<void>((resolve) => (eight = resolve));
  const { control, at } = await there(t, {
    async putBlob({ request }) {
      now += 1;
      most = Math.max(most, now);
      if (now === 8) eight();
      for await (const _ of request) continue;
      await full;
      now -= 1;
      return undefined;
    },
  });
  await files(at, {
    ...hello,
    ...Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`public/${index}.txt`, `file ${index}`])),
  });
  const { code, err } = await weir(at, control.environment, ['deploy']);
  assert.deepEqual([code, most, count(control, 'putBlob')], [0, 8, 32], err);
});

test('a file that changes while it is uploaded', async (t) => {
  const { control, at } = await there(t, {
    createDeployment: ({ body }) => {
      writeFileSync(join(at.dir, 'api/hello.js'), 'export const GET = () => new Response("no");');
      return { deployment: deployment({ id, state: 'uploading' }), missing: body.files.map((file) => file.sha256) };
    },
  });
  await files(at, hello);
  const { code, err } = await weir(at, control.environment, ['deploy']);
  assert.equal(code, 1);
  assert.match(err, /weir: api\/hello\.js has changed while it was uploaded\n {2}Deploy again\.\n$/);
});

test('a deployment that cannot be made: why, and exit code 1', async (t) => {
  const { control, at } = await there(t, {
    async *deploymentEvents() {
      yield { event: 'log', data: { type: 'log', level: 'error', text: 'api/hello.js:1:1: no\u001B[2J', atMs: 1 } };
      const failed = deployment({ id, state: 'failed', error: 'one function cannot be built', isLive: false });
      yield { event: 'state', data: { type: 'state', deployment: failed } };
    },
  });
  await files(at, hello);
  const { code, out, err } = await weir(at, control.environment, ['deploy']);
  assert.deepEqual([code, out], [1, '']);
  assert.match(
    err,
    /\n {2}api\/hello\.js:1:1: no\\u001b\[2J\nweir: dep_made000001 failed: one function cannot be built\n/,
  );
});

test('a stream of events that breaks is taken up again, each line once', async (t) => {
  let streams = 0;
  const { control, at } = await there(t, {
    deployment: () => deployment({ id, state: streams < 2 ? 'building' : 'ready', isLive: false }),
    async *deploymentEvents() {
      streams += 1;
      for (const text of streams === 1 ? ['one'] : ['one', 'two']) {
        yield { event: 'log', data: { type: 'log', level: 'info', text, atMs: 1 } };
      }
    },
  });
  await files(at, hello);
  const { code, err } = await weir(at, control.environment, ['deploy']);
  assert.equal(code, 0, err);
  assert.deepEqual(err.match(/^ {2}(?:one|two)$/gm), ['  one', '  two']);
});

test('Ctrl-C: nothing is deployed, and the same command goes on', async (t) => {
  let reached: () => void;
  const half = new Promise<void>((resolve) => (reached = resolve));
  let kept: () => void;
  const partKept = new Promise<void>((resolve) => (kept = resolve));
  const large = randomBytes(10 * 1024 * 1024);
  let isFirst = true;
  const { control, at } = await there(t, {
    async putBlob({ params, query, request, response }) {
      let all = (control.blobs.get(params.sha256) ?? Buffer.alloc(0)).subarray(0, query.offset);
      let isHeld = false;
      try {
        for await (const chunk of request as AsyncIterable<Buffer>) {
          // What comes after that is lost, and never answered.
          if (!isHeld) all = Buffer.concat([all, chunk]);
          if (!isFirst || all.length < 5_000_000) continue;
          [isFirst, isHeld] = [false, true];
          reached();
        }
        if (isHeld) await new Promise((resolve) => void response.once('close', resolve));
      } catch {
        // The client has left.
      }
      control.blobs.set(params.sha256, all);
      if (params.sha256 === sha256(large)) kept();
      return undefined;
    },
  });
  await files(at, { 'api/hello.js': hello['api/hello.js'], 'public/large.bin': large });
  const running = start(at, control.environment, ['deploy', '-p', 'shop']);
  await half;
  running.child.kill('SIGINT');
  const { code, err } = await running.ended();
  assert.equal(code, 130);
  assert.match(err, /weir: interrupted: nothing was deployed\n {2}What was uploaded is kept/);
  assert.deepEqual([count(control, 'finishDeployment'), count(control, 'deleteDeployment')], [0, 1]);
  await partKept;
  const again = await weir(at, control.environment, ['deploy', '-p', 'shop']);
  assert.equal(again.code, 0, again.err);
  const last = control.asked.findLast((each) => (each.params as { sha256?: string }).sha256 === sha256(large))!;
  assert.ok((last.query as { offset: number }).offset >= 5_000_000);
  assert.ok(control.blobs.get(sha256(large))!.equals(large));
});

test('hashes are kept from one deployment to the next', async (t) => {
  const { control, at } = await there(t);
  await files(at, hello);
  const past = new Date(Date.now() - 60_000);
  const { utimesSync } = await import('node:fs');
  for (const name of Object.keys(hello)) utimesSync(join(at.dir, name), past, past);
  await weir(at, control.environment, ['deploy', '--quiet']);
  assert.equal(readdirSync(join(at.environment['XDG_STATE_HOME']!, 'weir/cli/hashes')).length, 1);
});

test('mistakes: a name that is none, nothing to deploy', async (t) => {
  const { control, at } = await there(t);
  const nothing = await weir(at, control.environment, ['deploy', '-p', 'shop']);
  assert.deepEqual([nothing.code, /nothing to serve/.test(nothing.err)], [2, true]);
  const named = await weir(at, control.environment, ['deploy', '-p', 'Shop_1']);
  assert.deepEqual([named.code, named.err.startsWith('weir: Shop_1: lower-case letters')], [2, true]);
  assert.equal(count(control, 'createDeployment'), 0);
});
