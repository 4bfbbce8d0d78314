import { channels } from '../../src/base/channels.ts';
import { limits } from '../../src/base/limits.ts';
import { silentLog } from '../../src/base/log.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { Ledger } from '../../src/meter/ledger.ts';
import type { FunctionSpec } from '../../src/model/function.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { InvocationRecord } from '../../src/model/telemetry.ts';
import type { Provider, ProviderEvents, Started, StartOrder } from '../../src/provider/provider.ts';
import { Router } from '../../src/router/router.ts';
import { SimInstance } from './instance.ts';
import type { WireOptions } from './memory-connection.ts';
import type { Profile } from './profile.ts';
import { type Script, scriptOf, Trial, type TrialWorld } from './trial.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface SimulationResult {
  readonly outcomes: Readonly<Record<string, number>>;
  readonly instances: number;
  readonly virtualMs: number;
  /** The first few. */
  readonly violations: readonly string[];
  /** Of every outcome, when and where it ran: equal for equal seeds. */
  readonly fingerprint: number;
}

/** The real router, scheduler, meter and codec in a world of simulated instances and clients, on a virtual clock. */
export class Simulation implements TrialWorld, Provider {
  readonly kind = 'process';
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly profile: Profile;
  readonly maxDurationMs: number;
  readonly faulty: boolean;
  readonly wire: WireOptions;
  readonly router: Router;
  /** By number; those that were answered are forgotten. */
  readonly trials: (Trial | undefined)[] = [];
  readonly #scripts: readonly Script[];
  readonly #ledger = new Ledger();
  readonly #instances: SimInstance[] = [];
  /** Those that have not exited. */
  readonly #alive = new Set<SimInstance>();
  readonly #drainingSinceMs = new Map<SimInstance, number>();
  readonly #violations: string[] = [];
  readonly #outcomes: Record<string, number> = {};
  #functions: readonly FunctionSpec[] = [];
  #version = 0;
  #open = 0;
  #unprovenMs = -Infinity;
  #stalledMs = -Infinity;
  #fingerprint = 0;
  /** What was told of each: its outcome, by number. */
  readonly #told: (string | undefined)[] = [];
  /** CPU of the processes that had loaded a function, as the operating system would have it. */
  #cpuUs = 0;

  constructor(profile: Profile, seed: number) {
    this.profile = profile;
    this.random = seededRandom(seed);
    this.maxDurationMs = profile.maxDurationMs;
    const { crash, nack, stall, cut, duplicate, askDrain, background } = profile;
    this.faulty = crash + nack + stall + cut + duplicate + askDrain + background > 0;
    this.#scripts = Array.from({ length: profile.scripts }, () => scriptOf(profile, this.random));
    this.wire = wireOf(profile, this.clock, this.random);
    this.router = new Router({
      clock: this.clock,
      random: this.random,
      log: silentLog,
      provider: this,
      ledger: this.#ledger,
      onLog: () => undefined,
      keepAliveMs: 2000,
      ...(profile.stems ? { machine: () => ({ freeMemoryMiB: 16_384, cores: 2, cpuIdle: null }) } : {}),
    });
  }

  /** Until every invocation has settled and, after a drain, every instance has ended. */
  async run(): Promise<SimulationResult> {
    channels.invocation.subscribe(this.#tell);
    try {
      return await this.#run();
    } finally {
      channels.invocation.unsubscribe(this.#tell);
    }
  }

  async #run(): Promise<SimulationResult> {
    const { invocations, republishes } = this.profile;
    this.#publish();
    this.clock.after(0, this.#arrive);
    this.clock.after(limits.vitalsPeriodMs, this.#beat);
    const each = Math.ceil(invocations / (republishes + 1));
    for (let count = 1; count <= republishes + 1; count += 1) {
      this.clock.runUntil(() => this.trials.length >= Math.min(invocations, count * each), 3_600_000);
      if (count <= republishes) this.#publish();
    }
    if (!this.clock.runUntil(() => this.#open === 0, 600_000)) this.violated(`I1: ${this.#open} never settled`);
    this.#checkCounts();
    const drained = this.router.drain();
    const limitMs = 2 * limits.drainMs;
    if (!this.clock.runUntil(() => this.#alive.size === 0, limitMs))
      this.violated(`I5: ${this.#alive.size} never ended`);
    this.clock.advance(60_000);
    await Promise.race([drained, this.#notDrained()]);
    this.#checkUsage();
    return {
      outcomes: this.#outcomes,
      instances: this.#instances.length,
      virtualMs: this.clock.nowMs(),
      violations: this.#violations,
      fingerprint: this.#fingerprint,
    };
  }

  /** One record for each that settles, whose phases come in their order. */
  readonly #tell = (message: unknown): void => {
    const { id, outcome, phases } = message as InvocationRecord;
    const number = Number(id.slice('inv_'.length));
    if (this.#told[number] !== undefined) this.violated(`I1: invocation ${number} was told twice`);
    this.#told[number] = outcome;
    const reached = Object.values(phases).filter((us) => us !== null);
    if (reached.some((us, at) => us < (reached[at - 1] ?? 0)))
      this.violated(`phases of invocation ${number} are not in order: ${JSON.stringify(phases)}`);
    if (outcome === 'answered' && reached.length < (phases.queuedUs === null ? 9 : 10))
      this.violated(`invocation ${number} was answered without ${JSON.stringify(phases)}`);
  };

  // — TrialWorld, and what instances report —

  violated(what: string): void {
    if (this.#violations.length < 10) this.#violations.push(`${what} (at ${this.clock.nowMs()} ms)`);
  }

  settled(trial: Trial): void {
    this.#open -= 1;
    const { number, outcome } = trial;
    const told = this.#told[number];
    // Of one that was cancelled it is told right after.
    if (outcome === 'cancelled' ? told !== undefined : told !== (answers.has(outcome) ? 'answered' : outcome))
      this.violated(`I1: invocation ${number} settled with ${outcome}, and ${told} was told`);
    if (trial.outcome === 'reply') this.trials[trial.number] = undefined;
    this.#outcomes[trial.outcome] = (this.#outcomes[trial.outcome] ?? 0) + 1;
    const mark = trial.number * 31 + trial.outcome.length + trial.ranOn.charCodeAt(5) + Math.round(this.clock.nowMs());
    this.#fingerprint = (Math.imul(this.#fingerprint, 16_777_619) ^ mark) >>> 0;
  }

  provesEverything(): boolean {
    return this.clock.nowMs() - this.#unprovenMs > unprovenForMs;
  }

  hasStalled(): boolean {
    return this.clock.nowMs() - this.#stalledMs < 2 * this.maxDurationMs;
  }

  stalled(): void {
    this.#stalledMs = this.clock.nowMs();
  }

  unproven(): void {
    this.#unprovenMs = this.clock.nowMs();
  }

  drained(instance: SimInstance): void {
    this.#drainingSinceMs.set(instance, this.clock.nowMs());
  }

  exited(instance: SimInstance): void {
    this.#alive.delete(instance);
    if (instance.loaded) this.#cpuUs += instance.cpuUs;
    const sinceMs = this.#drainingSinceMs.get(instance);
    if (sinceMs === undefined) return;
    this.#drainingSinceMs.delete(instance);
    const tookMs = this.clock.nowMs() - sinceMs;
    if (tookMs > limits.drainMs + 2000) this.violated(`I5: ${instance.id} ended ${tookMs} ms after DRAIN`);
  }

  // — Provider —

  describe(): string {
    return 'simulated instances';
  }

  start(order: StartOrder, events: ProviderEvents): Started {
    const instance = new SimInstance(this, order, events);
    this.#instances.push(instance);
    this.#alive.add(instance);
    return {
      pid: this.#instances.length,
      terminate: () => instance.terminate(),
      kill: () => instance.die({ kind: 'signalled', signal: 'SIGKILL', outOfMemory: false }),
      usage: () => (instance.dead ? null : { cpuUs: instance.cpuUs, rssBytes: 60 << 20 }),
    };
  }

  async close(): Promise<void> {
    for (const instance of this.#alive) instance.die({ kind: 'signalled', signal: 'SIGKILL', outOfMemory: false });
  }

  // — the world —

  #publish(): void {
    this.#version += 1;
    const deployment = `dpl_${this.#version}`;
    const { functions, maxConcurrency, maxDurationMs } = this.profile;
    const config = {
      memoryMiB: 1024,
      maxDurationMs,
      maxConcurrency,
      weight: 1,
      helpers: true,
      runtime: 'nodejs24.x',
      environment: {},
    } as const;
    this.#functions = Array.from({ length: functions }, (_, at) => ({
      id: `${deployment}/f${at}`,
      label: `sim/f${at}`,
      project: 'sim',
      deployment,
      name: `f${at}`,
      root: '/',
      entry: '/f.js',
      environment: 'preview',
      launch: 'module',
      config,
    }));
    const snapshot: Snapshot = {
      version: this.#version,
      deployments: [
        {
          id: deployment,
          project: 'sim',
          environment: 'production',
          hosts: [],
          functions: this.#functions,
          routes: [],
          publicDir: null,
          outputs: null,
          routing: null,
          crons: [],
          fingerprint: 'f',
        },
      ],
    };
    this.router.publish(snapshot);
  }

  readonly #arrive = (): void => {
    const { invocations, burst, gapMs } = this.profile;
    const count = Math.min(invocations - this.trials.length, 1 + this.random.below(burst));
    for (let each = 0; each < count; each += 1) {
      const number = this.trials.length;
      const script = this.#scripts[number % this.#scripts.length] ?? scriptOf(this.profile, this.random);
      const trial = new Trial(number, script, this);
      this.trials.push(trial);
      this.#open += 1;
      const target = this.#functions[this.random.below(this.#functions.length)]!;
      trial.begin(this.router.invoke(target, trial.request, trial));
    }
    if (this.trials.length < invocations) this.clock.after(this.random.below(2 * gapMs + 1), this.#arrive);
  };

  readonly #beat = (): void => {
    for (const instance of this.#alive) instance.beat();
    if (this.#alive.size > 0 || this.#open > 0) this.clock.after(limits.vitalsPeriodMs, this.#beat);
  };

  async #notDrained(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#alive.size === 0) this.violated('drain() does not resolve, though every instance has ended');
  }

  /** Nothing is left of any invocation, and each was counted once. */
  #checkCounts(): void {
    const told = Object.keys(this.#told).length;
    if (told !== this.trials.length) this.violated(`I1: ${told} of ${this.trials.length} invocations were told`);
    // What is on its way when the last one settles (a cancel, an end) arrives within a second.
    this.clock.advance(1000);
    const status = this.router.status();
    for (const each of status.functions) {
      const inFlight = each.instances.reduce((sum, instance) => sum + instance.inFlight, 0);
      if (inFlight + each.queued > 0)
        this.violated(`I1: ${each.id} still has ${inFlight} in flight, ${each.queued} queued`);
    }
    const { invocations } = status.usage.usage;
    if (invocations !== this.trials.length)
      this.violated(`the meter counts ${invocations} of ${this.trials.length} invocations`);
  }

  /** I8. To the microsecond where every process could be asked before its end; where some were killed, no more than that. */
  #checkUsage(): void {
    const { usage } = this.#ledger.report(this.clock.nowMs());
    const meteredUs = usage.cpuUs + usage.bootUs;
    if (meteredUs > this.#cpuUs) this.violated(`I8: ${meteredUs} µs metered of ${this.#cpuUs} µs used`);
    if (!this.faulty && meteredUs < this.#cpuUs * 0.99) this.violated(`I8: ${meteredUs} of ${this.#cpuUs} µs metered`);
  }
}

/** Of a trial: its function had its say. */
const answers: ReadonlySet<string> = new Set(['reply', 'end']);

/** A router may wait so long for the exit of an instance whose tunnel is gone before it settles what that one had. */
const unprovenForMs = 10_000;

function wireOf(profile: Profile, clock: VirtualClock, random: Random): WireOptions {
  const { wireMs } = profile;
  if (wireMs === 0) return { clock };
  return {
    clock,
    delayMs: () => (random.below(2) === 0 ? 0 : random.below(1000 * wireMs) / 1000),
    split: (bytes) => (random.below(4) === 0 ? 1 + random.below(bytes) : bytes),
  };
}
