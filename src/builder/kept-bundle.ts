// Bundles of our own code: built when their sources changed, kept by the hash of what came out.
import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { isCode } from './own-store.ts';

export interface Bundle {
  /** By their name in the bundle's directory. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  /** All files that were read, absolute. */
  readonly inputs: readonly string[];
}

export interface Recipe {
  /** All that the bundle follows from, beside esbuild and the inputs. */
  readonly pieces: readonly string[];
  /** Files without which it is not whole. */
  readonly whole: readonly string[];
  /** Made beside them, empty. */
  readonly folders?: readonly string[];
  /** Texts that are put beside them as they are, by name. They count as inputs, also where one was added or went away. */
  readonly copied?: ReadonlyMap<string, string>;
  readonly build: () => Promise<Bundle>;
}

/** What the last build read: whether anything has changed since is told by reading the same files again. */
interface Manifest {
  readonly key: string;
  readonly inputs: readonly string[];
  readonly inputsHash: string;
}

/**
 * The name of the bundle's directory in `store`, where it is then. Any number of processes may do so at once. As long as this
 * process runs, nobody prunes it.
 */
export async function keepBundle(store: string, recipe: Recipe, clock: Clock): Promise<string> {
  const key = await keyOf(store, recipe, clock);
  keepInUse({ store, key, recipe, clock });
  return key;
}

async function keyOf(store: string, recipe: Recipe, clock: Clock): Promise<string> {
  const recipeHash = hashOf([await esbuildVersion(), ...recipe.pieces]);
  const copied = recipe.copied ?? new Map<string, string>();
  const manifestFile = path.join(store, `${recipeHash.slice(0, 16)}.json`);
  const known = await readManifest(manifestFile);
  if (known !== null && (await hashFiles(known.inputs, copied)) === known.inputsHash) {
    if (await touch({ store, key: known.key, recipe, clock })) return known.key;
  }
  const { files, inputs } = await recipe.build();
  const all = new Map([...files, ...copied]);
  const key = hashOf([...all].flat()).slice(0, 32);
  await install({ store, key, recipe, clock }, all);
  const inputsHash = await hashFiles(inputs, copied);
  if (inputsHash !== null) {
    const manifest: Manifest = { key, inputs, inputsHash };
    await replaceFile(manifestFile, JSON.stringify(manifest));
  }
  await prune(store, key);
  return key;
}

interface Kept {
  readonly store: string;
  readonly key: string;
  readonly recipe: Recipe;
  readonly clock: Clock;
}

/** It is read for as long as the platform runs, which may be longer than unused bundles are kept. */
function keepInUse(kept: Kept): void {
  kept.clock.after(limits.payloadTouchMs, () => {
    // A disk that is full or read-only today may be neither tomorrow.
    void touch(kept)
      .catch(() => true)
      .then((isThere) => isThere && keepInUse(kept));
  });
}

/** Puts a bundle in place whole: written beside, then renamed. Whoever comes second finds the same bytes there. */
async function install(kept: Kept, files: Bundle['files']): Promise<void> {
  const beside = path.join(kept.store, `new-${randomBytes(6).toString('hex')}`);
  await fs.mkdir(beside);
  for (const folder of kept.recipe.folders ?? []) await fs.mkdir(path.join(beside, folder));
  for (const [name, content] of files) {
    await fs.mkdir(path.dirname(path.join(beside, name)), { recursive: true });
    await fs.writeFile(path.join(beside, name), content);
  }
  try {
    await fs.rename(beside, path.join(kept.store, kept.key));
  } catch (error) {
    if (!isCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    await fs.rm(beside, { recursive: true, force: true });
    await touch(kept);
  }
}

/** Marks a bundle as used. False: it is not there, or not whole. */
async function touch({ store, key, recipe, clock }: Kept): Promise<boolean> {
  const directory = path.join(store, key);
  const nowS = clock.wallMs() / 1000;
  try {
    await Promise.all(recipe.whole.map((name) => fs.access(path.join(directory, name))));
    await fs.utimes(directory, nowS, nowS);
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
function hashOf(pieces: readonly (string | Uint8Array)[]): string {
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
