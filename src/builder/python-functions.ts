import { join, posix, relative } from 'node:path';
import { UsageError } from '../base/errors.ts';
import type { FunctionConfig, FunctionSpec, PythonRuntime } from '../model/function.ts';
import { settingsFor, withDefaults } from './config.ts';
import type { ProjectConfig } from './config.ts';
import type { DetectedFunction } from './detect.ts';
import { readRequirements } from './python/requirements.ts';
import { isPythonRuntime, wishOfProject, wishOfRuntime } from './python-releases.ts';
import type { PythonReleases } from './python-releases.ts';

/** What a function in Python is made of; `config` has the project's environment only. */
type PythonParts = Pick<FunctionSpec, 'entry' | 'launch' | 'modulePaths' | 'eventExport'> & {
  readonly config: FunctionConfig;
};

/** In the order of `found`, whose interpreters are all there. Throws UsageError where one is not. */
export async function pythonFunctions(
  root: string,
  found: readonly DetectedFunction[],
  config: ProjectConfig,
  releases: PythonReleases,
): Promise<PythonParts[]> {
  let ofProject: PythonRuntime | null = null;
  const parts: PythonParts[] = [];
  for (const { file, variable } of found) {
    const settings = settingsFor(config, file);
    const own = settings.runtime ?? null;
    refuseForeign(config, file, own);
    const runtime =
      own !== null && isPythonRuntime(own)
        ? await releases.choose(wishOfRuntime(own, `${config.file}: runtime of ${file}`))
        : (ofProject ??= await releases.choose(await wishOfProject(root)));
    const isInSrc = posix.dirname(file).startsWith('src/');
    parts.push({
      entry: join(root, file),
      launch: 'python',
      // A package in src/ is called by its name in there.
      ...(isInSrc ? { modulePaths: [join(root, 'src')] } : {}),
      ...(variable === undefined ? {} : { eventExport: variable }),
      config: withDefaults({ ...settings, runtime }, config),
    });
  }
  return parts;
}

/** A pattern may be meant for other files than it matches. `runtime`: as it is said; null: it is not. */
export function refuseForeign({ file: said }: ProjectConfig, file: string, runtime: string | null): void {
  const isOfPython = file.endsWith('.py');
  if (runtime === null || isPythonRuntime(runtime) === isOfPython) return;
  throw new UsageError(
    `${said ?? file}: runtime: ${runtime} cannot run ${file}: expected ${isOfPython ? '"python3.N"' : 'a version of Node'} for it, ` +
      'by a pattern of its own before this one',
  );
}

/** Files that say which packages are installed, and are called as nobody would guess. Relative to the project. */
export async function requirementFiles(root: string): Promise<string[]> {
  const found = await readRequirements(join(root, 'requirements.txt')).catch(() => null);
  return [...(found?.files.keys() ?? [])].map((file) => relative(root, file));
}
