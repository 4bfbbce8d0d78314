// Hot path: a million invocations, several events each. Typed arrays and integers; no closure, no promise per event.
import { limits } from '../../src/base/limits.ts';
import { coldStart, recallMs } from './cold-start.ts';
import { EventHeap } from './heap.ts';
import { Phase, SimInstance } from './instance.ts';
import { Loops } from './loops.ts';
import { Ledger, type RunResult } from './ledger.ts';
import type { Host, Policy, PolicyKind } from './policy.ts';
import { Processors } from './processors.ts';
import { Sampling } from './sampling.ts';
import { cpuMs, type Workload } from './workload.ts';

/** Timers: a number and what it is of. */
const Timer = { waited: 0, booted: 1, loaded: 2, report: 3, returned: 4, ended: 5, wake: 6 } as const;
const timerBits = 3;

/** Runs one workload under one policy on a virtual clock. The same arguments give the same result to the last digit. */
export class Simulation implements Host {
  readonly workload: Workload;
  readonly cores: number;
  readonly sampling: Sampling;
  nowMs = 0;
  freeMemoryMiB: number;
  readonly #kind: PolicyKind;
  readonly #policy: Policy;
  readonly #watches: boolean;
  readonly #ledger: Ledger;
  readonly #processors: Processors;
  readonly #timers = new EventHeap();
  readonly #instances: SimInstance[] = [];
  /** By function: instances that do not report, because nothing changes there. */
  readonly #quiet: readonly number[][];
  readonly #loops: Loops;
  /** By invocation; −1: it is on none. */
  readonly #instanceOf: Int32Array;
  #events = 0;

  constructor(workload: Workload, kind: PolicyKind, seed: number) {
    const count = workload.arrivalMs.length;
    this.workload = workload;
    this.cores = workload.machine.cores;
    this.freeMemoryMiB = workload.machine.memoryMiB;
    this.sampling = new Sampling(seed);
    this.#kind = kind;
    this.#watches = kind.watches;
    this.#ledger = new Ledger(workload);
    this.#processors = new Processors(this.cores);
    this.#loops = new Loops(workload, this.#processors, kind.watches);
    this.#quiet = workload.functions.map(() => []);
    this.#instanceOf = new Int32Array(count).fill(-1);
    this.#policy = kind.create(this);
  }

  run(): RunResult {
    const { arrivalMs, functionOf, durationMs } = this.workload;
    const processors = this.#processors;
    const timers = this.#timers;
    let arrival = 0;
    this.#policy.begin();
    for (;;) {
      const cpuAtMs = processors.nextMs;
      const timerAtMs = timers.firstKey;
      const arrivalAtMs = arrival < arrivalMs.length ? arrivalMs[arrival]! : Infinity;
      const atMs = Math.min(cpuAtMs, timerAtMs, arrivalAtMs);
      if (this.#ledger.settledCount === arrivalMs.length && atMs > durationMs) break;
      if (atMs === Infinity) throw new Error(`${this.#kind.name} left invocations of ${this.workload.name} unsettled`);
      this.#events += 1;
      processors.advance(atMs);
      this.nowMs = atMs;
      if (cpuAtMs === atMs) {
        this.#ran(this.#instances[processors.finish()]!);
      } else if (timerAtMs === atMs) {
        this.#fired(timers.pop());
      } else {
        const ofFunction = functionOf[arrival]!;
        this.#ledger.arrived(atMs);
        if (this.#quiet[ofFunction]!.length > 0) this.#listen(ofFunction);
        this.#policy.arrived(arrival, ofFunction);
        arrival += 1;
      }
    }
    return this.#close();
  }

  // — Host —

  get usedCpuMs(): number {
    return this.#processors.usedMs;
  }

  start(ofFunction: number): number {
    const id = this.#boot(this.workload.functions[ofFunction]!.memoryMiB);
    if (id !== -1) {
      this.#instances[id]!.ofFunction = ofFunction;
      this.#ledger.instances.add(1, this.nowMs);
    }
    return id;
  }

  startStem(memoryMiB: number): number {
    return this.#boot(memoryMiB);
  }

  load(stem: number, ofFunction: number): boolean {
    const instance = this.#instances[stem]!;
    const { memoryMiB } = this.workload.functions[ofFunction]!;
    if (memoryMiB - instance.memoryMiB > this.freeMemoryMiB) return false;
    this.#ledger.lived(instance.memoryMiB, true, instance.startedMs, this.nowMs);
    this.#ledger.instances.add(1, this.nowMs);
    this.freeMemoryMiB -= memoryMiB - instance.memoryMiB;
    instance.memoryMiB = memoryMiB;
    instance.ofFunction = ofFunction;
    instance.fromStem = true;
    instance.obtainedMs = this.nowMs;
    if (instance.phase === Phase.stem) this.#load(instance);
    return true;
  }

  send(invocation: number, id: number): void {
    const instance = this.#instances[id]!;
    if (
      instance.phase !== Phase.ready ||
      instance.drains ||
      instance.ofFunction !== this.workload.functionOf[invocation]
    )
      throw new Error(`${this.#kind.name} sent an invocation to an instance that cannot take it`);
    if (this.#instanceOf[invocation] !== -1) throw new Error(`${this.#kind.name} sent an invocation twice`);
    const { nowMs } = this;
    if (instance.obtainedMs >= this.workload.arrivalMs[invocation]!) {
      this.#ledger.waitedForStart(invocation, instance.fromStem);
    }
    this.#instanceOf[invocation] = id;
    if (instance.isQuiet) this.#reportAgain(instance);
    if (instance.inFlight === 0) instance.busySinceMs = nowMs;
    instance.inFlight += 1;
    instance.waiting += 1;
    this.#loops.enqueue(instance, invocation, nowMs);
  }

  recall(id: number): void {
    for (const invocation of this.#loops.recall(this.#instances[id]!)) {
      this.#timers.push(this.nowMs + recallMs, (invocation << timerBits) | Timer.returned);
    }
  }

  drain(id: number): void {
    const instance = this.#instances[id]!;
    instance.drains = true;
    const idle = instance.inFlight === 0 && (instance.phase === Phase.ready || instance.phase === Phase.stem);
    if (idle) this.#timers.push(this.nowMs, (id << timerBits) | Timer.ended);
  }

  refuse(invocation: number): void {
    if (this.#instanceOf[invocation] !== -1) throw new Error(`${this.#kind.name} refused what is on an instance`);
    this.#ledger.settled(invocation, Infinity, this.nowMs);
  }

  wakeAt(atMs: number, token: number): void {
    this.#timers.push(Math.max(atMs, this.nowMs), (token << timerBits) | Timer.wake);
  }

  // — events —

  #fired(value: number): void {
    const of = value >> timerBits;
    switch (value & 7) {
      case Timer.waited:
        this.#advance(of);
        break;
      case Timer.wake:
        this.#policy.woken(of);
        break;
      case Timer.report:
        this.#report(this.#instances[of]!);
        break;
      case Timer.returned:
        this.#returned(of);
        break;
      case Timer.booted:
        this.#booted(this.#instances[of]!);
        break;
      case Timer.loaded:
        this.#ready(this.#instances[of]!);
        break;
      default:
        this.#end(this.#instances[of]!);
    }
  }

  /** The piece of CPU that the instance wanted has been had. */
  #ran(instance: SimInstance): void {
    if (instance.running !== -1) {
      this.#loopRan(instance);
      return;
    }
    const { bootMs, bootCpuMs, stemMs, stemCpuMs } = coldStart;
    const boots = instance.phase === Phase.booting;
    const usedMs = boots ? bootCpuMs : stemCpuMs;
    instance.cpuMs += usedMs;
    this.#ledger.booted(usedMs, this.nowMs);
    const waitMs = boots ? bootMs - bootCpuMs : stemMs - stemCpuMs;
    this.#timers.push(this.nowMs + waitMs, (instance.id << timerBits) | (boots ? Timer.booted : Timer.loaded));
  }

  #loopRan(instance: SimInstance): void {
    const done = this.#loops.ran(instance, this.nowMs);
    if (done === -1) {
      this.#tell(instance);
      return;
    }
    this.#advance(done);
    if (!instance.cameRound) return;
    instance.cameRound = false;
    if (instance.phase !== Phase.ended) this.#tell(instance);
  }

  // — invocations —

  /** To its next phase, or it is answered. */
  #advance(invocation: number): void {
    const { phaseStart, phasesMs } = this.workload;
    const at = (this.#loops.phaseAt[invocation]! += 1);
    if (at === phaseStart[invocation + 1]) {
      this.#answered(invocation);
    } else if (((at - phaseStart[invocation]!) & 1) === 1) {
      this.#timers.push(this.nowMs + phasesMs[at]!, (invocation << timerBits) | Timer.waited);
    } else {
      this.#loops.enqueue(this.#instances[this.#instanceOf[invocation]!]!, invocation, this.nowMs);
    }
  }

  #answered(invocation: number): void {
    const instance = this.#instances[this.#instanceOf[invocation]!]!;
    const { nowMs } = this;
    const usedMs = cpuMs(this.workload, invocation);
    instance.attributedMs += usedMs;
    this.#ledger.ran(usedMs, nowMs);
    this.#ledger.settled(invocation, nowMs - this.workload.arrivalMs[invocation]!, nowMs);
    this.#released(instance);
    this.#policy.completed(invocation, instance.id);
  }

  #returned(invocation: number): void {
    const instance = this.#instances[this.#instanceOf[invocation]!]!;
    this.#instanceOf[invocation] = -1;
    instance.waiting -= 1;
    this.#released(instance);
    this.#policy.returned!(invocation, instance.id);
  }

  #released(instance: SimInstance): void {
    instance.inFlight -= 1;
    if (instance.inFlight > 0) return;
    this.#ledger.busy(instance.memoryMiB, instance.busySinceMs, this.nowMs);
    if (instance.drains) this.#timers.push(this.nowMs, (instance.id << timerBits) | Timer.ended);
  }

  // — lives of instances —

  #boot(memoryMiB: number): number {
    if (memoryMiB > this.freeMemoryMiB) return -1;
    this.freeMemoryMiB -= memoryMiB;
    const id = this.#instances.length;
    this.#instances.push(new SimInstance(id, memoryMiB, this.nowMs));
    this.#ledger.started(this.nowMs);
    this.#processors.add(id, coldStart.bootCpuMs);
    return id;
  }

  #booted(instance: SimInstance): void {
    if (instance.drains) this.#end(instance);
    else if (instance.fromStem) this.#load(instance);
    else if (instance.ofFunction !== -1) this.#ready(instance);
    else {
      instance.phase = Phase.stem;
      this.#policy.stemReady!(instance.id);
    }
  }

  #load(instance: SimInstance): void {
    instance.phase = Phase.loading;
    this.#processors.add(instance.id, coldStart.stemCpuMs);
  }

  #ready(instance: SimInstance): void {
    instance.phase = Phase.ready;
    if (instance.drains) {
      this.#end(instance);
      return;
    }
    instance.reportedMs = this.nowMs;
    instance.reportDueMs = this.nowMs;
    if (this.#watches) this.#reportAt(instance);
    this.#policy.ready(instance.id);
  }

  #end(instance: SimInstance): void {
    if (instance.phase === Phase.ended) return;
    instance.phase = Phase.ended;
    this.freeMemoryMiB += instance.memoryMiB;
    this.#lived(instance);
    if (instance.ofFunction !== -1) this.#ledger.instances.add(-1, this.nowMs);
    this.#policy.ended(instance.id);
  }

  #lived(instance: SimInstance): void {
    const asStem = instance.ofFunction === -1;
    this.#ledger.lived(instance.memoryMiB, asStem, asStem ? instance.startedMs : instance.obtainedMs, this.nowMs);
  }

  #close(): RunResult {
    this.nowMs = Math.max(this.workload.durationMs, this.#ledger.lastSettledMs);
    for (const instance of this.#instances) if (instance.phase !== Phase.ended) this.#lived(instance);
    return this.#ledger.result(this.#kind.name, this.nowMs, { events: this.#events, usedCpuMs: this.usedCpuMs });
  }

  // — vitals —

  /** Of a function for which something has come: those that had nothing to say report again, from now on. */
  #listen(ofFunction: number): void {
    const quiet = this.#quiet[ofFunction]!;
    for (const id of quiet) {
      const instance = this.#instances[id]!;
      if (instance.phase === Phase.ended || !instance.isQuiet) continue;
      this.#reportAgain(instance);
      this.#tell(instance);
    }
    quiet.length = 0;
  }

  /** As if it had gone on saying that there was nothing. */
  #reportAgain(instance: SimInstance): void {
    const { vitalsPeriodMs } = limits;
    instance.isQuiet = false;
    instance.reportedMs += Math.floor((this.nowMs - instance.reportedMs) / vitalsPeriodMs) * vitalsPeriodMs;
    instance.reportDueMs = instance.reportedMs + vitalsPeriodMs;
    this.#reportAt(instance);
  }

  #reportAt(instance: SimInstance): void {
    this.#timers.push(instance.reportDueMs, (instance.id << timerBits) | Timer.report);
  }

  #report(instance: SimInstance): void {
    if (instance.phase === Phase.ended) return;
    if (this.nowMs < instance.reportDueMs) {
      this.#reportAt(instance);
      return;
    }
    const idle = instance.inFlight === 0 && instance.activeMs === instance.reportedActiveMs;
    this.#tell(instance);
    if (!idle) {
      this.#reportAt(instance);
    } else if (!instance.isQuiet) {
      instance.isQuiet = true;
      this.#quiet[instance.ofFunction]!.push(instance.id);
    }
  }

  #tell(instance: SimInstance): void {
    const leftMs = instance.running === -1 ? 0 : this.#processors.leftMs(instance.mark);
    this.#policy.vitals!(instance.id, instance.report(this.nowMs, leftMs));
  }
}
