import { readlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, posix, relative, sep } from 'node:path';
import { limits } from '../../base/limits.ts';
import type { Prerender } from '../../model/output.ts';
import { forEachBounded } from './bounded.ts';
import { isInside, realPathOf, walkFollowing } from './folder.ts';
import type { Walked } from './folder.ts';
import { functionFile } from './function-config.ts';
import type { FunctionFile } from './function-config.ts';
import { readJson } from './json-file.ts';
import type { Faults } from './json-file.ts';
import { prerenderOf } from './prerender-config.ts';

const suffix = '.func';

/** One `.func` folder that is no link. */
export interface OutputFunction {
  /** Its path in `functions/`, without `.func`. */
  readonly name: string;
  readonly dir: string;
  readonly config: FunctionFile;
  /** The bytes of its `.vc-config.json`. */
  readonly bytes: Buffer;
}

/** What is in `functions/`. */
export interface OutputFunctions {
  readonly functions: ReadonlyMap<string, OutputFunction>;
  /** Path → name of the function that answers it; several may have the same one. */
  readonly paths: ReadonlyMap<string, string>;
  /** By path, in the order of their groups. */
  readonly prerenders: ReadonlyMap<string, Prerender>;
  /** Bytes of all prerender configurations, by path. */
  readonly prerenderBytes: ReadonlyMap<string, Buffer>;
  readonly warnings: readonly string[];
}

interface Found {
  readonly dirs: readonly string[];
  /** Path → path of what it is a link to. */
  readonly links: ReadonlyMap<string, string>;
}

/** Both folders without symbolic links. */
export async function readFunctions(outputDir: string, project: string, faults: Faults): Promise<OutputFunctions> {
  const dir = join(outputDir, 'functions');
  const { dirs, links } = await find(dir, [outputDir, project], faults);
  const functions = new Map<string, OutputFunction>();
  const read = new Map<string, OutputFunction>();
  await forEachBounded(dirs, async (name) => {
    const found = await readFunction(dir, name, faults);
    if (found !== null) read.set(name, found);
  });
  // In the order of the folder, whichever was read first.
  for (const name of dirs) if (read.has(name)) functions.set(name, read.get(name)!);
  const paths = new Map<string, string>(dirs.map((name) => [name, name]));
  for (const path of links.keys()) {
    const name = targetOf(path, links);
    if (name !== null && paths.has(name)) paths.set(path, name);
    else faults.add(join(dir, path + suffix), `leads to ${links.get(path)}${suffix}, where there is no function`);
  }
  const warnings: string[] = [];
  const found = await readPrerenders(dir, outputDir, { paths, functions, links, warnings, faults });
  return { functions, paths, ...found, warnings };
}

/** Folders whose name ends in `.func`, wherever they lie in `homes`; none is looked into. */
async function find(dir: string, homes: readonly string[], faults: Faults): Promise<Found> {
  const dirs: string[] = [];
  const links = new Map<string, string>();
  const enter = async ({ path, at, entry }: Walked): Promise<boolean> => {
    if (path.endsWith(suffix)) return false;
    const real = entry.isSymbolicLink() ? await realPathOf(at) : null;
    if (real === null || homes.some((home) => isInside(home, real))) return true;
    faults.add(join(dir, path), `expected a link to a folder in the project, got one that leads out of it, to ${real}`);
    return false;
  };
  for await (const { path, entry, isDirectory } of walkFollowing(dir, { enter })) {
    if (!path.endsWith(suffix)) continue;
    const name = path.slice(0, -suffix.length);
    if (!entry.isSymbolicLink()) {
      if (isDirectory) dirs.push(name);
      continue;
    }
    const link = await readlink(join(dir, path));
    const absolute = isAbsolute(link) ? link : join(dir, dirname(path), link);
    const target = relative(dir, absolute).split(sep).join(posix.sep).replace(/\/$/, '');
    if (!target.endsWith(suffix) || target.startsWith('..')) {
      faults.add(join(dir, path), `expected a link to a ${suffix} folder in ${dir}, got one to ${link}`);
    } else links.set(name, target.slice(0, -suffix.length));
    if (dirs.length + links.size > limits.outputs) {
      faults.add(dir, `more than ${limits.outputs} functions`);
      break;
    }
  }
  return { dirs, links };
}

/** Where a link leads in the end; null: in a circle. */
function targetOf(path: string, links: ReadonlyMap<string, string>): string | null {
  const seen = new Set<string>();
  let target = path;
  for (let next = links.get(target); next !== undefined; next = links.get(target)) {
    if (seen.has(target)) return null;
    seen.add(target);
    target = next;
  }
  return target;
}

async function readFunction(dir: string, name: string, faults: Faults): Promise<OutputFunction | null> {
  const path = join(dir, name + suffix, '.vc-config.json');
  const file = await readJson(path, faults);
  if (file === null) {
    faults.add(path, 'cannot be read: every function has one');
    return null;
  }
  const config = functionFile(file.value, path, faults);
  return config === null ? null : { name, dir: dirname(path), config, bytes: file.bytes };
}

interface Scene extends Found {
  readonly paths: ReadonlyMap<string, string>;
  readonly functions: ReadonlyMap<string, OutputFunction>;
  readonly warnings: string[];
  readonly faults: Faults;
}

async function readPrerenders(
  dir: string,
  outputDir: string,
  scene: Omit<Scene, 'dirs'>,
): Promise<Pick<OutputFunctions, 'prerenders' | 'prerenderBytes'>> {
  const { paths, functions, links, warnings, faults } = scene;
  const found: [string, Prerender][] = [];
  const bytes: [string, Buffer][] = [];
  await forEachBounded(paths, async ([path, name]) => {
    const file = join(dir, `${path}.prerender-config.json`);
    const read = await readJson(file, faults);
    if (read === null) return;
    if (functions.get(name)?.config.launch === 'edge') {
      if (links.has(path))
        faults.add(file, `expected a Node.js function to keep the answers of, got the edge function ${name}`);
      else warnings.push(`${file}: without effect: answers of edge functions are not kept`);
      return;
    }
    const prerender = await prerenderOf(read.value, file, outputDir, faults);
    if (prerender !== null) found.push([path, prerender]);
    bytes.push([path, read.bytes]);
  });
  const sorted = found.toSorted(([a, one], [b, other]) => (one.group ?? 0) - (other.group ?? 0) || (a < b ? -1 : 1));
  return { prerenders: new Map(sorted), prerenderBytes: new Map(bytes) };
}
