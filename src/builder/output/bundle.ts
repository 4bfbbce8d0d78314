import { createHash } from 'node:crypto';
import { join, posix } from 'node:path';
import { limits } from '../../base/limits.ts';
import { forEachBounded } from './bounded.ts';
import { entriesOf, isInside, plainPath, realPathOf } from './folder.ts';
import type { OutputFunction } from './functions.ts';
import type { Faults } from './json-file.ts';
import { isPackaged } from './sources.ts';
import type { Source, Sources } from './sources.ts';

/** All files that a function finds, by their path in its bundle. */
export interface Bundle {
  readonly function: OutputFunction;
  readonly files: ReadonlyMap<string, Source>;
  /** The file to load: a path in it. */
  readonly handler: string;
}

/** Null when it cannot be used; the faults say why. */
export async function readBundle(one: OutputFunction, sources: Sources, faults: Faults): Promise<Bundle | null> {
  const path = join(one.dir, '.vc-config.json');
  const files = new Map<string, Source>();
  await addOwn(one.dir, '', files, sources);
  files.delete('.vc-config.json');
  const mapped = Object.entries(one.config.filePathMap);
  await forEachBounded(mapped, async ([name, target]) => {
    const at = `filePathMap[${JSON.stringify(name)}]`;
    const [plain, below] = [plainPath(name), plainPath(target)];
    if (plain === null) return faults.add(path, `${at}: expected a path in the bundle as its name`);
    const file = below === null ? null : join(sources.repository, below);
    if (file === null || !(await isReachable(file, sources))) {
      return faults.add(path, `${at}: expected a file in ${sources.repository}, got ${JSON.stringify(target)}`);
    }
    const source = await sources.look(file);
    if (source === null) return faults.add(path, `${at}: there is no file ${file}`);
    files.set(plain, source);
  });
  if (files.size > limits.functionFiles) faults.add(one.dir, `expected at most ${limits.functionFiles} files`);
  await refuseLeaving(files, sources, faults);
  return wholeOrNull(one, files, path, faults);
}

/** Links that lead nowhere are left alone: they lead nowhere in the bundle, too. */
async function refuseLeaving(files: ReadonlyMap<string, Source>, sources: Sources, faults: Faults): Promise<void> {
  await forEachBounded(files.values(), async ({ kind, file }) => {
    const real = kind === 'link' ? await realPathOf(file) : null;
    if (real === null || isInside(sources.repository, real)) return;
    faults.add(file, `is part of a function, and leads out of ${sources.repository}, to ${real}`);
  });
}

/** What a configuration names has to be there. */
function wholeOrNull(
  one: OutputFunction,
  files: ReadonlyMap<string, Source>,
  path: string,
  faults: Faults,
): Bundle | null {
  const { launch, handler: named, assets } = one.config;
  const fileAt = (name: string): string | null => {
    const plain = plainPath(name);
    const found = plain === null ? undefined : files.get(plain);
    return found === undefined || found.kind === 'directory' ? null : plain;
  };
  const missing = (field: string, name: string): void =>
    faults.add(path, `${field}: there is no file ${JSON.stringify(name)} in the bundle`);
  for (const [index, asset] of assets.entries()) {
    if (fileAt(asset.path) === null) missing(`assets[${index}].path`, asset.path);
  }
  const handler = fileAt(named);
  if (handler === null) missing(launch === 'edge' ? 'entrypoint' : 'handler', named);
  return handler === null ? null : { function: one, files, handler };
}

/** A file that is missing is told as that. */
const isReachable = async (file: string, sources: Sources): Promise<boolean> =>
  (await sources.isOurs(file)) || (await sources.look(file)) === null;

/** What lies in the `.func` folder itself. */
async function addOwn(dir: string, folder: string, files: Map<string, Source>, sources: Sources): Promise<void> {
  const entries = await entriesOf(join(dir, folder));
  if (entries.length === 0 && folder !== '') files.set(folder, { kind: 'directory', file: join(dir, folder) });
  for (const entry of entries) {
    const path = posix.join(folder, entry.name);
    if (files.size > limits.functionFiles) return;
    if (entry.isDirectory()) await addOwn(dir, path, files, sources);
    else {
      const source = await sources.look(join(dir, path));
      if (source !== null) files.set(path, source);
    }
  }
}

/**
 * Of all that decides what a function does: equal bundles have equal ones. Of packages names and sizes count, of the
 * rest the content.
 */
export async function digestOfBundle({ files, handler }: Bundle, sources: Sources): Promise<string> {
  const marks = new Map<string, string>();
  await forEachBounded(files, async ([path, source]) => {
    if (source.kind === 'link') marks.set(path, `> ${source.text}`);
    else if (source.kind === 'directory') marks.set(path, '/');
    else marks.set(path, isPackaged(path) ? `${source.bytes}` : await sources.digest(source.file));
  });
  const hash = createHash('sha256').update(`${handler}\n`);
  for (const path of [...files.keys()].toSorted()) hash.update(`${path}\n${marks.get(path)}\n`);
  return hash.digest('base64url');
}
