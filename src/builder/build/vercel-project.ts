import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readJsonFile } from './package-file.ts';

/**
 * Runs what needs `.vercel/project.json` to say how a project is built: `vercel build` would ask the hosted platform. What
 * the file said before, or that there was none, is as it was afterwards.
 */
export async function withVercelProject<Result>(
  dir: string,
  slug: string | null,
  run: () => Promise<Result>,
): Promise<Result> {
  const path = join(dir, '.vercel', 'project.json');
  const before = await readJsonFile(path);
  if (before !== null && 'settings' in before) return run();
  const text = before === null ? null : await readFile(path);
  await mkdir(join(dir, '.vercel'), { recursive: true });
  // Nothing is installed: that is the user's.
  const settings = { framework: slug, installCommand: '' };
  await writeFile(path, JSON.stringify({ projectId: 'prj_weir', orgId: 'team_weir', ...before, settings }));
  try {
    return await run();
  } finally {
    if (text === null) await rm(path, { force: true });
    else await writeFile(path, text);
  }
}
