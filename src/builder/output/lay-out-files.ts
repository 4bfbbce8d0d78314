import { mkdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import type { Output } from '../../model/output.ts';
import { forEachBounded } from './bounded.ts';
import { isInside } from './folder.ts';
import { linkOrCopy } from './lay-out.ts';

/** Both without symbolic links. */
interface Places {
  readonly project: string;
  /** The output's folder, which may be elsewhere. */
  readonly dir: string;
}

/**
 * Puts every static file and what is kept of pages from the start into `folder`, under their own names, and says where:
 * the next build takes away those that lie in the output. They are linked: builds write files anew, and time and size,
 * which clients' caches go by, stay what they were. Throws UsageError.
 */
export async function layOutFiles(
  outputs: ReadonlyMap<string, Output>,
  places: Places,
  folder: string,
): Promise<ReadonlyMap<string, Output>> {
  const targets = new Map<string, string>();
  const laidOut = new Map<string, Output>();
  const put = (file: string): string => {
    const target = targetOf(file, places, folder);
    targets.set(file, target);
    return target;
  };
  for (const [path, output] of outputs) laidOut.set(path, moved(output, put));
  try {
    const folders = new Set([...targets.values()].map((target) => dirname(target)));
    await forEachBounded(folders, async (made) => void (await mkdir(made, { recursive: true })));
    await forEachBounded(targets, ([file, target]) => linkOrCopy(file, target));
  } catch (error) {
    throw new UsageError(`${folder}: what is served as a file cannot be put there: ${(error as Error).message}`);
  }
  return laidOut;
}

/** What is linked to from the output lies elsewhere in the project. */
const targetOf = (file: string, { project, dir }: Places, folder: string): string =>
  isInside(dir, file) ? join(folder, 'output', relative(dir, file)) : join(folder, 'project', relative(project, file));

function moved(output: Output, put: (file: string) => string): Output {
  if (output.kind === 'file') return { ...output, file: put(output.file) };
  if (output.kind !== 'prerender' || output.prerender.fallback === null) return output;
  const { fallback } = output.prerender;
  return { ...output, prerender: { ...output.prerender, fallback: { ...fallback, file: put(fallback.file) } } };
}
