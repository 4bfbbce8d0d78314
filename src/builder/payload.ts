import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildOptions } from 'esbuild';
import { systemClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { keepBundle } from './kept-bundle.ts';
import type { Bundle } from './kept-bundle.ts';
import { openStore } from './own-store.ts';

/** What instances are started from: our own code only, three files without dependencies. */
export interface Payload {
  /** Entry of the instance process, absolute. */
  readonly main: string;
  /** Entry of its sentinel thread, absolute, in the same directory as `main`. */
  readonly sentinel: string;
  /** Entry of the process that holds instances whose code is not Node's, absolute. */
  readonly host: string;
  /** Entry of Python's runtime, absolute. It lies where it lies: interpreters read sources. */
  readonly python: string;
  /** Hash of the files: equal keys, equal payloads. */
  readonly key: string;
  /** Directory for V8's bytecode of this payload. Instances fill it, and it goes away with the payload. */
  readonly bytecodeDir: string;
}

export interface PayloadOptions {
  /** Where payloads are kept from one run to the next: `cacheDirectory()`. Made if it is not there. */
  readonly cacheDir: string;
  /** Used when `cacheDir` cannot be written or is someone else's. Default: the system's directory for temporary files. */
  readonly temporaryDir?: string;
  /** Entry files, absolute. Default: this repository's. */
  readonly sources?: Sources;
  readonly clock?: Clock;
}

interface Sources {
  readonly main: string;
  readonly sentinel: string;
  readonly host: string;
}

const repository = fileURLToPath(new URL('../..', import.meta.url));
const repositorySources: Sources = {
  main: path.join(repository, 'runtimes/node/main.ts'),
  sentinel: path.join(repository, 'src/core/sentinel.ts'),
  host: path.join(repository, 'src/core/child/main.ts'),
};
const pythonRuntime = path.join(repository, 'runtimes/python/weir_runtime/__main__.py');
const ownProcess = path.join(repository, 'runtimes/node/own-process.ts');

const settings = {
  bundle: true,
  splitting: false,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  minifySyntax: true,
  minifyWhitespace: true,
  // Names stay as they are: stack traces and profiles show them.
  minifyIdentifiers: false,
  legalComments: 'none',
  sourcemap: false,
  write: false,
  metafile: true,
  logLevel: 'silent',
  inject: [ownProcess],
} as const satisfies BuildOptions;

/**
 * The per-user cache directory: `$XDG_CACHE_HOME/weir`, else `HOME/.cache/weir`. A relative XDG_CACHE_HOME is to be
 * ignored (XDG Base Directory Specification).
 */
export function cacheDirectory(environment: Readonly<Record<string, string | undefined>>, homeDir: string): string {
  const configured = environment['XDG_CACHE_HOME'];
  return path.join(configured && path.isAbsolute(configured) ? configured : path.join(homeDir, '.cache'), 'weir');
}

/**
 * Bundles the Node runtime, the sentinel and the host, or finds them bundled: then it costs reading and hashing the sources. Any
 * number of processes may do so at once. As long as this process runs, nobody prunes what it got. Throws what esbuild
 * throws when the sources do not build.
 */
export async function buildPayload(options: PayloadOptions): Promise<Payload> {
  const store = await openStore(options.cacheDir, options.temporaryDir ?? os.tmpdir(), 'payload');
  const sources = options.sources ?? repositorySources;
  const recipe = {
    pieces: [JSON.stringify(settings), ...Object.values(sources)],
    whole: ['main.mjs', 'sentinel.mjs', 'host.mjs'],
    folders: ['bytecode'],
    build: () => bundle(sources),
  };
  const key = await keepBundle(store, recipe, options.clock ?? systemClock);
  const dir = path.join(store, key);
  return {
    main: path.join(dir, 'main.mjs'),
    sentinel: path.join(dir, 'sentinel.mjs'),
    host: path.join(dir, 'host.mjs'),
    python: pythonRuntime,
    key,
    bytecodeDir: path.join(dir, 'bytecode'),
  };
}

async function bundle(sources: Sources): Promise<Bundle> {
  // Loaded only when needed: most starts find the payload in the cache.
  const esbuild = await import('esbuild');
  const build = async (entry: string) => {
    const built = await esbuild.build({ ...settings, entryPoints: [entry], absWorkingDir: path.dirname(entry) });
    const inputs = Object.keys(built.metafile.inputs).map((input) => path.resolve(path.dirname(entry), input));
    return { text: built.outputFiles[0]?.text ?? '', inputs };
  };
  const [main, sentinel, host] = await Promise.all([build(sources.main), build(sources.sentinel), build(sources.host)]);
  const inputs = [...new Set([...main.inputs, ...sentinel.inputs, ...host.inputs])].sort();
  const files = new Map([
    ['main.mjs', main.text],
    ['sentinel.mjs', sentinel.text],
    ['host.mjs', host.text],
  ]);
  return { files, inputs };
}
