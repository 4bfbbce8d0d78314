import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { ApiError } from '../../api/errors.ts';
import type { BillResource, Usage } from '../../api/observed.ts';
import type { Call } from '../../api/routes.ts';
import { type Bill, type BilledRow, type BillPart, bill } from '../../meter/bill.ts';
import { billCsv } from '../../meter/bill-text.ts';
import type { Prices } from '../../meter/prices.ts';
import type { UsageRow } from '../../meter/rollup.ts';
import type { HandlersOf } from '../api/handler.ts';
import { sinceMs } from '../api/since.ts';
import { Totals } from './totals.ts';
import type { UsageSpan, UsageStore } from './usage-store.ts';

export interface UsageParts {
  readonly clock: Clock;
  readonly store: UsageStore;
  prices(): Prices;
  /** What the store does not have yet: the minute that is under way, and what waits to be written. */
  current(): readonly UsageRow[];
}

const minuteMs = 60_000;
/** Points of a series where nobody says how many. */
const usualPoints = 120;
/** Spans from here on are read by the hour. */
const byHourMinutes = 12 * 60;

export const usageHandlers = (parts: UsageParts): HandlersOf<'usage' | 'bill' | 'billCsv'> => ({
  usage: ({ query }) => usageOf(parts, query),
  async bill({ query }) {
    const { bill: made, fromMs, toMs } = await billOf(parts, query);
    return billResource(made, fromMs, toMs);
  },
  async billCsv({ query }) {
    const { bill: made, fromMs } = await billOf(parts, query);
    const name = `weir-bill-${new Date(fromMs).toISOString().slice(0, 10)}.csv`;
    const headers = {
      'Content-Type': 'text/csv; charset=utf-8',
      'Content-Disposition': `attachment; filename="${name}"`,
    };
    return { answer: billCsv(made), headers };
  },
});

/** Rows of a span, those of the minute under way too; others have the loop between batches. */
async function* rowsOf(
  parts: UsageParts,
  span: UsageSpan,
  isByHour: boolean,
  withRoutes: boolean,
): AsyncGenerator<UsageRow> {
  for (const rows of parts.store.read(span, isByHour, withRoutes)) {
    yield* rows;
    // What the store has and what it has not yet are to be of one moment: after the last batch there is no turn of the loop.
    if (rows.length === limits.usageBatchRows) await new Promise<void>((resolve) => parts.clock.soon(resolve));
  }
  for (const row of parts.current()) {
    const isIn = row.minute >= span.fromMinute && row.minute < span.toMinute;
    if (isIn && matches(row, span) && (withRoutes || row.route === null)) yield row;
  }
}

const matches = (row: UsageRow, { project, deployment, name, environment }: UsageSpan): boolean =>
  (project === undefined || row.project === project) &&
  (deployment === undefined || row.deployment === deployment) &&
  (name === undefined || row.name === name) &&
  (environment === undefined || row.environment === environment);

async function usageOf(parts: UsageParts, query: Call<'usage'>['query']): Promise<Usage> {
  const { fromMs, toMs } = spanOf(query, parts.clock.wallMs());
  const [fromMinute, toMinute] = [Math.floor(fromMs / minuteMs), Math.ceil(toMs / minuteMs)];
  const stepMinutes = stepOf(query.step, toMinute - fromMinute);
  const isByHour = stepMinutes % 60 === 0 || toMinute - fromMinute >= byHourMinutes;
  const step = isByHour ? Math.max(60, Math.ceil(stepMinutes / 60) * 60) : stepMinutes;
  const isByRoute = query.group === 'route';
  const whole = new Totals();
  const groups = new Map<string, { group: Omit<Usage['groups'][number], 'totals'>; totals: Totals }>();
  const series = new Map<number, Totals>();
  for await (const row of rowsOf(parts, { fromMinute, toMinute, ...functionOf(query) }, isByHour, isByRoute)) {
    if (row.route === null) {
      whole.add(row);
      const at = row.minute - (row.minute % step);
      (series.get(at) ?? setTotals(series, at)).add(row);
    }
    if (isByRoute === (row.route === null)) continue;
    const group = groupOf(row, query.group);
    const key = JSON.stringify(group);
    const known = groups.get(key);
    if (known === undefined && groups.size >= limits.usageGroups) continue;
    const { totals } = known ?? setGroup(groups, key, group);
    totals.add(row);
  }
  const prices = parts.prices();
  return {
    fromMs,
    toMs,
    stepS: step * 60,
    totals: whole.report(prices),
    groups: [...groups.values()]
      .map(({ group, totals }) => Object.assign(group, { totals: totals.report(prices) }))
      .toSorted(
        (a, b) => b.totals.cost.totalUsd - a.totals.cost.totalUsd || b.totals.invocations - a.totals.invocations,
      ),
    series: [...series]
      .toSorted(([one], [other]) => one - other)
      .map(([at, totals]) => ({ atMs: at * minuteMs, totals: totals.report(prices) })),
  };
}

function setTotals(series: Map<number, Totals>, at: number): Totals {
  const made = new Totals();
  series.set(at, made);
  return made;
}

function setGroup<G>(groups: Map<string, { group: G; totals: Totals }>, key: string, group: G) {
  const made = { group, totals: new Totals() };
  groups.set(key, made);
  return made;
}

function groupOf({ project, name, deployment, route }: UsageRow, by: Call<'usage'>['query']['group']) {
  const label = `${project}/${name}`;
  const none = { project, function: null, deployment: null, route: null };
  switch (by) {
    case 'project':
      return none;
    case 'deployment':
      return { ...none, deployment };
    case 'function':
      return { ...none, function: label };
    case 'route':
      return { ...none, function: label, route };
  }
  return none;
}

/** Minutes of a point, at most limits.usagePoints of them. */
function stepOf(stepS: number | undefined, minutes: number): number {
  const asked = Math.ceil((stepS ?? (minutes * 60) / usualPoints) / 60);
  return Math.max(1, asked, Math.ceil(minutes / limits.usagePoints));
}

/** `PROJECT/NAME`, or NAME in any project. */
function functionOf(query: {
  project?: string | undefined;
  function?: string | undefined;
  deployment?: string | undefined;
  environment?: string | undefined;
}) {
  const { project, deployment, environment } = query;
  const named = query.function;
  if (named === undefined) return { project, deployment, environment };
  const cut = named.indexOf('/');
  const isLabel = cut > 0 && (project === undefined || project === named.slice(0, cut));
  return isLabel && project === undefined
    ? { project: named.slice(0, cut), name: named.slice(cut + 1), deployment, environment }
    : { project, name: isLabel ? named.slice(cut + 1) : named, deployment, environment };
}

function spanOf(query: { from?: string | undefined; to?: string | undefined }, nowMs: number) {
  const toMs = query.to === undefined ? nowMs : sinceMs(query.to, nowMs);
  const fromMs = sinceMs(query.from ?? '24h', nowMs);
  if (fromMs >= toMs)
    throw new ApiError('INVALID_REQUEST', 'The span ends before it begins.', [
      { path: 'from', message: 'is after `to`' },
    ]);
  return { fromMs, toMs };
}

/** A month of UTC, or a span. */
async function billOf(parts: UsageParts, query: Call<'bill'>['query']) {
  const nowMs = parts.clock.wallMs();
  const isMonth = query.from === undefined && query.to === undefined;
  const { fromMs, toMs } = isMonth
    ? monthOf(query.month ?? new Date(nowMs).toISOString().slice(0, 7))
    : spanOf(query, nowMs);
  const span = {
    fromMinute: Math.floor(fromMs / minuteMs),
    toMinute: Math.ceil(toMs / minuteMs),
    project: query.project,
  };
  const rows: BilledRow[] = [];
  for await (const row of rowsOf(parts, span, true, false)) {
    const { minute, project, route, memoryMiB, invocations, cpuUs, busyUs, wallUs } = row;
    // Of a month there are many: without the histograms, which take most of the memory.
    rows.push({ minute, project, route, memoryMiB, invocations, cpuUs, busyUs, wallUs });
  }
  return { bill: bill(rows, parts.prices()), fromMs, toMs };
}

function monthOf(month: string): { fromMs: number; toMs: number } {
  const [year, number] = month.split('-').map(Number) as [number, number];
  return { fromMs: Date.UTC(year, number - 1), toMs: Date.UTC(year, number) };
}

const usd = (cents: number): number => cents / 100;

function billResource({ projects, total }: Bill, fromMs: number, toMs: number): BillResource {
  return {
    fromMs,
    toMs,
    projects: projects.map((part) => ({ project: part.project, lines: linesOf(part), ...sumsOf(part) })),
    ...sumsOf(total),
    savedGbHours: total.onePerInstance.savedGbHours,
  };
}

const linesOf = ({ lines }: BillPart): BillResource['projects'][number]['lines'] =>
  lines.map(({ item, quantity, unit, unitPriceUsd, amountCents }) => ({
    what: item,
    quantity,
    unit,
    unitUsd: unitPriceUsd,
    amountUsd: usd(amountCents),
  }));

const sumsOf = ({ totalCents, onePerInstance }: BillPart) => ({
  totalUsd: usd(totalCents),
  onePerInstanceUsd: usd(onePerInstance.totalCents),
  savedUsd: usd(onePerInstance.savedCents),
  savedPercent: onePerInstance.savedPercent ?? 0,
});
