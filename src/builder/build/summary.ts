import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dirent } from 'node:fs';

/** What a build left. */
export interface Summary {
  /** Those that are code; the same under another path is not counted again. */
  readonly functions: number;
  /** Answers that are kept and made anew, variants for the framework's own client aside. */
  readonly pages: number;
  readonly files: number;
  /** Of all that is in the folder. */
  readonly bytes: number;
}

/** Counts what is in an output folder. */
export async function summaryOf(outputDir: string): Promise<Summary> {
  const found = { functions: 0, pages: 0, files: 0, bytes: 0 };
  await walk(join(outputDir, 'static'), (_, entry) => void (found.files += entry.isDirectory() ? 0 : 1));
  await walk(join(outputDir, 'functions'), (path, entry) => {
    if (entry.isDirectory() && entry.name.endsWith('.func') && !/\.func\//.test(path)) found.functions += 1;
    if (entry.name.endsWith('.prerender-config.json') && !/\.(?:rsc|segments)\b/.test(path)) found.pages += 1;
  });
  await walk(outputDir, async (path, entry) => {
    if (entry.isFile()) found.bytes += (await lstat(join(outputDir, path))).size;
  });
  return found;
}

/** Links are not followed. */
async function walk(
  dir: string,
  visit: (path: string, entry: Dirent) => void | Promise<void>,
  prefix = '',
): Promise<void> {
  const entries = await readdir(join(dir, prefix), { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = `${prefix}${entry.name}`;
    await visit(path, entry);
    if (entry.isDirectory()) await walk(dir, visit, `${path}/`);
  }
}
