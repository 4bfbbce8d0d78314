import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readMetric } from '../../tunnel/message.ts';
import { readDrain, readInform, readLog, readResponse } from '../../tunnel/payload.ts';
import type { FakeRouter } from '../router.fixture.ts';
import { program, start } from './program-rig.fixture.ts';

const timeout = 60_000;
const skip = process.platform === 'linux' ? false : 'only Linux tells who listens';
const received = (router: FakeRouter, stream: number): number =>
  router.seen.reduce(
    (sum, each) => sum + (each.stream === stream && each.name === 'BODY' ? each.payload.length : 0),
    0,
  );

test(
  'method, target, fields and body reach the program as they were sent; its answer comes back',
  { timeout },
  async () => {
    await using rig = await start();
    const { router } = rig;
    const asked = router.request('/head/%20?a=b', {
      method: 'DELETE',
      headers: ['X-Mixed', 'Ünïcode', 'accept', '*/*', 'x-vercel-internal-request-id', '7'],
    });
    const [method, url, fields] = JSON.parse((await router.answer(asked)).text) as [string, string, string[]];
    assert.deepEqual([method, url], ['DELETE', '/head/%20?a=b']);
    assert.deepEqual(fields, ['host', 'test', 'X-Mixed', 'Ünïcode', 'accept', '*/*', 'Connection', 'keep-alive']);
    const echo = router.request('/echo', { method: 'POST', body: Buffer.from('come back') });
    assert.equal((await router.answer(echo)).text, 'come back');
    const known = router.request('/count', {
      method: 'PUT',
      headers: ['content-length', '4'],
      body: Buffer.from('four'),
    });
    assert.equal((await router.answer(known)).text, '4');
    const empty = await router.answer(router.request('/head/', { method: 'POST' }));
    assert.ok(empty.text.includes('"Content-Length","0"'), empty.text);
    const failing = await router.answer(router.request('/status/503'));
    assert.deepEqual([failing.status, failing.text], [503, 'as asked']);
    assert.equal((await router.answer(router.request('/nowhere'))).status, 404);
  },
);

test('what is of the connection ends here, informational answers do not', { timeout }, async () => {
  await using rig = await start();
  const { router } = rig;
  const { headers } = await router.answer(router.request('/hop'));
  const names = headers.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  assert.deepEqual(names, ['set-cookie', 'set-cookie', 'date', 'content-length']);
  const hints = router.request('/hints');
  assert.equal((await router.answer(hints)).text, 'after hints');
  assert.deepEqual(readInform((await router.frameOf(hints, 'INFORM')).payload), {
    status: 103,
    headers: ['Link', '</style.css>; rel=preload'],
  });
});

test('an answer waits for credit, and a body for whoever reads it', { timeout }, async () => {
  await using rig = await start();
  const { router } = rig;
  const stream = router.request('/stream/3000000');
  await router.until(() => received(router, stream) >= 262_144);
  await router.answer(router.request('/hello'));
  assert.equal(received(router, stream), 262_144);
  router.data.writer.credit(stream, 10_000_000);
  router.data.writer.flush();
  assert.equal((await router.answer(stream)).text.length, 3_000_000);
  // A program that reads nothing: nothing more is granted than what fits between.
  const deaf = router.request('/deaf', { method: 'POST', body: null });
  await router.frameOf(deaf, 'RESPONSE');
  const granted = (): number =>
    router.seen.reduce(
      (sum, each) => sum + (each.stream === deaf && each.name === 'CREDIT' ? each.payload.readUInt32BE(0) : 0),
      0,
    );
  let sent = 0;
  for (let still = 0; still < 5; still += 1) {
    for (; sent + 65_536 <= 262_144 + granted(); sent += 65_536) {
      router.data.writer.body(deaf, Buffer.alloc(65_536));
      still = 0;
    }
    router.data.writer.flush();
    await router.answer(router.request('/hello'));
    assert.ok(sent < 32 * 1024 * 1024, 'it is slowed down');
  }
});

test('upgraded connections are raw, both ways, until both have ended', { timeout }, async () => {
  await using rig = await start();
  const { router } = rig;
  const stream = router.request('/socket', {
    upgrade: true,
    body: null,
    headers: ['connection', 'Upgrade', 'upgrade', 'echo'],
  });
  const { status, headers } = readResponse((await router.frameOf(stream, 'RESPONSE')).payload);
  assert.equal(status, 101);
  assert.deepEqual(headers, ['Connection', 'Upgrade', 'Upgrade', 'echo']);
  for (const text of ['one', 'two']) {
    const before = received(router, stream);
    router.data.writer.body(stream, Buffer.from(text));
    router.data.writer.flush();
    await router.until(() => received(router, stream) === before + 3);
  }
  router.data.writer.bodyEnd(stream);
  router.data.writer.flush();
  assert.equal((await router.answer(stream)).text, 'onetwo');
  const left = router.request('/socket', { upgrade: true, body: null });
  await router.frameOf(left, 'RESPONSE');
  router.data.writer.cancel(left, 'client');
  router.data.writer.flush();
  assert.equal((await router.answer(router.request('/hello'))).status, 200);
});

test('a client that leaves closes the connection of its request', { timeout }, async () => {
  await using rig = await start();
  const { router } = rig;
  const stream = router.request('/hang');
  await router.frameOf(stream, 'BEGUN');
  await router.answer(router.request('/hello'));
  router.data.writer.cancel(stream, 'client');
  router.data.writer.flush();
  await router.logged('its client has left');
});

test('many at once in one process, and connections are used again', { timeout }, async () => {
  await using rig = await start();
  const { router } = rig;
  const streams = Array.from({ length: 200 }, () => router.request('/wait/50', { flush: false }));
  router.data.writer.flush();
  const answers = await Promise.all(streams.map((stream) => router.answerAtLast('/wait/50', stream)));
  assert.ok(answers.every(({ text }) => text === 'waited'));
  for (let round = 0; round < 20; round += 1) await router.answerAtLast('/hello', router.request('/hello'));
});

test('a connection whose request is not complete, or that says what nobody asked, is closed', { timeout }, async () => {
  await using rig = await start();
  const { router } = rig;
  for (let round = 0; round < 10; round += 1) {
    const stream = router.request('/early', { method: 'POST', body: null });
    router.data.writer.body(stream, Buffer.alloc(10));
    router.data.writer.flush();
    assert.equal((await router.answer(stream)).text, 'early');
  }
  await router.answer(router.request('/unasked'));
  await sleep(100);
  assert.equal((await router.answer(router.request('/open'))).text, '1');
});

test('what is no HTTP, and a connection that breaks, fail by name', { timeout }, async () => {
  await using rig = await start();
  const { router } = rig;
  assert.equal(await router.failureOf(router.request('/junk')), 'FUNCTION_RESPONSE_INVALID');
  const dropped = await router.failed(router.request('/drop'));
  assert.equal(dropped.code, 'FUNCTION_INVOCATION_FAILED');
  assert.match(dropped.detail, /closed the connection before it answered/);
});

test('a program that exits fails what it had in flight, with its code', { timeout }, async () => {
  await using rig = await start();
  const { router } = rig;
  const [waiting, begun] = [router.request('/wait/20000'), router.request('/begin')];
  await router.frameOf(begun, 'RESPONSE');
  const failing = router.request('/exit/7');
  for (const stream of [failing, waiting, begun]) {
    const { code, detail } = await router.failed(stream);
    assert.deepEqual([code, detail], ['NO_RESPONSE_FROM_FUNCTION', 'the process exited with code 7']);
  }
  await router.logged('about to exit');
  assert.deepEqual(await rig.exit, { kind: 'exited', code: 7 });
});

test(
  'a program that ends before it listens, or cannot be found, cannot be loaded, and is quoted',
  { timeout },
  async () => {
    for (const [options, pattern] of [
      [{ mood: 'broken' }, /exited with code 5\nno such luck/],
      [{ load: { command: ['./no-such-program'] } }, /no-such-program was not found/],
      [{ load: { command: [] } }, /started by a command/],
    ] as const) {
      await using rig = await start(options);
      const loaded = await rig.router.loaded();
      assert.ok(!loaded.ok && pattern.test(loaded.message), JSON.stringify(loaded));
      assert.equal(loaded.code, 'FUNCTION_LOAD_FAILED');
      await rig.exit;
    }
  },
);

test('a process that the program has started may be the one that listens', { timeout }, async () => {
  const command = ['sh', '-c', '"$0" "$1"; exit 9', process.execPath, program];
  await using rig = await start({ load: { command } });
  assert.equal((await rig.router.answer(rig.router.request('/hello'))).text, 'hello');
});

test('whoever else listens on its port is not taken for the program', { timeout, skip }, async () => {
  const server = createServer();
  const listening = async (port: number): Promise<number> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  try {
    await using rig = await start({ stem: true });
    const { router } = rig;
    router.load({ launch: 'command', command: [process.execPath, program], environment: { MOOD: 'silent' } });
    const line = readLog((await router.logged('it leaves port')).payload).text;
    const port = await listening(Number(/\d+/.exec(line)?.[0]));
    const loaded = await router.loaded();
    assert.ok(!loaded.ok && loaded.code === 'FUNCTION_LOAD_FAILED', JSON.stringify(loaded));
    assert.equal(loaded.message, `another process listens on port ${port} of 127.0.0.1, which is the program's (PORT)`);
    await rig.exit;
    // Nor by its own word.
    await using other = await start({ mood: `names ${port}` });
    assert.match(JSON.stringify(await other.router.loaded()), /another process listens on port/);
  } finally {
    server.close();
  }
});

test('a program may listen on the other loopback address', { timeout }, async () => {
  await using rig = await start({ mood: 'v6' });
  assert.equal((await rig.router.answer(rig.router.request('/hello'))).text, 'hello');
});

test('messages: its own port, internal fields, lines with their invocation, metrics', { timeout }, async () => {
  await using rig = await start({ speaks: true, services: true });
  const { router } = rig;
  const asked = router.request('/head');
  const fields = (JSON.parse((await router.answer(asked)).text) as [string, string, string[]])[2];
  const field = (name: string): string => fields[fields.indexOf(`x-vercel-internal-${name}`) + 1] ?? '';
  assert.equal(field('invocation-id'), `inv_${asked.toString(16)}`);
  assert.match(field('span-id'), /^[0-9a-f]{16}$/);
  assert.match(field('trace-id'), /^[0-9a-f]{32}$/);
  assert.ok(Math.abs(Date.parse(field('deadline')) - Date.now() - 60_000) < 10_000);
  const logging = router.request('/log');
  assert.equal((await router.logged('said by it')).stream, logging);
  assert.equal((await router.logged('said late')).stream, logging);
  const failing = router.request('/fails');
  assert.equal((await router.logged('The handler has failed: no such user')).stream, failing);
  router.request('/metric');
  const metric = await router.until((seen) => seen.name === 'METRIC');
  assert.deepEqual(readMetric(metric.payload), {
    name: 'fetch',
    value: 9,
    attributes: { host: 'h', method: 'PUT', status: '201' },
  });
});

test('messages: what is too long or too deep ends nothing', { timeout }, async () => {
  await using rig = await start({ speaks: true, services: true });
  const { router } = rig;
  assert.equal((await router.answer(router.request('/hostile'))).text, 'said');
  const metric = await router.until((seen) => seen.name === 'METRIC');
  assert.equal(readMetric(metric.payload).name, '');
  router.request('/metric');
  const after = await router.until((seen) => seen.name === 'METRIC', router.seen.indexOf(metric) + 1);
  assert.equal(readMetric(after.payload).name, 'fetch');
});

test(
  'messages: no other port than its own is named later; nobody looks for the port of one that is ready',
  {
    timeout,
  },
  async (context) => {
    await using rig = await start();
    assert.equal((await rig.router.answer(rig.router.request('/impostor'))).text, 'tried');
    assert.equal((await rig.router.answer(rig.router.request('/hello'))).text, 'hello');
    await using other = await start({ speaks: true });
    await other.router.answer(other.router.request('/hello'));
    const { mock } = context.mock.method(Socket.prototype, 'connect');
    await sleep(300);
    assert.equal(mock.callCount(), 0);
  },
);

test('a ping whose answer does not end is left', { timeout }, async () => {
  await using rig = await start({ mood: 'endless' });
  const { router } = rig;
  router.request('/hang');
  await sleep(4_000);
  const [pings = 0, open] = (await router.answer(router.request('/pings'))).text.split(' ').map(Number);
  assert.ok(pings >= 2, `${pings} pings`);
  assert.equal(open, 2);
});

test('messages: a handler counts until it says that it is done, answered or cancelled', { timeout }, async () => {
  await using rig = await start({ speaks: true, load: { maxConcurrency: 1 } });
  const { router } = rig;
  for (const target of ['/after/300', '/hang']) {
    const stream = router.request(target);
    if (target === '/hang') {
      await router.frameOf(stream, 'BEGUN');
      router.data.writer.cancel(stream, 'client');
      router.data.writer.flush();
      await router.logged('its client has left');
    } else await router.answer(stream);
    assert.equal(await router.nackOf(router.request('/hello')), 'limit');
    await router.until((seen) => seen.vitals?.inFlight === 0, router.seen.length);
    assert.equal((await router.answer(router.request('/hello'))).text, 'hello');
    await router.until((seen) => seen.vitals?.inFlight === 0, router.seen.length);
  }
});

test(
  'messages: an unrecoverable error has the instance replaced; what is none is not read any more',
  { timeout },
  async () => {
    await using rig = await start({ speaks: true });
    const { router } = rig;
    await router.answer(router.request('/garbage'));
    await router.logged('messages are not read any more: no JSON object');
    assert.equal((await router.answer(router.request('/hello'))).text, 'hello');
    await using other = await start({ speaks: true });
    const stream = other.router.request('/unfit');
    assert.equal(readDrain((await other.router.until((seen) => seen.name === 'DRAIN')).payload).reason, 'errors');
    await other.router.logged('The program ends with code 4: cannot go on');
    assert.equal((await other.router.answer(stream)).text, 'last');
  },
);

test(
  'a program whose loop is held is asked, said to be stuck, and keeps nothing from being recalled',
  { timeout },
  async () => {
    await using rig = await start();
    const { router } = rig;
    const blocking = router.request('/block/4000');
    await router.until((seen) => (seen.vitals?.loopStuckMs ?? 0) >= 20);
    const waiting = router.request('/hello');
    await router.until((seen) => seen.vitals?.waiting === 1);
    router.data.writer.recall(waiting);
    router.data.writer.flush();
    assert.equal(await router.nackOf(waiting), 'recalled');
    assert.equal((await router.answer(blocking)).text, 'blocked');
    assert.equal((await router.answer(router.request('/hello'))).text, 'hello');
  },
);

test('a program that takes more memory than it may is killed, and told so', { timeout }, async () => {
  await using rig = await start({ memoryMiB: 200, load: { memoryMiB: 200 } });
  assert.match((await rig.router.failed(rig.router.request('/memory/400'))).detail, /out of memory/);
  assert.deepEqual(await rig.exit, { kind: 'signalled', signal: 'SIGKILL', outOfMemory: true });
});

test('drain: it finishes what it has, and is asked to end', { timeout }, async () => {
  await using rig = await start();
  const { router } = rig;
  const running = router.request('/wait/100');
  await router.frameOf(running, 'BEGUN');
  router.data.drain(10_000, 'the test');
  assert.equal((await router.answer(running)).text, 'waited');
  await router.logged('ends in order');
  assert.equal((await router.until((seen) => seen.name === 'CLOSED')).end?.code, 'DRAINED');
  assert.deepEqual(await rig.exit, { kind: 'exited', code: 0 });
  assert.throws(() => process.kill(-rig.pid(), 0), { code: 'ESRCH' });
});

test('one that knows no function has no process, and ends when it is told to', { timeout }, async () => {
  await using rig = await start({ stem: true });
  assert.equal(rig.pid(), 0);
  rig.router.data.drain(10_000, 'the test');
  assert.deepEqual(await rig.exit, { kind: 'exited', code: 0 });
});

test('an instance that ends while its program is about to be started leaves none behind', { timeout }, async () => {
  await using rig = await start({ stem: true });
  rig.router.load({ launch: 'command', command: [process.execPath, program] });
  await rig.router.vanish();
  await rig.exit;
  const pid = rig.pid();
  if (pid !== 0) assert.throws(() => process.kill(-pid, 0), { code: 'ESRCH' });
});
