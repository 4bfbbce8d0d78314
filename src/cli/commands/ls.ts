import type { Command } from 'commander';
import type { ProjectResource } from '../../api/deployments.ts';
import { act, controlCommand } from '../control-command.ts';
import type { Cli, Job } from '../control-command.ts';
import { deploymentColumns, deploymentRow } from '../deployment-lines.ts';
import { agoText } from '../figures.ts';
import { parseCount } from '../options.ts';

interface Options {
  readonly number: number;
  readonly target?: 'production' | 'preview';
}

export function addLs(program: Command, cli: Cli): void {
  controlCommand(program, 'ls', {
    summary: 'projects, or the deployments of one',
    description: 'Lists all projects; with PROJECT its deployments, the newest first.',
    examples: [
      ['ls', 'projects'],
      ['ls shop', 'its deployments'],
      ['ls shop --target production -n 5', 'the last five of production'],
      ["ls shop --json | jq -r '.items[].url'", 'for programs'],
    ],
  })
    .argument('[PROJECT]', 'a project')
    .option('-n, --number <count>', 'so many deployments at most', parseCount, 20)
    .option('--target <target>', 'production or preview')
    .action(act<Options>(cli, list));
}

async function list(job: Job, { number, target }: Options, project?: string): Promise<void> {
  const { output, cli } = job;
  const nowMs = cli.clock.wallMs();
  if (project === undefined) {
    const found = await job.call('projects');
    if (output.json) output.document(found);
    else if (found.items.length === 0) output.note('no project yet: `weir deploy` makes one');
    else
      output.table(
        projectColumns,
        found.items.map((one) => projectRow(one, nowMs)),
      );
    return;
  }
  const query = { limit: number, ...(target === undefined ? {} : { target }) };
  const found = await job.call('deployments', { params: { project }, query });
  if (output.json) output.document(found);
  else if (found.items.length === 0) output.note(`${project} has no deployment`);
  else {
    output.table(
      deploymentColumns,
      found.items.map((one) => deploymentRow(one, nowMs)),
    );
    if (found.next !== null) output.note(`there are more: -n ${number * 2} shows them`);
  }
}

const projectColumns = [
  { title: 'PROJECT' },
  { title: 'LIVE' },
  { title: 'URL', shrinks: true },
  { title: 'DEPLOYMENTS', align: 'right' },
  { title: 'AGE' },
] as const;

const projectRow = (one: ProjectResource, nowMs: number): string[] => [
  one.name,
  one.release === null ? (one.live ?? '-') : `${one.live ?? '-'} (${one.release.percent} % ${one.release.canary})`,
  one.liveUrl ?? '-',
  String(one.deployments),
  agoText(one.createdMs, nowMs),
];
