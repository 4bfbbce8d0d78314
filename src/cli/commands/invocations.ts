import { Option } from 'commander';
import type { Command } from 'commander';
import type { InvocationResource } from '../../api/observed.ts';
import { act, controlCommand } from '../control-command.ts';
import type { Cli, Job } from '../control-command.ts';
import { factLines } from '../deployment-lines.ts';
import { bytesText, durationText, timeText } from '../figures.ts';
import { parseCount } from '../options.ts';
import { bold, dim, painted } from '../painted.ts';
import type { Part } from '../painted.ts';
import { show } from './logs.ts';

interface Options {
  readonly function?: string;
  readonly deployment?: string;
  readonly status?: string;
  readonly failed?: boolean;
  readonly start?: 'cold' | 'prewarmed' | 'warm';
  readonly slower?: string;
  readonly since?: string;
  readonly number: number;
}

export function addInvocations(program: Command, cli: Cli): void {
  controlCommand(program, 'invocations', {
    summary: 'requests to functions',
    description: 'Lists invocations, the newest first.',
    examples: [
      ['invocations shop', 'the last 20 of a project'],
      ['invocations shop --failed --since 1h', 'that failed in the last hour'],
      ['invocations --slower 1000 --start cold', 'cold ones over a second'],
    ],
  })
    .argument('[PROJECT]', 'left out: all of them')
    .option('--function <name>', 'PROJECT/api/hello, or api/hello')
    .option('--deployment <id>', 'of one deployment')
    .option('--status <status>', '404, or 5xx')
    .option('--failed', 'those without an answer of the function’s, and those of 5xx')
    .addOption(new Option('--start <start>', 'how its instance was started').choices(['cold', 'prewarmed', 'warm']))
    .option('--slower <ms>', 'those that took longer than so many milliseconds')
    .option('--since <when>', '15m, 24h, 7d, or a Unix time in milliseconds')
    .option('-n, --number <count>', 'so many at most', parseCount, 20)
    .action(act<Options>(cli, list));
  controlCommand(program, 'invocation', {
    summary: 'one request, phase by phase',
    description: 'Shows one invocation: what it was, where its time went, what it logged.',
    examples: [['invocation inv_3f2a9c0e1d000001', 'as X-Vercel-Id has it']],
  })
    .argument('<ID>', 'the id of an invocation')
    .action(act(cli, one));
}

async function list(job: Job, options: Options, project?: string): Promise<void> {
  const { output } = job;
  const { number, slower, since, failed, ...which } = options;
  const query = {
    limit: number,
    ...(project === undefined ? {} : { project }),
    ...(which.function === undefined ? {} : { function: which.function }),
    ...(which.deployment === undefined ? {} : { deployment: which.deployment }),
    ...(which.status === undefined ? {} : { status: which.status }),
    ...(which.start === undefined ? {} : { start: which.start }),
    ...(failed === true ? { failed: 'true' as const } : {}),
    ...(slower === undefined ? {} : { slowerThanMs: slower }),
    ...(since === undefined ? {} : { from: since }),
  };
  const found = await job.call('invocations', { query });
  if (output.json) output.document(found);
  else if (found.items.length === 0) output.note('none');
  else output.table(columns, found.items.map(row));
}

const columns = [
  { title: 'WHEN' },
  { title: 'INVOCATION' },
  { title: 'STATUS' },
  { title: 'TOOK', align: 'right' },
  { title: 'CPU', align: 'right' },
  { title: 'START' },
  { title: 'FUNCTION', shrinks: true },
  { title: 'REQUEST', shrinks: true },
] as const;

const row = (each: InvocationResource): Part[] => [
  new Date(each.receivedMs).toISOString().slice(5, 19).replace('T', ' '),
  each.id,
  statusOf(each),
  durationText(each.durationMs),
  durationText(each.cpuUs / 1000),
  each.start ?? '-',
  each.function,
  `${each.method} ${each.path}`,
];

function statusOf({ status, outcome }: InvocationResource): Part {
  const text = outcome === 'answered' ? String(status) : `${status ?? '-'} ${outcome}`;
  return outcome !== 'answered' || (status ?? 0) >= 500 ? painted(text, 'red') : text;
}

async function one(job: Job, _options: unknown, id?: string): Promise<void> {
  const { output } = job;
  const found = await job.call('invocation', { params: { invocation: id! } });
  if (output.json) {
    output.document(found);
    return;
  }
  const { invocation: each, lines, linesDropped } = found;
  const facts: (readonly [string, Part])[] = [
    ['invocation', bold(each.id)],
    ['request', `${each.method} ${each.host}${each.path}`],
    ['status', statusOf(each)],
    ['function', `${each.function}, ${each.route}`],
    ['deployment', `${each.deployment}, ${each.environment}`],
    ['instance', `${each.instance ?? 'none'}${each.start === null ? '' : `, ${each.start}`}`],
    ['received', timeText(each.receivedMs)],
    ['took', `${durationText(each.durationMs)}, ${durationText(each.cpuUs / 1000)} of CPU`],
    ['bytes', `${bytesText(each.requestBytes)} in, ${bytesText(each.responseBytes)} out`],
    ...(each.refusals === 0 ? [] : [['moved', `${each.refusals} times before it began`] as const]),
    ...(each.traceId === null ? [] : [['trace', each.traceId] as const]),
  ];
  for (const line of factLines(facts)) output.say(...line);
  output.say();
  for (const line of waterfall(each.phases, Math.min(output.columns, 100))) output.say(...line);
  if (lines.length > 0) output.say();
  for (const line of lines) show(line, output);
  if (linesDropped > 0) output.say(dim(`${linesDropped} lines more were not kept`));
}

const phases = [
  ['admitted', 'admittedUs'],
  ['matched', 'matchedUs'],
  ['cached', 'cachedUs'],
  ['resolved', 'resolvedUs'],
  ['queued', 'queuedUs'],
  ['placed', 'placedUs'],
  ['sent', 'sentUs'],
  ['begun', 'begunUs'],
  ['answered', 'answeredUs'],
  ['settled', 'settledUs'],
] as const;

/** A line a phase: from where the one before ended to where it did. */
function waterfall(times: InvocationResource['phases'], width: number): Part[][] {
  const space = Math.max(10, width - 34);
  const wholeUs = Math.max(1, times.settledUs);
  let beforeUs = 0;
  return phases.map(([name, field]) => {
    const atUs = times[field];
    if (atUs === null) return [dim(`  ${name.padEnd(10)}${'-'.padStart(10)}`)];
    const [from, to] = [beforeUs, atUs].map((us) => Math.round((us / wholeUs) * space)) as [number, number];
    const took = durationText((atUs - beforeUs) / 1000);
    beforeUs = atUs;
    const bar = to > from ? '█'.repeat(to - from) : '▏';
    return [`  ${name.padEnd(10)}${took.padStart(10)}  ${' '.repeat(Math.min(from, space - 1))}`, painted(bar, 'cyan')];
  });
}
