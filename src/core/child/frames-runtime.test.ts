import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { limits } from '../../base/limits.ts';
import type { HostedExit } from '../../model/hosted.ts';
import { FrameType } from '../../tunnel/frame.ts';
import type { Load } from '../../tunnel/greeting.ts';
import { Inbox, readMetric, writeMessage } from '../../tunnel/message.ts';
import { readBackground, readDrain, readFailed, readInform, readResponse } from '../../tunnel/payload.ts';
import { FakeRouter } from '../router.fixture.ts';
import { HostedInstance } from './hosted.ts';
import { LanguageProcess } from './language-process.ts';

const timeout = 60_000;
const fixture = fileURLToPath(new URL('frames.fixture.ts', import.meta.url));

interface Rig extends AsyncDisposable {
  readonly router: FakeRouter;
  readonly instance: HostedInstance;
  readonly exit: Promise<HostedExit>;
  readonly pid: Promise<number>;
  readonly output: string[];
}

async function start(
  options: { stem?: boolean; load?: Partial<Load>; services?: boolean; memoryMiB?: number } = {},
): Promise<Rig> {
  const exit = Promise.withResolvers<HostedExit>();
  const pid = Promise.withResolvers<number>();
  const output: string[] = [];
  let instance: HostedInstance | null = null;
  const { memoryMiB = 2048, ...routed } = options;
  const launch = (address: string, token: string): void => {
    const environment = { PATH: process.env['PATH'] ?? '' };
    instance = new HostedInstance(
      {
        instance: 'ins_1',
        address,
        token,
        release: 'python3.11',
        command: [process.execPath, fixture],
        environment,
        memoryMiB,
      },
      '/nowhere',
      {
        running: pid.resolve,
        output: (source, line) => output.push(`${source} ${line}`),
        exited: exit.resolve,
      },
    );
  };
  const router = await FakeRouter.start({ ...routed, load: { launch: 'python', ...routed.load }, launch });
  return {
    router,
    instance: instance!,
    exit: exit.promise,
    pid: pid.promise,
    output,
    async [Symbol.asyncDispose]() {
      instance?.kill();
      await exit.promise;
      await router.close();
    },
  };
}

test('an invocation is begun, answered once, and its heads come through', { timeout }, async () => {
  await using rig = await start();
  const { router } = rig;
  const stream = router.request('/hello');
  const { status, text, headers } = await router.answer(stream);
  assert.deepEqual(
    [status, text, headers],
    [200, `hello from inv_${stream.toString(16)}`, ['content-type', 'text/plain']],
  );
  assert.deepEqual(router.names(stream), ['BEGUN', 'RESPONSE']);
  const hints = router.request('/hints');
  await router.answer(hints);
  assert.deepEqual(readInform((await router.frameOf(hints, 'INFORM')).payload), {
    status: 103,
    headers: ['link', '</style.css>'],
  });
  assert.equal((await router.answer(router.request('/large/60000'))).text, 'y'.repeat(60_000));
  const failed = await router.failed(router.request('/fail'));
  assert.deepEqual([failed.code, failed.detail], ['FUNCTION_INVOCATION_FAILED', 'as it was asked to']);
});

test(
  'a stem has booted, and does not know its function; what it asks for is its own process',
  { timeout },
  async () => {
    await using rig = await start({ stem: true });
    assert.equal(await rig.router.nackOf(rig.router.request('/hello')), 'unloaded');
    rig.router.load({ launch: 'python' });
    assert.ok((await rig.router.loaded()).ok);
    assert.equal((await rig.router.answer(rig.router.request('/pid'))).text, String(await rig.pid));
  },
);

test('an answer waits for credit, in the process that makes it', { timeout }, async () => {
  await using rig = await start();
  const { router } = rig;
  const stream = router.request('/stream/900000');
  const received = (): number =>
    router.seen.reduce(
      (sum, each) => sum + (each.stream === stream && each.name === 'BODY' ? each.payload.length : 0),
      0,
    );
  await router.until(() => received() >= 262_144);
  await router.answer(router.request('/hello'));
  assert.equal(received(), 262_144);
  router.data.writer.credit(stream, 200_000);
  router.data.writer.flush();
  await router.until(() => received() >= 462_144);
  await router.answer(router.request('/hello'));
  assert.equal(received(), 462_144);
  router.data.writer.credit(stream, 1_000_000);
  router.data.writer.flush();
  assert.equal((await router.answer(stream)).text.length, 900_000);
});

test('a body goes in and comes back as it comes, and is granted again', { timeout }, async () => {
  await using rig = await start();
  const { router } = rig;
  for (const target of ['/echo', '/upgrade']) {
    const stream = router.request(target, { body: null, upgrade: target === '/upgrade' });
    const head = readResponse((await router.frameOf(stream, 'RESPONSE')).payload);
    assert.equal(head.status, target === '/echo' ? 200 : 101);
    let sent = '';
    for (let round = 0; round < 8; round += 1) {
      const piece = String(round).repeat(65_536);
      sent += piece;
      router.data.writer.body(stream, Buffer.from(piece));
      router.data.writer.flush();
      const got = (): number =>
        router.seen.reduce(
          (sum, each) => sum + (each.stream === stream && each.name === 'BODY' ? each.payload.length : 0),
          0,
        );
      await router.until(() => got() === sent.length);
      router.data.writer.credit(stream, piece.length);
      router.data.writer.flush();
    }
    router.data.writer.bodyEnd(stream);
    router.data.writer.flush();
    assert.equal((await router.answer(stream)).text, sent);
    assert.ok(router.names(stream).includes('CREDIT'));
  }
});

test('a runtime grants no more than it was sent', { timeout }, async () => {
  await using rig = await start();
  const { router } = rig;
  const stream = router.request('/greedy/200000', { body: null });
  router.data.writer.body(stream, Buffer.alloc(10));
  router.data.writer.flush();
  assert.equal((await router.failed(stream)).code, 'NO_RESPONSE_FROM_FUNCTION');
  assert.ok(!router.names(stream).includes('CREDIT'));
  await router.logged("The runtime's connection was ended: CREDIT_OVERRUN: a credit of 200000 bytes, 10 were sent");
});

test('between the end of the connection and that of the process nothing is begun', { timeout }, async (context) => {
  await using rig = await start();
  const { router } = rig;
  const asked = Promise.withResolvers<number>();
  // It would be asked to end, as its connection has.
  context.mock.method(LanguageProcess.prototype, 'terminate', () => asked.resolve(router.request('/hello')));
  const severing = router.request('/sever/1500');
  assert.equal(await router.nackOf(await asked.promise), 'errors');
  assert.match((await router.failed(severing)).detail, /the process (exited|was ended)/);
});

test('a LOAD whose process is about to go is answered with its end', { timeout }, async (context) => {
  await using rig = await start({ stem: true });
  const { router } = rig;
  // It would be asked to end, as its connection has.
  context.mock.method(LanguageProcess.prototype, 'terminate', () => router.load({ launch: 'python' }));
  process.kill(await rig.pid, 'SIGKILL');
  const loaded = await router.loaded();
  assert.match(loaded.ok ? '' : loaded.message, /SIGKILL/);
});

test(
  'an answer that cannot be sent is cancelled in its process; no more is informed of than is passed on',
  {
    timeout,
  },
  async () => {
    await using rig = await start();
    const { router } = rig;
    assert.equal(await router.failureOf(router.request('/unsendable/101')), 'FUNCTION_RESPONSE_INVALID');
    await router.logged('cancelled: unwanted');
    const stream = router.request('/informs/100');
    assert.equal((await router.answer(stream)).text, 'informed');
    assert.equal(router.names(stream).filter((name) => name === 'INFORM').length, limits.informs);
  },
);

test('one that becomes unfit while it loads has failed to', { timeout }, async () => {
  await using rig = await start({ load: { entry: 'unfit' } });
  const loaded = await rig.router.loaded();
  assert.equal(loaded.ok ? '' : loaded.message, 'an error was not caught');
});

test('an ask that nests too deep to be passed on is answered with no', { timeout }, async () => {
  await using rig = await start({ services: true });
  const { text } = await rig.router.answer(rig.router.request('/deep/10000'));
  assert.match(text, /"ok":false,"code":"INVALID"/);
  assert.match((await rig.router.answer(rig.router.request('/hello'))).text, /hello/);
});

test('a cancelled invocation counts until its handler has returned', { timeout }, async () => {
  await using rig = await start({ load: { maxConcurrency: 1 } });
  const { router } = rig;
  const stream = router.request('/hang/300');
  await router.frameOf(stream, 'BEGUN');
  router.data.writer.cancel(stream, 'client');
  router.data.writer.flush();
  assert.equal((await router.logged('cancelled: client')).stream, stream);
  assert.equal(await router.nackOf(router.request('/hello')), 'limit');
  await router.until((seen) => seen.vitals?.inFlight === 0, router.seen.length);
  assert.equal((await router.answer(router.request('/hello'))).status, 200);
});

test('lines, metrics, background work and asks are passed on', { timeout }, async () => {
  await using rig = await start({ services: true });
  const { router } = rig;
  await router.answer(router.request('/print'));
  await router.logged('printed');
  const late = router.request('/late');
  assert.equal((await router.logged('said late')).stream, late);
  router.request('/metric');
  const metric = await router.until((seen) => seen.name === 'METRIC');
  assert.deepEqual(readMetric(metric.payload), { name: 'made', value: 1.5, attributes: { a: 'b' } });
  await router.answer(router.request('/background/50'));
  const told = async (outstanding: number) =>
    router.until((seen) => seen.name === 'BACKGROUND' && readBackground(seen.payload) === outstanding);
  await told(1);
  await told(0);
  const inbox = new Inbox();
  router.asked = (payload) => {
    const message = inbox.take(payload, () => undefined);
    if (message === null) return;
    assert.equal(message.body.toString(), 'asked');
    writeMessage(router.data.writer, FrameType.ANSWER, {
      number: message.number,
      json: JSON.stringify({ ok: true, of: message.fields['do'] }),
      body: Buffer.from('given'),
    });
    router.data.writer.flush();
  };
  assert.equal((await router.answer(router.request('/ask'))).text, '{"ok":true,"of":"cache.get"} given');
});

test('an ask that nobody answers fails in the words of an answer', { timeout }, async () => {
  await using rig = await start();
  assert.match((await rig.router.answer(rig.router.request('/ask'))).text, /"ok":false,"code":"CLOSED"/);
});

test(
  'a loop that is held: nothing is handed over, it is said to be stuck, and what waits can be recalled',
  { timeout },
  async () => {
    await using rig = await start();
    const { router } = rig;
    const held = router.request('/wait/20000');
    await router.frameOf(held, 'BEGUN');
    const blocking = router.request('/block/1500');
    await router.frameOf(blocking, 'BEGUN');
    await router.until((seen) => (seen.vitals?.loopStuckMs ?? 0) >= 20);
    const waiting = router.request('/hello');
    const other = router.request('/hello');
    await router.until((seen) => seen.vitals?.waiting === 2);
    router.data.writer.recall(other);
    router.data.writer.flush();
    assert.equal(await router.nackOf(other), 'recalled');
    assert.equal((await router.answer(blocking)).text, 'blocked');
    assert.equal((await router.answer(waiting)).status, 200);
    assert.deepEqual(router.names(other), ['NACK']);
    const stuck = router.seen.findLastIndex((seen) => (seen.vitals?.loopStuckMs ?? 0) > 0);
    await router.until((seen) => seen.vitals?.loopStuckMs === 0, stuck);
    assert.ok(router.seen.some((seen) => (seen.vitals?.loopDelayMs ?? 0) > 100));
  },
);

test('what a process uses is divided; what it measures counts, as far as the system says so', { timeout }, async () => {
  await using rig = await start();
  const { router } = rig;
  const burned = await router.answer(router.request('/burn/300'));
  assert.ok(burned.cpuUs >= 150_000 && burned.cpuUs <= 500_000, `${burned.cpuUs} µs of 300 ms`);
  const { cpuUs } = await router.answer(router.request('/measured/30000'));
  assert.ok(cpuUs > 0 && cpuUs <= 30_000, `${cpuUs}`);
  const from = router.seen.length;
  const told = await router.until((seen) => (seen.vitals?.attributedUs ?? 0) > 0, from);
  assert.ok(told.vitals!.cpuUs >= told.vitals!.attributedUs);
  assert.ok(
    router.seen.some((seen) => (seen.vitals?.loopPermille ?? 0) > 300),
    'its one loop is busy',
  );
});

test('a process that exits, or is killed, fails what it had, by name', { timeout }, async () => {
  for (const [target, detail, exit] of [
    ['/exit/7', 'exited with code 7', { kind: 'exited', code: 7 }],
    ['/kill', 'SIGKILL', { kind: 'signalled', signal: 'SIGKILL', outOfMemory: false }],
  ] as const) {
    await using rig = await start();
    const { router } = rig;
    const neighbour = router.request('/wait/20000');
    await router.frameOf(neighbour, 'BEGUN');
    router.request(target);
    const failed = await router.failed(neighbour);
    assert.equal(failed.code, 'NO_RESPONSE_FROM_FUNCTION');
    assert.ok(failed.detail.includes(detail), failed.detail);
    const closed = await router.until((seen) => seen.name === 'CLOSED');
    assert.equal(closed.end?.kind, 'goodbye');
    assert.deepEqual(await rig.exit, exit);
  }
});

test('a process that takes more memory than it may is killed, and told so', { timeout }, async () => {
  await using rig = await start({ memoryMiB: 200, load: { memoryMiB: 200 } });
  const stream = rig.router.request('/memory/400');
  assert.match((await rig.router.failed(stream)).detail, /out of memory/);
  assert.deepEqual(await rig.exit, { kind: 'signalled', signal: 'SIGKILL', outOfMemory: true });
});

test('a function that cannot be loaded says why, and the instance ends', { timeout }, async () => {
  for (const [entry, message] of [
    ['broken', 'no such luck'],
    ['exits', 'exited with code 3'],
  ] as const) {
    await using rig = await start({ load: { entry } });
    const loaded = await rig.router.loaded();
    assert.ok(!loaded.ok && loaded.message.includes(message), JSON.stringify(loaded));
    await rig.exit;
  }
});

test('drain: it finishes what it has, is asked to end, and ends in order', { timeout }, async () => {
  await using rig = await start();
  const { router } = rig;
  const running = router.request('/wait/100');
  await router.frameOf(running, 'BEGUN');
  router.data.drain(10_000, 'the test');
  assert.equal((await router.answer(running)).text, 'waited');
  await router.logged('ends in order');
  const closed = await router.until((seen) => seen.name === 'CLOSED');
  assert.equal(closed.end?.code, 'DRAINED');
  assert.deepEqual(await rig.exit, { kind: 'exited', code: 0 });
});

test('one that an error has left unfit takes nothing new, finishes, and is replaced', { timeout }, async () => {
  await using rig = await start();
  const { router } = rig;
  const stream = router.request('/unfit');
  const asked = await router.until((seen) => seen.name === 'DRAIN');
  assert.equal(readDrain(asked.payload).reason, 'errors');
  assert.equal((await router.answer(stream)).text, 'last');
  assert.deepEqual(await rig.exit, { kind: 'exited', code: 0 });
});

test('a frame that a runtime may not send ends the instance', { timeout }, async () => {
  await using rig = await start();
  const stream = rig.router.request('/nonsense');
  await rig.router.logged('UNEXPECTED_FRAME');
  assert.equal(readFailed((await rig.router.frameOf(stream, 'FAILED')).payload).code, 'NO_RESPONSE_FROM_FUNCTION');
  await rig.exit;
});

test('without its platform it ends, and its process with it', { timeout }, async () => {
  await using rig = await start();
  const pid = await rig.pid;
  await rig.router.vanish();
  assert.deepEqual(await rig.exit, { kind: 'exited', code: 0 });
  assert.throws(() => process.kill(-pid, 0), { code: 'ESRCH' });
});
