import { readdirSync, readFileSync } from 'node:fs';
import { pageBytes } from './page.ts';

/** Linux reports process times in 1/100 s to every program, whatever its own tick is (USER_HZ, proc(5)). */
const tickUs = 10_000;
/** Who belongs to it is looked at so often; what they use, at every reading. */
const listPeriodMs = 500;
/** Each costs some 20 µs at every reading, on a loop that serves many trees. Of those beyond, only what is waited for counts. */
const maxMembers = 512;

export interface TreeUsage {
  /** CPU time of all of them, and of those that have ended and were waited for, microseconds, in steps of 10 ms. */
  readonly cpuUs: number;
  /** Resident memory, added up: what they share counts once for each. */
  readonly rssBytes: number;
}

/** What is read of /proc: a test's own, else the kernel's. */
export interface ProcFiles {
  /** Null: it is not there. */
  read(file: string): string | null;
  list(directory: string): readonly string[];
}

/** One life of a pid: that and when it started name it. */
interface Stat {
  readonly parent: number;
  readonly started: string;
  /** Of all its threads. */
  readonly ownUs: number;
  /** Of the children that it has waited for, and theirs: all that they had at their end. */
  readonly waitedUs: number;
}

interface Member extends Stat {
  /** What was counted of children that are gone: its `waitedUs` brings that again, if it has waited for them. */
  readonly owedUs: number;
}

/** A Linux process and all that it has started: what they use. */
export class ProcessTree {
  readonly pid: number;
  readonly #files: ProcFiles;
  /** Parents before their children. Who was found once stays until it is gone, whoever its parent is by then. */
  readonly #members = new Map<number, Member>();
  #listedMs = -Infinity;
  #cpuUs = 0;

  constructor(pid: number, files: ProcFiles = kernelFiles) {
    this.pid = pid;
    this.#files = files;
  }

  /** Null: it is gone, or this is not Linux. Of CPU never less than before. */
  read(nowMs: number): TreeUsage | null {
    if (!this.#follow()) return null;
    if (nowMs - this.#listedMs >= listPeriodMs) {
      this.#listedMs = nowMs;
      this.#find();
    }
    let rssBytes = 0;
    for (const member of this.#members.keys()) rssBytes += rssOf(this.#files, member);
    return { cpuUs: this.#cpuUs, rssBytes };
  }

  /** Adds what each has used since it was last looked at: what is gone takes nothing away. False: the first of them is gone. */
  #follow(): boolean {
    const first = statOf(this.#files, this.pid);
    const known = this.#members.get(this.pid);
    if (first === null || (known !== undefined && known.started !== first.started)) return false;
    if (known === undefined) this.#add(this.pid, first);
    // Parents first: whose child is gone after that has its time in the next look, or in this one.
    const looks = [...this.#members].map(([pid, before]) => ({
      pid,
      before,
      now: pid === this.pid ? first : statOf(this.#files, pid),
    }));
    const owed = new Map<number, number>();
    // Children first: what was counted of one goes up with its parent's, where that is gone too.
    for (const { pid, before, now } of looks.toReversed()) {
      const goneUs = owed.get(pid) ?? 0;
      // The same number may be another's by now.
      if (now === null || now.started !== before.started) {
        this.#members.delete(pid);
        const countedUs = before.ownUs + before.waitedUs + before.owedUs + goneUs;
        owed.set(before.parent, (owed.get(before.parent) ?? 0) + countedUs);
        continue;
      }
      const waitedUs = Math.max(0, now.waitedUs - before.waitedUs);
      const owedUs = before.owedUs + goneUs;
      this.#cpuUs += Math.max(0, now.ownUs - before.ownUs) + Math.max(0, waitedUs - owedUs);
      // Who is gone was waited for before that, or never: what has not come by the next look does not come.
      this.#members.set(pid, { ...now, owedUs: Math.min(goneUs, Math.max(0, owedUs - waitedUs)) });
    }
    return true;
  }

  #find(): void {
    // The loop comes to those that it adds.
    for (const pid of this.#members.keys()) {
      for (const child of childrenOf(this.#files, pid)) {
        if (this.#members.size >= maxMembers) return;
        const stat = this.#members.has(child) ? null : statOf(this.#files, child);
        if (stat !== null) this.#add(child, stat);
      }
    }
  }

  /** All that it has used is the tree's: it was started in it. */
  #add(pid: number, stat: Stat): void {
    this.#members.set(pid, { ...stat, owedUs: 0 });
    this.#cpuUs += stat.ownUs + stat.waitedUs;
  }
}

/** Itself and all that it has started whose parents still live, parents first. Null: more than are looked at. */
export function familyOf(pid: number, files: ProcFiles = kernelFiles): ReadonlySet<number> | null {
  const found = new Set([pid]);
  for (const member of found) {
    for (const child of childrenOf(files, member)) found.add(child);
    if (found.size > maxMembers) return null;
  }
  return found;
}

/** proc(5): each thread lists the children that it has made. */
function childrenOf(files: ProcFiles, pid: number): number[] {
  const children: number[] = [];
  for (const thread of files.list(`/proc/${pid}/task`)) {
    const text = files.read(`/proc/${pid}/task/${thread}/children`)?.trim() ?? '';
    if (text !== '') children.push(...text.split(' ').map(Number));
  }
  return children;
}

/** Null: it is gone. */
function statOf(files: ProcFiles, pid: number): Stat | null {
  const stat = files.read(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The command's name, in parentheses, may hold anything: fields are counted from behind it. proc(5): 4 ppid, 14 utime to 17 cstime, 22 starttime.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ', 20);
  return {
    parent: Number(fields[1]),
    started: fields[19] ?? '',
    ownUs: (Number(fields[11]) + Number(fields[12])) * tickUs,
    waitedUs: (Number(fields[13]) + Number(fields[14])) * tickUs,
  };
}

function rssOf(files: ProcFiles, pid: number): number {
  const statm = files.read(`/proc/${pid}/statm`);
  return statm === null ? 0 : Number(statm.split(' ', 2)[1]) * pageBytes();
}

export const kernelFiles: ProcFiles = {
  list(directory) {
    try {
      return readdirSync(directory);
    } catch {
      return [];
    }
  },
  // As UTF-8: any other encoding costs buffers of 128 KiB where a file tells no length.
  read(file) {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      // Gone, or not Linux.
      return null;
    }
  },
};
