import type { DeploymentResource, ProjectResource } from '../api/deployments.ts';
import { agoText, bytesText, durationText, timeText } from './figures.ts';
import { bold, dim, painted } from './painted.ts';
import type { Part } from './painted.ts';
import type { Column } from './table.ts';

const looks = { uploading: 'cyan', building: 'cyan', ready: 'green', failed: 'red', deleted: 'dim' } as const;

const stateOf = ({ state, isLive }: DeploymentResource): Part =>
  isLive ? painted('live', ['bold', 'green']) : painted(state, looks[state]);

export const deploymentColumns: readonly Column[] = [
  { title: 'DEPLOYMENT' },
  { title: 'STATE' },
  { title: 'TARGET' },
  { title: 'AGE' },
  { title: 'COMMIT', shrinks: true },
  { title: 'URL' },
];

export const deploymentRow = (one: DeploymentResource, nowMs: number): Part[] => [
  one.id,
  stateOf(one),
  one.target,
  agoText(one.createdMs, nowMs),
  commitOf(one),
  one.url,
];

function commitOf({ git }: DeploymentResource): string {
  if (git === null) return '';
  const commit = `${git.commit?.slice(0, 7) ?? ''}${git.dirty ? '+' : ''}`;
  return [git.branch, commit, git.message].filter((part) => part !== null && part !== '').join(' ');
}

/** Title and text of each fact, for people. */
export function deploymentFacts(one: DeploymentResource): (readonly [string, Part])[] {
  const { id, project, target, url, aliases, creator, createdMs, readyMs, git, error } = one;
  const made = readyMs === null ? '' : `, ready after ${durationText(readyMs - createdMs)}`;
  const facts: (readonly [string, Part])[] = [
    ['deployment', bold(id)],
    ['project', project],
    ['state', stateOf(one)],
    ...(error === null ? [] : [['error', painted(error, 'red')] as const]),
    ['target', target],
    ['url', url],
    ...aliases.map((alias) => ['alias', alias] as const),
    ['made', `${timeText(createdMs)} by ${creator}${made}`],
    ...(one.promotedFrom === null ? [] : [['made of', one.promotedFrom] as const]),
    ...(git === null ? [] : [['commit', commitOf(one)] as const]),
    ...(git?.author ? [['author', git.author] as const] : []),
    ['files', `${one.files}, ${bytesText(one.bytes)}`],
  ];
  for (const each of one.functions) {
    const most = each.maxConcurrency === 'auto' ? 'as many at once as it stands' : `${each.maxConcurrency} at once`;
    const limits = `${each.runtime}, ${each.memoryMiB} MiB, ${durationText(each.maxDurationMs)}, ${most}`;
    facts.push(['function', `${each.name}  ${limits}  ${each.routes.slice(0, 3).join(' ')}`]);
  }
  for (const { schedule, path } of one.crons) facts.push(['cron', `${schedule}  ${path}`]);
  return facts;
}

export function projectFacts(one: ProjectResource): (readonly [string, Part])[] {
  const { retention, release } = one;
  return [
    ['project', bold(one.name)],
    ['live', one.live ?? dim('nothing yet')],
    ...(one.liveUrl === null ? [] : [['url', one.liveUrl] as const]),
    ...(one.previous === null ? [] : [['before', one.previous] as const]),
    ...(release === null ? [] : [['release', `${release.canary} has ${release.percent} %`] as const]),
    ...one.domains.map((host) => ['domain', host] as const),
    ['promoted', one.autoPromote ? 'by itself, when it is ready' : 'by hand, since it was rolled back'],
    ['kept', `previews ${retention.previewDays} d, ${retention.productionCount} of production`],
    ['made', timeText(one.createdMs)],
  ];
}

/** Facts under each other, their titles in a column. */
export function factLines(facts: readonly (readonly [string, Part])[]): Part[][] {
  const width = Math.max(...facts.map(([title]) => title.length)) + 2;
  return facts.map(([title, text]) => [dim(title.padEnd(width)), text]);
}
