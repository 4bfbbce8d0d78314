import * as fs from 'node:fs';
import * as path from 'node:path';

/**
 * Memory limits by the kernel: one cgroup (version 2) for each instance, below the platform's own, so that whatever
 * limit the platform is under holds for its instances too.
 *
 * A cgroup that can be written is not one that was given to us: systemd and container engines keep their own order in
 * theirs. Ours is one that belongs to this user (and the user is not root), or the root of a cgroup namespace.
 */
interface Cgroups {
  /** Puts a process that was just started under a limit. Null: the kernel would not, the process runs without. */
  limit(instance: string, pid: number, memoryMiB: number): Cgroup | null;
  /** Gives back what was taken. Every instance's cgroup has been removed before. */
  close(): void;
}

interface Cgroup {
  /** Whether the kernel has killed in it for want of memory. */
  outOfMemory(): boolean;
  /** Kills what is left in it, and removes it. */
  remove(): void;
}

/** Either cgroups, or the reason in words that end a sentence. */
export type CgroupAccess =
  | { readonly kind: 'usable'; readonly cgroups: Cgroups }
  | { readonly kind: 'unusable'; readonly reason: string };

/** The few file operations that are needed: the kernel's, or a test's. Errors carry a `code`. */
export interface CgroupFiles {
  read(file: string): string;
  write(file: string, text: string): void;
  mkdir(dir: string): void;
  rmdir(dir: string): void;
  owner(dir: string): number;
}

const kernelFiles: CgroupFiles = {
  read: (file) => fs.readFileSync(file, 'utf8'),
  // Cgroup files are never made, only written to.
  write: (file, text) => fs.writeFileSync(file, text, { flag: 'r+' }),
  mkdir: (dir) => fs.mkdirSync(dir),
  rmdir: (dir) => fs.rmdirSync(dir),
  owner: (dir) => fs.statSync(dir).uid,
};

export interface CgroupOptions {
  readonly files?: CgroupFiles;
  readonly pid?: number;
  readonly uid?: number;
}

/** Where version 2 is mounted, wherever it is mounted alone. */
export const cgroupMount = '/sys/fs/cgroup';
const gone = ['ENOENT', 'ENOTDIR'];

/** Looks whether this process has a cgroup to itself, and readies it. Changes nothing when it has not. */
export function openCgroups(options: CgroupOptions = {}): CgroupAccess {
  const { files = kernelFiles, pid = process.pid, uid = process.getuid?.() ?? 0 } = options;
  try {
    return open(files, pid, uid);
  } catch (error) {
    const code = codeOf(error);
    if (code === null) throw error;
    return { kind: 'unusable', reason: `the system does not let Weir make cgroups (${code})` };
  }
}

function open(files: CgroupFiles, pid: number, uid: number): CgroupAccess {
  const unusable = (reason: string): CgroupAccess => ({ kind: 'unusable', reason });
  const own = unless(gone, () => /^0::(\/.*)$/m.exec(files.read('/proc/self/cgroup'))?.[1]);
  if (own === undefined) return unusable('this system has no cgroups of version 2');
  const dir = path.join(cgroupMount, own);
  const controllers = unless(gone, () => words(files.read(path.join(dir, 'cgroup.controllers'))));
  if (controllers === undefined || !controllers.includes('memory')) {
    return unusable('the memory controller of cgroup version 2 is not available here');
  }
  if (own !== '/' && (uid === 0 || files.owner(dir) !== uid)) return unusable('no cgroup was delegated to Weir');
  const inside = words(files.read(path.join(dir, 'cgroup.procs'))).map(Number);
  if (!inside.every((other) => other === pid || parentOf(files, other) === pid)) {
    return unusable('Weir shares its cgroup with other processes');
  }
  return { kind: 'usable', cgroups: settle(files, dir, inside) };
}

/**
 * A cgroup whose children are under controllers may hold no process itself (the no-internal-process rule), so the
 * platform moves into a child of its own; close() moves it back.
 */
function settle(files: CgroupFiles, dir: string, inside: readonly number[]): Cgroups {
  const platform = path.join(dir, 'weir-platform');
  const left = new Set<string>();
  const undo: (() => void)[] = [];
  const move = (to: string) => {
    for (const pid of inside) unless(['ESRCH'], () => files.write(path.join(to, 'cgroup.procs'), String(pid)));
  };
  const close = () => {
    for (const child of left) removeFrom(files, left, child);
    for (const step of undo.splice(0).reverse()) unless(['EBUSY', 'ENOENT'], step);
  };
  try {
    unless(['EEXIST'], () => files.mkdir(platform));
    undo.push(() => files.rmdir(platform));
    undo.push(() => move(dir));
    move(platform);
    files.write(path.join(dir, 'cgroup.subtree_control'), '+memory');
    undo.push(() => files.write(path.join(dir, 'cgroup.subtree_control'), '-memory'));
  } catch (error) {
    close();
    throw error;
  }
  return {
    limit: (instance, pid, memoryMiB) => limit(files, left, { dir: path.join(dir, instance), pid, memoryMiB }),
    close,
  };
}

interface LimitOrder {
  readonly dir: string;
  readonly pid: number;
  readonly memoryMiB: number;
}

function limit(files: CgroupFiles, left: Set<string>, { dir, pid, memoryMiB }: LimitOrder): Cgroup | null {
  const set = (file: string, text: string) => files.write(path.join(dir, file), text);
  try {
    files.mkdir(dir);
    left.add(dir);
    set('memory.max', String(memoryMiB * 1024 * 1024));
    // Not there without swap accounting; the limit then holds for memory alone.
    unless(['ENOENT'], () => set('memory.swap.max', '0'));
    // Out of memory ends the instance whole, with the processes that user code has started.
    set('memory.oom.group', '1');
    set('cgroup.procs', String(pid));
  } catch (error) {
    removeFrom(files, left, dir);
    if (codeOf(error) === null) throw error;
    return null;
  }
  return {
    outOfMemory: () =>
      /^oom_kill [1-9]/m.test(unless(['ENOENT'], () => files.read(path.join(dir, 'memory.events'))) ?? ''),
    remove: () => removeFrom(files, left, dir),
  };
}

/** What cannot be removed yet, because the kernel is still ending what was in it, is tried again by close(). */
function removeFrom(files: CgroupFiles, left: Set<string>, dir: string): void {
  if (!left.has(dir)) return;
  // Ends what user code left running. Not there before Linux 5.14: the process group has been killed in any case.
  unless(['ENOENT'], () => files.write(path.join(dir, 'cgroup.kill'), '1'));
  unless(['EBUSY', 'ENOENT'], () => {
    files.rmdir(dir);
    left.delete(dir);
  });
}

function parentOf(files: CgroupFiles, pid: number): number | null {
  const stat = unless(['ENOENT', 'ESRCH'], () => files.read(`/proc/${pid}/stat`));
  return stat === undefined ? null : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** Undefined when the kernel answers with one of these codes. */
function unless<Result>(codes: readonly string[], act: () => Result): Result | undefined {
  try {
    return act();
  } catch (error) {
    if (codes.includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error ? String(error.code) : null;
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');
