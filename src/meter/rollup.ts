// Usage by the minute: the differences of what the meter has added up, so that rows sum up to it, whatever came between.
import type { ErrorCode } from '../base/errors.ts';
import type { NackReason } from '../model/vitals.ts';
import { noTotals, subtractTotals, type Totals } from './account.ts';
import { Histogram } from './histogram.ts';
import type { FunctionCount, Nacks } from './ledger.ts';
import type { Counts, Failures } from './tally.ts';

/**
 * What was used in one minute by one function, or by one of its routes. Whole numbers: rows add up to the meter's totals
 * exactly. There may be several rows of one minute and function (a restart, a clock that was set): they add up too.
 */
export interface UsageRow {
  /** Since the Unix epoch. */
  readonly minute: number;
  readonly project: string;
  readonly deployment: string;
  readonly functionId: string;
  readonly name: string;
  readonly environment: 'production' | 'preview';
  /** Provisioned. Memory-time is this × busyUs, as one invocation per instance would have it, this × wallUs. */
  readonly memoryMiB: number;
  /** The route's pattern; null: of the whole function. Of a route alone what is not known by route is 0: see there. */
  readonly route: string | null;
  /** Ran or were refused. */
  readonly invocations: number;
  readonly cold: number;
  readonly prewarmed: number;
  readonly warm: number;
  readonly failed: number;
  readonly failures: Readonly<Partial<Record<ErrorCode, number>>>;
  /** By reason: those that came back before they began. Not by route. */
  readonly nacks: Readonly<Partial<Record<NackReason | 'lost', number>>>;
  /** What the operating system says. Not by route. */
  readonly cpuUs: number;
  /** An invocation's CPU counts when it has ended. */
  readonly attributedUs: number;
  /** cpuUs − attributedUs. Below 0 where an invocation has ended whose CPU was used in minutes before. Not by route. */
  readonly unattributedUs: number;
  /** Charged to nobody. Not by route. */
  readonly bootUs: number;
  /** Time with work in flight, per instance however many invocations overlapped. Not by route. */
  readonly busyUs: number;
  /** Time of every invocation on its instance; counts when it has ended. */
  readonly wallUs: number;
  /** From received to settled, of those whose client got something; not of upgraded connections. */
  readonly latency: Histogram;
  /** From received to the first byte of the function's answer. */
  readonly ttfb: Histogram;
  /** The most at once. Not by route. */
  readonly peakInFlight: number;
  readonly peakInstances: number;
}

/** How long invocations took, by route. */
export type Timings = Map<string, { readonly latency: Histogram; readonly ttfb: Histogram }>;

/** One function between two moments. `before` null: it was not there. */
interface Span {
  readonly before: FunctionCount | null;
  readonly now: FunctionCount;
}

/** Remembers what the last minute ended with. */
export class Rollup {
  #before = new Map<string, FunctionCount>();
  /** Of functions that the ledger has forgotten since. */
  #gone: Span[] = [];

  /** Since the last `advance`. `timings`: by function. */
  rows(minute: number, now: readonly FunctionCount[], timings: ReadonlyMap<string, Timings>): UsageRow[] {
    // One that was forgotten may have come again: each timing is told once.
    const left = new Map([...timings].map(([id, timed]) => [id, new Map(timed)]));
    const spans = now.map((each): Span => ({ before: this.#before.get(each.spec.id) ?? null, now: each }));
    return [...this.#gone, ...spans].flatMap((span) => rowsOf(minute, span, left.get(span.now.spec.id) ?? new Map()));
  }

  /** The next minute begins. */
  advance(now: readonly FunctionCount[]): void {
    this.#before = new Map(now.map((each) => [each.spec.id, each]));
    this.#gone = [];
  }

  /** The ledger forgets a function; if it comes again, it begins with nothing. */
  dropped(now: FunctionCount): void {
    const { id } = now.spec;
    this.#gone.push({ before: this.#before.get(id) ?? null, now });
    this.#before.delete(id);
  }
}

function rowsOf(minute: number, { before, now }: Span, timed: Timings): UsageRow[] {
  const totals = subtractTotals(now.totals, before?.totals ?? noTotals);
  const nacks = subtractEach(now.nacks, before?.nacks ?? {});
  const isIdle = isNothing(totals) && Object.keys(nacks).length === 0;
  if (isIdle && timed.size === 0) return [];
  const whole = {
    ...rowOf(minute, now, null, subtractCounts(now.whole, before?.whole ?? noCounts)),
    nacks,
    cpuUs: totals.cpuUs,
    unattributedUs: totals.cpuUs - totals.attributedUs,
    bootUs: totals.bootUs,
    busyUs: totals.busyUs,
    peakInFlight: now.peakInFlight,
    peakInstances: now.peakInstances,
  };
  const rows: UsageRow[] = [whole];
  for (const [route, counts] of now.routes) {
    const last = before?.routes.get(route) ?? noCounts;
    const times = timed.get(route);
    if (counts.invocations === last.invocations && times === undefined) continue;
    const row = rowOf(minute, now, route, subtractCounts(counts, last));
    if (times !== undefined) {
      timed.delete(route);
      for (const each of [row, whole]) {
        each.latency.merge(times.latency);
        each.ttfb.merge(times.ttfb);
      }
    }
    rows.push(row);
  }
  return isIdle && rows.length === 1 ? [] : rows;
}

function rowOf(minute: number, { spec }: FunctionCount, route: string | null, counts: Counts): UsageRow {
  const { id: functionId, project, deployment, name, environment, config } = spec;
  return {
    minute,
    project,
    deployment,
    functionId,
    name,
    environment,
    memoryMiB: config.memoryMiB,
    route,
    ...counts,
    nacks: {},
    cpuUs: 0,
    unattributedUs: 0,
    bootUs: 0,
    busyUs: 0,
    latency: new Histogram(),
    ttfb: new Histogram(),
    peakInFlight: 0,
    peakInstances: 0,
  };
}

const noCounts: Counts = {
  invocations: 0,
  cold: 0,
  prewarmed: 0,
  warm: 0,
  failed: 0,
  attributedUs: 0,
  wallUs: 0,
  failures: {},
};

const subtractCounts = (now: Counts, before: Counts): Counts => ({
  invocations: now.invocations - before.invocations,
  cold: now.cold - before.cold,
  prewarmed: now.prewarmed - before.prewarmed,
  warm: now.warm - before.warm,
  failed: now.failed - before.failed,
  attributedUs: now.attributedUs - before.attributedUs,
  wallUs: now.wallUs - before.wallUs,
  failures: subtractEach(now.failures, before.failures),
});

function subtractEach<T extends Failures | Nacks>(now: T, before: T): T {
  const earlier = before as Readonly<Record<string, number>>;
  const rest = Object.entries(now as Readonly<Record<string, number>>)
    .map(([key, count]) => [key, count - (earlier[key] ?? 0)] as const)
    .filter(([, count]) => count !== 0);
  return Object.fromEntries(rest) as T;
}

const isNothing = (totals: Totals): boolean => Object.values(totals).every((each) => each === 0);
