import type { Command } from 'commander';
import type { CronResource, CronRun } from '../../api/observed.ts';
import { act, controlCommand } from '../control-command.ts';
import type { Cli, Job } from '../control-command.ts';
import { agoText, durationText, timeText } from '../figures.ts';
import { parseCount } from '../options.ts';
import { dim, painted } from '../painted.ts';
import type { Part } from '../painted.ts';

export function addCron(program: Command, cli: Cli): void {
  const cron = program
    .command('cron')
    .summary('paths that are called at times')
    .description('Crons of live deployments: when they are called, and what came of it.');
  controlCommand(cron, 'ls', {
    summary: 'list crons',
    description: 'Lists crons, with their next and their last call.',
    examples: [['cron ls shop', 'of a project']],
  })
    .argument('[PROJECT]', 'left out: all of them')
    .action(
      act(cli, async (job, _options, project?: string) => {
        const found = await job.call('crons', { query: project === undefined ? {} : { project } });
        if (job.output.json) job.output.document(found);
        else if (found.items.length === 0) job.output.note('no crons: "crons" of weir.json or vercel.json has them');
        else tellCrons(job, found.items);
      }),
    );
  controlCommand(cron, 'runs', {
    summary: 'when one was called',
    description: 'Lists calls of one cron, the newest first.',
    examples: [['cron runs shop-1 -n 5', 'the last five']],
  })
    .argument('<CRON>', 'as weir cron ls lists it')
    .option('-n, --number <count>', 'so many at most', parseCount, 20)
    .action(
      act<{ readonly number: number }>(cli, async (job, { number }, id) => {
        const found = await job.call('cronRuns', { params: { cron: id }, query: { limit: number } });
        if (job.output.json) job.output.document(found);
        else job.output.table(runColumns, found.items.map(runRow));
      }),
    );
  controlCommand(cron, 'run', {
    summary: 'call one now',
    description: 'Calls a cron now, beside its times. Does not wait for it to end.',
    examples: [['cron run shop-1', 'now']],
  })
    .argument('<CRON>', 'as weir cron ls lists it')
    .action(
      act(cli, async ({ call, output }, _options, id) => {
        const run = await call('runCron', { params: { cron: id } });
        if (output.json) output.document(run);
        else output.say(`${run.path}: ${run.outcome}; weir cron runs ${id} says what comes of it`);
      }),
    );
  addSwitches(cron, cli);
}

function addSwitches(cron: Command, cli: Cli): void {
  for (const [name, enabled, summary] of [
    ['pause', false, 'do not call one for now'],
    ['resume', true, 'call one again'],
  ] as const) {
    controlCommand(cron, name, {
      summary,
      description: enabled
        ? 'Lets a cron that was paused go on.'
        : 'Keeps a cron from being called, until it is resumed.',
      examples: [[`cron ${name} shop-1`, summary]],
    })
      .argument('<CRON>', 'as weir cron ls lists it')
      .action(
        act(cli, async ({ call, output }, _options, id) => {
          const found = await call('changeCron', { params: { cron: id }, body: { enabled } });
          if (output.json) output.document(found);
          else output.say(`${found.path} ${found.enabled ? 'is called again' : 'is paused'}`);
        }),
      );
  }
}

function tellCrons({ output, cli }: Job, crons: readonly CronResource[]): void {
  const nowMs = cli.clock.wallMs();
  const columns = [
    { title: 'CRON' },
    { title: 'SCHEDULE' },
    { title: 'PATH', shrinks: true },
    { title: 'NEXT' },
    { title: 'LAST' },
  ] as const;
  output.table(
    columns,
    crons.map(({ id, schedule, path, enabled, nextMs, lastRun }) => [
      id,
      schedule,
      path,
      enabled ? (nextMs === null ? '-' : timeText(nextMs)) : dim('paused'),
      lastRun === null ? '-' : painted(`${outcomeOf(lastRun)}, ${agoText(lastRun.dueMs, nowMs)}`, lookOf(lastRun)),
    ]),
  );
}

const lookOf = ({ outcome }: CronRun) => (outcome === 'failed' ? ('red' as const) : ('reset' as const));
const outcomeOf = ({ outcome, status }: CronRun): string => (status === null ? outcome : `${outcome} ${status}`);

const runColumns = [
  { title: 'DUE' },
  { title: 'OUTCOME' },
  { title: 'TOOK', align: 'right' },
  { title: 'INVOCATION' },
  { title: 'DETAIL', shrinks: true },
] as const;

const runRow = (run: CronRun): Part[] => [
  timeText(run.dueMs),
  painted(outcomeOf(run), lookOf(run)),
  run.durationMs === null ? '-' : durationText(run.durationMs),
  run.invocation ?? '-',
  run.detail ?? '',
];
