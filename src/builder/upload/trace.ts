import { readFile } from 'node:fs/promises';
import { extname, matchesGlob, relative, resolve } from 'node:path';
import { nodeFileTrace } from '@vercel/nft';
import { build as runEsbuild, transform } from 'esbuild';
import type { Loader } from 'esbuild';
import { UsageError } from '../../base/errors.ts';
import { complaints, errorsOf } from '../complaints.ts';
import { formatOf, isBundled } from '../format.ts';

/** A function's file, with what its settings say of the files that it needs. */
export interface TracedEntry {
  /** Absolute, without symbolic links. */
  readonly path: string;
  /** Patterns of files, relative to the project, that are not needed; without effect on those outside of packages. */
  readonly exclude: readonly string[];
}

export interface Traced {
  /** Absolute: files, and the links on the way to them. */
  readonly paths: ReadonlySet<string>;
  /** Files outside of packages that are code, and so are needed whatever an ignore file says. */
  readonly code: ReadonlySet<string>;
  /** What is imported by the project's own code and not there: `api/a.ts imports "express"`. */
  readonly missing: readonly string[];
}

/** Everything that the functions may load, by reading their code. `dir`: the project. Throws UsageError with the compiler's messages. */
export async function trace(entries: readonly TracedEntry[], dir: string): Promise<Traced> {
  const paths = new Set<string>();
  const code = new Set<string>();
  const missing = new Set<string>();
  const bundles = await bundlesOf(entries, dir, code);
  const cache = {};
  for (const [pattern, group] of groupedBy(entries)) {
    const exclude = JSON.parse(pattern) as string[];
    const { fileList, reasons, warnings } = await nodeFileTrace(
      group.map(({ path }) => path),
      {
        base: '/',
        processCwd: dir,
        cache,
        mixedModules: true,
        ignore: (path) => isExcluded(resolve('/', path), exclude, dir),
        readFile: (path) => textOf(path, bundles),
      },
    );
    for (const name of fileList) {
      const path = resolve('/', name);
      paths.add(path);
      const { type = [] } = reasons.get(name) ?? {};
      if (!isPackaged(path) && (type.includes('dependency') || type.includes('initial'))) code.add(path);
    }
    for (const warning of warnings) {
      const line = missingIn(warning, dir);
      if (line !== null) missing.add(line);
    }
  }
  for (const path of code) paths.add(path);
  return { paths, code, missing: [...missing] };
}

export const isPackaged = (path: string): boolean => path.includes('/node_modules/');

const isExcluded = (path: string, exclude: readonly string[], dir: string): boolean =>
  isPackaged(path) && exclude.some((glob) => matchesGlob(relative(dir, path), glob));

function groupedBy(entries: readonly TracedEntry[]): Map<string, TracedEntry[]> {
  const groups = new Map<string, TracedEntry[]>();
  for (const entry of entries) {
    const key = JSON.stringify(entry.exclude);
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return groups;
}

/** TypeScript and JSX, as they will be compiled: one file each, packages left outside. `code` receives what went into them. */
async function bundlesOf(
  entries: readonly TracedEntry[],
  dir: string,
  code: Set<string>,
): Promise<ReadonlyMap<string, string>> {
  const bundles = new Map<string, string>();
  for (const { path } of entries.filter((entry) => isBundled(entry.path))) {
    try {
      const { outputFiles, metafile } = await runEsbuild({
        entryPoints: [path],
        format: await formatOf(path),
        absWorkingDir: dir,
        bundle: true,
        packages: 'external',
        platform: 'node',
        target: 'node24',
        logLevel: 'silent',
        jsx: 'automatic',
        write: false,
        metafile: true,
      });
      bundles.set(path, outputFiles[0]!.text);
      for (const input of Object.keys(metafile.inputs)) if (!input.includes(':')) code.add(resolve(dir, input));
    } catch (error) {
      throw new UsageError(complaints(errorsOf(error), dir).join('\n'));
    }
  }
  return bundles;
}

const loaders: Readonly<Record<string, Loader>> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.jsx': 'jsx',
};

/** As JavaScript, for whoever looks for what it loads; null: there is no such file. */
async function textOf(path: string, bundles: ReadonlyMap<string, string>): Promise<string | Buffer | null> {
  const bundle = bundles.get(path);
  if (bundle !== undefined) return bundle;
  const content = await readFile(path).catch(() => null);
  const loader = loaders[extname(path)];
  if (content === null || loader === undefined) return content;
  // What does not compile loads nothing; whoever runs it is told.
  return transform(content, { loader, jsx: 'automatic' }).then(
    ({ code }) => code,
    () => '',
  );
}

/** Of a package's own code nothing is said: much of what packages load is optional. */
function missingIn({ message }: Error, dir: string): string | null {
  const found = /Cannot find (?:module|package) '([^']+)' (?:loaded|imported) from (.+)/.exec(message);
  if (found === null || isPackaged(found[2]!)) return null;
  // Of a path the last attempt is named.
  const what = found[1]!.startsWith('/') ? relative(dir, found[1]!.replace(/\.ts$/, '')) : found[1]!;
  return `${relative(dir, found[2]!)} imports ${JSON.stringify(what)}`;
}
