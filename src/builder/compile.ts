import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, extname, join, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build as runEsbuild } from 'esbuild';
import type { BuildFailure, BuildOptions, Format, Loader, Message, Plugin } from 'esbuild';
import { UsageError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

export interface CompileOptions {
  /** The project, absolute. */
  readonly dir: string;
  /** Where the output goes, absolute; in `dir` or below it, so that packages resolve from there. */
  readonly outDir: string;
  readonly log: Log;
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
  const jobs = await Promise.all(sources.map((source) => jobOf(source, options)));
  for (const format of ['esm', 'cjs'] as const) {
    const entryPoints = Object.fromEntries(
      jobs.flatMap((job) => (job.format === format ? [[job.out, resolve(options.dir, job.file)]] : [])),
    );
    if (Object.keys(entryPoints).length > 0) await bundle(entryPoints, format, options);
  }
  return jobs.map((job) =>
    job.format === null
      ? resolve(options.dir, job.file)
      : join(options.outDir, `${job.out}${outputExtensions[job.format]}`),
  );
}

interface Job {
  readonly file: string;
  /** Null: runs from source. */
  readonly format: 'esm' | 'cjs' | null;
  /** Output path below outDir, without extension. */
  readonly out: string;
}

const outputExtensions = { esm: '.mjs', cjs: '.cjs' } as const;

async function jobOf(source: Source, { dir }: CompileOptions): Promise<Job> {
  return { file: source.file, format: await formatOf(join(dir, source.file)), out: outputName(source.name) };
}

/** As Node would read it: `.cts` and the `type` of the nearest package.json decide; without a `type`, modules. */
async function formatOf(path: string): Promise<'esm' | 'cjs' | null> {
  switch (extname(path)) {
    case '.js':
    case '.mjs':
    case '.cjs':
      return null;
    case '.cts':
      return 'cjs';
    case '.mts':
      return 'esm';
    default:
      return (await packageType(dirname(path))) === 'commonjs' ? 'cjs' : 'esm';
  }
}

async function packageType(folder: string): Promise<string | null> {
  for (let at = folder; ; at = dirname(at)) {
    const text = await readFile(join(at, 'package.json'), 'utf8').catch(() => null);
    if (text !== null) return typeField(join(at, 'package.json'), text);
    if (at === dirname(at)) return null;
  }
}

function typeField(path: string, text: string): string | null {
  try {
    const { type } = JSON.parse(text) as { type?: unknown };
    return typeof type === 'string' ? type : null;
  } catch (error) {
    throw new UsageError(`${path}: not valid JSON: ${(error as Error).message}`);
  }
}

/** Brackets would be read as places to fill in by the compiler and by shells; what replaces them keeps names apart. */
function outputName(name: string): string {
  const plain = name.replaceAll(/[^\w./-]/g, '_');
  return plain === name ? name : `${plain}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}

async function bundle(entryPoints: Record<string, string>, format: Format, options: CompileOptions): Promise<void> {
  const prefixes = new Map<string, number>();
  try {
    const { warnings } = await runEsbuild({
      entryPoints,
      format,
      outdir: options.outDir,
      absWorkingDir: options.dir,
      ...settings,
      outExtension: { '.js': outputExtensions[format as 'esm' | 'cjs'] },
      ...(format === 'esm' ? { banner: { js: requireBanner(options.dir) } } : {}),
      plugins: [ownPlace(prefixes)],
    });
    for (const line of messageLines(warnings, options.dir, prefixes)) options.log.warn(line);
  } catch (error) {
    const { errors } = error as Partial<BuildFailure>;
    if (errors === undefined) throw error;
    throw new UsageError(messageLines(errors, options.dir, prefixes).join('\n'));
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
  define: {
    'import.meta.url': '__weirUrl',
    'import.meta.filename': '__weirFilename',
    'import.meta.dirname': '__weirDirname',
    __filename: '__weirFilename',
    __dirname: '__weirDirname',
  },
} as const satisfies BuildOptions;

/** TypeScript written for CommonJS calls require() in what became a module. */
const requireBanner = (dir: string): string =>
  `import { createRequire as __weirCreateRequire } from 'node:module'; ` +
  `const require = __weirCreateRequire(${JSON.stringify(pathToFileURL(join(dir, 'package.json')).href)});`;

const loaders: Readonly<Record<string, Loader>> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
  '.jsx': 'jsx',
};

/**
 * Code that asks where it stands is told where its source stands, not where the bundle does: many read a template or a
 * prompt that lies beside them. `settings.define` gives those expressions names, and this declares the names, file by file.
 * `prefixes` receives how far the first line of each such file was moved.
 */
const ownPlace = (prefixes: Map<string, number>): Plugin => ({
  name: 'own-place',
  setup(build) {
    build.onLoad({ filter: /\.[mc]?[jt]sx?$/, namespace: 'file' }, async ({ path }) => {
      if (path.includes(`${sep}node_modules${sep}`)) return null;
      const source = await readFile(path, 'utf8');
      if (!/import\s*\.\s*meta|__filename|__dirname/.test(source)) return null;
      const place =
        `const __weirUrl = ${JSON.stringify(pathToFileURL(path).href)}, ` +
        `__weirFilename = ${JSON.stringify(path)}, __weirDirname = ${JSON.stringify(dirname(path))}; `;
      if (!source.startsWith('#!')) prefixes.set(path, place.length);
      // On the first line, so that the lines of errors stay right; after a `#!`, which must be the first.
      const contents = source.startsWith('#!') ? source.replace(/^.*\n?/, `$&${place}`) : place + source;
      return { contents, loader: loaders[extname(path)] ?? 'default' };
    });
  },
});

function messageLines(messages: readonly Message[], dir: string, prefixes: ReadonlyMap<string, number>): string[] {
  const lines = messages.map(({ location, text, notes }) => {
    const advice = notes.map((note) => `\n    ${note.text}`).join('');
    if (location === null) return `${dir}: ${text}${advice}`;
    const path = resolve(dir, location.file);
    const prefix = location.line === 1 ? (prefixes.get(path) ?? 0) : 0;
    return `${path}:${location.line}:${location.column + 1 - prefix}: ${text}${advice}`;
  });
  return [...new Set(lines)];
}
