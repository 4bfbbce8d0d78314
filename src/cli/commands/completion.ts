import { Argument } from 'commander';
import type { Command } from 'commander';
import { contextsFile, findTarget } from '../connection/connect.ts';
import { readContexts } from '../connection/contexts.ts';
import type { Cli } from '../control-command.ts';
import { completionScript, shells } from '../completion/scripts.ts';
import type { Shell } from '../completion/scripts.ts';
import { placesOf } from '../completion/tree.ts';

export function addCompletion(program: Command, cli: Cli): void {
  const { out } = cli.streams;
  program
    .command('completion')
    .summary('what your shell needs to complete weir')
    .description('Prints a script for bash, zsh or fish: commands, options, and names of projects and deployments.')
    .addArgument(new Argument('<SHELL>', 'which').choices(shells))
    .addHelpText('after', help)
    .action((shell: Shell) => void out.write(completionScript(shell, placesOf(program))));
  program
    .command('__complete', { hidden: true })
    .argument('<KIND>')
    .action(async (kind: string) => {
      // Whoever completes a line wants no errors in it.
      const names = await namesOf(kind, cli).catch((): string[] => []);
      if (names.length > 0) out.write(`${names.join('\n')}\n`);
    });
}

const help = `
Examples
  weir completion bash >> ~/.bashrc
  weir completion zsh > "\${fpath[1]}/_weir"
  weir completion fish > ~/.config/fish/completions/weir.fish`;

/** Nobody waits longer for a list of names. */
const waitMs = 1_500;
/** Of each project the newest ones. */
const deploymentsShown = 20;

async function namesOf(kind: string, cli: Cli): Promise<string[]> {
  if (kind === 'contexts') return Object.keys((await readContexts(contextsFile(cli.environment))).contexts);
  const target = await findTarget(cli.environment, undefined);
  if (target === null) return [];
  const { Control } = await import('../connection/control.ts');
  const control = new Control(target, AbortSignal.timeout(waitMs));
  if (kind === 'crons') return (await control.call('crons')).items.map(({ id }) => id);
  if (kind === 'crashes') return (await control.call('crashes', { query: { limit: 20 } })).items.map(({ id }) => id);
  const projects = (await control.call('projects')).items.map(({ name }) => name);
  if (kind === 'projects') return projects;
  const pages = await Promise.all(
    projects.map((project) => control.call('deployments', { params: { project }, query: { limit: deploymentsShown } })),
  );
  const deployments = pages.flatMap(({ items }) => items.map(({ id }) => id));
  return kind === 'both' ? [...projects, ...deployments] : deployments;
}
