/** What every provider of instances does, whatever it starts them with. Run by each provider's own test. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type TestContext, suite, test } from 'node:test';
import { EventEmitter } from 'node:events';
import type { Exit, Provider, Started, StartOrder } from '../../src/provider/provider.ts';

export interface ProviderRig {
  /** A provider whose instances run this program (the source of an ES module) in place of the runtime. */
  open(t: TestContext, program: string): Promise<Provider>;
  /** A provider that cannot start anything. */
  openBroken(t: TestContext): Promise<Provider>;
  /** Whether the system says what a process uses. */
  readonly usage: boolean;
}

/** One instance, and what has been heard of it. */
export class Watcher {
  readonly started: Started;
  readonly exits: Exit[] = [];
  readonly lines: string[] = [];
  readonly #heard = new EventEmitter();

  constructor(provider: Provider, order: Partial<StartOrder> = {}) {
    const instance = `ins_${randomBytes(8).toString('hex')}`;
    this.started = provider.start(
      { instance, token: 'a-token', release: 'nodejs24.x', memoryMiB: 256, ...order },
      {
        exited: (exit) => {
          this.exits.push(exit);
          this.#heard.emit('news');
        },
        output: (source, line) => {
          this.lines.push(`${source} ${line}`);
          this.#heard.emit('news');
        },
      },
    );
  }

  async exit(): Promise<Exit> {
    while (this.exits[0] === undefined) await once(this.#heard, 'news');
    return this.exits[0];
  }

  /** Waits for a line of stdout that begins so, and gives the rest of it. */
  async said(start: string): Promise<string> {
    for (;;) {
      const line = this.lines.find((line) => line.startsWith(`stdout ${start}`));
      if (line !== undefined) return line.slice(`stdout ${start}`.length).trim();
      assert.deepEqual(this.exits, [], `ended without saying ${start}: ${this.lines.join('\n')}`);
      await once(this.#heard, 'news');
    }
  }
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
    return false;
  }
}

const stayAlive = 'setInterval(() => {}, 1000);';
const takeMemory = `
  const kept = [];
  setInterval(() => kept.push(Buffer.alloc(8 * 1024 * 1024, 1)), 5);`;
const takeHeap = `
  const kept = [];
  for (;;) kept.push(Array.from({ length: 1000 }, (_, index) => ({ index })));`;
const ignoreTermination = `
  process.on('SIGTERM', () => console.log('asked'));
  console.log('ready');
  ${stayAlive}`;
const endWhenAsked = `
  process.on('SIGTERM', () => process.exit(7));
  console.log('ready');
  ${stayAlive}`;
const withChild = `
  import { spawn } from 'node:child_process';
  const child = spawn(process.execPath, ['-e', ${JSON.stringify(stayAlive)}], { stdio: 'inherit' });
  child.on('spawn', () => console.log('child ' + child.pid));`;

export function providerConformance(name: string, rig: ProviderRig): void {
  suite(`${name}: conformance`, () => {
    startsAndReports(rig);
    if (rig.usage) saysWhatIsUsed(rig);
    endsWhenTold(rig);
    limitsMemory(rig);
  });
}

function startsAndReports(rig: ProviderRig): void {
  test('the token comes on stdin, which then ends, and in no argument', async (t) => {
    const program = `
      import { readFileSync } from 'node:fs';
      console.log('stdin ' + JSON.stringify(readFileSync(0, 'utf8')));
      console.log('argv ' + JSON.stringify([process.argv, process.execArgv, process.env]));`;
    const instance = new Watcher(await rig.open(t, program), { token: 'the-secret-token' });
    assert.equal(await instance.said('stdin'), '"the-secret-token\\n"');
    assert.doesNotMatch(await instance.said('argv'), /the-secret-token/);
    assert.deepEqual(await instance.exit(), { kind: 'exited', code: 0 });
  });

  test('an exit code is reported, once', async (t) => {
    const instance = new Watcher(await rig.open(t, 'process.exit(3)'));
    assert.deepEqual(await instance.exit(), { kind: 'exited', code: 3 });
    instance.started.kill();
    instance.started.terminate(0);
    assert.equal(instance.exits.length, 1);
  });

  test('a crash is reported with its signal and what the process said last', async (t) => {
    const program = "process.stdout.write('one\\ntwo');\nprocess.stderr.write('bad\\n', () => process.abort());";
    const instance = new Watcher(await rig.open(t, program));
    assert.deepEqual(await instance.exit(), { kind: 'signalled', signal: 'SIGABRT', outOfMemory: false });
    const said = instance.lines.filter((line) => /^std\w+ (?:one|two|bad)$/.test(line)).sort();
    assert.deepEqual(said, ['stderr bad', 'stdout one', 'stdout two']);
  });

  test('what cannot be started is an event with a reason', async (t) => {
    const instance = new Watcher(await rig.openBroken(t));
    assert.deepEqual(instance.exits, [], 'not before start() has returned');
    const exit = await instance.exit();
    assert.ok(exit.kind === 'failed' && exit.reason.length > 10, JSON.stringify(exit));
    assert.equal(instance.started.usage(), null);
    instance.started.kill();
    instance.started.terminate(0);
    assert.equal(instance.exits.length, 1);
  });
}

function saysWhatIsUsed(rig: ProviderRig): void {
  test('usage is what the system says, and nothing after the end', async (t) => {
    const program = `
      while (process.cpuUsage().user < 150_000);
      console.log('rss ' + process.memoryUsage.rss());
      console.log('cpu ' + (process.cpuUsage().user + process.cpuUsage().system));
      ${stayAlive}`;
    const instance = new Watcher(await rig.open(t, program));
    const saidUs = Number(await instance.said('cpu'));
    const usage = instance.started.usage();
    assert.ok(usage !== null);
    assert.ok(usage.cpuUs >= saidUs - 20_000 && usage.cpuUs < saidUs + 100_000, `${usage.cpuUs} against ${saidUs}`);
    const ratio = usage.rssBytes / Number(await instance.said('rss'));
    assert.ok(ratio > 0.8 && ratio < 1.25, `resident memory is off by ${ratio}`);
    instance.started.kill();
    await instance.exit();
    assert.equal(instance.started.usage(), null);
  });
}

function endsWhenTold(rig: ProviderRig): void {
  test('terminate asks first', async (t) => {
    const instance = new Watcher(await rig.open(t, endWhenAsked));
    await instance.said('ready');
    instance.started.terminate(60_000);
    instance.started.terminate(0);
    assert.deepEqual(await instance.exit(), { kind: 'exited', code: 7 });
  });

  test('terminate ends what does not listen when the grace is over', async (t) => {
    const instance = new Watcher(await rig.open(t, ignoreTermination));
    await instance.said('ready');
    instance.started.terminate(100);
    assert.deepEqual(await instance.exit(), { kind: 'signalled', signal: 'SIGKILL', outOfMemory: false });
    assert.ok(instance.lines.includes('stdout asked'));
  });

  test('kill ends it at once, also while it is being terminated', async (t) => {
    const instance = new Watcher(await rig.open(t, ignoreTermination));
    await instance.said('ready');
    instance.started.terminate(60_000);
    await instance.said('asked');
    instance.started.kill();
    instance.started.kill();
    assert.deepEqual(await instance.exit(), { kind: 'signalled', signal: 'SIGKILL', outOfMemory: false });
  });

  test('what an instance has started ends with it', async (t) => {
    const instance = new Watcher(await rig.open(t, `${withChild}\nprocess.stdin.resume(); ${stayAlive}`));
    const child = Number(await instance.said('child'));
    instance.started.kill();
    await instance.exit();
    await goneSoon(child);
  });

  test('close ends all that is left, and nothing starts after it', async (t) => {
    const provider = await rig.open(t, ignoreTermination);
    const instances = [new Watcher(provider), new Watcher(provider), new Watcher(provider)];
    for (const instance of instances) await instance.said('ready');
    await Promise.all([provider.close(), provider.close()]);
    for (const instance of instances) {
      assert.equal(instance.exits.length, 1);
      assert.ok(!isAlive(instance.started.pid ?? 0));
    }
    const late = new Watcher(provider);
    assert.equal((await late.exit()).kind, 'failed');
  });
}

function limitsMemory(rig: ProviderRig): void {
  test('an instance that takes more memory than it may is killed, and the others are not', async (t) => {
    const provider = await rig.open(t, takeMemory);
    const large = new Watcher(provider, { memoryMiB: 1024 });
    const small = new Watcher(provider, { memoryMiB: 128 });
    const exit = await small.exit();
    assert.deepEqual(exit, { kind: 'signalled', signal: 'SIGKILL', outOfMemory: true });
    assert.deepEqual(large.exits, []);
    large.started.kill();
    assert.deepEqual(await large.exit(), { kind: 'signalled', signal: 'SIGKILL', outOfMemory: false });
  });

  test('a heap that grows past its limit is out of memory too', async (t) => {
    const instance = new Watcher(await rig.open(t, takeHeap), { memoryMiB: 128 });
    const exit = await instance.exit();
    assert.ok(exit.kind === 'signalled' && exit.outOfMemory, `${JSON.stringify(exit)} ${instance.lines.join('\n')}`);
  });
}

/** An orphan is reaped by the system, a moment after it was killed. */
export async function goneSoon(pid: number): Promise<void> {
  const untilMs = performance.now() + 10_000;
  while (isAlive(pid)) {
    assert.ok(performance.now() < untilMs, `process ${pid} is still there`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
