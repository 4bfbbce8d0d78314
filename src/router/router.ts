// Hot path: invoke.
import { type Channels, channels } from '../base/channels.ts';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Ledger } from '../meter/ledger.ts';
import type { Explanation } from '../model/explain.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { Exchange, Invocation, Invoker, RequestHead } from '../model/invoke.ts';
import type { PlatformServices } from '../model/services.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Spare } from '../provider/machine.ts';
import type { Provider } from '../provider/provider.ts';
import type { Connection } from '../tunnel/connection.ts';
import { Doorman } from './doorman.ts';
import { explainPool } from './explain.ts';
import { Flusher } from './flusher.ts';
import type { Instance } from './instance.ts';
import type { FunctionLogLine } from '../model/telemetry.ts';
import { keepLikeliest } from './keeping.ts';
import { Pool } from './pool.ts';
import { type Memory, Remembering } from './remembering.ts';
import { replaced, stopped } from './refusals.ts';
import { functionStatus, instanceStatus, type RouterStatus } from './status.ts';
import { Supply } from './supply.ts';
import { Tokens } from './tokens.ts';

export interface RouterOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly provider: Provider;
  readonly ledger: Ledger;
  /** Where it is told what becomes of invocations and instances. Default: to whoever subscribes to the platform's. */
  readonly channels?: Channels;
  /** What functions log. */
  readonly onLog: (line: FunctionLogLine) => void;
  /** What the machine has to spare now: bounds how many boot at once, and how many stems are kept. Without it: no bound, no stems. */
  readonly machine?: () => Spare;
  /** Whether stems are kept. Default true. */
  readonly stems?: boolean;
  /** How long an instance with nothing to do is kept. Default: as long as its function's history says. */
  readonly keepAliveMs?: number;
  readonly instancesPerFunction?: number;
  /** What was learned of functions, over restarts and deployments. Without it: nothing is kept. */
  readonly memory?: Memory;
  /** What functions may ask of the platform. Without it: nothing. */
  readonly services?: PlatformServices;
}

/**
 * Holds the tunnels, picks an instance for every invocation, queues, starts and stops instances. No I/O of its own but
 * the connections, the provider, the clock and the randomness it is given.
 */
export class Router implements Invoker {
  readonly #options: RouterOptions;
  readonly #tokens: Tokens<Instance>;
  readonly #supply: Supply;
  readonly #doorman: Doorman;
  readonly #pools = new Map<string, Pool>();
  #published: ReadonlySet<string> | null = null;
  #standby: ReadonlySet<string> = new Set();
  #sweeping = false;
  #idleSweptMs = -Infinity;
  readonly #remembering: Remembering;
  #state: 'open' | 'draining' | 'closed' = 'open';
  #whenQuiet: (() => void)[] = [];

  constructor(options: RouterOptions) {
    const { clock, random, log, provider, services } = options;
    this.#options = options;
    this.#remembering = new Remembering(options.memory ?? null, clock);
    this.#tokens = new Tokens(random);
    this.#doorman = new Doorman({
      clock,
      log,
      tokens: this.#tokens,
      serving: services === undefined ? null : { services, clock, log },
    });
    this.#supply = new Supply({
      clock,
      random,
      log,
      provider,
      tokens: this.#tokens,
      flusher: new Flusher(clock),
      machine: options.machine ?? null,
      stems: options.stems ?? true,
      onStarted: () => this.#wake(),
      onQuiet: () => this.#quiet(),
    });
  }

  /** Every connection that dialled in: its HELLO and its token decide what it is. */
  accept(connection: Connection): void {
    if (this.#state === 'closed') connection.destroy('the router was stopped');
    else this.#doorman.accept(connection);
  }

  /** What is served from now on. Instances of functions that are gone drain, after what is queued for them. */
  publish(snapshot: Snapshot): void {
    const specs = snapshot.deployments.flatMap((deployment) => deployment.functions);
    const published = new Set(specs.map((spec) => spec.id));
    this.#published = published;
    this.#standby = snapshot.standby ?? new Set();
    for (const pool of this.#pools.values()) {
      if (published.has(pool.spec.id) && this.#state === 'open') {
        pool.revive();
        const isStandby = this.#standby.has(pool.spec.deployment);
        if (isStandby) this.#remembering.remember(pool);
        pool.scheduler.forecast.isStandby = isStandby;
      } else {
        this.#remembering.remember(pool);
        if (pool.spec.alone === true && !pool.isRetired)
          pool.end(replaced, (instance) => instance.makeWay(replaced.detail));
        else pool.retire();
      }
    }
    if (this.#state === 'open') {
      this.#supply.publish(specs);
      for (const spec of specs) if (this.#isExpected(spec)) this.#open(spec);
    }
    this.#wake();
  }

  invoke(target: FunctionSpec, head: RequestHead, exchange: Exchange): Invocation {
    const pool = this.#pools.get(target.id) ?? this.#open(target);
    return pool.invoke(head, exchange);
  }

  status(): RouterStatus {
    const nowMs = this.#options.clock.nowMs();
    return {
      functions: [...this.#pools.values()].map((pool) => functionStatus(pool, nowMs)),
      stems: [...this.#supply.stems].map((stem) => instanceStatus(stem, nowMs)),
      usage: this.#options.ledger.report(nowMs),
    };
  }

  /** Why the function is scheduled as it is; null: nothing has been asked of it yet. */
  explain(id: string): Explanation | null {
    const pool = this.#pools.get(id);
    return pool === undefined ? null : explainPool(pool, this.#options.clock.nowMs());
  }

  /** Finishes what is in flight or queued, drains every instance, and resolves when the last one has ended. */
  async drain(): Promise<void> {
    if (this.#state === 'open') {
      for (const pool of this.#pools.values()) this.#remembering.remember(pool);
      this.#state = 'draining';
    }
    this.#supply.drain();
    for (const pool of this.#pools.values()) pool.retire();
    return this.#untilQuiet();
  }

  /** At once: what is queued or in flight fails, every instance is killed. Resolves when the last one has ended. */
  async close(): Promise<void> {
    for (const pool of this.#pools.values()) this.#remembering.remember(pool);
    this.#state = 'closed';
    this.#doorman.close();
    this.#supply.close();
    for (const pool of this.#pools.values()) pool.end(stopped, killed);
    return this.#untilQuiet();
  }

  /** It has a history: an instance may be wanted before anybody asks. */
  #isExpected(spec: FunctionSpec): boolean {
    if (this.#pools.has(spec.id) || this.#standby.has(spec.deployment)) return false;
    return (this.#remembering.recall(spec)?.arrivals ?? null) !== null;
  }

  #open(target: FunctionSpec): Pool {
    const { clock, ledger, onLog, keepAliveMs, instancesPerFunction } = this.#options;
    const pool = new Pool({
      clock,
      spec: target,
      meter: ledger.openFunction(target),
      source: this.#supply,
      isHeld: () => target.alone === true && this.#hasEarlier(target),
      channels: this.#options.channels ?? channels,
      onLog,
      onQuiet: () => this.#quiet(),
      keepAliveMs: keepAliveMs ?? null,
      learned: this.#remembering.recall(target),
      maxInstances: Math.min(
        target.config.maxInstances ?? Infinity,
        instancesPerFunction ?? limits.instancesPerFunction,
      ),
    });
    pool.scheduler.forecast.isStandby = this.#standby.has(target.deployment);
    this.#pools.set(target.id, pool);
    // Matched before the newest snapshot was published: served, and then gone again.
    if (this.#state !== 'open' || this.#published?.has(target.id) === false) pool.isRetired = true;
    if (this.#state === 'closed') pool.end(stopped, killed);
    this.#wake();
    return pool;
  }

  /** Whether another version of it still runs. The sweep asks again. */
  #hasEarlier({ id, label }: FunctionSpec): boolean {
    for (const { spec, instances } of this.#pools.values())
      if (spec.id !== id && spec.label === label && instances.size > 0) return true;
    return false;
  }

  /** The sweep runs while there is anything to look after. */
  #wake(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#options.clock.after(limits.sweepMs, this.#sweep);
  }

  readonly #sweep = (): void => {
    this.#sweeping = false;
    const nowMs = this.#options.clock.nowMs();
    const isIdleTurn = nowMs - this.#idleSweptMs >= limits.idleSweepMs;
    if (isIdleTurn) this.#idleSweptMs = nowMs;
    if (isIdleTurn && this.#state === 'open') keepLikeliest(this.#pools.values(), this.#supply, nowMs);
    for (const pool of this.#pools.values()) if (isIdleTurn || !pool.isIdle) pool.sweep(nowMs);
    this.#remembering.sweep(this.#pools.values(), nowMs);
    this.#supply.sweep(nowMs);
    this.#tokens.expire(nowMs);
    this.#quiet();
    // A function that has a history may be wanted at any time.
    if (!this.#isQuiet || (this.#state === 'open' && this.#pools.size > 0)) this.#wake();
  };

  get #isQuiet(): boolean {
    if (this.#supply.stems.size > 0 || this.#supply.leaving.size > 0) return false;
    for (const pool of this.#pools.values()) if (pool.instances.size > 0 || pool.live > 0) return false;
    return true;
  }

  /** Pools that are done leave; whoever waits for the end is told when it has come. */
  #quiet(): void {
    for (const [id, pool] of this.#pools) {
      if (!pool.isRetired || pool.instances.size > 0 || pool.live > 0) continue;
      this.#pools.delete(id);
      this.#options.ledger.retireFunction(id, this.#options.clock.nowMs());
    }
    if (this.#state === 'open' || !this.#isQuiet) return;
    for (const resolve of this.#whenQuiet.splice(0)) resolve();
  }

  async #untilQuiet(): Promise<void> {
    if (this.#isQuiet) return;
    this.#wake();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenQuiet.push(resolve);
    await promise;
  }
}

const killed = (instance: Instance): void => instance.stop('the router was stopped');
