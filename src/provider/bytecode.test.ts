import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { textLog } from '../base/log.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { Deployment } from '../model/snapshot.ts';
import { BytecodeMaker } from './bytecode.ts';
import type { Exit, Provider, ProviderEvents, StartOrder } from './provider.ts';

interface Scratch {
  readonly order: StartOrder;
  readonly events: ProviderEvents;
}

const killed: Exit = { kind: 'signalled', signal: 'SIGKILL', outOfMemory: false };

/** `behave`: what a scratch instance does, once it was started. */
function scene(t: TestContext, behave: (scratch: Scratch) => void, atOnce = 2) {
  const dir = mkdtempSync(join(tmpdir(), 'weir-test-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const timers = new Set<() => void>();
  let nowMs = 0;
  const clock: Clock = {
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    after(_, fire) {
      timers.add(fire);
      return { cancel: () => void timers.delete(fire) };
    },
    soon: (fire) => void setImmediate(fire),
  };
  const started: StartOrder[] = [];
  let [live, most] = [0, 0];
  const provider: Provider = {
    kind: 'process',
    describe: () => '',
    close: () => Promise.resolve(),
    start(order, events) {
      started.push(order);
      live += 1;
      most = Math.max(most, live);
      const exited = (exit: Exit): void => {
        live -= 1;
        events.exited(exit);
      };
      setImmediate(() => behave({ order, events: { ...events, exited } }));
      const kill = (): void => exited(killed);
      return { pid: 1, kill, terminate: kill, usage: () => null };
    },
  };
  const served = new Set<string>();
  const lines: string[] = [];
  const log = textLog((line) => void lines.push(line), 'debug');
  const maker = new BytecodeMaker({
    provider,
    dir,
    orderOf: ({ id, bytecodeDir }) => ({ id, bytecodeDir }),
    atOnce,
    isServed: (id) => served.has(id),
    clock,
    log,
  });
  const fire = (): void => [...timers].forEach((each) => each());
  return {
    dir,
    maker,
    started,
    served,
    lines,
    fire,
    timers,
    most: () => most,
    pass: (ms: number) => void (nowMs += ms),
  };
}

const deploymentOf = (id: string, ...names: string[]): Deployment => projectOf('app', id, ...names);

const projectOf = (project: string, id: string, ...names: string[]): Deployment =>
  ({
    id,
    project,
    functions: names.map((name) => {
      const spec = { id: `${id}/${name}`, label: `app/${name}`, config: { memoryMiB: 128, runtime: 'nodejs24.x' } };
      return spec as unknown as FunctionSpec;
    }),
  }) as unknown as Deployment;

test('each function is loaded in a scratch instance with a directory of its own, some at once', async (t) => {
  const waiting: Scratch[] = [];
  const { maker, started, dir, most, timers } = scene(t, (scratch) => {
    waiting.push(scratch);
    // Two go on together, and then the third.
    if (waiting.length < 2 && started.length < 3) return;
    for (const { order, events } of waiting.splice(0)) {
      writeFileSync(join(order.bytecodeDir!, 'x.cache'), '');
      events.exited({ kind: 'exited', code: 0 });
    }
  });
  const { functions } = await maker.settle(deploymentOf('dep_1', 'a', 'b', 'c'));
  assert.deepEqual(
    functions.map(({ bytecodeDir }) => bytecodeDir),
    ['0', '1', '2'].map((at) => join(dir, 'dep_1', at)),
  );
  assert.ok(functions.every(({ bytecodeDir }) => existsSync(join(bytecodeDir!, 'x.cache'))));
  assert.ok(
    started.every(
      ({ isScratch, release, memoryMiB }) => isScratch === true && release === 'nodejs24.x' && memoryMiB === 128,
    ),
  );
  assert.equal(new Set(started.map(({ instance }) => instance)).size, 3);
  const [first] = started.map(({ token }) => token).toSorted();
  assert.deepEqual(JSON.parse(first!), { id: 'dep_1/a', bytecodeDir: join(dir, 'dep_1', '0') });
  assert.equal(most(), 2);
  assert.equal(timers.size, 0);
});

test('what is deployed has its directories at once, and what is put into them later', async (t) => {
  const made = Promise.withResolvers<void>();
  const { maker, dir, fire, started, lines } = scene(t, ({ order, events }) => {
    writeFileSync(join(order.bytecodeDir!, 'x.cache'), '');
    events.exited({ kind: 'exited', code: 0 });
    if (started.length === 2) made.resolve();
  });
  const { functions } = maker.settleLater(deploymentOf('dep_1', 'a', 'b'));
  const dirs = ['0', '1'].map((at) => join(dir, 'dep_1', at));
  assert.deepEqual(
    functions.map(({ bytecodeDir }) => bytecodeDir),
    dirs,
  );
  assert.deepEqual([started, lines], [[], []]);
  fire();
  await made.promise;
  assert.ok(dirs.every((each) => existsSync(join(each, 'x.cache'))));
});

test('what is not JavaScript has no bytecode, and nothing is started for it', async (t) => {
  const { maker, started } = scene(t, () => undefined);
  const deployment = deploymentOf('dep_1', 'a', 'b');
  const functions = deployment.functions.map((spec, at) => ({
    ...spec,
    config: { ...spec.config, runtime: at === 0 ? ('executable' as const) : ('python3.11' as const) },
  }));
  assert.deepEqual((await maker.settle({ ...deployment, functions })).functions, functions);
  assert.equal(started.length, 0);
});

test('what cannot be loaded, or ends otherwise, goes without, and is no fault of the others', async (t) => {
  const exits: Exit[] = [
    { kind: 'exited', code: 1 },
    { kind: 'exited', code: 0 },
    killed,
    { kind: 'failed', reason: 'nodejs22.1.0 is not installed' },
  ];
  let at = 0;
  const { maker, lines, dir } = scene(
    t,
    ({ events }) => {
      const exit = exits[at++]!;
      if (exit.kind === 'exited' && exit.code === 1) events.output('stderr', 'Error: no database');
      events.exited(exit);
    },
    1,
  );
  const { functions } = await maker.settle(deploymentOf('dep_1', 'a', 'b', 'c', 'd'));
  assert.deepEqual(
    functions.map(({ bytecodeDir }) => bytecodeDir !== undefined),
    [false, true, false, false],
  );
  assert.equal(existsSync(join(dir, 'dep_1', '0')), false);
  assert.match(lines[0]!, /app\/a: no bytecode could be made ahead: Error: no database/);
  assert.match(lines[2]!, /app\/d: .*nodejs22\.1\.0 is not installed/);
  assert.match(lines[3]!, /app: bytecode of 1 of 4 functions/);
});

test('one that never ends is killed, and a deployment that takes too long is served without the rest', async (t) => {
  const { maker, fire, started, pass } = scene(
    t,
    () => {
      pass(limits.bytecodeMs);
      fire();
    },
    1,
  );
  const { functions } = await maker.settle(deploymentOf('dep_1', 'a', 'b'));
  assert.equal(started.length, 1);
  assert.ok(functions.every(({ bytecodeDir }) => bytecodeDir === undefined));
});

test('all projects together have so much time; after a pause as long there is as much again', async (t) => {
  const { maker, started, pass, most } = scene(t, ({ events }) => {
    pass(limits.bytecodeMs / 4);
    events.exited({ kind: 'exited', code: 0 });
  });
  const made = await Promise.all([
    maker.settle(projectOf('one', 'dep_1', 'a', 'b', 'c', 'd')),
    maker.settle(projectOf('two', 'dep_2', 'a', 'b', 'c', 'd')),
  ]);
  const counts = made.map(({ functions }) => functions.filter(({ bytecodeDir }) => bytecodeDir !== undefined).length);
  // What began before the time was up is finished: three at once at most.
  const all = started.length;
  assert.ok(all >= 4 && all <= 6 && most() <= 3, `${all} started, ${most()} at once`);
  // Each has a place of its own; whose turn it is with the other one depends on whose directory is made first.
  assert.ok(
    counts.every((count) => count >= 1),
    String(counts),
  );
  assert.equal(counts[0]! + counts[1]!, all);
  pass(limits.bytecodeMs - 1);
  await maker.settle(deploymentOf('dep_3', 'a'));
  assert.equal(started.length, all);
  pass(limits.bytecodeMs);
  await maker.settle(deploymentOf('dep_4', 'a'));
  assert.equal(started.length, all + 1);
});

test('a function that takes long to load holds up its own project alone', async (t) => {
  const held: Scratch[] = [];
  const behave = (scratch: Scratch): void => {
    if (scratch.order.token.includes('slow')) held.push(scratch);
    else scratch.events.exited({ kind: 'exited', code: 0 });
  };
  const { maker } = scene(t, behave, 1);
  const slow = maker.settle(projectOf('one', 'dep_1', 'slow'));
  while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const { functions } = await maker.settle(projectOf('two', 'dep_2', 'a', 'b'));
  assert.ok(functions.every(({ bytecodeDir }) => bytecodeDir !== undefined));
  held[0]!.events.exited({ kind: 'exited', code: 0 });
  await slow;
});

test('of each project only that of the newest versions is kept, and of what is served', async (t) => {
  const { maker, dir, served } = scene(t, ({ events }) => events.exited({ kind: 'exited', code: 0 }));
  const isKept = (id: string): boolean => existsSync(join(dir, id));
  for (let at = 0; at < 20; at += 1) await maker.settle(projectOf(`project${at}`, `only_${at}`, 'a'));
  served.add('dep_1');
  const last = limits.bytecodeVersions + 2;
  for (let at = 0; at <= last; at += 1) await maker.settle(deploymentOf(`dep_${at}`, 'a'));
  assert.deepEqual(
    [0, 1, 2, 3, last].map((at) => isKept(`dep_${at}`)),
    [false, true, false, true, true],
  );
  assert.ok(Array.from({ length: 20 }, (_, at) => `only_${at}`).every(isKept));
  served.clear();
  await maker.settle(deploymentOf('dep_new', 'a'));
  assert.equal(isKept('dep_1'), false);
});
