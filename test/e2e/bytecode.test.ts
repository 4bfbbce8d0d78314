// V8's bytecode, made when a production deployment is made ready, and used from the first instance on.
import assert from 'node:assert/strict';
import { globSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { project, run, type Weir } from './weir.ts';

/** Large enough for V8 to be asked for its bytecode, and for that to be seen. */
const functionsOf = (name: string, count: number): string =>
  Array.from({ length: count }, (_, at) => `exports.${name}${at} = (x) => x + ${at};`).join('\n');

/** Says where its bytecode is, how often it was loaded, and that it is whole. */
const entry = `
const { getCompileCacheDir } = require('node:module');
const big = require('./_big.cjs');
module.exports = (req, res) => res.json({ dir: getCompileCacheDir(), sum: big.f0(1) + big.f499(1), pid: process.pid });`;
const files = {
  'app/package.json': '{}',
  'app/api/a.js': entry,
  'app/api/b.js': entry,
  'app/api/broken.js': "throw new Error('not at home');",
  'app/api/_big.cjs': functionsOf('f', 500),
  // As a build of Next.js has its pages: required when they are asked for.
  'app/api/_next/server/app-paths-manifest.json':
    '{"/page":"app/page.js","/gone/page":"app/gone.js","/up":"../../../a.js"}',
  'app/api/_next/server/app/page.js': functionsOf('page', 10),
};

const start = (t: Parameters<typeof run>[0], dir: string, args: readonly string[] = []): Promise<Weir> =>
  run(t, ['start', dir, '--port', '0', ...args]);

interface Seen {
  readonly dir: string;
  readonly sum: number;
  readonly pid: number;
}
const ask = async (weir: Weir, path: string): Promise<Seen> => {
  const answer = await weir.get(path, { host: 'app.localhost' });
  assert.equal(answer.status, 200, answer.text);
  return answer.json() as Seen;
};
const entriesIn = (dir: string): string[] =>
  globSync('**/*', { cwd: dir }).filter((name) => statSync(join(dir, name)).isFile());

for (const stems of [true, false]) {
  test(`each function of production has its own before its first instance; ${stems ? 'with stems' : 'without'}`, async (t) => {
    const weir = await start(t, project(t, files), stems ? [] : ['--stems', '0']);
    const [a, b] = [await ask(weir, '/api/a'), await ask(weir, '/api/b')];
    assert.equal(a.sum, 501);
    assert.notEqual(a.dir, b.dir);
    // Nobody but the scratch instance can have written: instances write when they end.
    // The runtime, the function, what it requires, and its page.
    for (const { dir } of [a, b]) assert.equal(entriesIn(dir).length, 4, entriesIn(dir).join());
    assert.equal((await weir.get('/api/broken', { host: 'app.localhost' })).status, 500);
    await weir.printed(/not at home/);
    assert.equal(await weir.stop(), 0);
    assert.throws(() => statSync(a.dir), 'it goes away with the platform');
  });
}

test('what is no bytecode is ignored', async (t) => {
  const weir = await start(
    t,
    project(t, { ...files, 'app/weir.json': '{"functions":{"api/*.js":{"maxConcurrency":1}}}' }),
  );
  const { dir, pid } = await ask(weir, '/api/a');
  const names = entriesIn(dir);
  assert.ok(names.length >= 2);
  const damages: ((whole: Buffer) => Buffer)[] = [
    (whole) => whole.subarray(0, whole.length / 2),
    () => Buffer.from('nonsense'),
    (whole) => Buffer.concat([whole.subarray(0, -64), Buffer.alloc(64, 0xff)]),
    () => Buffer.alloc(0),
    (whole) => whole.map((byte, at) => (at > 64 && at % 7 === 0 ? byte ^ 0x55 : byte)) as Buffer,
  ];
  let last = pid;
  for (const damage of damages) {
    for (const name of names) writeFileSync(join(dir, name), damage(readFileSync(join(dir, name))));
    process.kill(last, 'SIGKILL');
    const seen = await ask(weir, '/api/a');
    assert.notEqual(seen.pid, last, 'another instance, which had to read it');
    assert.equal(seen.sum, 501);
    last = seen.pid;
  }
  assert.equal(await weir.stop(), 0);
});

test('previews may have it, production may go without', async (t) => {
  t.after(() => void delete process.env['WEIR_BYTECODE']);
  const dir = project(t, files);
  const dirWith = async (command: string, asked: string): Promise<string> => {
    process.env['WEIR_BYTECODE'] = asked;
    const weir = await run(t, [command, command === 'dev' ? join(dir, 'app') : dir, '--port', '0']);
    const seen = await ask(weir, '/api/a');
    assert.equal(await weir.stop(), 0);
    return seen.dir;
  };
  const own = /weir-run-\d+-\w+\/bytecode\//;
  assert.match(await dirWith('dev', '1'), own);
  assert.doesNotMatch(await dirWith('start', '0'), own);
  assert.doesNotMatch(await dirWith('dev', ''), own);
});

test('a project is served while the function of another is still being loaded, which is answered for by 503', async (t) => {
  // Loading ends when the other project has answered: so it does only if that does not wait for this one.
  const waits = `
const { request } = require('node:http');
const { writeFileSync } = require('node:fs');
const ask = (host) => new Promise((resolve) => request({ port: process.env.VERCEL_URL.split(':')[1], headers: { host } }, (res) => {
  res.resume();
  resolve([res.statusCode, res.headers['retry-after']]);
}).end());
module.exports = (async () => {
  const late = (req, res) => res.end('late');
  if (process.env.WEIR_SCRATCH !== '1') return late;
  while ((await ask('app.localhost'))[0] !== 200);
  writeFileSync('seen.json', JSON.stringify([await ask('slow.localhost'), await ask('app.localhost')]));
  return late;
})();`;
  const dir = project(t, {
    'slow/package.json': '{}',
    'slow/api/index.mjs': "const { default: made } = await import('./_waits.cjs'); export default await made;",
    'slow/api/_waits.cjs': waits,
    'slow/vercel.json': '{"rewrites":[{"source":"/","destination":"/api"}]}',
    'app/package.json': '{}',
    'app/public/index.html': 'app',
    'app/api/a.js': entry,
    'app/api/_big.cjs': functionsOf('f', 500),
  });
  const weir = await start(t, dir);
  assert.deepEqual(JSON.parse(readFileSync(join(dir, 'slow/seen.json'), 'utf8')), [
    [503, '2'],
    [200, null],
  ]);
  assert.equal((await weir.get('/', { host: 'slow.localhost' })).text, 'late');
  assert.equal((await weir.get('/', { host: 'nobody.localhost' })).status, 404);
});
