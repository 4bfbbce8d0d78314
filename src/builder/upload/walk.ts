import { lstat, readFile } from 'node:fs/promises';
import { dirname, join, posix, relative, sep } from 'node:path';
import { entriesOf, isInside } from '../output/folder.ts';
import type { Gathering } from './gathering.ts';
import { ignoreRules, isIgnored } from './ignore.ts';
import type { IgnoreLayer } from './ignore.ts';

/** Never uploaded as they lie there, whatever is said of them: packages are traced, builds are looked for apart. */
const never: ReadonlySet<string> = new Set(['.git', '.hg', '.svn', 'CVS', 'node_modules', '.weir', '.vercel']);

/** What nobody means to deploy. An ignore file of the project's own may take some of it back. */
const droppings = `
.env.local
.env.*.local
.venv
venv
__pycache__
*.py[cod]
.DS_Store
Thumbs.db
.idea
.vscode
*.swp
*~
.#*
\\#*\\#
.nfs*
.cache
.next
.turbo
.yarn/cache
.gitignore
.gitattributes
.gitmodules
.weirignore
.vercelignore
npm-debug.log*
yarn-error.log*
lerna-debug.log*
.pytest_cache
.mypy_cache
.ruff_cache
coverage
`;

/** Files that say what is left out; the first that there is in the project's own folder holds alone. */
const ownFiles = ['.weirignore', '.vercelignore'] as const;

export interface Ignoring {
  /** Of paths relative to `base`. */
  readonly layers: readonly IgnoreLayer[];
  /** What the paths of the layers are relative to. */
  readonly base: string;
  /** The file that says what is left out; null: .gitignore files, wherever they lie. */
  readonly file: string | null;
}

/** What is left out of a project. `dir`, `workspace`: without symbolic links. */
export async function ignoringOf(dir: string, workspace: string): Promise<Ignoring> {
  const usual = { folder: '', rules: ignoreRules(droppings) };
  for (const name of ownFiles) {
    const text = await textOf(join(dir, name));
    if (text !== null) return { base: dir, layers: [usual, { folder: '', rules: ignoreRules(text) }], file: name };
  }
  const layers: IgnoreLayer[] = [usual];
  // Of the repository's folders around it, the outermost first. The project's own are read as they are come to.
  const above: string[] = [];
  for (let at = dirname(dir); at !== dir && isInside(workspace, at); at = dirname(at)) {
    above.unshift(at);
    if (at === dirname(at)) break;
  }
  for (const folder of above) layers.push(...(await layerOf(folder, workspace)));
  return { base: workspace, layers, file: null };
}

async function layerOf(folder: string, base: string): Promise<IgnoreLayer[]> {
  const text = await textOf(join(folder, '.gitignore'));
  return text === null ? [] : [{ folder: pathOf(folder, base), rules: ignoreRules(text) }];
}

const textOf = (path: string): Promise<string | null> => readFile(path, 'utf8').catch(() => null);
const pathOf = (path: string, base: string): string => relative(base, path).split(sep).join(posix.sep);

/** Walks the project, and what links of it lead to elsewhere in the workspace. Links are kept as links. */
export class Walk {
  readonly #dir: string;
  readonly #ignoring: Ignoring;
  readonly #gathering: Gathering;
  readonly #seen = new Set<string>();

  constructor(dir: string, ignoring: Ignoring, gathering: Gathering) {
    this.#dir = dir;
    this.#ignoring = ignoring;
    this.#gathering = gathering;
  }

  /** Gathers what is in a folder and below, without what is left out. */
  async gather(folder: string = this.#dir, above: readonly IgnoreLayer[] = this.#ignoring.layers): Promise<void> {
    if (this.#seen.has(folder)) return;
    this.#seen.add(folder);
    const { base, file } = this.#ignoring;
    const layers = file === null ? [...above, ...(await layerOf(folder, base))] : above;
    for (const entry of await entriesOf(folder)) {
      const path = join(folder, entry.name);
      if (never.has(entry.name) || isIgnored(layers, pathOf(path, base), entry.isDirectory())) continue;
      if (entry.isDirectory()) await this.gather(path, layers);
      else {
        const target = await this.#gathering.add(path);
        // What is in the project is walked, or left out, where it lies.
        if (target !== null && !isInside(this.#dir, target)) await this.#follow(target, layers);
      }
    }
  }

  async #follow(target: string, layers: readonly IgnoreLayer[]): Promise<void> {
    const found = await lstat(target).catch(() => null);
    if (found?.isDirectory() === true) {
      // Around the project there are other projects, and a link to all of them is none to what this one needs.
      if (isInside(target, this.#dir))
        this.#gathering.warn(`a link leads to ${target}, around the project: not followed`);
      else await this.gather(target, layers);
      return;
    }
    const further = await this.#gathering.add(target);
    if (further !== null && !isInside(this.#dir, further)) await this.#follow(further, layers);
  }
}
