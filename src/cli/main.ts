import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { UsageError } from '../base/errors.ts';
import { addBuild } from './commands/build.ts';
import { addDev } from './commands/dev.ts';
import { addExplain } from './commands/explain.ts';
import { addServe } from './commands/serve.ts';
import { addStart } from './commands/start.ts';
import { terminal } from './terminal.ts';
import type { Streams, Terminal } from './terminal.ts';

/** Exit code of a mistake in arguments or configuration. */
const usageExitCode = 2;

/**
 * The `weir` command. Returns when the command has done what it does, or serves; sets the exit code.
 * Anything unexpected is thrown: it is a mistake of Weir's, and its stack is wanted.
 */
export async function runCli(
  args: readonly string[],
  streams: Streams = { out: process.stdout, err: process.stderr },
): Promise<void> {
  const lines = terminal(streams);
  const program = commands(lines, streams);
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has said it. Help and version are no mistakes.
      process.exitCode = error.exitCode === 0 ? 0 : usageExitCode;
    } else if (error instanceof UsageError) {
      lines.complain(`weir: ${error.message}`);
      process.exitCode = usageExitCode;
    } else throw error;
  }
}

function commands(lines: Terminal, { out, err }: Streams): Command {
  const program = new Command('weir')
    .description('Fluid compute on your own machines: one function instance serves many invocations at once.')
    .version(version(), '-V, --version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => out.write(text),
      writeErr: (text) => err.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'weir: ')),
    })
    .showHelpAfterError('(weir --help says more)')
    .addHelpText(
      'after',
      '\nExamples\n  weir dev            serve the project in this directory\n  weir start          serve every project in ./examples\n  weir build          make what is served of a project in Next.js and the like\n  weir explain        what a running one does, and why\n  weir dev --help     what a project is, and all options',
    );
  addDev(program, lines);
  addStart(program, lines);
  addServe(program, lines, version());
  addBuild(program, lines, { out, err });
  addExplain(program, lines, out);
  return program;
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
