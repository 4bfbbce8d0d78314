import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Command } from 'commander';
import { act, controlCommand } from '../control-command.ts';
import type { Cli, Job } from '../control-command.ts';

export function addOpen(program: Command, cli: Cli): void {
  controlCommand(program, 'open', {
    summary: 'the dashboard, or a project, in a browser',
    description:
      'Opens the dashboard of the control, or what is live of a project, and prints its URL. --print prints it only.',
    examples: [
      ['open', 'the dashboard'],
      ['open shop', 'what is live of a project'],
      ['open --print', 'its URL'],
    ],
  })
    .argument('[PROJECT]', 'left out: the dashboard')
    .option('--print', 'print the URL, open nothing')
    .action(act<{ readonly print?: boolean }>(cli, open));
}

async function open(job: Job, { print = false }: { readonly print?: boolean }, project?: string): Promise<void> {
  const { output } = job;
  const url = project === undefined ? `${(await job.control()).target.origin}/` : await liveOf(job, project);
  if (output.json) output.document({ url });
  else output.say(url);
  // Nobody looks at a browser that a script opens.
  if (print || output.json || !job.cli.streams.out.isTTY) return;
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const child = spawn(program, [url], { stdio: 'ignore', detached: true });
  const isThere = await once(child, 'spawn').then(
    () => true,
    () => false,
  );
  if (isThere) child.unref();
  else output.note(`there is no ${program} here: open it yourself`);
}

async function liveOf(job: Job, project: string): Promise<string> {
  const { liveUrl } = await job.call('project', { params: { project } });
  if (liveUrl !== null) return liveUrl;
  const { Failure } = await import('../failure.ts');
  throw new Failure('conflict', 'NOTHING_LIVE', `nothing of ${project} is live`, 'weir deploy --prod makes it so.');
}
