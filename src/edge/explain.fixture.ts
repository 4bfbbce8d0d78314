// For tests: a function as it is explained.
import type { Explanation } from '../model/explain.ts';

/** An afternoon, UTC. */
export const noonMs = Date.UTC(2026, 2, 14, 12);

export const sample: Explanation = {
  id: 'dpl_2/api/chat',
  label: 'shop/api/chat',
  maxConcurrency: 'auto',
  queued: 3,
  oldestQueuedMs: 120.4,
  lanes: [
    {
      lane: 'waits',
      limit: 14,
      saturation: 18.25,
      unhelpfulAbove: null,
      queued: 0,
      demand: { last6s: 12.04, last60s: 9 },
    },
    { lane: 'computes', limit: 1, saturation: 1.1, unhelpfulAbove: 1, queued: 3, demand: { last6s: 4, last60s: 0.5 } },
  ],
  routes: [
    { pattern: '/api/chat', lane: 'waits', cpuMs: 1.517, wallMs: 2412.7, invocations: 1000 },
    { pattern: 'POST /api/図/…', lane: 'computes', cpuMs: 84.2, wallMs: 85, invocations: 12 },
  ],
  instances: [
    {
      id: 'ins_00112233aabbccdd',
      state: 'open',
      lane: 'waits',
      inFlight: 9,
      limit: 9,
      binding: 'loop',
      law: { inFlight: 8.6, utilisation: 0.4725, saturation: 18.2 },
      guards: [
        { name: 'loop delay', value: 84, threshold: 50, unit: 'ms' },
        { name: 'errors and timeouts', value: 0, threshold: 5, unit: '' },
      ],
      paused: null,
      resting: false,
      lastChange: 'limit 14 → 9: event loop delay 84 ms > 50 ms',
    },
    {
      id: 'ins_99',
      state: 'open',
      lane: null,
      inFlight: 0,
      limit: 14,
      binding: 'prior',
      law: { inFlight: 0, utilisation: 0, saturation: null },
      guards: [],
      paused: 'memory',
      resting: true,
      lastChange: null,
    },
  ],
  decisions: [
    { wallMs: noonMs - 3 * 24 * 3_600_000, text: '1 kept for 14 days: production', instance: null },
    { wallMs: noonMs - 61_500, text: 'start 1: 3 wait, the oldest for 102 ms', instance: null },
    { wallMs: noonMs - 250, text: 'limit 14 → 9: event loop delay 84 ms > 50 ms', instance: 'ins_00112233aabbccdd' },
  ],
  nacks: { memory: 2, recalled: 17, cpu: 0 },
  kept: { instances: 1, reason: 'its last invocation was 2 minutes ago' },
  backingOff: null,
};
