import { readdirSync, readFileSync } from 'node:fs';

/** What was waited for longer ago is no part of the period that is asked about. */
const knownForMs = 1_000;

/**
 * How long the threads of a process were ready to run and got no processor: with what they used it says how busy the one loop,
 * or the one lock, is that they take turns on. Without it, instances that share processors would all seem to have room.
 * Linux (proc(5), schedstat); elsewhere there is none.
 */
export class RunDelay {
  /** By thread, nanoseconds since its start. */
  #before: Map<string, number> | null = null;
  #beforeMs = -Infinity;

  /** Since the last call, summed over threads; 0 where that is long ago. Costs about 10 µs a thread. */
  takeUs(pid: number, nowMs: number): number {
    const before = nowMs - this.#beforeMs > knownForMs ? null : this.#before;
    const now = readDelays(pid);
    this.#before = now;
    this.#beforeMs = nowMs;
    if (before === null) return 0;
    let sumNs = 0;
    for (const [thread, ns] of now) sumNs += ns - (before.get(thread) ?? 0);
    return Math.max(0, sumNs / 1000);
  }
}

function readDelays(pid: number): Map<string, number> {
  const delays = new Map<string, number>();
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const [, waitedNs] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ', 2);
      delays.set(thread, Number(waitedNs) || 0);
    }
  } catch {
    // It, or a thread of it, has just ended.
  }
  return delays;
}
