import type { Command } from 'commander';
import type { DeploymentResource } from '../../api/deployments.ts';
import { act, controlCommand } from '../control-command.ts';
import type { Cli, Job } from '../control-command.ts';
import { deploymentColumns, deploymentFacts, deploymentRow, factLines, projectFacts } from '../deployment-lines.ts';
import { Failure } from '../failure.ts';

export function addInspect(program: Command, cli: Cli): void {
  controlCommand(program, 'inspect', {
    summary: 'all that is known of a deployment or a project',
    description: 'Tells of a deployment, by its id or by a URL or host name that leads to it, or of a project.',
    examples: [
      ['inspect dep_1f0k2m3n4p', 'a deployment'],
      ['inspect https://shop.example.com', 'what is served there'],
      ['inspect shop', 'a project, and its last deployments'],
    ],
  })
    .argument('<WHAT>', 'the id of a deployment, a URL, or a project')
    .action(act(cli, inspect));
}

async function inspect(job: Job, _options: unknown, what?: string): Promise<void> {
  const { output } = job;
  if (isDeploymentId(what!) || isUrl(what!)) {
    const found = await deploymentAt(job, what!);
    if (output.json) output.document(found);
    else for (const line of factLines(deploymentFacts(found))) output.say(...line);
    return;
  }
  const params = { project: what! };
  const project = await job.call('project', { params });
  const { items } = await job.call('deployments', { params, query: { limit: 5 } });
  if (output.json) {
    output.document({ project, deployments: items });
    return;
  }
  for (const line of factLines(projectFacts(project))) output.say(...line);
  if (items.length === 0) return;
  output.say();
  output.table(
    deploymentColumns,
    items.map((one) => deploymentRow(one, job.cli.clock.wallMs())),
  );
}

export const isDeploymentId = (text: string): boolean => /^dep_[a-z0-9]+$/.test(text);
const isUrl = (text: string): boolean => /[.:/]/.test(text);

/** The deployment of an id, a URL or a host name. */
export async function deploymentAt(job: Job, what: string): Promise<DeploymentResource> {
  if (isDeploymentId(what)) return job.call('deployment', { params: { id: what } });
  const url = URL.parse(what.includes('://') ? what : `http://${what}`);
  const host = url?.hostname ?? what;
  const { items } = await job.call('projects');
  for (const { name, domains, live } of items) {
    if (live !== null && domains.includes(host)) return job.call('deployment', { params: { id: live } });
    const found = await deploymentOf(job, name, host);
    if (found !== null) return found;
  }
  throw new Failure(
    'notFound',
    'DEPLOYMENT_NOT_FOUND',
    `no deployment is served at ${host}`,
    '`weir ls PROJECT` has their URLs.',
  );
}

async function deploymentOf(job: Job, project: string, host: string): Promise<DeploymentResource | null> {
  let cursor: string | undefined;
  do {
    const query = { limit: 1000, ...(cursor === undefined ? {} : { cursor }) };
    const page = await job.call('deployments', { params: { project }, query });
    const found = page.items.find(({ url, aliases }) => aliases.includes(host) || URL.parse(url)?.hostname === host);
    if (found !== undefined) return found;
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return null;
}
