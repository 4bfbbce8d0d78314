import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { openStore } from '../own-store.ts';
import { runCommand } from './command.ts';

/** A package that builds, and that projects need not have. */
export interface Tool {
  /** `NAME@VERSION`. */
  readonly title: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly overrides?: Readonly<Record<string, string>>;
}

/** The adapter that the hosted platform gives to `next build` is in its builder of Next.js. */
export const nextTool: Tool = {
  title: '@vercel/next@23.0.1',
  dependencies: { '@vercel/next': '23.0.1', '@vercel/build-utils': '14.21.1' },
};

export const vercelTool: Tool = {
  title: 'vercel@64.0.2',
  dependencies: { vercel: '64.0.2' },
  // The version that it asks for is not to be had.
  overrides: { sandbox: '4.5.0' },
};

export interface ToolOptions {
  /** The user's cache directory of Weir. */
  readonly cacheDir: string;
  /** Used when others may write there. Default: the system's directory for temporary files. */
  readonly temporaryDir?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * The directory in which a tool is installed (`node_modules` is in it), by npm when it is not there yet. Any number of
 * processes may ask at once: each installs beside, and the first puts its own in place. Throws a UsageError without npm or
 * network.
 */
export async function toolDirectory(tool: Tool, options: ToolOptions): Promise<string> {
  // What lies there is going to be executed.
  const folder = await openStore(options.cacheDir, options.temporaryDir ?? tmpdir(), 'tools');
  const place = join(folder, tool.title.replaceAll('/', '+'));
  if (await isDirectory(place)) return place;
  options.say(`fetching ${tool.title} from npm, once`);
  const startedMs = options.clock.nowMs();
  const beside = join(folder, `new-${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(beside, { recursive: true, mode: 0o700 });
    const { dependencies, overrides } = tool;
    await writeFile(join(beside, 'package.json'), JSON.stringify({ private: true, dependencies, overrides }));
    await install(tool, beside, options);
    await putInPlace(beside, place);
  } finally {
    await rm(beside, { recursive: true, force: true });
    await removeAbandoned(folder, options.clock);
  }
  options.say(`fetched in ${((options.clock.nowMs() - startedMs) / 1000).toFixed(0)} s`);
  return place;
}

async function install(tool: Tool, dir: string, { environment, clock, signal }: ToolOptions): Promise<void> {
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--omit=dev', '--loglevel=error'];
  const ended = await runCommand('npm', args, {
    cwd: dir,
    environment,
    clock,
    output: () => undefined,
    ...(signal === undefined ? {} : { signal }),
  });
  if (ended.kind === 'done') return;
  const trouble =
    ended.kind === 'missing'
      ? 'there is no npm on the PATH'
      : `npm ${ended.how}${ended.lastLines === '' ? '' : `:\n${ended.lastLines}`}`;
  throw new UsageError(`${tool.title} could not be fetched, which is needed once, with network: ${trouble}`);
}

/** Somebody else may have been faster: theirs is as good. */
async function putInPlace(beside: string, place: string): Promise<void> {
  try {
    await rename(beside, place);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/** What installs left that were killed. */
async function removeAbandoned(folder: string, clock: Clock): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith('new-')) continue;
    const made = await stat(join(folder, name)).catch(() => null);
    if (made !== null && clock.wallMs() - made.mtimeMs > limits.abandonedToolMs) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}

const isDirectory = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => null))?.isDirectory() ?? false;
