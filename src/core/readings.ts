import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { pageBytes } from '../base/page.ts';

/** What the operating system says of this process. 0 stands for what cannot be known here. */
export interface Reading {
  readonly cpuUs: number;
  readonly throttledUs: number;
  readonly rssBytes: number;
  readonly fds: number;
}

/** Counting descriptors lists a directory: 20 µs, and more with every descriptor. */
const fdPeriodMs = 1_000;

/** Reads through open descriptors on Linux: 2 µs for memory in place of 8. Any thread. */
export class ProcessReadings {
  readonly #buffer = Buffer.alloc(1_024);
  readonly #statm = openOrNull('/proc/self/statm');
  readonly #cpuStat = openOrNull(`/sys/fs/cgroup${ownCgroup()}/cpu.stat`);
  readonly #canCount = process.platform === 'linux';
  #fds = 0;
  #countedMs = -Infinity;

  /** The soft limit on open descriptors; 0 where it cannot be known. */
  readonly fdLimit: number = fdLimit();

  read(nowMs: number): Reading {
    const { user, system } = process.cpuUsage();
    if (this.#canCount && nowMs - this.#countedMs >= fdPeriodMs) {
      this.#countedMs = nowMs;
      this.#fds = countDescriptors();
    }
    return { cpuUs: user + system, throttledUs: this.#throttledUs(), rssBytes: this.#rssBytes(), fds: this.#fds };
  }

  close(): void {
    if (this.#statm !== null) closeSync(this.#statm);
    if (this.#cpuStat !== null) closeSync(this.#cpuStat);
  }

  #rssBytes(): number {
    if (this.#statm === null) return process.memoryUsage.rss();
    // size resident shared …, in pages.
    const pages = Number(this.#text(this.#statm).split(' ', 2)[1]);
    return Number.isNaN(pages) ? process.memoryUsage.rss() : pages * pageBytes();
  }

  #throttledUs(): number {
    if (this.#cpuStat === null) return 0;
    const found = /^throttled_usec (\d+)$/m.exec(this.#text(this.#cpuStat));
    return found === null ? 0 : Number(found[1]);
  }

  #text(file: number): string {
    return this.#buffer.toString('latin1', 0, readSync(file, this.#buffer, 0, this.#buffer.length, 0));
  }
}

function openOrNull(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch {
    // Not Linux, or no cgroup: that figure stays unknown.
    return null;
  }
}

function textOrNone(path: string): string {
  try {
    // Other encodings than UTF-8 cost 128 KiB of buffers where a file tells no length.
    return readFileSync(path, 'utf8');
  } catch {
    // Not Linux.
    return '';
  }
}

/** The path below the mount point of cgroup v2; empty at its root. */
function ownCgroup(): string {
  const path = /^0::(\/.*)$/m.exec(textOrNone('/proc/self/cgroup'))?.[1] ?? '';
  return path === '/' ? '' : path;
}

function fdLimit(): number {
  const soft = /^Max open files\s+(\d+)/m.exec(textOrNone('/proc/self/limits'))?.[1];
  return soft === undefined ? 0 : Number(soft);
}

function countDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    // Out of descriptors to list them with, or no /proc: told apart by the limit being known.
    return fdLimit();
  }
}
