import { homedir } from 'node:os';
import type { Command } from 'commander';
import { systemClock } from '../../base/clock.ts';
import { cacheDirectory } from '../../base/user-directories.ts';
import type { Made } from '../../builder/build/build.ts';
import { endedBy, stopSignals } from '../stopping.ts';
import type { Streams, Terminal } from '../terminal.ts';

/** Exit code of a build that failed. */
const failedExitCode = 1;

export function addBuild(program: Command, terminal: Terminal, { out, err }: Streams): void {
  program
    .command('build')
    .summary('make what is served of a project in Next.js and the like')
    .description(
      'Builds a project by its framework’s own means, into .vercel/output, from where `weir dev` and `weir start` serve it.',
    )
    .argument('[DIR]', 'the project', '.')
    .option('--vercel', 'by the hosted platform’s own command, whatever the framework')
    .addHelpText('after', help)
    .action(async (dir: string, { vercel: byVercel = false }: { vercel?: boolean }) => {
      // Help and version need none of it.
      const { makeOutput } = await import('../../builder/build/build.ts');
      const stop = new AbortController();
      for (const signal of stopSignals) {
        // Once more changes nothing: who does not end in time is killed.
        process.on(signal, () => {
          process.exitCode = endedBy[signal];
          stop.abort();
        });
      }
      const colour = out.isTTY && process.env['NO_COLOR'] === undefined ? { FORCE_COLOR: '1' } : {};
      const made = await makeOutput(dir, {
        byVercel,
        cacheDir: cacheDirectory(process.env, homedir()),
        environment: { ...colour, ...process.env },
        clock: systemClock,
        say: terminal.say,
        output: (text, stream) => void (stream === 'out' ? out : err).write(text),
        signal: stop.signal,
      });
      tell(made, dir, terminal);
    });
}

const help = `
Next.js (16.2 and newer) is built with the hosted platform's adapter, which is fetched from npm once. Nuxt, Nitro,
SvelteKit, Astro and SolidStart are built by their own build script, and have to use their adapter for Vercel. React
Router, Remix, Gatsby and older versions of Next.js are built by \`vercel build\`, offline; it is fetched from npm once, which
takes a minute. Express, Fastify, Hono, NestJS, api/ and public/ need no build.

The build script is "vercel-build" or "build" of package.json, or "buildCommand" of vercel.json. It finds the environment
of vercel.json or weir.json, of .env and .env.local, and VERCEL=1. Nothing of the project is installed: that is up to you.

Exit codes: 1 when the build fails, 2 when there is something to mend before.

Examples
  weir build             the project in this directory
  weir build shop        another one
  weir build --vercel    anything that \`vercel build\` can`;

function tell(made: Made, dir: string, terminal: Terminal): void {
  if (made.kind === 'failed') {
    terminal.complain(`weir: the build failed: ${made.command} ${made.how}`);
    process.exitCode ??= failedExitCode;
    return;
  }
  const serve = dir === '.' ? 'weir dev' : `weir dev ${dir}`;
  if (made.kind === 'nothing-to-do') {
    terminal.say(`${made.title} needs no build: it runs as it is. Next: ${serve}`);
    return;
  }
  const { functions, pages, files, bytes } = made.summary;
  const parts = [counted(functions, 'function'), counted(pages, 'kept page'), counted(files, 'static file')];
  terminal.say(`built ${made.title} in ${(made.tookMs / 1000).toFixed(1)} s: ${parts.join(', ')}, ${megabytes(bytes)}`);
  terminal.say(`next: ${serve}, or weir start with the folder that it is in`);
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
