// Hot path: twice per invocation.
import type { Measured } from '../attribution.ts';
import { Cell } from '../board.ts';
import type { Turns } from '../turns.ts';
import type { Charges } from '../ward.ts';

/** What an invocation has of the CPU of the process beside. `Call.context` of it. */
export interface Charged {
  /** What the runtime measured of it; −1: nothing. */
  measuredUs: number;
  /** Its part of the periods that have ended. */
  usedUs: number;
  /** Since when it has been in flight, as far as that is not in `usedUs`. */
  sinceMs: number;
  /** Its place among those in flight; −1: it is not. */
  place: number;
}

interface CpuSource {
  nowMs(): number;
  /** Of the process and what it has started, since its start, microseconds. */
  cpuUs(): number;
}

/** The kernel's total moves in steps of 10 ms, and costs 40 µs and more: asked no more often, where it was used up. */
const lookMs = 10;

/**
 * Divides what a process beside has used among its invocations ("What is charged", protocol/runtime.md): what the runtime
 * measured, else by the time that each was in flight. A period's rate is known at its end; who ends before goes by the rate of
 * the one before. The sum never exceeds what the operating system says (I8).
 */
export class SharedCharges implements Charges {
  readonly #turns: Turns;
  readonly #cells: Int32Array;
  readonly #source: CpuSource;
  readonly #inFlight: Charged[] = [];
  /** Microseconds of CPU per millisecond in flight; −1: no period has ended. */
  #rate = -1;
  #fromMs: number;
  #fromUs = 0;
  /** Milliseconds in flight in this period, of all together, until `#countedMs`. */
  #areaMs = 0;
  #countedMs: number;
  #bootUs = 0;
  #attributedUs = 0;
  #budgetUs = 0;
  #lookedMs = -Infinity;

  constructor(turns: Turns, cells: Int32Array, source: CpuSource) {
    this.#turns = turns;
    this.#cells = cells;
    this.#source = source;
    this.#fromMs = source.nowMs();
    this.#countedMs = this.#fromMs;
  }

  get attributedUs(): number {
    return this.#attributedUs;
  }

  get inFlight(): number {
    return this.#inFlight.length;
  }

  enter(): number {
    return this.#turns.inside ? performance.now() : this.#turns.enter();
  }

  settle(): void {
    // The loop that cores run on is nobody's to be charged for.
  }

  booted(): void {
    this.#bootUs = this.#source.cpuUs();
    this.#fromUs = this.#bootUs;
  }

  began(charged: Charged, nowMs: number): void {
    this.#count(nowMs);
    charged.sinceMs = nowMs;
    charged.place = this.#inFlight.push(charged) - 1;
  }

  /** Its handler has returned. Idempotent. */
  ended(charged: Charged, nowMs: number): void {
    if (charged.place < 0) return;
    this.#count(nowMs);
    const last = this.#inFlight.pop()!;
    if (last !== charged) {
      this.#inFlight[charged.place] = last;
      last.place = charged.place;
    }
    charged.place = -1;
    charged.usedUs += Math.max(0, this.#rate) * (nowMs - charged.sinceMs);
  }

  /** The process has used so much until now. */
  period(nowMs: number, cpuUs: number): void {
    this.#count(nowMs);
    const rate = this.#areaMs > 0 ? Math.max(0, cpuUs - this.#fromUs) / this.#areaMs : this.#rate;
    for (const charged of this.#inFlight) {
      charged.usedUs += Math.max(0, rate) * (nowMs - Math.max(charged.sinceMs, this.#fromMs));
      charged.sinceMs = nowMs;
    }
    this.#rate = rate;
    this.#fromMs = nowMs;
    this.#fromUs = cpuUs;
    this.#areaMs = 0;
  }

  take(measured: Measured & { readonly context?: unknown }): number {
    const charged = measured.context as Charged | null;
    if (charged === null) return 0;
    const nowMs = this.#source.nowMs();
    if (this.#rate < 0 && charged.measuredUs < 0) this.period(nowMs, this.#source.cpuUs());
    const inFlightMs = charged.place < 0 ? 0 : nowMs - charged.sinceMs;
    const sharedUs = charged.usedUs + Math.max(0, this.#rate) * inFlightMs;
    let us = Math.floor(charged.measuredUs >= 0 ? charged.measuredUs : sharedUs);
    if (us > this.#budgetUs && nowMs - this.#lookedMs >= lookMs) {
      this.#lookedMs = nowMs;
      this.#budgetUs = Math.max(0, this.#source.cpuUs() - this.#bootUs - this.#attributedUs);
    }
    us = Math.min(us, Math.floor(this.#budgetUs));
    this.#budgetUs -= us;
    this.#attributedUs += us;
    this.#cells[Cell.attributedUs] = this.#attributedUs;
    return us;
  }

  #count(nowMs: number): void {
    this.#areaMs += this.#inFlight.length * (nowMs - this.#countedMs);
    this.#countedMs = nowMs;
  }
}
