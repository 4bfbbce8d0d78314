import { join } from 'node:path';
import { limits } from '../../base/limits.ts';
import type { FileOutput } from '../../model/output.ts';
import type { Override } from './config-file.ts';
import { isInside, plainPath, realPathOf, walkFollowing } from './folder.ts';
import type { Faults } from './json-file.ts';

export interface StaticFiles {
  readonly files: Map<string, FileOutput>;
  readonly warnings: readonly string[];
}

/**
 * `static/` of an output by path. As the hosted platform has it: a link to a file that leads out of `static/` is left out,
 * one to a folder is followed; what lies outside of the project is never served.
 */
export async function readStaticFiles(outputDir: string, project: string, faults: Faults): Promise<StaticFiles> {
  const dir = join(outputDir, 'static');
  const files = new Map<string, FileOutput>();
  const warnings: string[] = [];
  const real = await realPathOf(dir);
  if (real === null) return { files, warnings };
  const followed = async (path: string): Promise<boolean> => {
    const target = await realPathOf(join(dir, path));
    if (target === null) return false;
    if (isInside(project, target)) return true;
    warnings.push(`${join(dir, path)}: is left out: it leads out of the project, to ${target}`);
    return false;
  };
  const linked: string[] = [];
  const enter = async ({ path, entry }: { path: string; entry: { isSymbolicLink(): boolean } }): Promise<boolean> => {
    if (!entry.isSymbolicLink()) return true;
    if (!(await followed(path))) return false;
    linked.push(`${path}/`);
    return true;
  };
  for await (const { path, entry, isDirectory } of walkFollowing(dir, enter)) {
    if (isDirectory) continue;
    let file: string | null = join(real, path);
    if (entry.isSymbolicLink() || linked.some((folder) => path.startsWith(folder))) {
      file = await realPathOf(join(dir, path));
      if (file === null) continue;
      const home = entry.isSymbolicLink() ? real : project;
      if (!isInside(home, file)) {
        warnings.push(
          `${join(dir, path)}: is left out: it leads out of ${home === real ? dir : 'the project'}, to ${file}`,
        );
        continue;
      }
    } else if (!entry.isFile()) continue;
    files.set(path, { kind: 'file', file, contentType: null });
    if (files.size <= limits.outputs) continue;
    faults.add(dir, `more than ${limits.outputs} files`);
    break;
  }
  return { files, warnings };
}

/** Gives files another type or another path, in the order of config.json. */
export function applyOverrides(
  files: Map<string, FileOutput>,
  overrides: Readonly<Record<string, Override>>,
  configPath: string,
  faults: Faults,
): string[] {
  const warnings: string[] = [];
  for (const [name, { path, contentType }] of Object.entries(overrides)) {
    const found = files.get(name);
    if (found === undefined) {
      warnings.push(`${configPath}: overrides[${JSON.stringify(name)}]: there is no such file in static/`);
      continue;
    }
    const file = contentType ? { ...found, contentType } : found;
    files.set(name, file);
    if (!path) continue;
    const plain = plainPath(path.replace(/^\/+/, ''));
    if (plain === null) {
      faults.add(configPath, `overrides[${JSON.stringify(name)}].path: expected a path, got ${JSON.stringify(path)}`);
      continue;
    }
    files.set(plain, file);
    if (plain !== name) files.delete(name);
  }
  return warnings;
}
