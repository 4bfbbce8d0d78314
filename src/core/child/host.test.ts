import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { HostOrder, HostReport } from '../../model/hosted.ts';

const timeout = 60_000;

interface Rig {
  readonly host: ChildProcess;
  readonly reports: HostReport[];
  start(instance: string): Promise<number>;
  tell(order: HostOrder): void;
  until<T extends HostReport['is']>(is: T, instance: string): Promise<Extract<HostReport, { is: T }>>;
}

function open(context: TestContext): Rig {
  const host = fork(fileURLToPath(new URL('faulty.fixture.ts', import.meta.url)), { stdio: 'inherit' });
  context.after(async () => {
    if (host.connected) host.disconnect();
    if (host.exitCode === null) await once(host, 'exit');
  });
  const reports: HostReport[] = [];
  host.on('message', (report) => reports.push(report as HostReport));
  const rig: Rig = {
    host,
    reports,
    tell: (order) => void host.send(order),
    async until(is, instance) {
      for (;;) {
        const found = reports.find((report) => report.is === is && report.instance === instance);
        if (found !== undefined) return found as Extract<HostReport, { is: typeof is }>;
        assert.equal(host.exitCode, null);
        await sleep(5);
      }
    },
    async start(instance) {
      const command = [process.execPath, '-e', 'setInterval(() => {}, 1000)'];
      const order = { instance, address: 'unix:/nowhere', token: '', release: 'python3.11', command };
      rig.tell({ do: 'start', order: { ...order, environment: {}, memoryMiB: null } });
      return (await rig.until('running', instance)).pid;
    },
  };
  return rig;
}

test('an error of ours that nobody caught ends the instance it came of, and no other', { timeout }, async (context) => {
  const rig = open(context);
  const other = await rig.start('other');
  for (const [memoryMiB, text] of [
    [1, 'at once'],
    [2, 'later'],
    [3, 'rejected'],
  ] as const) {
    await rig.start(text);
    rig.tell({ do: 'limit', instance: text, memoryMiB });
    assert.equal((await rig.until('exited', text)).exit.kind, 'signalled');
    assert.equal((await rig.until('output', text)).line, `The host: uncaught Error: ${text}`);
  }
  process.kill(other, 0);
});

test('SIGTERM is nothing to it; the end of its channel is its own', { timeout }, async (context) => {
  const rig = open(context);
  const pid = await rig.start('one');
  rig.host.kill('SIGTERM');
  await sleep(200);
  assert.deepEqual([rig.host.exitCode, rig.host.signalCode], [null, null]);
  process.kill(pid, 0);
  rig.host.disconnect();
  assert.deepEqual(await once(rig.host, 'exit'), [0, null]);
});
