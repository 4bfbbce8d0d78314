import { InvalidArgumentError } from 'commander';
import type { Command } from 'commander';
import type { ProjectResource, Release } from '../../api/deployments.ts';
import { act, controlCommand } from '../control-command.ts';
import type { Cli, Job } from '../control-command.ts';
import { timeText } from '../figures.ts';
import { bold } from '../painted.ts';
import { projectOf } from '../project-option.ts';
import { deploymentAt } from './inspect.ts';

interface Stage {
  readonly percent: number;
  readonly minutes: number | null;
}

export function addPromote(program: Command, cli: Cli): void {
  controlCommand(program, 'promote', {
    summary: 'lead production domains to a deployment',
    description:
      'Leads production domains to a deployment. Of a preview, a production deployment is made of the same files first. With ' +
      '--rolling ever more clients are led to it, stage by stage.',
    more: `Stages are PERCENT:TIME, the time as 30s, 5m or 2h, and 100 at the end. PERCENT alone waits for weir release approve.`,
    examples: [
      ['promote dep_1f0k2m3n4p', 'at once'],
      ['promote dep_1f0k2m3n4p --rolling 10:5m,50:5m,100', 'over ten minutes'],
      ['promote dep_1f0k2m3n4p --rolling 5,100', 'to one in twenty, then by hand'],
    ],
  })
    .argument('<ID>', 'a deployment, or its URL')
    .option('--rolling <stages>', 'a rolling release', parseStages)
    .action(act<{ readonly rolling?: Stage[] }>(cli, promote));
}

async function promote(job: Job, { rolling }: { readonly rolling?: Stage[] }, id?: string): Promise<void> {
  const { output } = job;
  const { id: deployment, project } = await deploymentAt(job, id!);
  if (rolling !== undefined) {
    const release = await job.call('startRelease', { params: { project }, body: { deployment, stages: rolling } });
    if (output.json) output.document(release);
    else output.say(releaseText(release));
    return;
  }
  const promoted = await job.call('promote', { params: { id: deployment } });
  if (promoted.state !== 'ready' && promoted.id !== deployment) {
    output.note(`making ${promoted.id} of the files of ${deployment}`);
    const { followDeployment } = await import('../deploy/follow.ts');
    const made = await followDeployment(
      await job.control(),
      promoted.id,
      ({ text }) => output.note(`  ${text}`),
      job.signal,
    );
    await tellPromoted(job, made);
  } else await tellPromoted(job, promoted);
}

async function tellPromoted(
  job: Job,
  made: { id: string; project: string; state: string; error: string | null },
): Promise<void> {
  const { output } = job;
  if (made.state === 'failed') {
    const { Failure } = await import('../failure.ts');
    throw new Failure(
      'failed',
      'DEPLOYMENT_FAILED',
      `${made.id} could not be made: ${made.error ?? 'no reason is known'}`,
    );
  }
  if (output.json) {
    output.document(made);
    return;
  }
  const { liveUrl } = await job.call('project', { params: { project: made.project } });
  output.say(bold(made.project), ` is ${made.id} now`, liveUrl === null ? '' : `: ${liveUrl}`);
}

function releaseText({ canary, percent, nextMs, stage, stages }: Release): string {
  const next = stages[stage + 1];
  const then =
    next === undefined
      ? ''
      : nextMs === null
        ? `; ${next.percent} % when you approve: weir release approve`
        : `; ${next.percent} % at ${timeText(nextMs)}`;
  return `${canary} has ${percent} % of the clients${then}`;
}

const minutesOf: Readonly<Record<string, number>> = { s: 1 / 60, m: 1, h: 60, d: 24 * 60 };

function parseStages(text: string): Stage[] {
  const stages = text.split(',').map((part): Stage => {
    const found = /^(\d{1,3})(?::(\d+(?:\.\d+)?)([smhd]))?$/.exec(part.trim());
    const percent = Number(found?.[1]);
    if (found === null || percent < 1 || percent > 100) throw wrongStages();
    return { percent, minutes: found[2] === undefined ? null : Number(found[2]) * minutesOf[found[3]!]! };
  });
  const isRising = stages.every(({ percent }, at) => at === 0 || percent > stages[at - 1]!.percent);
  if (!isRising || stages.length < 2 || stages.at(-1)!.percent !== 100 || stages.at(-1)!.minutes !== null)
    throw wrongStages();
  return stages;
}

const wrongStages = (): InvalidArgumentError =>
  new InvalidArgumentError('Stages like 10:5m,50:5m,100 are expected: rising, 100 without a time at the end.');

const steps = {
  approve: ['approveRelease', 'go on to the next stage'],
  complete: ['completeRelease', 'give it to all clients now'],
  abort: ['abortRelease', 'lead all clients back to what they had'],
} as const;

export function addRelease(program: Command, cli: Cli): void {
  const release = program
    .command('release')
    .summary('a rolling release under way')
    .description('A rolling release under way: how far it is, and what to do with it.');
  controlCommand(release, 'status', {
    summary: 'how far it is',
    description: 'Tells how many clients have the new deployment, and when there will be more.',
    examples: [['release status shop', 'of a project']],
  })
    .argument('[PROJECT]', 'left out: the one in this directory')
    .action(
      act(cli, async (job, _options, name?: string) => {
        const project = await job.call('project', { params: { project: await projectOf(name) } });
        tellRelease(job, project);
      }),
    );
  for (const [step, [route, summary]] of Object.entries(steps)) {
    controlCommand(release, step, {
      summary,
      description: `${summary[0]!.toUpperCase()}${summary.slice(1)}.`,
      examples: [[`release ${step} shop`, summary]],
    })
      .argument('[PROJECT]', 'left out: the one in this directory')
      .action(
        act(cli, async (job, _options, name?: string) => {
          tellRelease(job, await job.call(route, { params: { project: await projectOf(name) } }));
        }),
      );
  }
}

function tellRelease({ output }: Job, project: ProjectResource): void {
  if (output.json) output.document({ project: project.name, live: project.live, release: project.release });
  else if (project.release !== null) output.say(releaseText(project.release));
  else output.say(`${project.name}: no rolling release; all clients have ${project.live ?? 'nothing'}`);
}
