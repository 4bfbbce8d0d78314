// What the build has put beside a page: its answer as of then.
import { open } from 'node:fs/promises';
import type { Fallback, Prerender } from '../../model/output.ts';
import { keep } from './keep.ts';
import type { KeptPage } from './kept.ts';
import { judgeFallback } from './verdict.ts';

/** Null: it is not there, too large, or not what its headers say. `group`: KeptPage.group. */
export async function readFallback(
  page: Prerender & { readonly fallback: Fallback },
  group: string | null,
  mostBytes: number,
): Promise<KeptPage | null> {
  const file = await readWhole(page.fallback.file, mostBytes);
  if (file === null) return null;
  // It is as old as its file: a build writes it, and whatever copies it may only make it look younger.
  return keep(judgeFallback(page, file.modifiedMs), file.body, { askedMs: file.modifiedMs, group, built: true });
}

async function readWhole(
  path: string,
  mostBytes: number,
): Promise<{ readonly body: Buffer; readonly modifiedMs: number } | null> {
  try {
    const handle = await open(path, 'r');
    try {
      const stat = await handle.stat();
      if (!stat.isFile() || stat.size > mostBytes) return null;
      return { body: await handle.readFile(), modifiedMs: Math.trunc(stat.mtimeMs) };
    } finally {
      await handle.close();
    }
  } catch {
    return null;
  }
}
