// For tests: a scheduler that knows two routes, and invocations for it.
import type { Learned } from '../model/learned.ts';
import { FunctionScheduler } from './function-scheduler.ts';
import type { Schedulable } from './schedulable.ts';

export interface QueuedItem extends Schedulable {
  readonly id: number;
}

export const wallMs = Date.UTC(2026, 0, 5);

/** Two routes whose nature is known, and never changes here: one waits, one computes. */
export const learned: Learned = {
  limits: [
    { saturation: 4, unhelpfulAbove: null, wallMs },
    { saturation: 1, unhelpfulAbove: null, wallMs },
  ],
  routes: [
    { pattern: '/wait', cpuMs: 1, wallMs: 1000, invocations: 1000 },
    { pattern: '/burn', cpuMs: 100, wallMs: 100, invocations: 1000 },
  ],
  arrivals: null,
};
export const routeOf = ['/wait', '/burn'] as const;

export function schedulerOf(
  options: { learned?: Learned | null; maxConcurrency?: number; keepAliveMs?: number | null } = {},
): FunctionScheduler<QueuedItem> {
  return new FunctionScheduler({
    maxConcurrency: options.maxConcurrency ?? 'auto',
    environment: 'preview',
    maxInstances: 100,
    keepAliveMs: options.keepAliveMs ?? null,
    learned: options.learned === undefined ? learned : options.learned,
  });
}

let serial = 0;
export function itemOf(scheduler: FunctionScheduler<QueuedItem>, route: string, receivedMs: number): QueuedItem {
  serial += 1;
  return { id: serial, profile: scheduler.routes.of(route, 'GET', route), receivedMs, lane: -1, queueHandle: -1 };
}
