import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildOptions } from 'esbuild';
import { systemClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { keepBundle } from './kept-bundle.ts';
import type { Bundle } from './kept-bundle.ts';
import { openStore } from './own-store.ts';

/** What instances are started from: our own code only, without dependencies. Three files for Node, a package for Python. */
export interface Payload {
  /** Entry of the instance process, absolute. */
  readonly main: string;
  /** Entry of its sentinel thread, absolute, in the same directory as `main`. */
  readonly sentinel: string;
  /** Entry of the process that holds instances whose code is not Node's, absolute. */
  readonly host: string;
  /**
   * Entry of Python's runtime, absolute. A copy of its sources: the first interpreter of a version that imports them writes
   * their bytecode beside them, also where Weir itself is installed read-only.
   */
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
  /** Entry files, and the folder of Python's runtime, absolute. Default: this repository's. */
  readonly sources?: Sources;
  readonly clock?: Clock;
}

interface Sources {
  readonly main: string;
  readonly sentinel: string;
  readonly host: string;
  readonly python: string;
}

const repository = fileURLToPath(new URL('../..', import.meta.url));
const repositorySources: Sources = {
  main: path.join(repository, 'runtimes/node/main.ts'),
  sentinel: path.join(repository, 'src/core/sentinel.ts'),
  host: path.join(repository, 'src/core/child/main.ts'),
  python: path.join(repository, 'runtimes/python/weir_runtime'),
};
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
 * Bundles the Node runtime, the sentinel and the host, and copies Python's, or finds them so: then it costs reading and hashing
 * the sources. Any number of processes may do so at once. As long as this process runs, nobody prunes what it got. Throws what esbuild
 * throws when the sources do not build.
 */
export async function buildPayload(options: PayloadOptions): Promise<Payload> {
  const store = await openStore(options.cacheDir, options.temporaryDir ?? os.tmpdir(), 'payload');
  const sources = options.sources ?? repositorySources;
  const recipe = {
    pieces: [JSON.stringify(settings), ...Object.values(sources)],
    whole: [main, sentinel, host, `${pythonFolder}/__main__.py`],
    folders: ['bytecode'],
    copied: await readPython(sources.python),
    build: () => bundle(sources),
  };
  const key = await keepBundle(store, recipe, options.clock ?? systemClock);
  const dir = path.join(store, key);
  return {
    main: path.join(dir, main),
    sentinel: path.join(dir, sentinel),
    host: path.join(dir, host),
    python: path.join(dir, pythonFolder, '__main__.py'),
    key,
    bytecodeDir: path.join(dir, 'bytecode'),
  };
}

const [main, sentinel, host] = ['main.mjs', 'sentinel.mjs', 'host.mjs'] as const;
/** The package keeps its name: user code imports it too. */
const pythonFolder = 'python/weir_runtime';

/** Its modules. Read whenever a platform starts, so that a module that was added or went away is seen too. */
async function readPython(folder: string): Promise<Map<string, string>> {
  const names = (await fs.readdir(folder)).filter((name) => name.endsWith('.py')).sort();
  const read = async (name: string): Promise<[string, string]> => [
    `${pythonFolder}/${name}`,
    await fs.readFile(path.join(folder, name), 'utf8'),
  ];
  return new Map(await Promise.all(names.map(read)));
}

async function bundle(sources: Sources): Promise<Bundle> {
  // Loaded only when needed: most starts find the payload in the cache.
  const esbuild = await import('esbuild');
  const build = async (name: string, entry: string) => {
    const built = await esbuild.build({ ...settings, entryPoints: [entry], absWorkingDir: path.dirname(entry) });
    const inputs = Object.keys(built.metafile.inputs).map((input) => path.resolve(path.dirname(entry), input));
    return { file: [name, built.outputFiles[0]?.text ?? ''] as const, inputs };
  };
  const all = await Promise.all([
    build(main, sources.main),
    build(sentinel, sources.sentinel),
    build(host, sources.host),
  ]);
  const inputs = [...new Set(all.flatMap((built) => built.inputs))].sort();
  return { files: new Map(all.map(({ file }) => file)), inputs };
}
