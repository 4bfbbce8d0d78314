import { limits } from '../base/limits.ts';
import type { LaneKnowledge } from './knowledge.ts';
import type { Reading } from './law.ts';
import type { GuardExplanation } from '../model/explain.ts';
import type { NackReason } from '../model/vitals.ts';

/** What may hold a limit below what the law says. Those of nacks are the instance's own word. */
export type Guard = 'loop' | 'memory' | 'throttled' | 'errors' | Extract<NackReason, 'cpu' | 'fds'>;

export interface Alarm {
  readonly guard: Guard;
  /** What the limit is to be; null: less than it is. */
  readonly places: number | null;
  readonly text: string;
}

/** What one invocation computes in a row is not the fault of the others; nor that two of them may come in one turn. */
const loopDelayMsOf = (lane: LaneKnowledge): number =>
  Math.max(limits.guardLoopDelayMs, 2.5 * Math.max(lane.turnMs, lane.peakCpuMs));

/** When memory was the reason for fewer the last time. */
export interface MemoryAlarmed {
  readonly usedMiB: number;
  readonly inFlight: number;
}

/**
 * The first guard that speaks; null: none. Of one invocation at a time none says anything: fewer would be none. `before`:
 * when memory was the reason the last time.
 */
export function guardOf(reading: Reading, lane: LaneKnowledge, before: MemoryAlarmed | null): Alarm | null {
  if (reading.inFlight < 1.5) return null;
  const delayMs = loopDelayMsOf(lane);
  if (reading.loopDelayMs > delayMs) {
    const text = `event loop delay ${Math.round(reading.loopDelayMs)} ms > ${Math.round(delayMs)} ms`;
    return { guard: 'loop', places: null, text };
  }
  if (reading.throttled * 1000 > limits.guardThrottledPermille) {
    const text = `held back for its CPU quota ${percent(reading.throttled)} of the time`;
    return { guard: 'throttled', places: null, text };
  }
  const errorsPermille = (reading.errors * 1000) / Math.max(1, reading.completions);
  if (reading.errors >= leastErrors && errorsPermille > limits.guardErrorsPermille) {
    return {
      guard: 'errors',
      places: null,
      text: `${reading.errors} of ${reading.completions} ended by errors or timeouts`,
    };
  }
  return memoryAlarm(reading, before);
}

/**
 * As many as fit into what is allowed, by what each takes now; at most halved at a time, as much may be waste by then. What
 * did not become less when fewer were in flight is not theirs (a cache, a heap that is kept): then it says nothing, until
 * more is used again.
 */
function memoryAlarm(reading: Reading, before: MemoryAlarmed | null): Alarm | null {
  const { memoryUsedMiB, memoryBaseMiB, memoryMiB, inFlight } = reading;
  const allowedMiB = (memoryMiB * limits.guardMemoryPermille) / 1000;
  if (memoryUsedMiB <= allowedMiB) return null;
  if (before !== null && inFlight <= before.inFlight && memoryUsedMiB < before.usedMiB * grown) return null;
  const eachMiB = (memoryUsedMiB - memoryBaseMiB) / inFlight;
  if (eachMiB <= 0) return null;
  const fitting = Math.floor((allowedMiB - memoryBaseMiB) / eachMiB);
  const places = Math.max(1, Math.floor(inFlight / 2), fitting);
  const text = `memory ${Math.round(memoryUsedMiB)} of ${memoryMiB} MiB, ${eachMiB.toFixed(1)} MiB an invocation`;
  return { guard: 'memory', places, text };
}

/** As they stand, whether they speak or not. */
export function explainGuards(reading: Reading, lane: LaneKnowledge): GuardExplanation[] {
  return [
    {
      name: 'loop delay',
      value: Math.round(reading.loopDelayMs),
      threshold: Math.round(loopDelayMsOf(lane)),
      unit: 'ms',
    },
    {
      name: 'memory',
      value: Math.round(reading.memoryUsedMiB),
      threshold: Math.round((reading.memoryMiB * limits.guardMemoryPermille) / 1000),
      unit: 'MiB',
    },
    {
      name: 'held back for CPU quota',
      value: Math.round(reading.throttled * 100),
      threshold: limits.guardThrottledPermille / 10,
      unit: '%',
    },
    {
      name: 'errors and timeouts',
      value: reading.errors,
      threshold: Math.max(leastErrors, Math.ceil((reading.completions * limits.guardErrorsPermille) / 1000)),
      unit: '',
    },
  ];
}

/** So much more memory than the last time is more. */
const grown = 1.05;
const leastErrors = 5;
const percent = (share: number): string => `${Math.round(share * 100)} %`;
