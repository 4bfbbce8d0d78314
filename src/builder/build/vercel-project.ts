import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonFile } from './package-file.ts';
import { ifMissing } from './replacing.ts';

/**
 * Runs what needs `.vercel/project.json` to say how a project is built: `vercel build` would ask the hosted platform. What
 * the file said before, or that there was none, is as it was afterwards; after one that was killed, before the next. One
 * at a time.
 */
export async function withVercelProject<Result>(
  dir: string,
  slug: string | null,
  run: () => Promise<Result>,
): Promise<Result> {
  const path = join(dir, '.vercel', 'project.json');
  const aside = `${path}.before`;
  const putBack = async (): Promise<void> => {
    await rm(path, { force: true });
    await rename(aside, path).catch(ifMissing);
  };
  if (isOurs(await readJsonFile(path)) || (await readJsonFile(aside)) !== null) await putBack();
  const before = await readJsonFile(path);
  if (before !== null && 'settings' in before) return run();
  await mkdir(join(dir, '.vercel'), { recursive: true });
  // Nothing is installed: that is the user's.
  const settings = { framework: slug, installCommand: '' };
  await rename(path, aside).catch(ifMissing);
  try {
    await writeFile(path, JSON.stringify({ projectId: ourId, orgId: 'team_weir', ...before, settings }));
    return await run();
  } finally {
    await putBack();
  }
}

const ourId = 'prj_weir';

const isOurs = (project: {} | null): boolean =>
  project !== null && 'projectId' in project && project.projectId === ourId;
