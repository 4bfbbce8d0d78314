// Hot path: arrived runs once per invocation.
import { limits } from '../base/limits.ts';
import { lanes, type LearnedArrivals } from '../model/learned.ts';
import { DemandWindow, instancesFor } from './demand.ts';
import { mainOf, type LaneKnowledge } from './knowledge.ts';
import { Prewarm, unknown, type Wanted } from './prewarm.ts';

/** So many instances are to exist, and why. */
export interface Ahead {
  readonly instances: number;
  readonly reason: string;
}

export interface Moment {
  readonly nowMs: number;
  readonly wallMs: number;
  /** The machine has none for what is only kept in case this function is needed. */
  readonly memoryShort: boolean;
}

/** What a function will need before it asks: by the demand of the last minute, and by its history. */
export class Forecast {
  /** By lane. */
  readonly windows: readonly DemandWindow[] = lanes.map(() => new DemandWindow());
  /** What its history calls for. */
  kept: Wanted = unknown;
  /** By lane: instances that the demand of the last minute calls for. */
  readonly called = lanes.map(() => 0);
  /** How long an instance with nothing to do is kept. */
  keepAliveMs: number = limits.idleKeepAliveMs;
  /** Clients are led to another version: it is there for those who ask, and nothing is kept ready or started ahead for them. */
  isStandby = false;
  readonly #prewarm: Prewarm;

  constructor(environment: 'production' | 'preview', learned: LearnedArrivals | null) {
    this.#prewarm = new Prewarm({ environment, learned });
  }

  arrived(wallMs: number): void {
    this.#prewarm.arrived(wallMs);
  }

  /** Several times a second; `demands`: what each lane has in flight or waiting. */
  observe(demands: readonly number[], { nowMs, wallMs }: Moment): void {
    let sum = 0;
    for (let lane = 0; lane < lanes.length; lane += 1) {
      this.windows[lane]!.observe(demands[lane]!, nowMs);
      sum += demands[lane]!;
    }
    this.#prewarm.observe(sum, wallMs);
  }

  /** Once a second: what it says now. */
  look(known: readonly LaneKnowledge[], { nowMs, wallMs, memoryShort }: Moment): void {
    const { limit } = mainOf(known);
    const wanted = this.#prewarm.wanted({ wallMs, limit, startMs: limits.startExpectedMs, memoryShort });
    this.kept = this.isStandby ? standby : wanted;
    this.keepAliveMs = this.#prewarm.keepAliveMs(wallMs);
    for (let lane = 0; lane < lanes.length; lane += 1) {
      const window = this.windows[lane]!;
      const stable = window.average(limits.demandWindowMs, nowMs);
      const panic = window.average(limits.demandPanicMs, nowMs);
      this.called[lane] = instancesFor({ stable, panic }, known[lane]!.limit);
    }
  }

  /** What there is to be, whatever waits. `cores`: that it may have; more instances than keep them busy are of no use. */
  ahead(known: readonly LaneKnowledge[], cores: number): Ahead {
    let instances = 0;
    for (let lane = 0; lane < lanes.length; lane += 1) {
      instances += Math.min(this.called[lane]!, mostOf(known[lane]!, cores));
    }
    const kept = Math.min(this.kept.instances, mostOf(mainOf(known), cores));
    if (instances > kept) return { instances, reason: 'the demand of the last minute' };
    return kept === this.kept.instances ? this.kept : { instances: kept, reason: this.kept.reason };
  }

  learned(): LearnedArrivals | null {
    return this.#prewarm.learned();
  }
}

const standby: Wanted = {
  instances: 0,
  wished: 0,
  reason: 'clients are led to another version',
  chance: 0,
};

/** So many keep the processors busy; before anything was seen, one on each may. */
function mostOf({ load, isUnknown }: LaneKnowledge, cores: number): number {
  if (isUnknown) return Math.ceil(cores);
  return load < limits.tellingLoad ? Infinity : Math.max(1, Math.round(cores / load));
}
