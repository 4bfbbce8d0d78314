import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { systemClock } from '../base/clock.ts';
import { UsageError } from '../base/errors.ts';
import { weirProgram } from './program.ts';
import { terminal } from './terminal.ts';
import type { Cli } from './control-command.ts';

/** Exit code of a mistake in arguments or configuration. */
const usageExitCode = 2;

/**
 * The `weir` command. Returns when the command has done what it does, or serves; sets the exit code.
 * Anything unexpected is thrown: it is a mistake of Weir's, and its stack is wanted.
 */
export async function runCli(
  args: readonly string[],
  { streams = { out: process.stdout, err: process.stderr }, ...own }: Partial<Cli> = {},
): Promise<void> {
  const lines = terminal(streams);
  const cli = {
    streams,
    input: process.stdin,
    environment: process.env,
    clock: systemClock,
    version: version(),
    ...own,
  };
  const program = weirProgram(cli, lines);
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

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
