import type { Member } from './member.ts';
import type { Placement } from './place.ts';

type Members = readonly (Member | undefined)[];

export interface Surplus {
  readonly index: number;
  readonly reason: string;
}

/** What stays: so many in all, and what was not idle for so long. */
export interface Keep {
  readonly wanted: number;
  readonly keepAliveMs: number;
  readonly nowMs: number;
}

/** What a lane needs: invocations in flight or waiting, and how many one instance takes. */
export interface LaneNeed {
  readonly lane: number;
  readonly needed: number;
  readonly limit: number;
}

/** Those that rest work again, or others begin to rest, as there is to do. */
export function rest(members: Members, placement: Placement, need: LaneNeed): void {
  for (const index of rested(members, placement, need)) placement.setResting(index, false);
  for (const index of restful(members, placement, need)) placement.setResting(index, true);
}

/**
 * Which busy instances begin to rest: when fewer can do the work, those with the fewest in flight, half of what is over at
 * a time. Nothing ends: they are ready as soon as the others are full.
 */
export function restful(members: Members, placement: Placement, { lane, needed, limit }: LaneNeed): number[] {
  const active = placement.active(lane);
  const enough = enoughOf(needed, limit);
  if (active <= enough) return [];
  const candidates = members
    .flatMap((member) => (member === undefined ? [] : [member.index]))
    .filter((index) => placement.isActive(index, lane))
    .toSorted((left, right) => placement.inFlight(left) - placement.inFlight(right));
  return candidates.slice(0, Math.ceil((active - enough) / 2));
}

/** Which of those that rest work again: when the others are too few for the work, those with the most in flight. */
function rested(members: Members, placement: Placement, { lane, needed, limit }: LaneNeed): number[] {
  const missing = enoughOf(needed, limit) - placement.active(lane);
  if (missing <= 0) return [];
  return members
    .flatMap((member) => (member === undefined ? [] : [member.index]))
    .filter((index) => placement.isResting(index) && placement.laneOf(index) === lane)
    .toSorted((left, right) => placement.inFlight(right) - placement.inFlight(left))
    .slice(0, missing);
}

const enoughOf = (needed: number, limit: number): number =>
  Math.max(1, Math.ceil(needed / Math.max(1, limit * comfortable)));

/** The share of their limits that those which work are to have. */
const comfortable = 0.9;

/**
 * Which instances are drained: those that have had nothing to do, and were not wanted ahead of need either, for
 * `keepAliveMs`, idle for longest first, as long as `wanted` remain; at most half of all at a time (Knative's
 * max-scale-down-rate). What is wanted now and then would be started anew each time, if it were drained in between.
 */
export function surplus(members: Members, placement: Placement, { wanted, keepAliveMs, nowMs }: Keep): Surplus[] {
  const idle: Member[] = [];
  for (const member of members) {
    if (member === undefined || placement.inFlight(member.index) > 0 || member.background > 0) continue;
    idle.push(member);
  }
  idle.sort((left, right) => left.idleSinceMs - right.idleSinceMs);
  const busy = placement.ready - idle.length;
  if (wanted > busy) for (const member of idle.slice(busy - wanted)) member.wantedMs = nowMs;
  const most = Math.min(placement.ready - wanted, Math.ceil(placement.ready / 2));
  if (most <= 0) return [];
  return idle
    .filter(({ idleSinceMs, wantedMs }) => nowMs - Math.max(idleSinceMs, wantedMs) >= keepAliveMs)
    .slice(0, most)
    .map(({ index, idleSinceMs }) => ({ index, reason: `idle for ${seconds(nowMs - idleSinceMs)}` }));
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;
