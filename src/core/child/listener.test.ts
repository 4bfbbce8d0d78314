import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { holderOf, type ListenerFiles } from './listener.ts';

const skip = process.platform === 'linux' ? false : 'only Linux tells who listens';
const place = { host: '127.0.0.1', port: 8080 };
const addresses: Readonly<Record<string, string>> = {
  '127.0.0.1': '0100007F',
  '0.0.0.0': '00000000',
  '10.0.0.1': '0100000A',
  '::1': '00000000000000000000000001000000',
  '::': '00000000000000000000000000000000',
  '::ffff:127.0.0.1': '0000000000000000FFFF00000100007F',
};
interface Process {
  readonly parent?: number;
  readonly group?: number;
  readonly state?: string;
  /** Of sockets. Null: it is not to be looked at. */
  readonly holds?: readonly number[] | null;
}

/** As much of the kernel as is asked: who listens where, and who holds what. */
class Kernel implements ListenerFiles {
  readonly processes: Readonly<Record<number, Process>>;
  readonly listeners: readonly (readonly [address: string, inode: number, state?: string, port?: number])[];
  readonly has = { tcp: true, tcp6: true, children: true };

  constructor(listeners: Kernel['listeners'], processes: Kernel['processes']) {
    this.listeners = listeners;
    this.processes = processes;
  }

  table(file: string): Promise<string | null> {
    const name = file.slice('/proc/net/'.length) as 'tcp' | 'tcp6';
    const rows = this.listeners
      .filter(([address]) => address.includes(':') === (name === 'tcp6'))
      .map(([address, inode, state = '0A', port = 8080], at) => {
        const digits = port.toString(16).toUpperCase().padStart(4, '0');
        const peer = name === 'tcp' ? '00000000:0000' : `${'0'.repeat(32)}:0000`;
        const rest = `00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0000000000000000 100 0 0 10 0`;
        return `${String(at).padStart(4)}: ${addresses[address]}:${digits} ${peer} ${state} ${rest}`;
      });
    return Promise.resolve(this.has[name] ? ['  sl  local_address rem_address   st', ...rows, ''].join('\n') : null);
  }
  list(directory: string): string[] {
    const [, , pid = '', what] = directory.split('/');
    if (pid === '') return ['self', 'net', ...Object.keys(this.processes)];
    if (what === 'task') return [pid];
    const holds = this.processes[Number(pid)]?.holds;
    return holds === null ? [] : ['0', ...(holds ?? []).map(String)];
  }
  link(file: string): string {
    const descriptor = file.split('/').at(-1)!;
    return descriptor === '0' ? '/dev/null' : `socket:[${descriptor}]`;
  }
  read(file: string): string | null {
    const pid = Number(file.split('/')[2]);
    const found = this.processes[pid];
    if (found === undefined) return null;
    if (file.endsWith('/stat')) {
      return `${pid} (a) name) ${found.state ?? 'S'} ${found.parent ?? 1} ${found.group ?? pid} ${found.group ?? pid} 0 -1`;
    }
    if (!this.has.children) return null;
    return Object.entries(this.processes)
      .filter(([, { parent }]) => parent === pid)
      .map(([child]) => child)
      .join(' ');
  }
}

const holder = (listeners: Kernel['listeners'], processes: Kernel['processes']): Promise<string> =>
  holderOf(place, 50, new Kernel(listeners, processes));
const other: Process = { holds: [7] };

test('a listener is the program’s when it, its children or its group hold it, and another’s otherwise', async () => {
  const listens = [['127.0.0.1', 7]] as const;
  assert.equal(await holder(listens, { 50: { holds: [3, 7] } }), 'own');
  assert.equal(await holder(listens, { 50: {}, 51: { parent: 50 }, 52: { parent: 51, holds: [7] } }), 'own');
  assert.equal(await holder(listens, { 50: {}, 60: { parent: 1, group: 50, holds: [7] } }), 'own', 'without a parent');
  assert.equal(await holder(listens, { 50: { holds: [8] }, 60: other }), 'foreign');
  assert.equal(
    await holder([...listens, ['127.0.0.1', 8]], { 50: { holds: [8] }, 60: other }),
    'foreign',
    'both listen',
  );
});

test('of those that listen on the port the ones count that the kernel would choose', async () => {
  const processes = { 50: { holds: [8] }, 60: other };
  const own = [
    [
      ['0.0.0.0', 8],
      ['::', 7],
    ],
    [
      ['127.0.0.1', 8],
      ['0.0.0.0', 7],
    ],
    [
      ['::ffff:127.0.0.1', 8],
      ['::', 7],
    ],
    [
      ['0.0.0.0', 8],
      ['10.0.0.1', 7],
    ],
    [
      ['::', 8],
      ['::1', 7],
    ],
    [
      ['127.0.0.1', 8],
      ['127.0.0.1', 7, '01'],
      ['127.0.0.1', 9, '0A', 8081],
    ],
  ] as const;
  for (const listeners of own) assert.equal(await holder(listeners, processes), 'own', JSON.stringify(listeners));
  assert.equal(
    await holder(
      [
        ['::', 7],
        ['::1', 8],
      ],
      processes,
    ),
    'foreign',
  );
  assert.equal(
    await holder(
      [
        ['127.0.0.1', 7],
        ['0.0.0.0', 8],
      ],
      processes,
    ),
    'foreign',
  );
  const six = { host: '::1', port: 8080 };
  assert.equal(
    await holderOf(
      six,
      50,
      new Kernel(
        [
          ['::', 7],
          ['::1', 8],
        ],
        processes,
      ),
    ),
    'own',
  );
  assert.equal(await holderOf(six, 50, new Kernel([['0.0.0.0', 8]], processes)), 'none');
});

test('what cannot be looked at is not known, and whoever has ended holds nothing', async () => {
  const listens = [['127.0.0.1', 7]] as const;
  assert.equal(await holder([], { 50: {} }), 'none');
  assert.equal(await holder([['127.0.0.1', 7, '06']], { 50: {} }), 'none');
  assert.equal(await holder(listens, { 60: other }), 'ended');
  assert.equal(await holder(listens, { 50: { state: 'Z', holds: null }, 60: other }), 'ended');
  assert.equal(await holder(listens, { 50: {}, 51: { parent: 50, holds: null }, 60: other }), 'unknown');
  assert.equal(await holder(listens, { 50: {}, 51: { parent: 50, holds: null, state: 'Z' }, 60: other }), 'foreign');
  const files = new Kernel(listens, { 50: {}, 60: other });
  for (const [name, expected] of [
    ['tcp6', 'foreign'],
    ['children', 'unknown'],
    ['tcp', 'unknown'],
  ] as const) {
    files.has[name] = false;
    assert.equal(await holderOf(place, 50, files), expected, name);
  }
});

test('the kernel’s own word', { skip }, async () => {
  const sleeping = spawn('sleep', ['1000'], { stdio: 'ignore' });
  await once(sleeping, 'spawn');
  const server = createServer();
  try {
    for (const host of ['127.0.0.1', '0.0.0.0']) {
      server.listen(0, host);
      await once(server, 'listening');
      const at = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
      assert.equal(await holderOf(at, process.pid), 'own');
      assert.equal(await holderOf(at, sleeping.pid!), 'foreign');
      server.close();
      await once(server, 'close');
      assert.equal(await holderOf(at, process.pid), 'none');
    }
  } finally {
    server.close();
    sleeping.kill('SIGKILL');
  }
});

test('among more that listen than one read of the table tells', { skip }, async () => {
  const servers = Array.from({ length: 100 }, () => createServer().listen(0, '127.0.0.1'));
  try {
    await Promise.all(servers.map((server) => once(server, 'listening')));
    for (const server of servers) {
      const { port } = server.address() as AddressInfo;
      assert.equal(await holderOf({ host: '127.0.0.1', port }, process.pid), 'own');
    }
  } finally {
    for (const server of servers) server.close();
  }
});
