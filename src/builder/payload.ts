import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildOptions } from 'esbuild';
import { systemClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { isCode, openStore } from './own-store.ts';

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

interface Files {
  readonly main: string;
  readonly sentinel: string;
  readonly host: string;
  /** Of Python's runtime, by name. */
  readonly python: ReadonlyMap<string, string>;
}

/** What the last build read: whether anything has changed since is told by reading the same files again. */
interface Manifest {
  readonly key: string;
  readonly inputs: readonly string[];
  readonly inputsHash: string;
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
 * The per-user cache directory: `$XDG_CACHE_HOME/weir`, else `HOME/.cache/weir`. A relative XDG_CACHE_HOME is to be
 * ignored (XDG Base Directory Specification).
 */
export function cacheDirectory(environment: Readonly<Record<string, string | undefined>>, homeDir: string): string {
  const configured = environment['XDG_CACHE_HOME'];
  return path.join(configured && path.isAbsolute(configured) ? configured : path.join(homeDir, '.cache'), 'weir');
}

/**
 * Bundles the Node runtime, the sentinel and the host, and copies Python's, or finds them so: then it costs reading and hashing
 * the sources. Any number of processes may do so at once. As long as this process runs, nobody prunes what it got. Throws what esbuild
 * throws when the sources do not build.
 */
export async function buildPayload(options: PayloadOptions): Promise<Payload> {
  const clock = options.clock ?? systemClock;
  const store = await openStore(options.cacheDir, options.temporaryDir ?? os.tmpdir(), 'payload');
  const key = await keyOf(store, options.sources ?? repositorySources, clock);
  keepInUse(store, key, clock);
  return payloadAt(store, key);
}

/** The payload of these sources, which is in the store then. */
async function keyOf(store: string, sources: Sources, clock: Clock): Promise<string> {
  const recipe = hashOf([await esbuildVersion(), JSON.stringify(settings), ...Object.values(sources)]);
  const manifestFile = path.join(store, `${recipe.slice(0, 16)}.json`);
  const [known, python] = await Promise.all([readManifest(manifestFile), readPython(sources.python)]);
  if (
    known !== null &&
    (await hashFiles(known.inputs, python)) === known.inputsHash &&
    (await touch(store, known.key, clock))
  ) {
    return known.key;
  }
  const { files, inputs } = await bundle(sources);
  const key = hashOf([files.main, files.sentinel, files.host, ...[...python].flat()]).slice(0, 32);
  await install(store, key, { ...files, python }, clock);
  const inputsHash = await hashFiles(inputs, python);
  if (inputsHash !== null) {
    const manifest: Manifest = { key, inputs, inputsHash };
    await replaceFile(manifestFile, JSON.stringify(manifest));
  }
  await prune(store, key);
  return key;
}

/** Instances are started from it for as long as the platform runs, which may be longer than unused payloads are kept. */
function keepInUse(store: string, key: string, clock: Clock): void {
  clock.after(limits.payloadTouchMs, () => {
    // A disk that is full or read-only today may be neither tomorrow.
    void touch(store, key, clock)
      .catch(() => true)
      .then((isThere) => isThere && keepInUse(store, key, clock));
  });
}

function payloadAt(store: string, key: string): Payload {
  const dir = path.join(store, key);
  return {
    main: path.join(dir, 'main.mjs'),
    sentinel: path.join(dir, 'sentinel.mjs'),
    host: path.join(dir, 'host.mjs'),
    // The package keeps its name: user code imports it too.
    python: path.join(dir, 'python', 'weir_runtime', '__main__.py'),
    key,
    bytecodeDir: path.join(dir, 'bytecode'),
  };
}

/** Its modules, by name. Read whenever a platform starts, so that a module that was added or went away is seen too. */
async function readPython(folder: string): Promise<Map<string, string>> {
  const names = (await fs.readdir(folder)).filter((name) => name.endsWith('.py')).sort();
  const read = async (name: string): Promise<[string, string]> => [
    name,
    await fs.readFile(path.join(folder, name), 'utf8'),
  ];
  return new Map(await Promise.all(names.map(read)));
}

async function bundle(sources: Sources): Promise<{ files: Omit<Files, 'python'>; inputs: string[] }> {
  // Loaded only when needed: most starts find the payload in the cache.
  const esbuild = await import('esbuild');
  const build = async (entry: string) => {
    const built = await esbuild.build({ ...settings, entryPoints: [entry], absWorkingDir: path.dirname(entry) });
    const inputs = Object.keys(built.metafile.inputs).map((input) => path.resolve(path.dirname(entry), input));
    return { text: built.outputFiles[0]?.text ?? '', inputs };
  };
  const [main, sentinel, host] = await Promise.all([build(sources.main), build(sources.sentinel), build(sources.host)]);
  const inputs = [...new Set([...main.inputs, ...sentinel.inputs, ...host.inputs])].sort();
  return { files: { main: main.text, sentinel: sentinel.text, host: host.text }, inputs };
}

/** Puts a payload in place whole: written beside, then renamed. Whoever comes second finds the same bytes there. */
async function install(store: string, key: string, files: Files, clock: Clock): Promise<void> {
  const beside = path.join(store, `new-${randomBytes(6).toString('hex')}`);
  const made = payloadAt(store, path.basename(beside));
  await fs.mkdir(made.bytecodeDir, { recursive: true });
  await fs.writeFile(made.main, files.main);
  await fs.writeFile(made.sentinel, files.sentinel);
  await fs.writeFile(made.host, files.host);
  const pythonDir = path.dirname(made.python);
  await fs.mkdir(pythonDir, { recursive: true });
  await Promise.all([...files.python].map(([name, text]) => fs.writeFile(path.join(pythonDir, name), text)));
  try {
    await fs.rename(beside, path.join(store, key));
  } catch (error) {
    if (!isCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    await fs.rm(beside, { recursive: true, force: true });
    await touch(store, key, clock);
  }
}

/** Marks a payload as used. False: it is not there, or not whole. */
async function touch(store: string, key: string, clock: Clock): Promise<boolean> {
  const { main, sentinel, host, python } = payloadAt(store, key);
  const nowS = clock.wallMs() / 1000;
  try {
    await Promise.all([main, sentinel, host, python].map((file) => fs.access(file)));
    await fs.utimes(path.join(store, key), nowS, nowS);
    return true;
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Removes what nobody has started from for long. Another platform may still be starting instances from the rest. */
async function prune(store: string, current: string): Promise<void> {
  const nowMs = (await fs.stat(path.join(store, current))).mtimeMs;
  for (const name of await fs.readdir(store)) {
    const file = path.join(store, name);
    const stats = await fs.stat(file).catch(ifMissing);
    if (name === current || stats === null || nowMs - stats.mtimeMs < limits.payloadKeptMs) continue;
    await fs.rm(file, { recursive: true, force: true });
  }
}

async function esbuildVersion(): Promise<string> {
  const file = fileURLToPath(import.meta.resolve('esbuild/package.json'));
  return (JSON.parse(await fs.readFile(file, 'utf8')) as { version: string }).version;
}

/** Null: not there, or not a manifest (then it is built anew and replaced). */
async function readManifest(file: string): Promise<Manifest | null> {
  const text = await fs.readFile(file, 'utf8').catch(ifMissing);
  if (text === null) return null;
  try {
    const { key, inputs, inputsHash } = JSON.parse(text) as Partial<Manifest>;
    const whole = typeof key === 'string' && /^[0-9a-f]{32}$/.test(key) && Array.isArray(inputs);
    return whole && typeof inputsHash === 'string' ? { key, inputs, inputsHash } : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Null when one of them is not there. `more`: texts by name, which have been read. */
async function hashFiles(files: readonly string[], more: ReadonlyMap<string, string>): Promise<string | null> {
  const texts = await Promise.all(files.map((file) => fs.readFile(file, 'utf8').catch(ifMissing)));
  const pieces: string[] = [];
  for (const [index, text] of texts.entries()) {
    if (text === null) return null;
    pieces.push(files[index] ?? '', text);
  }
  return hashOf([...pieces, ...[...more].flat()]);
}

/** Each piece with its length, so that no two lists of pieces read the same. */
function hashOf(pieces: readonly string[]): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(`${piece.length}\n`).update(piece);
  return hash.digest('hex');
}

async function replaceFile(file: string, text: string): Promise<void> {
  const beside = `${file}.${randomBytes(6).toString('hex')}`;
  await fs.writeFile(beside, text);
  await fs.rename(beside, file);
}

function ifMissing(error: unknown): null {
  if (isCode(error, 'ENOENT')) return null;
  throw error;
}
