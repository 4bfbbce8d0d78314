// Hot path: began, ended and settled run once per invocation; they add whole numbers to fields.
import { splitCpu, usageOf } from './account.ts';
import type { Totals, Usage } from './account.ts';
import { microseconds, type Settlement, type Tally } from './tally.ts';

/** The function that an instance runs, as the meter of the instance sees it. */
export interface InstanceOwner {
  readonly memoryMiB: number;
  readonly tally: Tally;
  /** One more, or one less, of its invocations is on an instance. */
  flew(change: 1 | -1): void;
  measured(name: unknown, value: unknown, attributes: unknown): void;
  /** The instance has ended: what it used in all. */
  closed(instance: InstanceMeter, totals: Totals): void;
  /** An instance that has ended settled one more since. */
  corrected(before: Totals, after: Totals): void;
}

/** Handle of one instance that runs a function, from LOADED to its end. */
export class InstanceMeter {
  readonly id: string;
  readonly #function: InstanceOwner;
  #inFlight = 0;
  #busySinceUs = 0;
  #busyUntilMs = -Infinity;
  #busyUs = 0;
  #invocations = 0;
  /** What the process had used when it was told its function: not the function's. */
  readonly #bootUs: number;
  #osUs = 0;
  #attributedUs = 0;
  #reportedAttributedUs = 0;
  #wallUs = 0;
  #state: 'open' | 'closed' = 'open';

  constructor(id: string, owner: InstanceOwner, bootCpuUs: number) {
    this.id = id;
    this.#function = owner;
    this.#bootUs = Math.round(bootCpuUs);
  }

  /** An invocation was sent to it. Each is followed by exactly one `ended`. */
  began(nowMs: number): void {
    if (this.#inFlight === 0) this.#busySinceUs = microseconds(nowMs);
    this.#inFlight += 1;
    this.#function.flew(1);
  }

  /** It is not in flight any more: answered, failed, cancelled, nacked or recalled. */
  ended(nowMs: number): void {
    if (this.#inFlight === 0) return;
    this.#inFlight -= 1;
    this.#function.flew(-1);
    if (this.#inFlight > 0) return;
    this.#busyUs += microseconds(nowMs) - this.#busySinceUs;
    this.#busyUntilMs = nowMs;
  }

  /** When it last had an invocation; Infinity: it has one. −Infinity: it never had. */
  get busyUntilMs(): number {
    return this.#inFlight > 0 ? Infinity : this.#busyUntilMs;
  }

  /** The terminal outcome of an invocation that this instance had; a slow client may settle it after the instance's end. */
  settled(settlement: Settlement): void {
    const before = this.#state === 'closed' ? this.#totals(this.#busyUs) : null;
    this.#invocations += 1;
    this.#attributedUs += Math.round(settlement.cpuUs);
    this.#wallUs += microseconds(settlement.wallMs);
    settlement.route.tally.settled(settlement);
    this.#function.tally.settled(settlement);
    if (before !== null) this.#function.corrected(before, this.#totals(this.#busyUs));
  }

  /** Totals since the start of the process: what the operating system says, what the instance has attributed. */
  vitals(cpuUs: number, attributedUs: number): void {
    const osUs = Math.round(cpuUs) - this.#bootUs;
    if (osUs > this.#osUs) this.#osUs = osUs;
    if (attributedUs > this.#reportedAttributedUs) this.#reportedAttributedUs = attributedUs;
  }

  /** User code measured something. As it was sent: it is checked where it is kept. */
  metric(name: unknown, value: unknown, attributes: unknown): void {
    this.#function.measured(name, value, attributes);
  }

  /** The instance is gone. `finalCpuUs`: the operating system's last word, where it could be asked. Idempotent. */
  close(nowMs: number, finalCpuUs: number | null): void {
    if (this.#state === 'closed') return;
    if (finalCpuUs !== null) this.vitals(finalCpuUs, 0);
    this.#busyUs = this.#busyUsAt(nowMs);
    for (; this.#inFlight > 0; this.#inFlight -= 1) this.#function.flew(-1);
    this.#state = 'closed';
    this.#function.closed(this, this.#totals(this.#busyUs));
  }

  totals(nowMs: number): Totals {
    return this.#totals(this.#busyUsAt(nowMs));
  }

  report(nowMs: number): InstanceReport {
    const totals = this.totals(nowMs);
    return {
      instance: this.id,
      state: this.#state,
      inFlight: this.#inFlight,
      busyMs: totals.busyUs / 1000,
      reportedAttributedUs: this.#reportedAttributedUs,
      usage: usageOf(totals, this.#function.memoryMiB),
    };
  }

  #busyUsAt(nowMs: number): number {
    return this.#busyUs + (this.#inFlight > 0 ? microseconds(nowMs) - this.#busySinceUs : 0);
  }

  #totals(busyUs: number): Totals {
    const { cpuUs, attributedUs, excessUs } = splitCpu(this.#osUs, this.#attributedUs);
    const invocations = this.#invocations;
    return { invocations, cpuUs, attributedUs, excessUs, bootUs: this.#bootUs, busyUs, wallUs: this.#wallUs };
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
