import { limits } from '../../../src/base/limits.ts';
import { mayStart, undivided } from '../../../src/scheduler/share.ts';
import type { Host } from '../policy.ts';

/** What the machine has to spare, by the rules by which the router looks at it. */
export class SpareRoom {
  /** Processes that have not connected yet. */
  readonly booting = new Set<number>();
  readonly #host: Host;
  #lookedMs = -Infinity;
  #usedCpuMs = 0;
  #isIdle: boolean | null = null;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Whether the processors have had time to spare over the last limits.idleCpuWindowMs; null: that is not known. */
  get cpuIdle(): boolean | null {
    const { nowMs, usedCpuMs, cores } = this.#host;
    const sinceMs = nowMs - this.#lookedMs;
    if (sinceMs < limits.idleCpuWindowMs) return this.#isIdle;
    const usedMs = usedCpuMs - this.#usedCpuMs;
    this.#lookedMs = nowMs;
    this.#usedCpuMs = usedCpuMs;
    // An average over a long time says nothing of the last half second.
    if (sinceMs > 4 * limits.idleCpuWindowMs) this.#isIdle = null;
    else this.#isIdle = usedMs * 1000 < sinceMs * cores * limits.idleCpuPermille;
    return this.#isIdle;
  }

  /** How many of the instances that a function wants it may start now: src/scheduler/share.ts, with enough for all. */
  permit(wanted: number, ahead: boolean, own: Own): number {
    const { live, eachMiB, stems } = own;
    const usedMiB = live * eachMiB;
    const none = { idleMiB: 0, waitedMs: 0, coresUsed: 0, computing: 0, queuedMs: 0 };
    const claim = { id: '', weight: 1, live, usedMiB, eachMiB, wanted, ...none };
    const { places, freeMiB } = this;
    return mayStart(claim, ahead, undivided, { freeMiB, places, booting: this.booting.size, own: 0, stems }).count;
  }

  /** Processes that may be started for the stock of stems. */
  get bootable(): number {
    const fitting = Math.floor(this.freeMiB / limits.stemRssMiB) - 1;
    return Math.max(0, Math.min(this.places - this.booting.size - 1, fitting));
  }

  get freeMiB(): number {
    return this.#host.freeMemoryMiB - limits.startsLeaveFreeMiB;
  }

  get places(): number {
    return Math.max(limits.startsAtOnce, limits.startsPerCore * this.#host.cores);
  }
}

/** What a function has of the machine. */
export interface Own {
  readonly live: number;
  /** What one instance takes. */
  readonly eachMiB: number;
  /** Stems that fit it. */
  readonly stems: number;
}
