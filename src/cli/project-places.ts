import { UsageError } from '../base/errors.ts';
import type { ProjectPlace } from '../main.ts';
import type { Terminal } from './terminal.ts';

/** Says how the folder was taken where it might have been taken otherwise. */
export async function projectsOf(folder: string, terminal: Terminal): Promise<ProjectPlace[]> {
  const [{ readingOf }, { projectName }] = await Promise.all([
    import('../builder/reading.ts'),
    import('../builder/project.ts'),
  ]);
  const reading = await readingOf(folder);
  if (reading.kind === 'several') {
    if (reading.mayBeOne)
      terminal.say(`serving the projects in ${folder}; with a weir.json in it, it would be one itself`);
    return projectsIn(folder, reading.dirs, terminal);
  }
  if (reading.decider !== null) terminal.say(`serving ${folder} as one project: it has ${reading.decider}`);
  return [{ dir: folder, name: await projectName(folder), hosts: [] }];
}

/** Those whose configuration is wrong are told, and left out. */
async function projectsIn(folder: string, dirs: readonly string[], terminal: Terminal): Promise<ProjectPlace[]> {
  const places = new Map<string, ProjectPlace>();
  for (const dir of dirs) {
    const name = await nameOf(dir, terminal);
    if (name === null) continue;
    const other = places.get(name);
    if (other !== undefined)
      throw new UsageError(`${other.dir} and ${dir} are both called ${name}: rename one of them`);
    places.set(name, { dir, name, hosts: [`${name}.localhost`] });
  }
  if (places.size === 0) {
    throw new UsageError(`${folder}: there is no project in this folder, and nothing to serve in itself`);
  }
  return [...places.values()];
}

async function nameOf(dir: string, terminal: Terminal): Promise<string | null> {
  const { projectName } = await import('../builder/project.ts');
  try {
    return await projectName(dir);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    terminal.log.error(`${dir} is not served: ${error.message}`);
    return null;
  }
}
