// The applications in frameworks/: how each is made ready, and how its framework's own production server is started.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repository, weirCommand } from '../e2e/weir.ts';

export interface Application {
  /** Whether it has to be built. */
  readonly isBuilt: boolean;
  /** A script of its package.json that builds what only its own server needs, and what it finds in its environment. */
  readonly ownBuild: { readonly script: string; readonly environment: Readonly<Record<string, string>> } | null;
  /** What Node runs: its own production server. `PORT` is in its environment; so it is in these. */
  readonly ownServer: readonly string[];
}

const plain: Application = { isBuilt: false, ownBuild: null, ownServer: ['server.js'] };
const built = (ownServer: readonly string[], ownBuild: Application['ownBuild'] = null): Application => ({
  isBuilt: true,
  ownBuild,
  ownServer,
});
const nitroServer = built(['.output/server/index.mjs'], {
  script: 'build',
  environment: { NITRO_PRESET: 'node-server' },
});

const nextServer = built(['node_modules/next/dist/bin/next', 'start', '--port', 'PORT']);

const applications = {
  next: nextServer,
  'next-cache': nextServer,
  // What Next.js says to serve an export with: `npx serve out`.
  'next-export': built(['node_modules/serve/build/main.js', 'out', '--listen', 'PORT', '--no-clipboard']),
  nitro: nitroServer,
  nuxt: nitroServer,
  sveltekit: built(['node_modules/vite/bin/vite.js', 'preview', '--host', '127.0.0.1', '--port', 'PORT']),
  astro: built(['dist/server/entry.mjs'], { script: 'build', environment: {} }),
  // The preset has put the server where its name says what it is configured for.
  'react-router': built(['node_modules/@react-router/serve/bin.js', 'build/server/nodejs_*/index.js']),
  hono: plain,
  express: plain,
  fastify: plain,
  nest: { isBuilt: false, ownBuild: { script: 'build', environment: {} }, ownServer: ['dist/main.js'] },
};

export type ApplicationName = keyof typeof applications;

export const applicationNames = Object.keys(applications) as ApplicationName[];

export const applicationOf = (name: ApplicationName): Application => applications[name];

export const applicationDir = (name: ApplicationName): string => join(repository, 'frameworks', name);

/** What `weir build` has made. */
export const outputDir = (name: ApplicationName): string => join(applicationDir(name), '.vercel/output');

/** Nobody is told what these do, and nobody is asked. */
const quiet = {
  NEXT_TELEMETRY_DISABLED: '1',
  NUXT_TELEMETRY_DISABLED: '1',
  ASTRO_TELEMETRY_DISABLED: '1',
  NO_UPDATE_CHECK: '1',
};

export const environment: NodeJS.ProcessEnv = { ...process.env, ...quiet };

/** Made by installing and building: not an application's own. */
const made: ReadonlySet<string> = new Set([
  'node_modules',
  '.weir',
  '.vercel',
  '.next',
  '.nuxt',
  '.nitro',
  '.output',
  '.svelte-kit',
  '.astro',
  '.react-router',
  'build',
  'dist',
  'out',
]);

/**
 * Installs and builds an application, by `weir build` and for its own server, unless that was done with these very files.
 * Resolves to what took how long, as a line.
 */
export async function prepare(name: ApplicationName): Promise<string> {
  const dir = applicationDir(name);
  const { isBuilt, ownBuild } = applicationOf(name);
  const took: string[] = [];
  const step = async (title: string, stamp: string, key: string, act: () => Promise<void>): Promise<void> => {
    const file = join(dir, stamp);
    if (textOf(file) === key) return;
    const startedMs = performance.now();
    await act();
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, key);
    took.push(`${title} ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  };
  const lock = hashOf([join(dir, 'package-lock.json')]);
  const npm = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  await step('installed in', 'node_modules/.weir-test', lock, () => command(dir, 'npm', npm));
  const sources = [...filesIn(dir), ...filesIn(join(repository, 'src/builder/build')), fileURLToPath(import.meta.url)];
  const key = hashOf(sources.toSorted());
  await step('built in', '.weir/test-built', key, async () => {
    if (isBuilt) await command(dir, process.execPath, [weirCommand, 'build', dir]);
    // The output is whole: what its own server needs may take the place of what it was made of.
    if (ownBuild !== null) await command(dir, 'npm', ['run', ownBuild.script], ownBuild.environment);
  });
  return `${name}: ${took.length === 0 ? 'ready' : took.join(', ')}`;
}

async function command(
  dir: string,
  program: string,
  args: readonly string[],
  own: Readonly<Record<string, string>> = {},
): Promise<void> {
  const child = spawn(program, args, { cwd: dir, env: { ...environment, ...own }, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${dir}: ${program} ${args.join(' ')}: exit ${code}\n${text}`);
}

function filesIn(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isFile()) return [path];
    return entry.isDirectory() && !made.has(entry.name) && !entry.name.startsWith('.try-') ? filesIn(path) : [];
  });
}

function hashOf(paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(`${path}\n`).update(readFileSync(path));
  return hash.digest('hex');
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
