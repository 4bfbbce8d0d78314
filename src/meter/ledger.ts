// Hot path: began, ended and settled run once per invocation; they add numbers to fields of objects found once.
import type { ErrorCode } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { NackReason } from '../model/vitals.ts';
import { addTotals, addUsage, costOf, noTotals, noUsage, subtractTotals, usageOf } from './account.ts';
import type { Cost, Totals, Usage } from './account.ts';
import { InstanceMeter, type InstanceOwner, type InstanceReport } from './instance-meter.ts';
import { Metrics, type MetricsReport } from './metrics.ts';
import { publishedPrices } from './prices.ts';
import type { Prices } from './prices.ts';
import { type Counts, RouteMeter, Tally, type TallyReport } from './tally.ts';

export type Nacks = Readonly<Partial<Record<NackReason | 'lost', number>>>;

/** Handle of one function. */
export class FunctionMeter implements InstanceOwner {
  readonly spec: FunctionSpec;
  readonly tally = new Tally();
  readonly metrics = new Metrics();
  readonly #routes = new Map<string, RouteMeter>();
  readonly #open = new Set<InstanceMeter>();
  /** The last few that ended, oldest first. */
  readonly #ended: InstanceMeter[] = [];
  #endedTotals: Totals = noTotals;
  #refused = 0;
  /** By reason: invocations that came back before they began. */
  nacks: Nacks = {};
  #inFlight = 0;
  #peakInFlight = 0;
  #peakInstances = 0;

  constructor(spec: FunctionSpec) {
    this.spec = spec;
  }

  get memoryMiB(): number {
    return this.spec.config.memoryMiB;
  }

  /** The handle of a route; beyond limits.meterRoutes all others share one. */
  route(pattern: string): RouteMeter {
    const known = this.#routes.get(pattern);
    if (known !== undefined) return known;
    if (this.#routes.size >= limits.meterRoutes && pattern !== otherRoutes) return this.route(otherRoutes);
    const made = new RouteMeter(pattern);
    this.#routes.set(pattern, made);
    return made;
  }

  /** An instance of this function is ready. Its memory counts from its first invocation, its CPU from what it had used to boot. */
  openInstance(id: string, bootCpuUs: number): InstanceMeter {
    const made = new InstanceMeter(id, this, bootCpuUs);
    this.#open.add(made);
    this.#peakInstances = Math.max(this.#peakInstances, this.#open.size);
    return made;
  }

  /** An invocation that no instance ran: throttled, timed out in the queue, its client left. */
  refused(route: RouteMeter, code: ErrorCode): void {
    this.#refused += 1;
    for (const tally of [route.tally, this.tally]) {
      tally.invocations += 1;
      tally.failure(code);
    }
  }

  /** Nacked, recalled, or its instance was lost: it goes elsewhere. */
  returned(reason: NackReason | 'lost'): void {
    // Whoever read them before keeps what it read.
    this.nacks = { ...this.nacks, [reason]: (this.nacks[reason] ?? 0) + 1 };
  }

  flew(change: 1 | -1): void {
    this.#inFlight += change;
    if (this.#inFlight > this.#peakInFlight) this.#peakInFlight = this.#inFlight;
  }

  measured(name: unknown, value: unknown, attributes: unknown): void {
    this.metrics.add(name, value, attributes);
  }

  closed(instance: InstanceMeter, totals: Totals): void {
    this.#open.delete(instance);
    this.#endedTotals = addTotals(this.#endedTotals, totals);
    this.#ended.push(instance);
    if (this.#ended.length > limits.meterEndedInstances) this.#ended.shift();
  }

  corrected(before: Totals, after: Totals): void {
    this.#endedTotals = addTotals(subtractTotals(this.#endedTotals, before), after);
  }

  totals(nowMs: number): Totals {
    let totals = addTotals(this.#endedTotals, { ...noTotals, invocations: this.#refused });
    for (const instance of this.#open) totals = addTotals(totals, instance.totals(nowMs));
    return totals;
  }

  /** All that was counted since it was opened. */
  count(nowMs: number): FunctionCount {
    return {
      spec: this.spec,
      totals: this.totals(nowMs),
      whole: this.tally.counts(),
      nacks: this.nacks,
      routes: new Map([...this.#routes.values()].map(({ pattern, tally }) => [pattern, tally.counts()])),
      peakInFlight: this.#peakInFlight,
      peakInstances: this.#peakInstances,
    };
  }

  /** From now on the most at once is counted anew. */
  restartPeaks(): void {
    this.#peakInFlight = this.#inFlight;
    this.#peakInstances = this.#open.size;
  }

  report(nowMs: number, prices: Prices): FunctionReport {
    const { memoryMiB } = this;
    const open = [...this.#open].map((instance) => instance.report(nowMs));
    const usage = usageOf(this.totals(nowMs), memoryMiB);
    return {
      function: this.spec.id,
      label: this.spec.label,
      memoryMiB,
      ...this.tally.report(),
      usage,
      cost: costOf(usage, prices),
      routes: [...this.#routes.values()].map((route) => ({ route: route.pattern, tally: route.tally.report() })),
      instances: [...open, ...this.#ended.map((instance) => instance.report(nowMs))],
      metrics: this.metrics.report(),
    };
  }
}

const otherRoutes = '(other routes)';

/** Whole numbers of one function: those of two moments differ by what was between them, exactly. */
export interface FunctionCount {
  readonly spec: FunctionSpec;
  readonly totals: Totals;
  readonly whole: Counts;
  readonly nacks: Nacks;
  readonly routes: ReadonlyMap<string, Counts>;
  /** The most at once since `restartPeaks`. */
  readonly peakInFlight: number;
  readonly peakInstances: number;
}

export interface FunctionReport extends TallyReport {
  readonly function: string;
  readonly label: string;
  readonly memoryMiB: number;
  readonly usage: Usage;
  readonly cost: Cost;
  readonly routes: readonly { readonly route: string; readonly tally: TallyReport }[];
  /** Those that run, and the last few that ended. */
  readonly instances: readonly InstanceReport[];
  /** What its code has measured (custom metrics). */
  readonly metrics: MetricsReport;
}

export interface LedgerReport {
  readonly functions: readonly FunctionReport[];
  readonly usage: Usage;
  readonly cost: Cost;
  readonly prices: Prices;
}

/**
 * The meter's book. Handles are taken once per function, route and instance; per invocation their methods are called.
 *
 *     const meter = ledger.openFunction(spec)          // the same handle for the same id
 *     const instance = meter.openInstance('ins_…', bootCpuUs)     // when LOADED arrived
 *     instance.began(now) … instance.ended(now)        // sent … not in flight any more (nacks too)
 *     instance.settled({ route: meter.route('/api/x'), start, outcome, wallMs, cpuUs })
 *     meter.refused(route, code)                       // ended without an instance
 *     instance.vitals(cpuUs, attributedUs); instance.close(now, finalCpuUs)
 *     ledger.retireFunction(id)                        // no longer published
 */
export class Ledger {
  /** What reports are reckoned with, from now on. */
  prices: Prices;
  readonly #functions = new Map<string, FunctionMeter>();
  /** No longer published, oldest first: kept for the report until there are too many. */
  readonly #retired: string[] = [];
  #dropped: Usage = noUsage;
  /** Called with a function that is forgotten from now on, while all that it used can still be asked. */
  onDropped: ((meter: FunctionMeter, nowMs: number) => void) | null = null;

  constructor(prices: Prices = publishedPrices) {
    this.prices = prices;
  }

  get functions(): Iterable<FunctionMeter> {
    return this.#functions.values();
  }

  /** The function's handle; the same one for the same id. */
  openFunction(spec: FunctionSpec): FunctionMeter {
    const known = this.#functions.get(spec.id);
    if (known !== undefined) {
      const retired = this.#retired.indexOf(spec.id);
      if (retired !== -1) this.#retired.splice(retired, 1);
      return known;
    }
    const made = new FunctionMeter(spec);
    this.#functions.set(spec.id, made);
    return made;
  }

  /** The function is gone and its last instance has ended. What it used stays in the total for ever. */
  retireFunction(id: string, nowMs: number): void {
    if (!this.#functions.has(id) || this.#retired.includes(id)) return;
    this.#retired.push(id);
    if (this.#retired.length <= limits.meterRetiredFunctions) return;
    const oldest = this.#retired.shift()!;
    const meter = this.#functions.get(oldest)!;
    this.#dropped = addUsage(this.#dropped, usageOf(meter.totals(nowMs), meter.memoryMiB));
    this.#functions.delete(oldest);
    this.onDropped?.(meter, nowMs);
  }

  report(nowMs: number): LedgerReport {
    const functions = [...this.#functions.values()].map((each) => each.report(nowMs, this.prices));
    const usage = functions.reduce((sum, each) => addUsage(sum, each.usage), this.#dropped);
    return { functions, usage, cost: costOf(usage, this.prices), prices: this.prices };
  }
}
