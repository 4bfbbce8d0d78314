import { resolve } from 'node:path';
import type { Command } from 'commander';
import { listeningOptions } from '../options.ts';
import type { Listening } from '../options.ts';
import type { Terminal } from '../terminal.ts';

export function addDev(program: Command, terminal: Terminal): void {
  const command = program
    .command('dev')
    .summary('serve one project, and follow its changes')
    .description(
      'Serves one project. A file that changes gives new instances, while the old ones finish what they have.',
    )
    .argument('[DIR]', 'the project', '.');
  listeningOptions(command)
    .addHelpText('after', help)
    .action(async (dir: string, { port, host, stems, sentinel }: Listening) => {
      // Help and version need none of it.
      const [{ serve }, { projectName }] = await Promise.all([
        import('../serve.ts'),
        import('../../builder/project.ts'),
      ]);
      const place = { dir: resolve(dir), name: await projectName(dir), hosts: [] };
      await serve(
        {
          projects: [place],
          port,
          host,
          version: program.version() ?? '',
          environment: 'development',
          watch: true,
          stems,
          sentinel,
        },
        terminal,
      );
    });
}

const help = `
A project is a directory with any of
  api/**/*.{ts,js,mjs,cjs,mts,cts,tsx,jsx}   a function a file; [name] and [...name] are parameters,
  api/**/*.py                                what begins with _ or . is no function
  server.{ts,js,mjs,cjs,mts,cts}             a server in any framework that calls listen();
                                             also in src/; app.*, index.*, src/main.* and "main" of
                                             package.json if they look like one
  {app,main,index,server,wsgi,asgi}.py       an application in Python (ASGI, WSGI), called app;
                                             also in src/, app/; or Django's manage.py
  weir.json with a "command"                 a program in any language that listens on $PORT:
                                             { "runtime": "executable", "command": ["./server"] }
  public/                                    static files
or .vercel/output/ (see weir build), which is served in their place, or an application of Next.js, which is served by its
own development server; and, if it has more to say, weir.json (or vercel.json):
  { "functions": { "api/*.ts": { "memory": 512, "maxDuration": 30, "maxConcurrency": 10, "environment": {} } },
    "environment": { "NAME": "value" } }

Functions find the environment of weir.json, then .env, then .env.local, then their own, the later ones winning.

Examples
  weir dev                      the project in this directory, at http://127.0.0.1:3000
  weir dev shop --port 8080     another one, elsewhere
  weir dev --host 0.0.0.0       for other machines too

Ctrl-C finishes what is in flight, and ends; a second Ctrl-C ends at once.`;
