// Hot path while it is subscribed: `#record` runs once per invocation.
import { channels } from '../base/channels.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { InvocationRecord } from '../model/telemetry.ts';
import { Histogram } from './histogram.ts';
import type { FunctionCount, FunctionMeter, Ledger } from './ledger.ts';
import { Rollup, type Timings, type UsageRow } from './rollup.ts';

export interface UsageCollectorOptions {
  readonly clock: Clock;
  readonly ledger: Ledger;
  /** What a minute that is over has come to; not called when there was nothing. Must not throw. */
  readonly sink: (rows: readonly UsageRow[]) => void;
}

const minuteMs = 60_000;

/**
 * Usage by the minute, of what the ledger counts and what is told of invocations. Minutes are the wall clock's; where the timer
 * comes late (the machine slept), all that came meanwhile belongs to the minute in which it began.
 */
export class UsageCollector {
  readonly #options: UsageCollectorOptions;
  readonly #rollup = new Rollup();
  /** By function; of the minute that is under way. */
  #timings = new Map<string, Timings>();
  #minute: number;
  #timer: Timer;
  #isClosed = false;

  /** What the ledger has counted before counts in the first minute. */
  constructor(options: UsageCollectorOptions) {
    this.#options = options;
    options.ledger.onDropped = this.#dropped;
    channels.invocation.subscribe(this.#record);
    this.#minute = this.#wallMinute();
    this.#timer = this.#arm();
  }

  /** The minute that is under way, so far. */
  current(): UsageRow[] {
    return this.#rollup.rows(this.#minute, this.#counts(), this.#timings);
  }

  /** What was not handed over yet is, and nothing more comes. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer.cancel();
    channels.invocation.unsubscribe(this.#record);
    this.#finish();
    this.#options.ledger.onDropped = null;
  }

  #wallMinute(): number {
    return Math.floor(this.#options.clock.wallMs() / minuteMs);
  }

  #arm(): Timer {
    const { clock } = this.#options;
    return clock.after(minuteMs - (clock.wallMs() % minuteMs), this.#tick);
  }

  readonly #tick = (): void => {
    // Timers and the wall are two clocks: it may be a little early.
    if (this.#wallMinute() !== this.#minute) this.#finish();
    this.#timer = this.#arm();
  };

  #finish(): void {
    const now = this.#counts();
    const rows = this.#rollup.rows(this.#minute, now, this.#timings);
    this.#rollup.advance(now);
    for (const meter of this.#options.ledger.functions) meter.restartPeaks();
    this.#timings = new Map();
    this.#minute = this.#wallMinute();
    if (rows.length > 0) this.#options.sink(rows);
  }

  #counts(): FunctionCount[] {
    const { clock, ledger } = this.#options;
    const nowMs = clock.nowMs();
    return Array.from(ledger.functions, (meter) => meter.count(nowMs));
  }

  readonly #dropped = (meter: FunctionMeter, nowMs: number): void => this.#rollup.dropped(meter.count(nowMs));

  readonly #record = (message: unknown): void => {
    const { functionId, route, status, phases } = message as InvocationRecord;
    const { latency, ttfb } = this.#timing(functionId, route);
    if (status !== null && status !== 101) latency.record(phases.settledUs);
    if (phases.answeredUs !== null) ttfb.record(phases.answeredUs);
  };

  #timing(functionId: string, route: string): { readonly latency: Histogram; readonly ttfb: Histogram } {
    let timings = this.#timings.get(functionId);
    if (timings === undefined) this.#timings.set(functionId, (timings = new Map()));
    let timing = timings.get(route);
    if (timing === undefined) timings.set(route, (timing = { latency: new Histogram(), ttfb: new Histogram() }));
    return timing;
  }
}
