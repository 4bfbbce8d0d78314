// Hot path while it is subscribed: `#record` runs once per invocation.
import { channels } from '../../base/channels.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import type { LiveFunction, Now } from '../../api/observed.ts';
import { costOf, type Usage } from '../../meter/account.ts';
import { Histogram } from '../../meter/histogram.ts';
import type { Prices } from '../../meter/prices.ts';
import type { InvocationRecord } from '../../model/telemetry.ts';
import type { Vitals } from '../../model/vitals.ts';
import { percentilesOf } from './totals.ts';

/** What the router says of its functions at the moment. */
export interface RouterNow {
  readonly functions: readonly {
    readonly id: string;
    readonly label: string;
    readonly limit: number;
    readonly retired: boolean;
    readonly queued: number;
    readonly oldestQueuedMs: number;
    readonly backingOff: string | null;
    readonly instances: readonly {
      readonly id: string;
      readonly state: string;
      readonly pid: number | null;
      readonly memoryMiB: number;
      readonly ageMs: number;
      readonly inFlight: number;
      readonly background: number;
      readonly paused: string | null;
      readonly vitals: Vitals;
    }[];
  }[];
  readonly stems: readonly unknown[];
  /** Since the start. */
  readonly usage: { readonly usage: Usage };
}

export interface NowParts {
  readonly clock: Clock;
  router(): RouterNow;
  prices(): Prices;
  /** Of a function: its limit, of each of its instances too, and why it is so. Null: nothing has been asked of it yet. */
  limits(id: string): { readonly reason: string | null; readonly instances: ReadonlyMap<string, number> } | null;
  /** Whether production clients are led to the deployment. */
  isLive(deployment: string): boolean;
}

interface Second {
  invocations: number;
  failed: number;
  cpuUs: number;
}

interface CpuSeen {
  readonly cpuUs: number;
  readonly atMs: number;
  /** Of one processor, since it was looked at before. */
  readonly percent: number | null;
}

/** Who asked so long ago has stopped watching: processors are not looked at for nobody. */
const watchedMs = 5_000;

/** Latencies are kept in slices of so long, a minute of them. */
const sliceMs = 10_000;
const slices = 6;

const noSecond = (): Second => ({ invocations: 0, failed: 0, cpuUs: 0 });

/** What happens now: counted second by second, while the platform runs. */
export class NowCounter {
  readonly #parts: NowParts;
  readonly #startedMs: number;
  #second = new Map<string, Second>();
  #last = new Map<string, Second>();
  #latency: { latency: Histogram; ttfb: Histogram; sinceMs: number }[] = [];
  #failed = 0;
  /** CPU that an instance had used when it was looked at last. */
  #cpu = new Map<string, CpuSeen>();
  #watchedUntilMs = -Infinity;
  /** Of this second, by project: however many watch, it is made once. */
  #reports = new Map<string | undefined, Now>();
  #timer: Timer;

  constructor(parts: NowParts) {
    this.#parts = parts;
    this.#startedMs = parts.clock.wallMs();
    channels.invocation.subscribe(this.#record);
    this.#timer = parts.clock.after(1000, this.#tick);
  }

  /** Idempotent. */
  close(): void {
    channels.invocation.unsubscribe(this.#record);
    this.#timer.cancel();
  }

  /** As of this second: for those who watch. `project` undefined: of all. */
  latest(project: string | undefined): Now {
    const known = this.#reports.get(project);
    if (known !== undefined) return known;
    const made = this.report(project);
    this.#reports.set(project, made);
    return made;
  }

  /** As of now. */
  report(project: string | undefined): Now {
    const { clock } = this.#parts;
    this.#watchedUntilMs = clock.nowMs() + watchedMs;
    const { functions, stems, usage } = this.#parts.router();
    const shown = functions
      .filter(({ retired, instances, label }) => (!retired || instances.length > 0) && isOf(label, project))
      .map((each) => this.#function(each));
    const latency = new Histogram();
    const ttfb = new Histogram();
    for (const slice of this.#latency) {
      latency.merge(slice.latency);
      ttfb.merge(slice.ttfb);
    }
    const used = usage.usage;
    const cost = costOf(used, this.#parts.prices());
    return {
      atMs: clock.wallMs(),
      functions: shown,
      stems: stems.length,
      perSecond: shown.reduce(
        (sum, { perSecond }) => ({
          invocations: sum.invocations + perSecond.invocations,
          failed: sum.failed + perSecond.failed,
          cpuMs: sum.cpuMs + perSecond.cpuMs,
        }),
        { invocations: 0, failed: 0, cpuMs: 0 },
      ),
      latencyMs: percentilesOf(latency),
      ttfbMs: percentilesOf(ttfb),
      since: {
        startedMs: this.#startedMs,
        invocations: used.invocations,
        failed: this.#failed,
        savedGbHours: (used.wallGbSeconds - used.memoryGbSeconds) / 3600,
        cost: { ...cost, savedUsd: cost.onePerInstanceUsd - cost.totalUsd },
      },
    };
  }

  #function(status: RouterNow['functions'][number]): LiveFunction {
    const { id, label, limit, queued, oldestQueuedMs, backingOff } = status;
    const explained = this.#parts.limits(id);
    const { invocations, failed, cpuUs } = this.#last.get(id) ?? noSecond();
    const deployment = id.slice(0, id.indexOf('/'));
    return {
      id,
      label,
      project: label.slice(0, label.indexOf('/')),
      deployment,
      isLive: this.#parts.isLive(deployment),
      limit,
      limitReason: explained?.reason ?? null,
      inFlight: status.instances.reduce((sum, { inFlight }) => sum + inFlight, 0),
      queued,
      oldestQueuedMs,
      backingOff,
      instances: status.instances.map(({ vitals, ...instance }) => ({
        ...instance,
        limit: explained?.instances.get(instance.id) ?? null,
        cpuPercent: this.#cpu.get(instance.id)?.percent ?? null,
        usedBytes: vitals.rssBytes === 0 ? null : vitals.rssBytes,
        loopDelayMs: vitals.loopDelayMs,
      })),
      perSecond: { invocations, failed, cpuMs: cpuUs / 1000 },
    };
  }

  readonly #record = (message: unknown): void => {
    const { functionId, status, outcome, cpuUs, phases } = message as InvocationRecord;
    let second = this.#second.get(functionId);
    if (second === undefined) this.#second.set(functionId, (second = noSecond()));
    second.invocations += 1;
    second.cpuUs += cpuUs;
    if (outcome !== 'answered') {
      second.failed += 1;
      this.#failed += 1;
    }
    const slice = this.#latency.at(-1);
    if (slice === undefined) return;
    if (status !== null && status !== 101) slice.latency.record(phases.settledUs);
    if (phases.answeredUs !== null) slice.ttfb.record(phases.answeredUs);
  };

  readonly #tick = (): void => {
    const nowMs = this.#parts.clock.nowMs();
    this.#last = this.#second;
    this.#second = new Map();
    if (nowMs - (this.#latency.at(-1)?.sinceMs ?? -Infinity) >= sliceMs) {
      this.#latency.push({ latency: new Histogram(), ttfb: new Histogram(), sinceMs: nowMs });
      if (this.#latency.length > slices) this.#latency.shift();
    }
    this.#reports = new Map();
    if (nowMs < this.#watchedUntilMs) this.#lookAtCpu(nowMs);
    else this.#cpu = new Map();
    this.#timer = this.#parts.clock.after(1000, this.#tick);
  };

  #lookAtCpu(nowMs: number): void {
    const seen = new Map<string, CpuSeen>();
    for (const { instances } of this.#parts.router().functions)
      for (const { id, vitals } of instances) {
        const before = this.#cpu.get(id);
        const percent = before === undefined ? null : (vitals.cpuUs - before.cpuUs) / (nowMs - before.atMs) / 10;
        seen.set(id, { cpuUs: vitals.cpuUs, atMs: nowMs, percent: percent === null ? null : Math.max(0, percent) });
      }
    this.#cpu = seen;
  }
}

const isOf = (label: string, project: string | undefined): boolean =>
  project === undefined || label.startsWith(`${project}/`);
