import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { build as runEsbuild } from 'esbuild';
import type { BuildOptions } from 'esbuild';
import { UsageError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { complaints, errorsOf } from './complaints.ts';
import { asksForDecoratorMetadata, decoratorMetadata } from './decorators.ts';
import { formatOf, isBundled, outputExtensions } from './format.ts';
import type { OutputFormat } from './format.ts';
import { checkJavaScript } from './javascript.ts';
import { noteReads } from './reads.ts';
import { moduleBanner, placeNames, sourcePlaces } from './source-place.ts';

export interface CompileOptions {
  /** The project, absolute. */
  readonly dir: string;
  /** Where the output goes, absolute; in `dir` or below it, so that packages resolve from there. */
  readonly outDir: string;
  readonly log: Log;
  /** Receives what was read, relative to `dir`, also on failure. */
  readonly reads: Set<string>;
}

/** Files of functions, relative to `dir`, with forward slashes. */
export interface Source {
  readonly name: string;
  readonly file: string;
}

/**
 * The file to import for each source, absolute, in the same order. JavaScript runs from where it stands; TypeScript and
 * JSX become one file per function, packages left outside. Throws UsageError with the compiler's messages.
 */
export async function compile(sources: readonly Source[], options: CompileOptions): Promise<string[]> {
  const { dir, outDir, reads } = options;
  const jobs = await Promise.all(sources.map((source) => jobOf(source, dir)));
  const runAsTheyAre = jobs.filter(({ format }) => format === null).map(({ path }) => path);
  await checkJavaScript(runAsTheyAre, dir, reads);
  for (const format of ['esm', 'cjs'] as const) {
    const entryPoints = Object.fromEntries(jobs.flatMap((job) => (job.format === format ? [[job.out, job.path]] : [])));
    if (Object.keys(entryPoints).length > 0) await bundle(entryPoints, format, options);
  }
  return jobs.map(({ path, format, out }) =>
    format === null ? path : join(outDir, `${out}${outputExtensions[format]}`),
  );
}

interface Job {
  /** Absolute. */
  readonly path: string;
  /** Null: runs from source. */
  readonly format: OutputFormat | null;
  /** Output path below outDir, without extension. */
  readonly out: string;
}

async function jobOf({ name, file }: Source, dir: string): Promise<Job> {
  const path = resolve(dir, file);
  return { path, format: isBundled(file) ? await formatOf(path) : null, out: outputName(name) };
}

/** Brackets would be read as places to fill in by the compiler and by shells; what replaces them keeps names apart. */
function outputName(name: string): string {
  const plain = name.replaceAll(/[^\w./-]/g, '_');
  return plain === name ? name : `${plain}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}

async function bundle(
  entryPoints: Record<string, string>,
  format: OutputFormat,
  { dir, outDir, log, reads }: CompileOptions,
): Promise<void> {
  const prefixes = new Map<string, number>();
  const refusals: UsageError[] = [];
  const translate = decoratorMetadata(dir, (why) => void refusals.push(why));
  try {
    const { warnings } = await runEsbuild({
      entryPoints,
      format,
      outdir: outDir,
      absWorkingDir: dir,
      ...settings,
      keepNames: await asksForDecoratorMetadata(dir),
      outExtension: { '.js': outputExtensions[format] },
      ...(format === 'esm' ? { banner: { js: moduleBanner(dir) } } : {}),
      plugins: [noteReads(dir, reads), sourcePlaces(format, prefixes, translate)],
    });
    for (const line of complaints(warnings, dir, prefixes)) log.warn(line);
  } catch (error) {
    throw refusals[0] ?? new UsageError(complaints(errorsOf(error), dir, prefixes).join('\n'));
  }
}

const settings = {
  bundle: true,
  packages: 'external',
  platform: 'node',
  target: 'node24',
  sourcemap: 'linked',
  // The sources are there: stack traces name them, nothing needs a copy.
  sourcesContent: false,
  logLevel: 'silent',
  jsx: 'automatic',
  define: placeNames,
} as const satisfies BuildOptions;
