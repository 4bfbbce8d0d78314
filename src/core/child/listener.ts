/** Whose socket it is that a program's requests would go to. Linux (proc(5)); elsewhere nobody knows. */
import { readlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
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
  /** Of a table of sockets the beginning, with all that listen. */
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
  table: (file) => readListeners(file).catch(() => null),
};

interface Table {
  readonly file: 'tcp' | 'tcp6';
  readonly address: string;
}

/**
 * In the order in which the kernel chooses among those that listen: the address itself, any of the family, any of both. (With an
 * address of the first table none of the second is bound that would come before it.)
 */
const choices: Readonly<Record<string, readonly Table[]>> = {
  '127.0.0.1': [
    { file: 'tcp', address: hex('0100007F') },
    { file: 'tcp', address: hex('00000000') },
    { file: 'tcp6', address: hex('0000000000000000FFFF00000100007F') },
    { file: 'tcp6', address: hex('0'.repeat(32)) },
  ],
  '::1': [
    { file: 'tcp6', address: hex('00000000000000000000000001000000') },
    { file: 'tcp6', address: hex('0'.repeat(32)) },
  ],
};

/** Of those that listen at `place`: whether all of them belong to the process `pid`. */
export async function holderOf(place: ProgramPlace, pid: number, files: ListenerFiles = systemFiles): Promise<Holder> {
  const texts: Partial<Record<Table['file'], string | null>> = {};
  for (const { file, address } of choices[place.host] ?? []) {
    // The second only where the first has none: the kernel goes through all of its own table to say that it is empty.
    if (texts[file] === undefined) texts[file] = await files.table(`/proc/net/${file}`);
    const text = texts[file];
    if (text === null) return 'unknown';
    const sockets = listening(text, address, place.port);
    if (sockets.size > 0) return holderAmong(sockets, pid, files);
  }
  return 'none';
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
function listening(text: string, address: string, port: number): Set<string> {
  const digits = port.toString(16).toUpperCase().padStart(4, '0');
  // Local address and port, any peer, the state LISTEN; five fields on, the inode.
  const rows = new RegExp(String.raw`^ *\d+: ${address}:${digits} \S+ 0A (?:\S+ +){5}(\d+)`, 'gm');
  return new Set([...text.matchAll(rows)].map(([, inode]) => `socket:[${inode}]`));
}

/** Those that listen come first: of the others, one for each connection of the machine, no more is read than comes with them. */
async function readListeners(file: string): Promise<string> {
  const handle = await open(file);
  try {
    let text = '';
    for (let isDone = false; !isDone;) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(4096), 0, 4096, null);
      text += buffer.toString('latin1', 0, bytesRead);
      isDone = bytesRead === 0 || anotherState.test(text);
    }
    return text;
  } finally {
    await handle.close();
  }
}

const anotherState = /^ *\d+: \S+ \S+ (?!0A)[0-9A-F]{2} /m;

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
