import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { walkFollowing } from './folder.ts';
import { configFile, outputFolder } from './place.ts';

/**
 * Waits until nothing changes in the output of a project: frameworks write `config.json` before the rest, or after it. Not
 * for longer than `limits.outputSettleMs`. `isOver`: nobody waits any more.
 */
export async function outputSettled(root: string, clock: Clock, isOver: () => boolean): Promise<void> {
  const latestMs = clock.nowMs() + limits.outputSettleMs;
  let before = await marksOf(root);
  while (!isOver() && clock.nowMs() < latestMs) {
    await new Promise<void>((resolve) => void clock.after(limits.outputQuietMs, resolve));
    const now = await marksOf(root);
    if (now === before) return;
    before = now;
  }
}

/** When each of its folders, configurations and files was last written; as far as they can be read, which reading tells. */
async function marksOf(root: string): Promise<string> {
  const dir = join(root, outputFolder);
  const marks: string[] = [await markOf(join(dir, configFile))];
  const enter = ({ path }: { path: string }): boolean => !path.endsWith('.func');
  try {
    for await (const { path, isDirectory } of walkFollowing(dir, { enter, once: true })) {
      marks.push(path);
      if (path.endsWith('.func')) marks.push(await markOf(join(dir, path, '.vc-config.json')));
      else if (!isDirectory) marks.push(await markOf(join(dir, path)));
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    marks.push(error.message);
  }
  return marks.join('\n');
}

async function markOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => null);
  return found === null ? '-' : `${found.mtimeMs} ${found.size}`;
}
