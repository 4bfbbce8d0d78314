import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import type { BuildOptions, Metafile } from 'esbuild';
import { systemClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { keepBundle } from './kept-bundle.ts';
import type { Bundle } from './kept-bundle.ts';
import { openStore } from './own-store.ts';

export interface DashboardOptions {
  /** Where it is kept from one run to the next: `cacheDirectory()`. Made if it is not there. */
  readonly cacheDir: string;
  /** Used when `cacheDir` cannot be written or is someone else's. Default: the system's directory for temporary files. */
  readonly temporaryDir?: string;
  /** Default: this repository's. */
  readonly sourceDir?: string;
  readonly clock?: Clock;
}

const repositorySource = fileURLToPath(new URL('../../web', import.meta.url));

const settings = {
  bundle: true,
  splitting: true,
  platform: 'browser',
  target: 'es2022',
  format: 'esm',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  minify: true,
  legalComments: 'none',
  // Names change with what is in them: browsers keep them for good.
  entryNames: '[name]-[hash]',
  chunkNames: 'part-[hash]',
  outdir: '/',
  write: false,
  metafile: true,
  logLevel: 'silent',
} as const satisfies BuildOptions;

/** The directory with the dashboard: `index.html`, and beside it what that names, each also as `.br` and `.gz`. */
export async function buildDashboard(options: DashboardOptions): Promise<string> {
  const store = await openStore(options.cacheDir, options.temporaryDir ?? os.tmpdir(), 'dashboard');
  const sourceDir = options.sourceDir ?? repositorySource;
  const recipe = {
    pieces: [JSON.stringify(settings), sourceDir],
    whole: ['index.html'],
    build: () => bundle(sourceDir),
  };
  return path.join(store, await keepBundle(store, recipe, options.clock ?? systemClock));
}

async function bundle(sourceDir: string): Promise<Bundle> {
  // Loaded only when needed: most starts find the dashboard in the cache.
  const esbuild = await import('esbuild');
  const source = (name: string) => path.join(sourceDir, name);
  const built = await esbuild.build({
    ...settings,
    absWorkingDir: sourceDir,
    entryPoints: { app: source('main.tsx'), style: source('style.css') },
  });
  const files = new Map<string, Uint8Array>(
    built.outputFiles.map((file) => [path.basename(file.path), file.contents] as const),
  );
  const icon = await fs.readFile(source('icon.svg'));
  const iconName = `icon-${createHash('sha256').update(icon).digest('hex').slice(0, 8)}.svg`;
  files.set(iconName, icon);
  const shell = await fs.readFile(source('shell.html'), 'utf8');
  files.set('index.html', Buffer.from(fill(shell, { ...namesIn(built.metafile), icon: iconName })));
  const inputs = Object.keys(built.metafile.inputs).map((input) => path.resolve(sourceDir, input));
  return { files: await compressed(files), inputs: [...inputs, source('icon.svg'), source('shell.html')].toSorted() };
}

interface Names {
  readonly app: string;
  readonly style: string;
  readonly icon: string;
  /** What `app` imports before it runs. */
  readonly parts: readonly string[];
}

function namesIn(metafile: Metafile): Omit<Names, 'icon'> {
  const entry = (source: string) => {
    const found = Object.entries(metafile.outputs).find(([, output]) => output.entryPoint === source);
    if (found === undefined) throw new Error(`${source} came out as nothing`);
    return { name: path.basename(found[0]), imports: found[1].imports };
  };
  const app = entry('main.tsx');
  const parts = app.imports.filter(({ kind }) => kind === 'import-statement').map((part) => path.basename(part.path));
  return { app: app.name, style: entry('style.css').name, parts };
}

/** Scripts and styles are files of their own: the page's Content-Security-Policy lets nothing in that is written in line. */
function fill(shell: string, { app, style, icon, parts }: Names): string {
  const preloads = parts.map((part) => `<link rel="modulepreload" href="/${part}">`).join('');
  const head =
    `<link rel="icon" type="image/svg+xml" href="/${icon}"><link rel="stylesheet" href="/${style}">${preloads}` +
    `<script type="module" src="/${app}"></script>`;
  if (!shell.includes('<!-- head -->')) throw new Error('shell.html has no place for the head');
  return shell.replace('<!-- head -->', head).replaceAll(/\n\s*/g, '\n');
}

const brotli = promisify(zlib.brotliCompress);
const gzip = promisify(zlib.gzip);

async function compressed(files: ReadonlyMap<string, Uint8Array>): Promise<Map<string, Uint8Array>> {
  const all = new Map(files);
  for (const [name, content] of files) {
    all.set(`${name}.br`, await brotli(content));
    all.set(`${name}.gz`, await gzip(content, { level: 9 }));
  }
  return all;
}
