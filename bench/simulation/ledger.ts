// Hot path of the simulator: two or three calls per invocation.
import { gbSeconds } from '../../src/meter/account.ts';
import { percentileOf } from './percentile.ts';
import { Timeline } from './timeline.ts';
import { unloadedMs, type Workload } from './workload.ts';

const spans = 240;

/** What one run comes to. Of what came from `measureFromMs` on. */
export interface Figures {
  readonly invocations: number;
  /** Answered by an error of the platform. They count as infinitely late. */
  readonly failed: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Latency ÷ what the invocation takes on a warm instance with a core to itself. */
  readonly slowdownP50: number;
  readonly slowdownP99: number;
  /** Share of invocations that waited for an instance that was started, or given its function, after they came. */
  readonly coldShare: number;
  /** Of these, the share that got a stem. */
  readonly stemShare: number;
  /** Memory × time with at least one invocation in flight: what the meter charges. */
  readonly gbHours: number;
  /** Memory × the whole life of instances, stems included. */
  readonly provisionedGbHours: number;
  /** CPU of invocations. */
  readonly cpuHours: number;
  readonly bootCpuHours: number;
  readonly instanceHours: number;
  readonly starts: number;
  readonly peakInstances: number;
  /** Answered ÷ the time from the first arrival to the last answer. */
  readonly perSecond: number;
}

export interface RunResult {
  readonly workload: Workload;
  readonly policy: string;
  readonly figures: Figures;
  /** Ascending; failed ones are Infinity. */
  readonly latenciesMs: Float64Array;
  readonly slowdowns: Float64Array;
  readonly instances: Float64Array;
  readonly inFlight: Float64Array;
  /** Events that the engine handled. */
  readonly events: number;
  /** All that the cores gave out from the start to the end. */
  readonly usedCpuMs: number;
}

/** Latency of an invocation that has not been settled yet. */
const open = -1;

export class Ledger {
  readonly instances: Timeline;
  readonly inFlight: Timeline;
  settledCount = 0;
  lastSettledMs = 0;
  readonly #workload: Workload;
  readonly #fromMs: number;
  readonly #latencyMs: Float64Array;
  readonly #cold: Uint8Array;
  #gbSeconds = 0;
  #provisionedGbSeconds = 0;
  #lifeMs = 0;
  #starts = 0;
  #bootCpuMs = 0;
  #cpuMs = 0;

  constructor(workload: Workload) {
    const count = workload.arrivalMs.length;
    this.#workload = workload;
    this.#fromMs = workload.measureFromMs;
    this.#latencyMs = new Float64Array(count).fill(open);
    this.#cold = new Uint8Array(count);
    this.instances = new Timeline(workload.durationMs, spans);
    this.inFlight = new Timeline(workload.durationMs, spans);
  }

  arrived(nowMs: number): void {
    this.inFlight.add(1, nowMs);
  }

  /** It waited for the instance that it is sent to. */
  waitedForStart(invocation: number, fromStem: boolean): void {
    this.#cold[invocation] = fromStem ? 2 : 1;
  }

  /** `latencyMs`: Infinity for one that failed. Throws when it had been settled before (I1). */
  settled(invocation: number, latencyMs: number, nowMs: number): void {
    if (this.#latencyMs[invocation] !== open) throw new Error(`invocation ${invocation} was settled twice`);
    this.#latencyMs[invocation] = latencyMs;
    this.settledCount += 1;
    this.lastSettledMs = nowMs;
    this.inFlight.add(-1, nowMs);
  }

  /** A process was started. */
  started(nowMs: number): void {
    if (nowMs >= this.#fromMs) this.#starts += 1;
  }

  /** What one has used to boot, or to load its function. */
  booted(cpuMs: number, nowMs: number): void {
    if (nowMs >= this.#fromMs) this.#bootCpuMs += cpuMs;
  }

  ran(cpuMs: number, nowMs: number): void {
    if (nowMs >= this.#fromMs) this.#cpuMs += cpuMs;
  }

  busy(memoryMiB: number, fromMs: number, toMs: number): void {
    this.#gbSeconds += gbSeconds(memoryMiB, Math.max(0, toMs - Math.max(fromMs, this.#fromMs)));
  }

  /** An instance of a function, or (`asStem`) a stem, was there. */
  lived(memoryMiB: number, asStem: boolean, fromMs: number, toMs: number): void {
    const lifeMs = Math.max(0, toMs - Math.max(fromMs, this.#fromMs));
    this.#provisionedGbSeconds += gbSeconds(memoryMiB, lifeMs);
    if (!asStem) this.#lifeMs += lifeMs;
  }

  result(policy: string, nowMs: number, totals: Pick<RunResult, 'events' | 'usedCpuMs'>): RunResult {
    const { arrivalMs } = this.#workload;
    let first = 0;
    while (first < arrivalMs.length && arrivalMs[first]! < this.#fromMs) first += 1;
    const latenciesMs = this.#latencyMs.slice(first);
    const slowdowns = latenciesMs.map(
      (latencyMs, at) => latencyMs / Math.max(1, unloadedMs(this.#workload, first + at)),
    );
    latenciesMs.sort();
    slowdowns.sort();
    this.instances.end(nowMs);
    this.inFlight.end(nowMs);
    return {
      workload: this.#workload,
      policy,
      figures: this.#figures(latenciesMs, slowdowns, first),
      latenciesMs,
      slowdowns,
      instances: this.instances.peaks,
      inFlight: this.inFlight.peaks,
      ...totals,
    };
  }

  #figures(latenciesMs: Float64Array, slowdowns: Float64Array, first: number): Figures {
    const invocations = latenciesMs.length;
    let failed = 0;
    while (failed < invocations && latenciesMs[invocations - 1 - failed] === Infinity) failed += 1;
    let cold = 0;
    let stem = 0;
    for (let index = first; index < this.#cold.length; index += 1) {
      if (this.#cold[index] !== 0) cold += 1;
      if (this.#cold[index] === 2) stem += 1;
    }
    const spanMs = this.lastSettledMs - (this.#workload.arrivalMs[first] ?? 0);
    return {
      invocations,
      failed,
      p50Ms: percentileOf(latenciesMs, 0.5),
      p95Ms: percentileOf(latenciesMs, 0.95),
      p99Ms: percentileOf(latenciesMs, 0.99),
      slowdownP50: percentileOf(slowdowns, 0.5),
      slowdownP99: percentileOf(slowdowns, 0.99),
      coldShare: invocations === 0 ? 0 : cold / invocations,
      stemShare: cold === 0 ? 0 : stem / cold,
      gbHours: this.#gbSeconds / 3600,
      provisionedGbHours: this.#provisionedGbSeconds / 3600,
      cpuHours: this.#cpuMs / 3_600_000,
      bootCpuHours: this.#bootCpuMs / 3_600_000,
      instanceHours: this.#lifeMs / 3_600_000,
      starts: this.#starts,
      peakInstances: this.instances.peak,
      perSecond: spanMs > 0 ? (invocations - failed) / (spanMs / 1000) : 0,
    };
  }
}
