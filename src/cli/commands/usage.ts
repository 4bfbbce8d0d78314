import { Option } from 'commander';
import type { Command } from 'commander';
import type { BillResource, Usage } from '../../api/observed.ts';
import { act, controlCommand } from '../control-command.ts';
import type { Cli, Job } from '../control-command.ts';
import { durationText, priceText, usdText } from '../figures.ts';
import { bold, dim } from '../painted.ts';
import type { Part } from '../painted.ts';

interface Options {
  readonly month?: string;
  readonly since?: string;
  readonly project?: string;
  readonly by?: 'project' | 'function' | 'deployment' | 'route';
  readonly csv?: boolean;
}

export function addUsage(program: Command, cli: Cli): void {
  controlCommand(program, 'usage', {
    summary: 'what was used, and what it costs',
    description:
      'Shows a bill: active CPU, memory and invocations of each project, at the prices that the control was given, and what ' +
      'the same traffic would have cost with one invocation an instance. With --by: usage in detail.',
    more: 'Months are in UTC. Prices are settings of the control: what a bill says is an invoice between nobody, unless you make it one.',
    examples: [
      ['usage', 'this month'],
      ['usage --month 2026-10 --csv > october.csv', 'for a spreadsheet'],
      ['usage --since 24h --by function', 'of the last day, by function'],
      ['usage --since 7d --by route --project shop', 'which routes cost what'],
    ],
  })
    .addOption(new Option('--month <month>', 'YYYY-MM, in UTC; left out: the current one').conflicts(['since', 'by']))
    .option('--since <when>', '15m, 24h, 30d, or a Unix time in milliseconds')
    .option('-p, --project <name>', 'of one project')
    .addOption(
      new Option('--by <what>', 'usage, by this')
        .choices(['project', 'function', 'deployment', 'route'])
        .conflicts('csv'),
    )
    .option('--csv', 'for a spreadsheet')
    .action(act<Options>(cli, usage));
}

async function usage(job: Job, { month, since, project, by, csv = false }: Options): Promise<void> {
  const { output } = job;
  const which = {
    ...(project === undefined ? {} : { project }),
    ...(since === undefined ? {} : { from: since }),
  };
  if (by !== undefined) {
    const found = await job.call('usage', { query: { ...which, group: by } });
    if (output.json) output.document(found);
    else tellUsage(job, found, by);
    return;
  }
  const query = { ...which, ...(month === undefined ? {} : { month }) };
  if (csv) {
    output.verbatim(await job.call('billCsv', { query }));
    return;
  }
  const bill = await job.call('bill', { query });
  if (output.json) output.document(bill);
  else tellBill(job, bill);
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const quantity = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(2) : value >= 0.001 ? value.toFixed(4) : 'under 0.001';

/** Little traffic saves nothing: an instance that serves it takes what it takes. */
const savedText = ({ savedUsd, savedPercent, savedGbHours }: BillResource): string =>
  savedUsd > 0
    ? `: ${usdText(savedUsd)} saved (${savedPercent.toFixed(1)} %), ${quantity(savedGbHours)} GB-hours not held`
    : ', which is no more: there were too few at once to save anything';

/** The control rounds what a bill says to cents: nothing of something used is less than a cent, not nothing. */
const amountText = (usd: number, isUsed: boolean): string => usdText(usd === 0 && isUsed ? Number.MIN_VALUE : usd);
const isUsed = (lines: BillResource['projects'][number]['lines']): boolean =>
  lines.some((line) => line.quantity > 0 && line.unitUsd > 0);

function tellBill({ output }: Job, bill: BillResource): void {
  output.say(bold(`${day(bill.fromMs)} to ${day(bill.toMs)}`), dim(' (UTC)'));
  if (bill.projects.length === 0) output.say('Nothing was used.');
  const rows: Part[][] = [];
  for (const { project, lines, totalUsd } of bill.projects) {
    for (const [at, { what, quantity: used, unit, unitUsd, amountUsd }] of lines.entries()) {
      rows.push([
        at === 0 ? bold(project) : '',
        what,
        `${quantity(used)} ${unit}`,
        priceText(unitUsd),
        amountText(amountUsd, used > 0 && unitUsd > 0),
      ]);
    }
    rows.push(['', 'together', '', '', bold(amountText(totalUsd, isUsed(lines)))]);
  }
  if (rows.length > 0) {
    const columns = [
      { title: 'PROJECT' },
      { title: 'WHAT' },
      { title: 'USED', align: 'right' },
      { title: 'EACH', align: 'right' },
      { title: 'AMOUNT', align: 'right' },
    ] as const;
    output.table(columns, rows);
  }
  output.say();
  const isAnyUsed = bill.projects.some(({ lines }) => isUsed(lines));
  output.say(bold(`Total ${amountText(bill.totalUsd, isAnyUsed)}`));
  output.say(
    `One invocation an instance would have cost ${amountText(bill.onePerInstanceUsd, isAnyUsed)}${savedText(bill)}`,
  );
}

function tellUsage({ output }: Job, { fromMs, toMs, groups, totals }: Usage, by: NonNullable<Options['by']>): void {
  const columns = [
    { title: by.toUpperCase(), shrinks: true },
    { title: 'INVOCATIONS', align: 'right' },
    { title: 'FAILED', align: 'right' },
    { title: 'P50', align: 'right' },
    { title: 'P99', align: 'right' },
    { title: 'ACTIVE CPU', align: 'right' },
    { title: 'GB-S', align: 'right' },
    { title: 'COST', align: 'right' },
    { title: 'SAVED', align: 'right' },
  ] as const;
  const row = (name: Part, each: Usage['totals']): Part[] => [
    name,
    String(each.invocations),
    String(each.failed),
    each.latencyMs.p50 === null ? '-' : durationText(each.latencyMs.p50),
    each.latencyMs.p99 === null ? '-' : durationText(each.latencyMs.p99),
    durationText(each.cpuUs / 1000),
    each.memoryGbSeconds.toFixed(1),
    usdText(each.cost.totalUsd),
    each.cost.savedUsd > 0 ? `${each.cost.savedPercent.toFixed(1)} %` : '-',
  ];
  output.say(
    bold(`${new Date(fromMs).toISOString().slice(0, 16)} to ${new Date(toMs).toISOString().slice(0, 16)}`),
    dim(' (UTC)'),
  );
  output.table(columns, [...groups.map((group) => row(nameOf(group, by), group.totals)), row(bold('all'), totals)]);
}

function nameOf(group: Usage['groups'][number], by: NonNullable<Options['by']>): string {
  if (by === 'route') return `${group.function ?? group.project ?? ''} ${group.route ?? ''}`;
  return group[by] ?? '-';
}
