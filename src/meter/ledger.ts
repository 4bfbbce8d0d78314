// Hot path: began, ended and settled run once per invocation; they add numbers to fields of objects found once.
import type { ErrorCode } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { FunctionSpec } from '../model/function.ts';
import { Metrics, type MetricsReport } from './metrics.ts';
import { addUsage, costOf, gbSeconds, noUsage, splitCpu, subtractUsage } from './account.ts';
import type { Cost, Usage } from './account.ts';
import { publishedPrices } from './prices.ts';
import type { Prices } from './prices.ts';

/** How an invocation came to its instance: a process was started, a booted stem took it, or one had room. */
export type StartKind = 'cold' | 'prewarmed' | 'warm';

/** How an invocation ended: it was answered (with whatever status), or one of the catalogue's codes. */
export type Outcome = 'answered' | ErrorCode;

/** One invocation that has ended. The router's own record may be passed: nothing is kept of it. */
export interface Settlement {
  readonly route: RouteMeter;
  readonly start: StartKind;
  readonly outcome: Outcome;
  /** From sent to the instance that ran it to settled. */
  readonly wallMs: number;
  /** Attributed by the instance; 0 where it could not say. */
  readonly cpuUs: number;
}

/** What was counted of one route (or of a whole function). */
class Tally {
  invocations = 0;
  cold = 0;
  prewarmed = 0;
  warm = 0;
  failed = 0;
  attributedUs = 0;
  wallMs = 0;
  readonly #failures: Partial<Record<ErrorCode, number>> = {};

  settled(settlement: Settlement): void {
    this.invocations += 1;
    this.attributedUs += settlement.cpuUs;
    this.wallMs += settlement.wallMs;
    if (settlement.start === 'warm') this.warm += 1;
    else if (settlement.start === 'cold') this.cold += 1;
    else this.prewarmed += 1;
    if (settlement.outcome !== 'answered') this.failure(settlement.outcome);
  }

  failure(code: ErrorCode): void {
    this.failed += 1;
    this.#failures[code] = (this.#failures[code] ?? 0) + 1;
  }

  report(): TallyReport {
    const { invocations, cold, prewarmed, warm, failed, attributedUs, wallMs } = this;
    return { invocations, cold, prewarmed, warm, failed, attributedUs, wallMs, failures: { ...this.#failures } };
  }
}

interface TallyReport {
  readonly invocations: number;
  readonly cold: number;
  readonly prewarmed: number;
  readonly warm: number;
  readonly failed: number;
  readonly attributedUs: number;
  readonly wallMs: number;
  readonly failures: Readonly<Partial<Record<ErrorCode, number>>>;
}

/** Handle of one route pattern of one function; found once per invocation by FunctionMeter.route. */
export class RouteMeter {
  readonly pattern: string;
  readonly tally = new Tally();
  constructor(pattern: string) {
    this.pattern = pattern;
  }
}

/** Handle of one instance that runs a function, from LOADED to its end. */
export class InstanceMeter {
  readonly id: string;
  readonly #function: FunctionMeter;
  readonly #memoryMiB: number;
  #inFlight = 0;
  #busySinceMs = 0;
  #busyUntilMs = -Infinity;
  #busyMs = 0;
  #invocations = 0;
  /** What the process had used when it was told its function: not the function's. */
  readonly #bootUs: number;
  #osUs = 0;
  #attributedUs = 0;
  #reportedAttributedUs = 0;
  #wallMs = 0;
  #state: 'open' | 'closed' = 'open';

  constructor(id: string, owner: FunctionMeter, bootCpuUs: number) {
    this.id = id;
    this.#function = owner;
    this.#memoryMiB = owner.memoryMiB;
    this.#bootUs = bootCpuUs;
  }

  /** An invocation was sent to it. Each is followed by exactly one `ended`. */
  began(nowMs: number): void {
    if (this.#inFlight === 0) this.#busySinceMs = nowMs;
    this.#inFlight += 1;
  }

  /** It is not in flight any more: answered, failed, cancelled, nacked or recalled. */
  ended(nowMs: number): void {
    if (this.#inFlight === 0) return;
    this.#inFlight -= 1;
    if (this.#inFlight > 0) return;
    this.#busyMs += nowMs - this.#busySinceMs;
    this.#busyUntilMs = nowMs;
  }

  /** When it last had an invocation; Infinity: it has one. −Infinity: it never had. */
  get busyUntilMs(): number {
    return this.#inFlight > 0 ? Infinity : this.#busyUntilMs;
  }

  /** The terminal outcome of an invocation that this instance had; a slow client may settle it after the instance's end. */
  settled(settlement: Settlement): void {
    const before = this.#state === 'closed' ? this.#usage(this.#busyMs) : null;
    this.#invocations += 1;
    this.#attributedUs += settlement.cpuUs;
    this.#wallMs += settlement.wallMs;
    settlement.route.tally.settled(settlement);
    this.#function.tally.settled(settlement);
    if (before !== null) this.#function.corrected(before, this.#usage(this.#busyMs));
  }

  /** Totals since the start of the process: what the operating system says, what the instance has attributed. */
  vitals(cpuUs: number, attributedUs: number): void {
    if (cpuUs - this.#bootUs > this.#osUs) this.#osUs = cpuUs - this.#bootUs;
    if (attributedUs > this.#reportedAttributedUs) this.#reportedAttributedUs = attributedUs;
  }

  /** User code measured something. As it was sent: it is checked here. */
  metric(name: unknown, value: unknown, attributes: unknown): void {
    this.#function.metrics.add(name, value, attributes);
  }

  /** The instance is gone. `finalCpuUs`: the operating system's last word, where it could be asked. Idempotent. */
  close(nowMs: number, finalCpuUs: number | null): void {
    if (this.#state === 'closed') return;
    if (finalCpuUs !== null) this.vitals(finalCpuUs, 0);
    if (this.#inFlight > 0) this.#busyMs += nowMs - this.#busySinceMs;
    this.#inFlight = 0;
    this.#state = 'closed';
    this.#function.closed(this, this.#usage(this.#busyMs));
  }

  report(nowMs: number): InstanceReport {
    const busyMs = this.#busyMs + (this.#inFlight > 0 ? nowMs - this.#busySinceMs : 0);
    return {
      instance: this.id,
      state: this.#state,
      inFlight: this.#inFlight,
      busyMs,
      reportedAttributedUs: this.#reportedAttributedUs,
      usage: this.#usage(busyMs),
    };
  }

  #usage(busyMs: number): Usage {
    return {
      invocations: this.#invocations,
      ...splitCpu(this.#osUs, this.#attributedUs),
      bootUs: this.#bootUs,
      memoryGbSeconds: gbSeconds(this.#memoryMiB, busyMs),
      wallGbSeconds: gbSeconds(this.#memoryMiB, this.#wallMs),
    };
  }
}

export interface InstanceReport {
  readonly instance: string;
  readonly state: 'open' | 'closed';
  readonly inFlight: number;
  /** Time with work in flight. */
  readonly busyMs: number;
  /** What the instance itself says it attributed: the same as usage.attributedUs, but for answers that were lost. */
  readonly reportedAttributedUs: number;
  readonly usage: Usage;
}

/** Handle of one function. */
export class FunctionMeter {
  readonly id: string;
  readonly label: string;
  readonly memoryMiB: number;
  readonly tally = new Tally();
  readonly metrics = new Metrics();
  readonly #routes = new Map<string, RouteMeter>();
  readonly #open = new Set<InstanceMeter>();
  /** The last few that ended, oldest first. */
  readonly #ended: InstanceMeter[] = [];
  #endedUsage: Usage = noUsage;
  #refused = 0;

  constructor(spec: FunctionSpec) {
    this.id = spec.id;
    this.label = spec.label;
    this.memoryMiB = spec.config.memoryMiB;
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

  /** Called by the instance's meter: what it used in all. */
  closed(instance: InstanceMeter, usage: Usage): void {
    this.#open.delete(instance);
    this.#endedUsage = addUsage(this.#endedUsage, usage);
    this.#ended.push(instance);
    if (this.#ended.length > limits.meterEndedInstances) this.#ended.shift();
  }

  /** Called by the meter of an instance that has ended, and settled one more since. */
  corrected(before: Usage, after: Usage): void {
    this.#endedUsage = addUsage(subtractUsage(this.#endedUsage, before), after);
  }

  report(nowMs: number, prices: Prices): FunctionReport {
    const open = [...this.#open].map((instance) => instance.report(nowMs));
    const refused = { ...noUsage, invocations: this.#refused };
    const usage = open.reduce((sum, each) => addUsage(sum, each.usage), addUsage(this.#endedUsage, refused));
    return {
      function: this.id,
      label: this.label,
      memoryMiB: this.memoryMiB,
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
  readonly #prices: Prices;
  readonly #functions = new Map<string, FunctionMeter>();
  /** No longer published, oldest first: kept for the report until there are too many. */
  readonly #retired: string[] = [];
  #dropped: Usage = noUsage;

  constructor(prices: Prices = publishedPrices) {
    this.#prices = prices;
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
    const report = this.#functions.get(oldest)!.report(nowMs, this.#prices);
    this.#dropped = addUsage(this.#dropped, report.usage);
    this.#functions.delete(oldest);
  }

  report(nowMs: number): LedgerReport {
    const functions = [...this.#functions.values()].map((each) => each.report(nowMs, this.#prices));
    const usage = functions.reduce((sum, each) => addUsage(sum, each.usage), this.#dropped);
    return { functions, usage, cost: costOf(usage, this.#prices), prices: this.#prices };
  }
}
