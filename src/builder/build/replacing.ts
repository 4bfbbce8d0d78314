import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { locked } from './build-lock.ts';
import type { Ended } from './command.ts';

/**
 * What was at `path` is put aside, and back again when `make` does not succeed; also when it was killed, by the next build.
 * One at a time.
 */
export async function replacing(path: string, make: () => Promise<Ended>): Promise<Ended> {
  await mkdir(dirname(path), { recursive: true });
  return locked(`${path}.lock`, async () => {
    const [aside, outdated] = [`${path}.before`, `${path}.outdated`];
    const putBack = async (): Promise<void> => {
      await rm(path, { recursive: true, force: true });
      await rename(aside, path).catch(ifMissing);
    };
    await rm(outdated, { recursive: true, force: true });
    if ((await stat(aside).catch(() => null)) !== null) await putBack();
    await rename(path, aside).catch(ifMissing);
    let ended: Ended | null = null;
    try {
      ended = await make();
      return ended;
    } finally {
      // What is aside is whole, or gone at once.
      if (ended?.kind === 'done') await rename(aside, outdated).catch(ifMissing);
      else await putBack();
      await rm(outdated, { recursive: true, force: true });
    }
  });
}

export function ifMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
