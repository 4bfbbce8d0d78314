import { resolve } from 'node:path';
import type { Command } from 'commander';
import { listeningOptions } from '../options.ts';
import type { Listening } from '../options.ts';
import { projectsOf } from '../project-places.ts';
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
      await serve(
        {
          projects,
          port,
          host,
          version: program.version() ?? '',
          environment: 'production',
          watch: false,
          stems,
          sentinel,
        },
        terminal,
      );
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
