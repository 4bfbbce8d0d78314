import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../base/errors.ts';
import type { PythonRuntime } from '../model/function.ts';
import { installedInterpreters, oldestMinor } from './python/interpreters.ts';
import type { Interpreter, InterpreterPlace } from './python/interpreters.ts';
import { satisfies } from './python/specifier.ts';
import { tomlText } from './python/toml-text.ts';

/** Which Python is asked for, and by what. */
export interface PythonWish {
  /** As it is written there. */
  readonly text: string;
  /** A file and place in it, for errors. */
  readonly by: string;
  readonly fits: (version: Interpreter['version']) => boolean;
}

/** The interpreters of this machine, which are looked for once, and again when one that is asked for is not among them. */
export class PythonReleases {
  readonly #place: InterpreterPlace;
  #looked: Promise<readonly Interpreter[]> | null = null;
  #found: readonly Interpreter[] = [];

  constructor(place: InterpreterPlace) {
    this.#place = place;
  }

  /** The newest that is asked for; null asks for any. Throws UsageError when there is none. */
  async choose(wish: PythonWish | null): Promise<PythonRuntime> {
    const one = best(await this.#look(false), wish) ?? best(await this.#look(true), wish);
    if (one !== null) return runtimeOf(one);
    const there = this.#found.length === 0 ? `has no Python from 3.${oldestMinor} on` : `has ${listed(this.#found)}`;
    const asked = wish === null ? 'there are functions in Python' : `${wish.by} asks for Python ${wish.text}`;
    throw new UsageError(`${asked}, and this machine ${there}. ${nextStep(wish)}`);
  }

  /** One of that version: the first in PATH, else the newest. Null: there is none. */
  async interpreter(runtime: PythonRuntime): Promise<Interpreter | null> {
    return ofRuntime(await this.#look(false), runtime);
  }

  /** `release`: `python3.12`, of which `choose` said that it is here. Null: it is not. */
  binary(release: string): string | null {
    return ofRuntime(this.#found, release)?.binary ?? null;
  }

  async #look(again: boolean): Promise<readonly Interpreter[]> {
    if (again) this.#looked = null;
    this.#looked ??= installedInterpreters(this.#place);
    this.#found = await this.#looked;
    return this.#found;
  }
}

export const isPythonRuntime = (runtime: string): runtime is PythonRuntime => /^python3\.\d+$/.test(runtime);

const runtimeOf = ({ version }: Interpreter): PythonRuntime => `python3.${version[1]}`;

const ofRuntime = (all: readonly Interpreter[], runtime: string): Interpreter | null =>
  all.find((one) => runtimeOf(one) === runtime) ?? null;

/** What a runtime of a release would be run by: of each the first that was found. Previews only where nothing else fits. */
function best(all: readonly Interpreter[], wish: PythonWish | null): Interpreter | null {
  const runs = all.filter((one) => ofRuntime(all, runtimeOf(one)) === one && (wish?.fits(one.version) ?? true));
  const order = (one: Interpreter): number => (one.isPreview ? 0 : 1000) + one.version[1];
  return runs.toSorted((a, b) => order(b) - order(a))[0] ?? null;
}

const listed = (all: readonly Interpreter[]): string =>
  [...new Set(all.toSorted((a, b) => a.version[1] - b.version[1]).map(({ version }) => version.join('.')))].join(', ');

function nextStep(wish: PythonWish | null): string {
  const version = /3\.\d+/.exec(wish?.text ?? '')?.[0] ?? '3.12';
  const install = `Install it (\`uv python install ${version}\`, or by the system's package manager)`;
  return wish === null ? `${install}.` : `${install}, or ask for another one.`;
}

/** `runtime: "python3.12"`. */
export const wishOfRuntime = (runtime: PythonRuntime, by: string): PythonWish => ({
  text: runtime.slice('python'.length),
  by,
  fits: ([, minor]) => `python3.${minor}` === runtime,
});

/** What a project says for all its functions: `.python-version`, then `requires-python`. Null: nothing. Throws UsageError. */
export async function wishOfProject(dir: string): Promise<PythonWish | null> {
  const file = join(dir, '.python-version');
  const lines = (await textOf(file))?.split('\n').map((line) => line.replace(/#.*/, '').trim()) ?? [];
  const first = lines.find((line) => line !== '');
  if (first !== undefined) return wishOfVersionFile(first, file);
  const pyproject = join(dir, 'pyproject.toml');
  const text = tomlText((await textOf(pyproject)) ?? '', 'project', 'requires-python');
  if (text === null || text.trim() === '') return null;
  const by = `${pyproject}: requires-python`;
  if (satisfies([3, 12, 0], text) === null) {
    throw new UsageError(`${by}: expected versions as in ">=3.11,<3.14", got ${JSON.stringify(text.slice(0, 60))}`);
  }
  return { text, by, fits: (version) => satisfies(version, text) === true };
}

/** An exact version asks for its minor one: patches are compatible, and each machine has its own. */
function wishOfVersionFile(text: string, by: string): PythonWish | null {
  if (text === 'system' || text === '3' || text === 'python3') return null;
  const minor = /^(?:cpython-|python-?)?3\.(\d+)(?:\.\d+)?$/.exec(text)?.[1];
  if (minor === undefined) {
    throw new UsageError(`${by}: expected a version as in 3.12, got ${JSON.stringify(text.slice(0, 60))}`);
  }
  return { ...wishOfRuntime(`python3.${Number(minor)}`, by), text };
}

const textOf = (file: string): Promise<string | null> => readFile(file, 'utf8').catch(() => null);
