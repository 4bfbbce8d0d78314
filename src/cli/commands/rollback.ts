import type { Command } from 'commander';
import { act, controlCommand } from '../control-command.ts';
import type { Cli, Job } from '../control-command.ts';
import { bold } from '../painted.ts';
import { projectOf } from '../project-option.ts';
import { confirmed } from '../prompt.ts';
import { isDeploymentId } from './inspect.ts';

export function addRollback(program: Command, cli: Cli): void {
  controlCommand(program, 'rollback', {
    summary: 'go back to an earlier deployment',
    description:
      'Leads production domains back to the deployment before, or to the one that --to says. Nothing is built. New ones are ' +
      'not promoted by themselves from then on, until one is by hand.',
    examples: [
      ['rollback shop', 'to the one before'],
      ['rollback shop --to dep_1f0k2m3n4p', 'to one that was live'],
    ],
  })
    .argument('[PROJECT]', 'left out: the one in this directory')
    .option('--to <id>', 'a deployment that was live')
    .action(act<{ readonly to?: string }>(cli, rollback));
  controlCommand(program, 'rm', {
    summary: 'delete a deployment or a project',
    description: 'Deletes deployments, or a project with all that it has. Asks before, unless --yes is given.',
    examples: [
      ['rm dep_1f0k2m3n4p', 'a deployment'],
      ['rm shop --yes', 'a project, without asking'],
    ],
  })
    .argument('<WHAT>', 'the id of a deployment, or a project')
    .option('-y, --yes', 'do not ask')
    .action(act<{ readonly yes?: boolean }>(cli, remove));
}

async function rollback(job: Job, { to }: { readonly to?: string }, name?: string): Promise<void> {
  const project = await projectOf(name);
  const found = await job.call('rollback', { params: { project }, body: to === undefined ? {} : { to } });
  if (job.output.json) job.output.document(found);
  else {
    job.output.say(bold(project), ` is ${found.id} again: ${found.url}`);
    job.output.note('New deployments wait for weir promote from now on, until one is promoted.');
  }
}

async function remove(job: Job, { yes = false }: { readonly yes?: boolean }, what?: string): Promise<void> {
  const { output } = job;
  if (isDeploymentId(what!)) {
    if (!yes) await confirmed(`Delete ${what}?`, job.asking);
    await job.call('deleteDeployment', { params: { id: what! } });
  } else {
    const { deployments, domains } = await job.call('project', { params: { project: what! } });
    const all = `${deployments} deployments, ${domains.length} domains, its variables and secrets`;
    if (!yes) await confirmed(`Delete the project ${what} with ${all}?`, job.asking);
    await job.call('deleteProject', { params: { project: what! } });
  }
  if (output.json) output.document({ deleted: what });
  else output.say(`${what} is deleted`);
}
