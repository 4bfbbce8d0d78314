import { join, relative, sep } from 'node:path';
import { limits } from '../../base/limits.ts';
import type { FileOutput } from '../../model/output.ts';
import type { Override } from './config-file.ts';
import { isInside, plainPath, realPathOf, walkFollowing } from './folder.ts';
import type { Walked } from './folder.ts';
import type { Faults } from './json-file.ts';

export interface StaticFiles {
  readonly files: Map<string, FileOutput>;
  readonly warnings: readonly string[];
}

/**
 * `static/` of an output by path. As the hosted platform has it: a link to a file that leads out of `static/` is left out,
 * one to a folder is followed; what lies outside of the project is never served. Nor is what links lead to and whose name
 * begins with a dot: nobody meant `.env` when they linked a folder.
 */
export async function readStaticFiles(outputDir: string, project: string, faults: Faults): Promise<StaticFiles> {
  const dir = join(outputDir, 'static');
  const files = new Map<string, FileOutput>();
  const warnings: string[] = [];
  const real = await realPathOf(dir);
  if (real === null) return { files, warnings };
  const leftOut = (path: string, why: string): false => {
    if (warnings.length < limits.faultsShown) warnings.push(`${join(dir, path)}: is left out: ${why}`);
    return false;
  };
  const isHidden = (target: string): boolean => !isInside(real, target) && hasDot(relative(project, target));
  const linked: string[] = [];
  const isLinked = (path: string): boolean => linked.some((folder) => path.startsWith(folder));
  const enter = async ({ path, at, entry }: Walked): Promise<boolean> => {
    if (!entry.isSymbolicLink() && !isLinked(path)) return true;
    const target = await realPathOf(at);
    if (target === null) return false;
    if (!isInside(project, target)) return leftOut(path, `it leads out of the project, to ${target}`);
    if (isHidden(target)) return leftOut(path, `links to what begins with a dot are not followed: ${target}`);
    if (entry.isSymbolicLink()) linked.push(`${path}/`);
    return true;
  };
  const fileAt = async ({ path, at, entry }: Walked): Promise<string | null> => {
    if (!entry.isSymbolicLink() && !isLinked(path)) return entry.isFile() ? at : null;
    const file = await realPathOf(at);
    if (file === null) return null;
    const [home, name] = entry.isSymbolicLink() ? [real, dir] : [project, 'the project'];
    if (!isInside(home, file)) return leftOut(path, `it leads out of ${name}, to ${file}`) || null;
    if (isHidden(file)) return leftOut(path, `links to what begins with a dot are not followed: ${file}`) || null;
    return file;
  };
  for await (const walked of walkFollowing(dir, { enter })) {
    const file = walked.isDirectory ? null : await fileAt(walked);
    if (file === null) continue;
    files.set(walked.path, { kind: 'file', file, contentType: null });
    if (files.size <= limits.outputs) continue;
    faults.add(dir, `more than ${limits.outputs} files`);
    break;
  }
  return { files, warnings };
}

const hasDot = (path: string): boolean =>
  path.split(sep).some((name) => name.startsWith('.') && name !== '.well-known');

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
