import { resolve } from 'node:path';
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
      const { serve } = await import('../serve.ts');
      const projects = await projectsOf(resolve(dir), terminal);
      await serve({ projects, port, host, environment: 'production', watch: false, stems, sentinel }, terminal);
    });
}

const help = `
A project's name is that of its folder, or "name" in its weir.json. \`weir dev --help\` says what a project is.

A folder is a project itself when it has a weir.json, a vercel.json or a build output; or when it has something to be
served in it, and no folder in it has a package.json, one of these, or a server.

Examples
  weir start                        what is in ./examples
  weir start shop                   one project: build it before, by weir build, if its framework needs it
  weir start projects --port 80     http://NAME.localhost

Ctrl-C finishes what is in flight, and ends; a second Ctrl-C ends at once.`;

/** Says how the folder was taken where it might have been taken otherwise. */
async function projectsOf(folder: string, terminal: Terminal): Promise<ProjectPlace[]> {
  const [{ readingOf }, { projectName }] = await Promise.all([
    import('../../builder/reading.ts'),
    import('../../builder/project.ts'),
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
  const { projectName } = await import('../../builder/project.ts');
  try {
    return await projectName(dir);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    terminal.log.error(`${dir} is not served: ${error.message}`);
    return null;
  }
}
