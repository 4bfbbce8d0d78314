import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive } from '../builder/project.ts';

/** What programs of the same user find a platform on this machine by: where its API is, and a token that holds while it runs. */
export interface LocalPlatform {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
}

export interface LocalFile {
  /** Idempotent. */
  remove(): void;
}

/**
 * Written whole, for this user alone, into each directory where no platform that runs has its own; gone when the process ends.
 */
export async function writeLocalFiles(dirs: readonly string[], platform: LocalPlatform): Promise<LocalFile> {
  const files: string[] = [];
  for (const dir of new Set(dirs)) {
    const file = join(dir, 'local.json');
    if (isAnothers(file, platform.pid)) continue;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const beside = `${file}.${platform.pid}`;
    writeFileSync(beside, `${JSON.stringify(platform)}\n`, { mode: 0o600 });
    await rename(beside, file);
    files.push(file);
  }
  const remove = (): void => files.forEach((file) => rmSync(file, { force: true }));
  process.once('exit', remove);
  return {
    remove() {
      process.off('exit', remove);
      remove();
    },
  };
}

function isAnothers(file: string, pid: number): boolean {
  try {
    const other = (JSON.parse(readFileSync(file, 'utf8')) as Partial<LocalPlatform>).pid;
    return typeof other === 'number' && other !== pid && isAlive(other);
  } catch {
    return false;
  }
}
