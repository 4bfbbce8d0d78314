import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { deployment, startEdge } from '../../edge/edge.fixture.ts';
import { sample } from '../../edge/explain.fixture.ts';
import { explainByName } from '../../model/explain-name.ts';

const launcher = fileURLToPath(new URL('../../../bin/weir', import.meta.url));
const functions = ['shop/api/chat', 'shop/server', 'blog/server'].map((label) => ({
  id: `dpl_${label}`,
  label,
  retired: false,
}));

interface Running {
  readonly child: ChildProcess;
  out: string;
  err: string;
}

function start(...args: string[]): Running {
  const child = spawn(process.execPath, [launcher, 'explain', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const running: Running = { child, out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (running.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (running.err += chunk.toString()));
  return running;
}

async function weirExplain(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const running = start(...args);
  const [code] = (await once(running.child, 'close')) as [number | null];
  return { code, out: running.out, err: running.err };
}

/** A real edge that explains the sample. `asked`: called back with every question. */
async function platform(context: TestContext, asked: () => void = () => undefined): Promise<string> {
  const { port } = await startEdge(context, () => undefined, {
    deployments: [deployment()],
    edge: {
      explain(name) {
        asked();
        return explainByName(name, functions, (id) => ({ ...sample, id }));
      },
    },
  });
  return `localhost:${port}`;
}

test('a function, as text and as JSON', async (t) => {
  const url = await platform(t);
  const text = await weirExplain('api/chat', '--url', url);
  assert.deepEqual([text.code, text.err], [0, '']);
  assert.match(text.out, /^shop\/api\/chat\n {2}id +dpl_shop\/api\/chat\n/);
  assert.match(text.out, /\nCame back before they began\n {2}recalled +17\n {2}memory +2\n$/);
  assert.ok(!text.out.includes('\u001B'));
  const json = await weirExplain('chat', '-u', `http://${url}`, '--json');
  assert.deepEqual([json.code, json.err], [0, '']);
  assert.deepEqual(JSON.parse(json.out), { ...sample, id: 'dpl_shop/api/chat' });
});

test('without a name: which ones there are', async (t) => {
  const { code, out } = await weirExplain('--url', await platform(t));
  assert.deepEqual([code, out], [0, 'Functions\n  shop/api/chat\n  shop/server\n  blog/server\n']);
});

test('a name that is unknown, or several functions’: exit code 2, on standard error', async (t) => {
  const url = await platform(t);
  const unknown = await weirExplain('caht', '--url', url);
  assert.deepEqual([unknown.code, unknown.out], [2, '']);
  assert.match(
    unknown.err,
    /^weir: there is no function called "caht" \(did you mean shop\/api\/chat\?\)\n {2}shop\/api\/chat\n/,
  );
  const ambiguous = await weirExplain('server', '--url', url);
  assert.equal(ambiguous.code, 2);
  assert.equal(
    ambiguous.err,
    'weir: "server" is the name of several functions: say more of it\n  shop/server\n  blog/server\n',
  );
  const json = await weirExplain('server', '--url', url, '--json');
  assert.deepEqual([json.code, json.out], [2, '']);
  assert.equal(json.err, 'weir: "server" is the name of several functions: say more of it\n');
});

test('nobody who answers: exit code 1, and what to do', async () => {
  // Port 1 is for root alone, and nobody uses it.
  const { code, out, err } = await weirExplain('api/chat', '--url', 'http://127.0.0.1:1');
  assert.deepEqual([code, out], [1, '']);
  assert.equal(
    err,
    'weir: http://127.0.0.1:1: nothing listens there: start it by weir dev or weir start, or say where it is by --url\n',
  );
});

test('mistakes in arguments: exit code 2', async () => {
  for (const [args, expected] of [
    [
      ['--url', 'https://localhost'],
      /'https:\/\/localhost' is invalid\. An address like http:\/\/localhost:3000 is expected/,
    ],
    [['--url', 'http://'], /is invalid/],
    [['--url', 'localhost:x'], /is invalid/],
    [['--url', 'localhost:70000'], /is invalid/],
    [['a', 'b'], /too many arguments/],
    [['--json', '--watch'], /option '-w, --watch' cannot be used with option '--json'/],
  ] as const) {
    const { code, err } = await weirExplain(...args);
    assert.equal(code, 2, args.join(' '));
    assert.match(err, expected);
  }
});

test('help: examples and exit codes', async () => {
  const { code, out } = await weirExplain('--help');
  assert.equal(code, 0);
  for (const part of [
    'FUNCTION',
    '--url',
    '--json',
    '--watch',
    'Ctrl-C',
    'Exit codes',
    'http://localhost:3000',
    'Examples',
  ])
    assert.ok(out.includes(part), part);
});

test('watched: again and again, until Ctrl-C', async (t) => {
  const thrice = Promise.withResolvers<void>();
  let questions = 0;
  const url = await platform(t, () => {
    questions += 1;
    if (questions === 3) thrice.resolve();
  });
  const running = start('chat', '--watch', '--url', url);
  await thrice.promise;
  running.child.kill('SIGINT');
  const [code] = (await once(running.child, 'close')) as [number | null];
  assert.deepEqual([code, running.err], [0, '']);
  const times = running.out.match(/^shop\/api\/chat$/gm)?.length ?? 0;
  assert.ok(times === 2 || times === 3, `${times} times`);
  assert.ok(!running.out.includes('\u001B'));
});

test('watched: it ends when nobody reads it', async (t) => {
  const url = await platform(t);
  const unread = start('chat', '--watch', '--url', url);
  await once(unread.child.stdout!, 'data');
  unread.child.stdout!.destroy();
  const [code] = (await once(unread.child, 'exit')) as [number | null];
  assert.equal(code, 0);
});

test('watched: it tells when the platform is gone, and goes on', async (t) => {
  const { edge, port } = await startEdge(t, () => undefined, {
    edge: { explain: (name) => explainByName(name, functions, () => sample) },
  });
  const running = start('chat', '--watch', '--url', `localhost:${port}`);
  await once(running.child.stdout!, 'data');
  await edge.close();
  const gone = /\n\nweir: http:\/\/localhost:\d+: nothing listens there: .*\n\nshop\/api\/chat\n/;
  while (!gone.test(running.out)) await once(running.child.stdout!, 'data');
  running.child.kill('SIGTERM');
  const [code] = (await once(running.child, 'close')) as [number | null];
  assert.deepEqual([code, running.err], [143, '']);
});
