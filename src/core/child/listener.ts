/** Whose socket it is that a program's requests would go to. Linux (proc(5)); elsewhere nobody knows. */
import { readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { familyOf, kernelFiles, type ProcFiles } from '../../base/process-tree.ts';
import type { ProgramPlace } from './program-pool.ts';

export type Holder =
  /** The program, or a process that it has started. */
  | 'own'
  | 'foreign'
  /** Nobody listens there any more. */
  | 'none'
  /** The program has ended. */
  | 'ended'
  | 'unknown';

/** What is read of /proc: a test's own, else the kernel's. */
export interface ListenerFiles extends ProcFiles {
  /** What a link names. Null: it is not there, or not to be read. */
  link(file: string): string | null;
  /** As read(), of what may be long: one row for each connection of the machine. */
  table(file: string): Promise<string | null>;
}

const systemFiles: ListenerFiles = {
  ...kernelFiles,
  link(file) {
    try {
      return readlinkSync(file);
    } catch {
      return null;
    }
  },
  table: (file) => readFile(file, 'utf8').catch(() => null),
};

interface Table {
  readonly file: 'tcp' | 'tcp6';
  readonly address: string;
}

/** In the order in which the kernel chooses among those that listen: the address itself, any of the family, any of both. */
const choices: Readonly<Record<string, readonly (readonly Table[])[]>> = {
  '127.0.0.1': [
    [
      { file: 'tcp', address: hex('0100007F') },
      { file: 'tcp6', address: hex('0000000000000000FFFF00000100007F') },
    ],
    [{ file: 'tcp', address: hex('00000000') }],
    [{ file: 'tcp6', address: hex('0'.repeat(32)) }],
  ],
  '::1': [
    [{ file: 'tcp6', address: hex('00000000000000000000000001000000') }],
    [{ file: 'tcp6', address: hex('0'.repeat(32)) }],
  ],
};

/** Of those that listen at `place`: whether all of them belong to the process `pid`. */
export async function holderOf(place: ProgramPlace, pid: number, files: ListenerFiles = systemFiles): Promise<Holder> {
  const [tcp, tcp6] = await Promise.all([files.table('/proc/net/tcp'), files.table('/proc/net/tcp6')]);
  // A kernel without IPv6 has no second one.
  if (tcp === null) return 'unknown';
  const sockets = listening(place, { tcp, tcp6: tcp6 ?? '' });
  if (sockets.size === 0) return 'none';
  return holderAmong(sockets, pid, files);
}

function holderAmong(sockets: Set<string>, pid: number, files: ListenerFiles): Holder {
  if (!isAlive(files, pid)) return 'ended';
  const family = familyOf(pid, files);
  let isHidden = family === null || files.read(`/proc/${pid}/task/${pid}/children`) === null;
  const look = (member: number): boolean => {
    const descriptors = files.list(`/proc/${member}/fd`);
    // Of another user by now, or not to be looked at for what it may: whoever lives has some.
    if (descriptors.length === 0 && isAlive(files, member)) isHidden = true;
    for (const descriptor of descriptors) sockets.delete(files.link(`/proc/${member}/fd/${descriptor}`) ?? '');
    return sockets.size === 0;
  };
  for (const member of family ?? []) if (look(member)) return 'own';
  // Who has lost its parent is still in the program's group, or session.
  for (const member of groupOf(files, pid)) if (family?.has(member) !== true && look(member)) return 'own';
  return isHidden ? 'unknown' : 'foreign';
}

/** As links of descriptors name them. */
function listening({ host, port }: ProgramPlace, texts: Readonly<Record<Table['file'], string>>): Set<string> {
  const digits = port.toString(16).toUpperCase().padStart(4, '0');
  // Local address and port, any peer, the state LISTEN; five fields on, the inode.
  const rows = new RegExp(String.raw`^ *\d+: ([0-9A-F]+):${digits} \S+ 0A (?:\S+ +){5}(\d+)`, 'gm');
  const found = { tcp: [...texts.tcp.matchAll(rows)], tcp6: [...texts.tcp6.matchAll(rows)] };
  for (const tables of choices[host] ?? []) {
    const inodes = tables.flatMap(({ file, address }) =>
      found[file].filter((row) => row[1] === address).map((row) => row[2]),
    );
    if (inodes.length > 0) return new Set(inodes.map((inode) => `socket:[${inode}]`));
  }
  return new Set();
}

/** Field 3 is its state, 5 and 6 its group and session; the name before them may hold anything. Null: it is gone. */
function statOf(files: ProcFiles, pid: string | number): string[] | null {
  const stat = files.read(`/proc/${pid}/stat`);
  return stat === null ? null : stat.slice(stat.lastIndexOf(')') + 2).split(' ', 4);
}

function isAlive(files: ProcFiles, pid: number): boolean {
  const state = statOf(files, pid)?.[0] ?? 'X';
  return state !== 'Z' && state !== 'X';
}

/** A program has a group and a session of its own, which have its number. */
function groupOf(files: ProcFiles, pid: number): number[] {
  const all = files.list('/proc').filter((name) => /^\d+$/.test(name));
  return all.filter((each) => statOf(files, each)?.slice(2).includes(String(pid))).map(Number);
}

/** The kernel prints addresses in words of its own order of bytes. */
function hex(littleEndian: string): string {
  if (endianness() === 'LE') return littleEndian;
  return littleEndian.replaceAll(/(..)(..)(..)(..)/g, '$4$3$2$1');
}
