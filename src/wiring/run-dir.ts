import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from '../builder/project.ts';

export const socketName = 'tunnel.sock';
/** Of a Unix socket's path: 104 bytes on macOS, 108 on Linux, its end included. */
const socketPathBytes = 100;

/** For this user alone (mkdtemp's mode is 0700); gone when the process ends, unless it is killed: then the next one's start. */
export function makeRunDir(): string {
  const name = `weir-run-${process.pid}-`;
  const fits = Buffer.byteLength(join(tmpdir(), `${name}XXXXXX`, socketName)) <= socketPathBytes;
  const parent = fits ? tmpdir() : '/tmp';
  removeAbandonedRunDirs(parent);
  const dir = mkdtempSync(join(parent, name));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function removeAbandonedRunDirs(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = Number(/^weir-run-(\d+)-\w{6}$/.exec(name)?.[1]);
    if (Number.isNaN(pid) || isAlive(pid)) continue;
    const dir = join(parent, name);
    if (lstatSync(dir, { throwIfNoEntry: false })?.uid === process.getuid?.())
      rmSync(dir, { recursive: true, force: true });
  }
}
