import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Files that stand at the root of a workspace, beside a package.json that says so. */
const rootFiles = ['pnpm-workspace.yaml', 'pnpm-lock.yaml', 'yarn.lock', 'package-lock.json', 'bun.lock', 'bun.lockb'];

/**
 * The outermost folder that a project's packages may come from: the repository's, else the workspace's, else its own. What
 * lies outside of it is nobody's business here. `dir`: without symbolic links.
 */
export async function workspaceOf(dir: string): Promise<string> {
  let found = dir;
  for (let at = dir; ; at = dirname(at)) {
    const names = await readdir(at).catch((): string[] => []);
    if (names.includes('.git')) return at;
    if (names.some((name) => rootFiles.includes(name)) || (await hasWorkspaces(at, names))) found = at;
    if (at === dirname(at)) return found;
  }
}

async function hasWorkspaces(dir: string, names: readonly string[]): Promise<boolean> {
  if (!names.includes('package.json')) return false;
  const text = await readFile(join(dir, 'package.json'), 'utf8').catch(() => '');
  return /"workspaces"\s*:/.test(text);
}

/** Files by which a workspace is known for one, where it is unpacked: outputs name files relative to it. */
export const workspaceMarks = ['package.json', ...rootFiles, 'turbo.json', 'nx.json'] as const;
