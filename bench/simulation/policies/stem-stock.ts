import { limits } from '../../../src/base/limits.ts';
import { stemsToBoot, stemsWanted, type StemDemand } from '../../../src/provider/stems.ts';
import { coldStart } from '../cold-start.ts';
import type { Host } from '../policy.ts';
import type { SpareRoom } from './spare-room.ts';

const demandWindowMs = 60_000;

/** The stock of stems: how many there are to be says the platform's own policy, src/provider/stems.ts. */
export class StemStock {
  readonly #host: Host;
  readonly #room: SpareRoom;
  readonly #keeps: boolean;
  /** Functions by the memory of their instances, and when such were needed. */
  readonly #classes = new Map<number, { functions: number; neededMs: number[] }>();
  /** Free to be taken, by id: its class. */
  readonly #stems = new Map<number, number>();
  readonly #connected = new Set<number>();
  refillDueMs = Infinity;

  constructor(host: Host, room: SpareRoom, keeps: boolean) {
    this.#host = host;
    this.#room = room;
    this.#keeps = keeps;
    for (const { memoryMiB } of host.workload.functions) {
      const known = this.#classes.get(memoryMiB);
      if (known === undefined) this.#classes.set(memoryMiB, { functions: 1, neededMs: [] });
      else known.functions += 1;
    }
  }

  count(memoryMiB: number): number {
    let count = 0;
    for (const each of this.#stems.values()) if (each === memoryMiB) count += 1;
    return count;
  }

  /** An instance is needed now: a stem for it, connected if possible; −1: there is none. */
  take(memoryMiB: number): number {
    if (!this.#keeps) return -1;
    this.#classes.get(memoryMiB)!.neededMs.push(this.#host.nowMs);
    this.refillDueMs = Math.min(this.refillDueMs, this.#host.nowMs + limits.stemRefillMs);
    let chosen = -1;
    for (const [stem, ofClass] of this.#stems) {
      if (ofClass !== memoryMiB) continue;
      if (chosen === -1) chosen = stem;
      if (!this.#connected.has(stem)) continue;
      chosen = stem;
      break;
    }
    this.#stems.delete(chosen);
    return chosen;
  }

  isStem(instance: number): boolean {
    return this.#stems.has(instance);
  }

  connected(stem: number): void {
    this.#connected.add(stem);
  }

  /** Brings the stock to what is wanted now. */
  refill(): void {
    this.refillDueMs = Infinity;
    if (!this.#keeps) return;
    const { nowMs } = this.#host;
    const { cpuIdle } = this.#room;
    const freeMemoryMiB = this.#host.freeMemoryMiB + this.#stems.size * limits.stemRssMiB;
    const wanted = stemsWanted({ demands: this.#demands(), freeMemoryMiB });
    let { bootable } = this.#room;
    for (const { memoryMiB, count, isNeeded } of wanted) {
      const has = Math.min(count, this.count(memoryMiB));
      const booting = Math.min(bootable, stemsToBoot({ count, has, isNeeded, cpuIdle }));
      if (booting < count - has) this.refillDueMs = nowMs + limits.stemRefillMs;
      for (let left = booting; left > 0; left -= 1) this.#start(memoryMiB);
      bootable -= booting;
    }
    for (const memoryMiB of this.#classes.keys()) {
      const count = wanted.find((each) => each.memoryMiB === memoryMiB)?.count ?? 0;
      while (this.count(memoryMiB) > count) this.#dismiss(memoryMiB);
    }
  }

  #demands(): StemDemand[] {
    const { nowMs } = this.#host;
    return [...this.#classes].map(([memoryMiB, each]) => {
      each.neededMs = each.neededMs.filter((atMs) => nowMs - atMs < demandWindowMs);
      return { release: 'nodejs24.x', memoryMiB, functions: each.functions, recentStarts: each.neededMs.length };
    });
  }

  #start(memoryMiB: number): void {
    const stem = this.#host.startStem(coldStart.stemMemoryMiB);
    if (stem === -1) return;
    this.#room.booting.add(stem);
    this.#stems.set(stem, memoryMiB);
  }

  /** The one that was started last. */
  #dismiss(memoryMiB: number): void {
    const last = [...this.#stems].findLast(([, ofClass]) => ofClass === memoryMiB);
    if (last === undefined) return;
    this.#stems.delete(last[0]);
    this.#host.drain(last[0]);
  }
}
