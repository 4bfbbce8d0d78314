import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../../base/errors.ts';
import type { ProjectPlace } from '../../main.ts';
import { listeningOptions } from '../options.ts';
import type { Listening } from '../options.ts';
import type { Terminal } from '../terminal.ts';

export function addStart(program: Command, terminal: Terminal): void {
  const command = program
    .command('start')
    .summary('serve a project, or every project in a folder, as for production')
    .description(
      'Serves every project in a folder, each at http://NAME.localhost:PORT; http://localhost:PORT shows how they do. ' +
        'Or the one project that the folder itself is, under any name.',
    )
    .argument('[DIR]', 'a project, or the folder of several', 'examples');
  listeningOptions(command)
    .addHelpText('after', help)
    .action(async (dir: string, { port, host, stems, sentinel }: Listening) => {
      // Help and version need none of it.
      const [{ serve }, { isProject }] = await Promise.all([import('../serve.ts'), import('../../builder/project.ts')]);
      const folder = resolve(dir);
      const projects = (await isProject(folder)) ? [await single(folder)] : await projectsIn(folder, terminal);
      await serve({ projects, port, host, environment: 'production', watch: false, stems, sentinel }, terminal);
    });
}

const help = `
A project's name is that of its folder, or "name" in its weir.json. \`weir dev --help\` says what a project is.

A folder that has something to be served in it is a project itself.

Examples
  weir start                        what is in ./examples
  weir start shop                   one project: build it before, by weir build, if its framework needs it
  weir start projects --port 80     http://NAME.localhost

Ctrl-C finishes what is in flight, and ends; a second Ctrl-C ends at once.`;

async function single(dir: string): Promise<ProjectPlace> {
  const { projectName } = await import('../../builder/project.ts');
  return { dir, name: await projectName(dir), hosts: [] };
}

/** Folders that begin with _ or . are no projects. Those whose configuration is wrong are told, and left out. */
async function projectsIn(folder: string, terminal: Terminal): Promise<ProjectPlace[]> {
  const places = new Map<string, ProjectPlace>();
  for (const dir of await foldersIn(folder)) {
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
  const { projectName } = await import('../../builder/project.ts');
  try {
    return await projectName(dir);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    terminal.log.error(`${dir} is not served: ${error.message}`);
    return null;
  }
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && !/^[._]|^node_modules$/.test(entry.name))
      .map((entry) => join(folder, entry.name))
      .toSorted();
  } catch (error) {
    throw new UsageError(
      `${folder}: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such folder' : (error as Error).message}`,
    );
  }
}
