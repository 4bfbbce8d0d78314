import { execFile } from 'node:child_process';
import * as fs from 'node:fs';

/** Linux reports process times in 1/100 s to every program, whatever its own tick is (USER_HZ, proc(5)). */
const tickUs = 10_000;
/** statm counts pages. Larger ones than 4 KiB exist on some arm64 kernels; the process's own figures tell (see below). */
const smallestPageBytes = 4096;

export interface Usage {
  /** CPU time of all threads, those that have ended included, microseconds, in steps of 10 ms. */
  readonly cpuUs: number;
  readonly rssBytes: number;
}

/** What Linux says of a process now; null when it is gone, or on another system. */
export function readUsage(pid: number): Usage | null {
  const stat = readProc(pid, 'stat');
  const rssBytes = stat === null ? null : readRss(pid);
  if (stat === null || rssBytes === null) return null;
  // The command's name, in parentheses, may hold anything: fields are counted from behind it. proc(5): 14 utime, 15 stime.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { cpuUs: (Number(fields[11]) + Number(fields[12])) * tickUs, rssBytes };
}

/** Resident memory of a Linux process, bytes; null when it is gone. */
function readRss(pid: number): number | null {
  const statm = readProc(pid, 'statm');
  return statm === null ? null : Number(statm.split(' ')[1]) * pageBytes();
}

/** Resident memory of each of the processes that are still there. Linux: a file read each; elsewhere one `ps` for all. */
export async function sampleRss(pids: readonly number[], platform: string): Promise<ReadonlyMap<number, number>> {
  if (platform === 'linux') {
    const pairs = pids.map((pid) => [pid, readRss(pid)] as const);
    return new Map(pairs.filter((pair): pair is readonly [number, number] => pair[1] !== null));
  }
  return new Promise((resolve) => {
    // ps exits with 1 when some of the processes are gone; what it printed holds for the rest.
    execFile('ps', ['-o', 'pid=,rss=', '-p', pids.join(',')], (_error, stdout) => resolve(parsePs(stdout)));
  });
}

function parsePs(text: string): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  for (const [, pid, rssKiB] of text.matchAll(/^\s*(\d+)\s+(\d+)\s*$/gm)) found.set(Number(pid), Number(rssKiB) * 1024);
  return found;
}

function readProc(pid: number, file: string): string | null {
  try {
    return fs.readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch (error) {
    // ENOENT: it is gone, or this is not Linux. ESRCH: it went away while we read.
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return null;
    throw error;
  }
}

let knownPageBytes = 0;

/** From this process's own resident pages against its resident bytes: no other file tells the size without a C library. */
function pageBytes(): number {
  if (knownPageBytes === 0) {
    const pages = Number(fs.readFileSync('/proc/self/statm', 'latin1').split(' ')[1]);
    const ratio = process.memoryUsage.rss() / pages / smallestPageBytes;
    knownPageBytes = smallestPageBytes * 2 ** Math.max(0, Math.round(Math.log2(ratio)));
  }
  return knownPageBytes;
}
