import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { limits } from '../base/limits.ts';
import { ApiError } from '../api/errors.ts';
import { type BlobStore, isDiskFull } from './blobs.ts';
import type { Manifest } from './manifest.ts';

/**
 * Lays out the files of an upload in `dir`, which is not there yet or is emptied. They are copies (of which the file system
 * shares the blocks where it can): a function that writes into one spoils its own deployment and no other. `manifest` has
 * been checked.
 */
export async function layOut(manifest: Manifest, blobs: BlobStore, dir: string): Promise<void> {
  try {
    await laidOut(manifest, blobs, dir);
  } catch (error) {
    throw isDiskFull(error) ? new ApiError('DISK_FULL') : error;
  }
}

async function laidOut(manifest: Manifest, blobs: BlobStore, dir: string): Promise<void> {
  await fs.rm(dir, { recursive: true, force: true });
  await fs.mkdir(dir, { recursive: true, mode: 0o700 });
  const folders = new Set([...manifest.files, ...manifest.links].map(({ path }) => dirname(path)));
  for (const folder of folders) await fs.mkdir(join(dir, folder), { recursive: true });
  const files = [...manifest.files];
  const copy = async (): Promise<void> => {
    for (let file = files.pop(); file !== undefined; file = files.pop()) {
      const place = join(dir, file.path);
      await fs.copyFile(blobs.path(file.sha256), place, constants.COPYFILE_FICLONE);
      await fs.chmod(place, file.executable ? 0o755 : 0o644);
    }
  };
  const copying = async (): Promise<void> => {
    try {
      await copy();
    } catch (error) {
      // The others stop: whoever is told removes what there is.
      files.length = 0;
      throw error;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: limits.copiesAtOnce }, copying));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  // After all files: nothing is written through a link.
  for (const { path, link } of manifest.links) await fs.symlink(link, join(dir, path));
}
