import { dirname, sep } from 'node:path';
import { outputConfigFile, outputFolder } from './output/place.ts';

/** What happened to a path: `rename` is coming, going or both; `change` is another content. fs.watch's own words. */
export type Happening = 'rename' | 'change';

const code = /\.(?:[mc]?[jt]s|[jt]sx|py)$/;
/** Read wherever they lie: the type of a package, the compiler's options. */
const configuration = /^(?:package|jsconfig|tsconfig(?:\..+)?)\.json$/;
/** Read from the project's own folder only. Not an editor's copy of it. */
const ownFile =
  /^(?:weir\.json|vercel\.json|requirements\.txt|pyproject\.toml|uv\.lock|Pipfile\.lock|\.python-version|\.env(?:\.(?!(?:sw[a-p]|tmp)$)[\w-]+)*)$/;
/** In `reads`, where no path is like this: a framework's own server sees to the sources, and to .env files. */
export const ownServer = '(a development server)';
/** In `reads`: a program is built from files that nobody names. */
export const anyProgram = '(a program)';
/** What a person writes in any language, or a tool's list of packages; not what programs write while they run. */
const source =
  /\.(?:go|mod|sum|work|rs|c|cc|cpp|cxx|h|hh|hpp|zig|swift|java|kt|kts|scala|clj|groovy|gradle|cs|fs|vb|csproj|sln|rb|php|ex|exs|erl|hs|cabal|ml|mli|lua|nim|cr|jl|d|dart|pl|pm|r|sh|sql|proto|templ|tmpl|html|vue|svelte|toml|nix|cmake)$|^(?:Makefile|CMakeLists\.txt|Gemfile|Rakefile|justfile|meson\.build|pom\.xml|build\.xml)$/i;
/** Folders of what is made, as the tools call them. */
const made: ReadonlySet<string> = new Set([
  'target',
  'dist',
  'build',
  'out',
  'obj',
  'zig-out',
  '_build',
  'vendor',
  'deps',
]);
const staticFolder = 'public';

const outputFolders: ReadonlySet<string> = new Set([outputFolder, dirname(outputFolder)]);

/** Whether this says that a framework has built: of what it wrote, one file and the folders it lies in are watched. */
export const isOfOutput = (path: string): boolean => path === outputConfigFile || outputFolders.has(path);

/**
 * Whether what happened to a file leads to a new version. A function may write into its own project (data, a database, a
 * log), and editors write beside what they edit: only what a build reads counts, and what static files there are.
 * `path` is relative to the project; `reads` are the files of the last build, relative as well.
 */
export function isRelevant(path: string, happening: Happening, reads: ReadonlySet<string>): boolean {
  const parts = path.split(sep);
  const name = parts.at(-1)!;
  if (path === outputConfigFile) return true;
  // What is served was made of the sources by somebody else, who sees to them.
  if (reads.has(outputConfigFile)) {
    const isOwn = parts.length === 1 && ownFile.test(name) && !(reads.has(ownServer) && name.startsWith('.env'));
    return isOwn || isOfOutput(path);
  }
  // Of static files the edge has a list; their content it reads at every request.
  if (parts[0] === staticFolder) return happening === 'rename' && parts.slice(1).every(isServed);
  if (reads.has(path)) return true;
  if (reads.has(anyProgram)) {
    if (parts.slice(0, -1).some((folder) => made.has(folder))) return false;
    if (parts.slice(0, -1).every(isOurs) && !name.startsWith('.') && source.test(name)) return true;
  }
  if (!parts.slice(0, -1).every(isOurs)) return false;
  if (parts.length === 1 && ownFile.test(name)) return true;
  if (!name.startsWith('.') && (code.test(name) || configuration.test(name))) return true;
  // A folder that is gone says nothing of its files.
  return happening === 'rename' && [...reads].some((read) => read.startsWith(path + sep));
}

/** Whether anything in a folder can be relevant. `path` is relative to the project. */
export function isWatched(path: string, reads: ReadonlySet<string> = new Set()): boolean {
  if (outputFolders.has(path)) return true;
  const parts = path.split(sep);
  if (reads.has(anyProgram) && made.has(parts.at(-1)!)) return false;
  return parts[0] === staticFolder ? parts.slice(1).every(isServed) : parts.every(isOurs);
}

/** Packages and other tools' folders are not the project's own. */
const isOurs = (folder: string): boolean => !notOurs.has(folder) && !folder.startsWith('.');
const notOurs: ReadonlySet<string> = new Set(['node_modules', '__pycache__', 'venv', 'site-packages']);
/** As the edge has it. */
const isServed = (name: string): boolean => name === '.well-known' || !name.startsWith('.');
