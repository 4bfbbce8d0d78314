import { monitorEventLoopDelay } from 'node:perf_hooks';
import { channels } from '../../base/channels.ts';
import { limits } from '../../base/limits.ts';
import type { InvocationRecord } from '../../model/telemetry.ts';
import { both, Exposition, Histogram, labelsOf } from './exposition.ts';
import type { Labels, Metric } from './exposition.ts';

/** What the platform's status says of one function (statusReport in src/main.ts), as far as it is told. */
export interface FunctionFigures {
  readonly id: string;
  /** `PROJECT/NAME` */
  readonly label: string;
  readonly retired: boolean;
  readonly limit: number;
  readonly instances: readonly { readonly state: string; readonly inFlight: number }[];
  readonly queued: number;
  readonly oldestQueuedMs: number;
  readonly nacks: Readonly<Record<string, number>>;
  readonly invocations: number;
  readonly failed: number;
  readonly failures: Readonly<Partial<Record<string, number>>>;
  readonly starts: { readonly cold: number; readonly prewarmed: number; readonly warm: number };
  readonly activeCpu: { readonly attributedMs: number; readonly unattributedMs: number; readonly bootMs: number };
  readonly memoryGbSeconds: number;
  readonly wallGbSeconds: number;
}

interface PlatformFigures {
  readonly functions: readonly FunctionFigures[];
  readonly stems: readonly unknown[];
}

export interface PlatformMetricsOptions {
  status(): PlatformFigures;
  readonly version: string;
  /** Of the log, and what was dropped of traces; left out: not told. */
  readonly logBytes?: () => number;
  readonly tracesDropped?: () => number;
  /** Of the process; left out: this one's. */
  readonly process?: Pick<NodeJS.Process, 'memoryUsage' | 'cpuUsage' | 'uptime'>;
}

/** Seconds. */
const durationBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

interface Times {
  readonly duration: Histogram;
  readonly ttfb: Histogram;
}

const newTimes = (): Times => ({ duration: new Histogram(durationBounds), ttfb: new Histogram(durationBounds) });
/** In the place of a label: of all that are not told apart. */
const rest = '';

const labelsOfFunction = (label: string): Labels =>
  labelsOf(
    label === rest
      ? { project: '', function: '(others)' }
      : { project: label.slice(0, label.indexOf('/')), function: label },
  );

/**
 * What Prometheus is told. Deployments of one function are one here, so that its counters go on when a newer version takes its
 * place, and so that there are no more series than functions. Counters may go back when the platform forgets earlier versions:
 * Prometheus takes that for a restart, and so do its functions.
 */
export class PlatformMetrics {
  readonly #options: PlatformMetricsOptions;
  readonly #times = new Map<string, Times>();
  readonly #loop = monitorEventLoopDelay({ resolution: 10 });

  constructor(options: PlatformMetricsOptions) {
    this.#options = options;
    this.#loop.enable();
    channels.invocation.subscribe(this.#onInvocation);
  }

  close(): void {
    this.#loop.disable();
    channels.invocation.unsubscribe(this.#onInvocation);
  }

  /** The page. */
  text(): string {
    const page = new Exposition();
    const figures = this.#options.status();
    const groups = grouped(figures.functions);
    ofFunctions(page, groups);
    this.#ofTimes(page, groups);
    page
      .metric('weir_stems', 'gauge', 'Booted instances of a release that have no function yet.')
      .set('', figures.stems.length);
    this.#ofPlatform(page);
    return page.text;
  }

  readonly #onInvocation = (message: unknown): void => {
    const { label, phases } = message as InvocationRecord;
    // Between two scrapes there is room for as many again as are told apart.
    const isRoom = this.#times.has(label) || this.#times.size < 2 * limits.metricFunctions;
    const times = this.#timesOf(isRoom ? label : rest);
    times.duration.observe(phases.settledUs / 1e6);
    if (phases.answeredUs !== null) times.ttfb.observe(phases.answeredUs / 1e6);
  };

  #timesOf(label: string): Times {
    let times = this.#times.get(label);
    if (times === undefined) this.#times.set(label, (times = newTimes()));
    return times;
  }

  #ofTimes(page: Exposition, groups: ReadonlyMap<string, Group>): void {
    for (const [label, times] of this.#times) {
      if (label === rest || groups.has(label)) continue;
      this.#timesOf(rest).duration.add(times.duration);
      this.#timesOf(rest).ttfb.add(times.ttfb);
      this.#times.delete(label);
    }
    const named = [...this.#times].map(([label, times]) => [labelsOfFunction(label), times] as const);
    const duration = page.metric(
      'weir_invocation_duration_seconds',
      'histogram',
      'From received to settled, by function.',
    );
    for (const [labels, times] of named) duration.histogram(labels, times.duration);
    const ttfb = page.metric(
      'weir_invocation_ttfb_seconds',
      'histogram',
      'From received to the first byte of the answer, by function.',
    );
    for (const [labels, times] of named) ttfb.histogram(labels, times.ttfb);
  }

  #ofPlatform(page: Exposition): void {
    const { version, logBytes, tracesDropped } = this.#options;
    const self = this.#options.process ?? process;
    const { rss, heapUsed } = self.memoryUsage();
    const { user, system } = self.cpuUsage();
    const one = (name: string, type: 'counter' | 'gauge', help: string, value: number): void =>
      page.metric(name, type, help).set('', value);
    if (logBytes !== undefined) one('weir_log_bytes', 'gauge', 'What logs take on disk.', logBytes());
    if (tracesDropped !== undefined) {
      one('weir_traces_dropped_total', 'counter', 'Invocations that did not reach the collector.', tracesDropped());
    }
    one('process_resident_memory_bytes', 'gauge', 'Of the platform, without its instances.', rss);
    one('process_cpu_seconds_total', 'counter', 'Of the platform, user and system.', (user + system) / 1e6);
    one('process_uptime_seconds', 'gauge', 'Since the platform was started.', self.uptime());
    one('weir_heap_used_bytes', 'gauge', 'Of the platform’s JavaScript heap.', heapUsed);
    const delay = page.metric(
      'weir_event_loop_delay_seconds',
      'gauge',
      'How late the platform’s loop was, since the scrape before, by quantile.',
    );
    for (const quantile of [0.5, 0.9, 0.99, 1]) {
      const nanoseconds = quantile === 1 ? this.#loop.max : this.#loop.percentile(100 * quantile);
      delay.set(labelsOf({ quantile: String(quantile) }), this.#loop.count === 0 ? 0 : nanoseconds / 1e9);
    }
    this.#loop.reset();
    page
      .metric('weir_build_info', 'gauge', '1, with what runs.')
      .set(labelsOf({ version, node: process.versions.node }), 1);
  }
}

type Group = readonly FunctionFigures[];

/** By label: those that are served first, and as many of the others as there is room for. What is left is one. */
function grouped(functions: readonly FunctionFigures[]): ReadonlyMap<string, Group> {
  const groups = new Map<string, FunctionFigures[]>();
  for (const each of functions.toSorted((a, b) => Number(a.retired) - Number(b.retired))) {
    const isRoom = groups.has(each.label) || groups.size < limits.metricFunctions;
    const label = isRoom ? each.label : rest;
    const group = groups.get(label);
    if (group === undefined) groups.set(label, [each]);
    else group.push(each);
  }
  return groups;
}

/** Of all groups, metric by metric. */
function ofFunctions(page: Exposition, groups: ReadonlyMap<string, Group>): void {
  const owned = [...groups].map(([label, group]) => [labelsOfFunction(label), group] as const);
  const each = (metric: Metric, tell: (group: Group, set: (labels: Labels, value: number) => void) => void): void => {
    for (const [own, group] of owned) tell(group, (labels, value) => metric.set(both(own, labels), value));
  };
  const counted = (group: Group, of: (each: FunctionFigures) => Readonly<Partial<Record<string, number>>>) => {
    const sums = new Map<string, number>();
    for (const figures of group)
      for (const [key, count] of Object.entries(of(figures))) sums.set(key, (sums.get(key) ?? 0) + (count ?? 0));
    return sums;
  };
  const by = (
    [name, type, help, key]: readonly [string, 'counter' | 'gauge', string, string],
    of: (each: FunctionFigures) => Readonly<Partial<Record<string, number>>>,
  ): void =>
    each(page.metric(name, type, help), (group, set) => {
      for (const [value, count] of counted(group, of)) set(labelsOf({ [key]: value }), count);
    });
  const sum = (
    [name, type, help]: readonly [string, 'counter' | 'gauge', string],
    of: (each: FunctionFigures) => number,
  ): void =>
    each(page.metric(name, type, help), (group, set) =>
      set(
        '',
        group.reduce((total, figures) => total + of(figures), 0),
      ),
    );

  by(['weir_invocations_total', 'counter', 'Settled, by outcome: answered, or an error code.', 'outcome'], (f) => ({
    answered: f.invocations - f.failed,
    ...f.failures,
  }));
  by(['weir_starts_total', 'counter', 'Settled, by how they came to their instance.', 'start'], (f) => f.starts);
  by(['weir_nacks_total', 'counter', 'Refused or taken back before they began, by reason.', 'reason'], (f) => f.nacks);
  by(['weir_active_cpu_seconds_total', 'counter', 'Of instances, by whom it is charged to.', 'part'], (f) => ({
    attributed: f.activeCpu.attributedMs / 1e3,
    unattributed: f.activeCpu.unattributedMs / 1e3,
    boot: f.activeCpu.bootMs / 1e3,
  }));
  sum(['weir_memory_gb_seconds_total', 'counter', 'While they had work in flight.'], (f) => f.memoryGbSeconds);
  sum(['weir_wall_gb_seconds_total', 'counter', 'What one invocation an instance would have.'], (f) => f.wallGbSeconds);
  by(['weir_instances', 'gauge', 'By state.', 'state'], ({ instances }) =>
    Object.fromEntries(
      [...new Set(instances.map(({ state }) => state))].map((state) => [
        state,
        instances.filter((instance) => instance.state === state).length,
      ]),
    ),
  );
  sum(['weir_in_flight', 'gauge', 'Invocations that instances have.'], ({ instances }) =>
    instances.reduce((total, { inFlight }) => total + inFlight, 0),
  );
  sum(['weir_queued', 'gauge', 'Invocations that wait for an instance.'], (f) => f.queued);
  const oldest = page.metric('weir_queue_oldest_seconds', 'gauge', 'How long the one that waits longest has waited.');
  each(oldest, (group, set) => set('', Math.max(...group.map((f) => f.oldestQueuedMs)) / 1e3));
  const limit = page.metric('weir_limit', 'gauge', 'Invocations that a new instance may have at once.');
  each(limit, (group, set) => set('', group.findLast((f) => !f.retired)?.limit ?? 0));
}
