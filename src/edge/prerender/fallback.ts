// What the build has put beside a page: its answer as of then.
import { open } from 'node:fs/promises';
import type { Fallback, Prerender } from '../../model/output.ts';
import { keep } from './keep.ts';
import type { KeptPage } from './kept.ts';
import { contentTag, judgeFallback } from './verdict.ts';

/** Null: it is not there, too large, or not what its headers say. `group`: KeptPage.group. */
export async function readFallback(
  page: Prerender & { readonly fallback: Fallback },
  group: string | null,
  mostBytes: number,
): Promise<KeptPage | null> {
  const file = await shared(page.fallback, mostBytes);
  if (file === null) return null;
  const { body, modifiedMs, tag } = file;
  // It is as old as its file: a build writes it, and whatever copies it may only make it look younger.
  return keep(judgeFallback(page, modifiedMs), body, { askedMs: modifiedMs, group, built: true }, tag);
}

interface Read {
  readonly body: Buffer;
  readonly modifiedMs: number;
  /** contentTag of it. */
  readonly tag: string;
}

/** What is known of a file that was read: large ones are not in memory for long, and asked for again and again. */
interface Known {
  modifiedMs: number;
  sizeBytes: number;
  tag: string;
  /** The same bytes for all that are being sent it, as long as one is. */
  body: WeakRef<Buffer> | null;
  reading: Promise<Read | null> | null;
}

const files = new WeakMap<Fallback, Known>();

/** One read for all who ask meanwhile. */
function shared(fallback: Fallback, mostBytes: number): Promise<Read | null> {
  let known = files.get(fallback);
  if (known === undefined) {
    known = { modifiedMs: -1, sizeBytes: -1, tag: '', body: null, reading: null };
    files.set(fallback, known);
  }
  const of = known;
  of.reading ??= readWhole(fallback.file, of, mostBytes).finally(() => (of.reading = null));
  return of.reading;
}

async function readWhole(path: string, known: Known, mostBytes: number): Promise<Read | null> {
  try {
    const handle = await open(path, 'r');
    try {
      const stat = await handle.stat();
      if (!stat.isFile() || stat.size > mostBytes) return null;
      const isSame = known.modifiedMs === stat.mtimeMs && known.sizeBytes === stat.size;
      const modifiedMs = Math.trunc(stat.mtimeMs);
      const held = isSame ? known.body?.deref() : undefined;
      if (held !== undefined) return { body: held, modifiedMs, tag: known.tag };
      const body = await handle.readFile();
      // To hash it takes as long as to read it.
      const tag = isSame && body.length === stat.size ? known.tag : contentTag(body);
      Object.assign(known, { modifiedMs: stat.mtimeMs, sizeBytes: body.length, tag, body: new WeakRef(body) });
      return { body, modifiedMs, tag };
    } finally {
      await handle.close();
    }
  } catch {
    return null;
  }
}
