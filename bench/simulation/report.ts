import { section, type Row } from '../report.ts';
import { aims, type Runs, verdictOf } from './figures.ts';
import type { Figures, RunResult } from './ledger.ts';
import { gbHoursPlot, instancesPlot, latencyPlot } from './plots.ts';
import { policies } from './policies/catalogue.ts';
import { intro, pareto } from './report-text.ts';

/** Runs by workload, then policy, in the order of the catalogues. */
export type Groups = ReadonlyMap<string, Runs>;

const titleOf = (policy: string): string => policies.find(({ name }) => name === policy)!.title;

/** The table of one workload. */
export function workloadTable(runs: readonly RunResult[]): string {
  const { workload } = runs[0]!;
  return section(workload.title, runs.map(row)).text;
}

function row({ policy, figures }: RunResult): Row {
  const { p50Ms, p95Ms, p99Ms, slowdownP50, slowdownP99 } = figures;
  return {
    policy: titleOf(policy),
    'p50 ms': latency(p50Ms),
    'p95 ms': latency(p95Ms),
    'p99 ms': latency(p99Ms),
    'slowdown p50': times(slowdownP50),
    'slowdown p99': times(slowdownP99),
    'cold starts': coldStarts(figures),
    'GB-hours': hours(figures.gbHours),
    'provisioned GB-h': hours(figures.provisionedGbHours),
    'CPU h': hours(figures.cpuHours),
    'boot CPU h': hours(figures.bootCpuHours),
    'instance-hours': hours(figures.instanceHours),
    starts: String(figures.starts),
    'most at once': String(figures.peakInstances),
    'per second': figures.perSecond.toFixed(1),
    failed: failures(figures),
  };
}

export function aimsTable(groups: Groups): string {
  const rows = aims(groups).map(({ workload, what, bound, value, holds }) => ({
    workload,
    figure: what,
    aim: bound,
    here: value,
    holds: holds ? 'yes' : '**no**',
  }));
  return rows.length === 0 ? '' : section('What was aimed for', rows).text;
}

/** Ours against Knative's. Empty when one of them did not run. */
export function paretoTable(groups: Groups): string {
  const rows: Row[] = [];
  const reasons: string[] = [];
  for (const runs of groups.values()) {
    const ours = runs.get('weir');
    const theirs = runs.get('knative');
    if (ours === undefined || theirs === undefined) continue;
    const { slowdown, gbHours, text, why } = verdictOf(ours, theirs);
    rows.push({
      workload: ours.workload.title,
      'p99 slowdown': `${times(ours.figures.slowdownP99)} : ${times(theirs.figures.slowdownP99)}`,
      'ratio ': `${slowdown.toFixed(2)}×`,
      'GB-hours': `${hours(ours.figures.gbHours)} : ${hours(theirs.figures.gbHours)}`,
      ratio: `${gbHours.toFixed(2)}×`,
      verdict: text,
    });
    if (why.length > 0) reasons.push(`- **${ours.workload.title}**: ${why.join(' ')}`);
  }
  if (rows.length === 0) return '';
  const note = reasons.length === 0 ? '' : `Where it is worse at one of them, and why:\n\n${reasons.join('\n')}`;
  return section('Weir : Knative', rows, note).text;
}

/** The page and its plots, by path under docs/reference. */
export function pages(groups: Groups, seed: number): Map<string, string> {
  const files = new Map<string, string>();
  const all = [...groups.values()].map((runs) => Array.from(runs.values()));
  const parts = [intro(seed), `${paretoTable(groups)}\n\n${pareto}`, aimsTable(groups)];
  files.set('scheduling/gb-hours.svg', gbHoursPlot(all));
  parts.push('## GB-hours\n\n![GB-hours by workload and policy](scheduling/gb-hours.svg)');
  for (const runs of all) {
    const { workload } = runs[0]!;
    const { name, title, about, machine } = workload;
    files.set(`scheduling/${name}-latency.svg`, latencyPlot(runs));
    files.set(`scheduling/${name}-instances.svg`, instancesPlot(runs));
    const size = `${runs[0]!.figures.invocations} invocations; ${machine.cores} cores, ${machine.memoryMiB / 1024} GiB.`;
    const [heading, ...table] = workloadTable(runs).split('\n');
    parts.push(
      `${heading}\n\n${about} ${size}\n${table.join('\n')}\n\n` +
        `![Latency by policy: ${title}](scheduling/${name}-latency.svg)\n\n` +
        `![Invocations and instances over time: ${title}](scheduling/${name}-instances.svg)`,
    );
  }
  files.set('scheduling.md', `${parts.join('\n\n')}\n`);
  return files;
}

const latency = (ms: number): string => (ms === Infinity ? '∞' : ms < 100 ? ms.toFixed(1) : ms.toFixed(0));
const times = (value: number): string =>
  value === Infinity ? '∞' : value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0);
const hours = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

function coldStarts({ coldShare, stemShare }: Figures): string {
  const all = `${(coldShare * 100).toFixed(3)} %`;
  return stemShare === 0 ? all : `${all} (${(stemShare * 100).toFixed(0)} % by stem)`;
}

function failures({ failed, invocations }: Figures): string {
  return failed === 0 ? '0' : `${failed} (${((failed / invocations) * 100).toFixed(1)} %)`;
}
