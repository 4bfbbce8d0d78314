import type { Decision, Explanation, InstanceExplanation, LaneExplanation } from '../model/explain.ts';
import { limits } from '../base/limits.ts';
import { lanes, type Lane } from '../model/learned.ts';
import { explainGuards } from '../scheduler/guards.ts';
import type { Instance } from './instance.ts';
import type { Pool } from './pool.ts';

/** Why a function is scheduled as it is, as of now. Plain data; nothing of it is live. */
export function explainPool(pool: Pool, nowMs: number): Explanation {
  const { scheduler, spec } = pool;
  const { kept } = scheduler.forecast;
  const backoff = pool.backingOff(nowMs);
  return {
    id: spec.id,
    label: spec.label,
    maxConcurrency: spec.config.maxConcurrency,
    queued: scheduler.waiting,
    oldestQueuedMs: Math.round(scheduler.oldestAgeMs(nowMs)),
    lanes: lanes.map((lane, at) => laneOf(pool, lane, at, nowMs)),
    routes: scheduler.routes.all.map(({ pattern, lane, cpuMs, wallMs, invocations }) => ({
      pattern,
      lane: lanes[lane],
      cpuMs,
      wallMs,
      invocations,
    })),
    instances: [...pool.instances].map((instance) => instanceOf(pool, instance)),
    decisions: decisionsOf(pool),
    nacks: { ...pool.nacks },
    kept: { instances: kept.instances, reason: kept.reason },
    backingOff: backoff === null ? null : `${backoff.code}: ${backoff.detail}`,
  };
}

function laneOf({ scheduler }: Pool, lane: Lane, at: number, nowMs: number): LaneExplanation {
  const { limit, saturation, unhelpfulAbove } = scheduler.known[at]!;
  const window = scheduler.forecast.windows[at]!;
  return {
    lane,
    limit,
    saturation,
    unhelpfulAbove,
    queued: scheduler.queues[at]!.length,
    demand: {
      last6s: window.average(limits.demandPanicMs, nowMs),
      last60s: window.average(limits.demandWindowMs, nowMs),
    },
  };
}

function instanceOf({ scheduler }: Pool, instance: Instance): InstanceExplanation {
  const { placement, known } = scheduler;
  const member = scheduler.member(instance.index);
  const at = placement.laneOf(instance.index);
  const shown = member?.lastLane ?? 0;
  const limit = member?.limits[shown];
  return {
    id: instance.id,
    state: instance.state.kind,
    lane: at === -1 ? null : lanes[at]!,
    inFlight: instance.streams.count,
    limit: limit?.places ?? 0,
    binding: limit?.binding ?? 'starting',
    law: { inFlight: 0, utilisation: 0, ...limit?.law, saturation: limit?.saturation ?? null },
    guards: member === null || member.last === null ? [] : explainGuards(member.last, known[shown]!),
    paused: instance.pause?.reason ?? null,
    resting: placement.isResting(instance.index),
    lastChange: limit?.lastChange ?? null,
  };
}

function decisionsOf({ scheduler }: Pool): Decision[] {
  return scheduler.decisions.all.map(({ atMs, text, about }) => ({
    wallMs: Math.round(atMs + scheduler.wallOffsetMs),
    text,
    instance: about,
  }));
}
