// The host as the entry of a container: one instance, whose token comes on standard input, below a process 1 that reaps.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FakeRouter } from '../router.fixture.ts';

const timeout = 60_000;
const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const namespaces = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];

interface Container {
  readonly router: FakeRouter;
  readonly process: ChildProcess;
  readonly exit: Promise<[number | null, NodeJS.Signals | null]>;
}

async function start(context: TestContext, before: readonly string[], command: readonly string[]): Promise<Container> {
  let container: ChildProcess | null = null;
  const launch = (address: string, token: string): void => {
    const [program, ...args] = [...before, 'sh', file('init.sh'), process.execPath, file('main.ts')];
    container = spawn(program, args, {
      env: { PATH: process.env['PATH'], WEIR_ADDRESS: address, WEIR_MEMORY_MIB: '512' },
      stdio: ['pipe', 'inherit', 'inherit'],
    });
    container.stdin?.end(`${token}\n`);
  };
  const router = await FakeRouter.start({ load: { launch: 'command', command, memoryMiB: 512 }, launch });
  const child: ChildProcess = container!;
  context.after(async () => {
    child.kill('SIGKILL');
    await router.close();
  });
  return { router, process: child, exit: once(child, 'exit') as Container['exit'] };
}

/** What it started lost its parent at once, and ends soon. */
const withOrphan = ['sh', '-c', `(sleep 0.1 &) ; exec ${process.execPath} ${file('program.fixture.ts')}`];

test('it serves, ends in order when it is asked to, and passes on its exit code', { timeout }, async (context) => {
  const { router, process: container, exit } = await start(context, [], withOrphan);
  assert.equal((await router.answer(router.request('/hello'))).text, 'hello');
  const running = router.request('/wait/200');
  await router.frameOf(running, 'BEGUN');
  container.kill('SIGTERM');
  assert.equal((await router.answer(running)).text, 'waited');
  await router.logged('ends in order');
  assert.deepEqual(await exit, [0, null]);
});

test('what its program exits with is what it exits with', { timeout }, async (context) => {
  const { router, exit } = await start(context, [], withOrphan);
  const stream = router.request('/exit/9');
  assert.equal(await router.failureOf(stream), 'NO_RESPONSE_FROM_FUNCTION');
  assert.deepEqual(await exit, [9, null]);
});

test('as process 1 it reaps what lost its parent, and ends what is left', { timeout }, async (context) => {
  const tried = spawnSync(namespaces[0]!, [...namespaces.slice(1), 'true'], { encoding: 'utf8' });
  if (tried.status !== 0) {
    context.diagnostic(`this machine lets nobody make a process namespace: ${tried.error?.message ?? tried.stderr}`);
    return;
  }
  const { router, process: container, exit } = await start(context, namespaces, withOrphan);
  const init = Number(readFileSync(`/proc/${container.pid}/task/${container.pid}/children`, 'utf8'));
  assert.match(readFileSync(`/proc/${init}/status`, 'utf8'), /^NSpid:\t\d+\t1$/m);
  const children = (): string[] => readFileSync(`/proc/${init}/task/${init}/children`, 'utf8').trim().split(' ');
  // The one is the host: the orphan has come to process 1, and gone.
  while (children().length > 1) await router.answer(router.request('/wait/20'));
  assert.equal((await router.answer(router.request('/hello'))).text, 'hello');
  process.kill(init, 'SIGTERM');
  await router.logged('ends in order');
  assert.deepEqual(await exit, [0, null]);
});
