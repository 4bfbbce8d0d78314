import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';

export interface OwnedOptions {
  /** Absolute; made when it is not there. */
  readonly parent: string;
  /** Letters and digits. */
  readonly name: string;
  readonly clock: Clock;
  /** This process. */
  readonly pid: number;
  /** Whether there is a process of this number. */
  readonly isAlive: (pid: number) => boolean;
}

export interface OwnedDirectory {
  readonly path: string;
  /** Whoever comes next may have it, with what is in it. Never rejects. */
  release(): Promise<void>;
}

const ownerFile = 'owner.pid';

/**
 * A directory that no other process uses at the same time: NAME in `parent`, or NAME.2 where somebody has that, and so on.
 * Directories there that nobody has used for limits.ownedKeptMs are removed. Null: nothing can be written there.
 */
export async function ownDirectory(options: OwnedOptions): Promise<OwnedDirectory | null> {
  const { parent, name } = options;
  try {
    for (let count = 1; count <= limits.ownedDirectories; count += 1) {
      const path = join(parent, count === 1 ? name : `${name}.${count}`);
      await fs.mkdir(path, { recursive: true, mode: 0o700 });
      if (!(await claim(join(path, ownerFile), options))) continue;
      await removeUnused(options);
      return { path, release: () => fs.rm(join(path, ownerFile), { force: true }).catch(() => undefined) };
    }
  } catch {
    // It is told by whoever would write there.
  }
  return null;
}

/** False: a process that is there has it. */
async function claim(file: string, options: OwnedOptions): Promise<boolean> {
  if (await create(file, options.pid)) return true;
  const found = await ownerOf(file);
  if (found !== null && isOther(found, options)) return false;
  // Of several that find it abandoned one moves it away: the others then find no file, or that of the one.
  const aside = `${file}.${randomBytes(6).toString('hex')}`;
  const moved = await fs.rename(file, aside).then(
    () => true,
    () => false,
  );
  if (!moved) return false;
  const owner = await ownerOf(aside);
  const isAnothers = owner !== null && isOther(owner, options);
  if (isAnothers) await fs.link(aside, file).catch(() => undefined);
  await fs.rm(aside, { force: true });
  return !isAnothers && create(file, options.pid);
}

/** Whole or not at all: whoever reads it finds a number. False: there is one. */
async function create(file: string, pid: number): Promise<boolean> {
  const beside = `${file}.${randomBytes(6).toString('hex')}`;
  await fs.writeFile(beside, String(pid), { mode: 0o600 });
  try {
    await fs.link(beside, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await fs.rm(beside, { force: true });
  }
}

const isOther = (owner: number, { pid, isAlive }: OwnedOptions): boolean => owner !== pid && isAlive(owner);

const ownerOf = async (file: string): Promise<number | null> =>
  Number(await fs.readFile(file, 'utf8').catch(() => '')) || null;

async function removeUnused(options: OwnedOptions): Promise<void> {
  const { parent, clock } = options;
  for (const name of await fs.readdir(parent)) {
    if (!/^[a-z0-9]+(?:\.\d+)?$/.test(name)) continue;
    const path = join(parent, name);
    const [owner, stats] = await Promise.all([ownerOf(join(path, ownerFile)), fs.lstat(path).catch(() => null)]);
    if (stats?.isDirectory() !== true || clock.wallMs() - stats.mtimeMs < limits.ownedKeptMs) continue;
    if (owner === null || !(owner === options.pid || options.isAlive(owner)))
      await fs.rm(path, { recursive: true, force: true });
  }
}
