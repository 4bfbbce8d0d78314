import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import { pageBytes } from '../base/page.ts';

/** Linux reports process times in 1/100 s to every program, whatever its own tick is (USER_HZ, proc(5)). */
const tickUs = 10_000;

export interface Usage {
  /** CPU time of all threads, those that have ended included, microseconds, in steps of 10 ms. */
  readonly cpuUs: number;
  readonly rssBytes: number;
}

/** What Linux says of a process now; null when it is gone or cannot be read, and on another system. */
export function readUsage(pid: number): Usage | null {
  const stat = readProc(pid, 'stat');
  const rssBytes = stat === null ? null : readRss(pid);
  if (stat === null || rssBytes === null) return null;
  // The command's name, in parentheses, may hold anything: fields are counted from behind it. proc(5): 14 utime, 15 stime.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { cpuUs: (Number(fields[11]) + Number(fields[12])) * tickUs, rssBytes };
}

/** Resident memory of a Linux process, bytes; null when it is gone or cannot be read. */
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

/**
 * Null: it is gone, or this is not Linux; or the file cannot be read now, for want of descriptors, say. As UTF-8, whatever the
 * command's name is in: then Node reads at once, and otherwise into two buffers of 64 KiB, as such files tell no length.
 */
function readProc(pid: number, file: string): string | null {
  try {
    return fs.readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return null;
  }
}
