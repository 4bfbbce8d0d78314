import type { Command } from 'commander';
import type { CrashResource } from '../../api/observed.ts';
import { act, controlCommand } from '../control-command.ts';
import type { Cli, Job } from '../control-command.ts';
import { factLines } from '../deployment-lines.ts';
import { Failure } from '../failure.ts';
import { bytesText, counted, durationText, timeText } from '../figures.ts';
import { parseCount } from '../options.ts';
import { bold, dim, painted } from '../painted.ts';
import type { Part } from '../painted.ts';

interface Options {
  readonly function?: string;
  readonly since?: string;
  readonly number: number;
  readonly stack?: boolean;
}

export function addCrashes(program: Command, cli: Cli): void {
  controlCommand(program, 'crashes', {
    summary: 'instances that ended by themselves',
    description: 'Lists crashes, the newest first: what ended, why, whose code it was, and what was lost with it.',
    more: 'BLAMED is the invocation whose code ended it, where that is known. LOST counts all that went down with it.',
    examples: [
      ['crashes shop', 'the last 20 of a project'],
      ['crashes --function api/pay --since 24h --stack', 'of a function, each in full, with its stack'],
    ],
  })
    .argument('[PROJECT]', 'left out: all of them')
    .option('--function <name>', 'PROJECT/api/hello, or api/hello')
    .option('--since <when>', '15m, 24h, 7d, or a Unix time in milliseconds')
    .option('-n, --number <count>', 'so many at most', parseCount, 20)
    .option('--stack', 'each in full, with the stack of the error that ended it')
    .action(act<Options>(cli, list));
  controlCommand(program, 'crash', {
    summary: 'one of them, with its stack',
    description: 'Shows one crash: all that is known of the end, and the stack of the error.',
    examples: [['crash 12', 'as weir crashes lists it']],
  })
    .argument('<CRASH>', 'as weir crashes lists it')
    .action(act(cli, one));
}

async function list(job: Job, { number, since, stack = false, ...which }: Options, project?: string): Promise<void> {
  const { output } = job;
  const query = {
    limit: number,
    ...(project === undefined ? {} : { project }),
    ...(which.function === undefined ? {} : { function: which.function }),
    ...(since === undefined ? {} : { from: since }),
  };
  const found = await job.call('crashes', { query });
  if (output.json) output.document(found);
  else if (found.items.length === 0) output.note('none');
  else if (stack) for (const [at, each] of found.items.entries()) tell(job, each, at > 0);
  else output.table(columns, found.items.map(row));
}

const columns = [
  { title: 'WHEN' },
  { title: 'CRASH' },
  { title: 'FUNCTION', shrinks: true },
  { title: 'INSTANCE', shrinks: true },
  { title: 'EXIT' },
  { title: 'BLAMED' },
  { title: 'LOST', align: 'right' },
  { title: 'MEMORY', align: 'right' },
  { title: 'CPU', align: 'right' },
  { title: 'REASON', shrinks: true },
] as const;

const row = (each: CrashResource): Part[] => [
  new Date(each.atMs).toISOString().slice(5, 19).replace('T', ' '),
  each.id,
  each.function,
  each.instance,
  exitOf(each),
  each.invocation ?? '-',
  String(each.lost.length),
  each.memoryBytes === null ? '-' : bytesText(each.memoryBytes),
  each.cpuMs === null ? '-' : durationText(each.cpuMs),
  painted(each.reason, 'red'),
];

const exitOf = ({ signal, exitCode }: CrashResource): string => signal ?? (exitCode === null ? '-' : String(exitCode));

const pageSize = 1000;

/** The API has them by pages alone, and keeps few enough for that. */
async function one(job: Job, _options: unknown, id?: string): Promise<void> {
  let page = await job.call('crashes', { query: { limit: pageSize } });
  for (;;) {
    const found = page.items.find((each) => each.id === id);
    if (found !== undefined) {
      if (job.output.json) job.output.document(found);
      else tell(job, found, false);
      return;
    }
    if (page.next === null) break;
    page = await job.call('crashes', { query: { limit: pageSize, cursor: page.next } });
  }
  throw new Failure(
    'notFound',
    'CRASH_NOT_FOUND',
    `no crash ${id} is known`,
    'weir crashes lists those that are kept.',
  );
}

function tell({ output }: Job, each: CrashResource, isNext: boolean): void {
  if (isNext) output.say();
  const facts: (readonly [string, Part])[] = [
    ['crash', bold(each.id)],
    ['when', timeText(each.atMs)],
    ['function', `${each.function}, ${each.deployment}`],
    ['instance', `${each.instance}, ${durationText(each.ageMs)} old`],
    ['reason', painted(each.reason, 'red')],
    ['exit', each.signal ?? (each.exitCode === null ? dim('unknown') : `code ${each.exitCode}`)],
    ['blamed', each.invocation ?? dim('no invocation that is known')],
    ['lost', lostText(each.lost)],
    ['memory', each.memoryBytes === null ? dim('unknown') : `${bytesText(each.memoryBytes)} at death`],
    ['CPU', each.cpuMs === null ? dim('unknown') : `${durationText(each.cpuMs)} in all`],
  ];
  for (const line of factLines(facts)) output.say(...line);
  for (const line of each.stack?.split('\n') ?? [dim('no stack was left')]) output.say('  ', line);
}

const mostNamed = 5;
function lostText(lost: readonly string[]): Part {
  if (lost.length === 0) return dim('nothing');
  const more = lost.length > mostNamed ? ', …' : '';
  return `${counted(lost.length, 'invocation')}: ${lost.slice(0, mostNamed).join(', ')}${more}`;
}
