// Hot path: take, ended and settled run once per invocation.
import { limits } from '../base/limits.ts';
import { lanes, type Learned } from '../model/learned.ts';
import { rest, surplus, type Surplus } from './consolidate.ts';
import { Decisions } from './decisions.ts';
import { Forecast, type Moment } from './forecast.ts';
import type { Guard } from './guards.ts';
import { LaneKnowledge, mainOf } from './knowledge.ts';
import { LaneQueues } from './lane-queues.ts';
import { Member } from './member.ts';
import { Placement } from './place.ts';
import { ProcessorUse } from './processor-use.ts';
import { laneComputes, laneWaits, Routes, type RouteProfile } from './routes.ts';
import type { FunctionSchedulerOptions, Health, Schedulable, Surroundings, Took } from './schedulable.ts';
import { startsNeeded, type LaneDemand, type Needed } from './scale.ts';

/**
 * The scheduling of one function: limits, places, queues, starts, rest and ends of its instances. Pure: no clock, no
 * randomness, no I/O; the router and the simulator carry out what it decides. Instances are small integers.
 */
export class FunctionScheduler<T extends Schedulable> extends LaneQueues<T> {
  readonly ceiling: number;
  readonly routes: Routes;
  /** By lane, like the queues. */
  readonly known: readonly LaneKnowledge[];
  readonly placement = new Placement();
  readonly decisions = new Decisions();
  readonly forecast: Forecast;
  readonly #options: FunctionSchedulerOptions;
  readonly #members: (Member | undefined)[] = [];
  readonly #freeIndices: number[] = [];
  readonly #inFlight = lanes.map(() => 0);
  /** Instances with work, by its lane. */
  readonly #busy = lanes.map(() => 0);
  /** By lane: when one was placed last. */
  readonly #beganMs = lanes.map(() => -Infinity);
  readonly processors = new ProcessorUse();
  /** Wall clock − monotonic clock, as of the last sweep. */
  wallOffsetMs = 0;
  #consolidatedMs = -Infinity;
  #isPumping = false;

  constructor(options: FunctionSchedulerOptions) {
    super();
    const { maxConcurrency, environment, learned } = options;
    const most = maxConcurrency === 'auto' ? limits.concurrencyAutoMax : maxConcurrency;
    this.ceiling = Math.min(limits.concurrencyMax, most);
    this.#options = options;
    this.routes = new Routes(learned?.routes);
    this.known = lanes.map((_, lane) => new LaneKnowledge(this.ceiling, learned?.limits[lane] ?? null));
    this.forecast = new Forecast(environment, learned?.arrivals ?? null);
  }

  /** Ready instances. */
  get ready(): number {
    return this.placement.ready;
  }

  /** What a new instance gets at once, of the work that the function has most of. */
  get limit(): number {
    return mainOf(this.known).limit;
  }

  // — invocations —

  /** The instance for an invocation that has just come, and its place there; −1: it has to wait. */
  take(item: T, nowMs: number): number {
    this.forecast.arrived(nowMs + this.wallOffsetMs);
    const { lane } = item.profile;
    item.lane = lane;
    return this.queues[lane]!.length > 0 ? -1 : this.#place(lane, nowMs);
  }

  /** It came back: to its turn. Its kind may have moved meanwhile. */
  returned(item: T): void {
    item.lane = item.profile.lane;
    this.putBack(item);
  }

  /**
   * What waits goes where there is room: `send` gets each with its instance. `isComing`: an instance is on its way. What
   * `send` puts back, or lets end so that it pumps itself, is served no more often than there are that wait now.
   */
  pump(nowMs: number, isComing: boolean, send: (item: T, index: number) => void): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      const first = this.#firstLane(nowMs);
      for (let left = this.waiting; left > 0; left -= 1) {
        if (!this.#pumpOne(first, nowMs, isComing, send) && !this.#pumpOne(1 - first, nowMs, isComing, send)) return;
      }
    } finally {
      this.#isPumping = false;
    }
  }

  #pumpOne(lane: number, nowMs: number, isComing: boolean, send: (item: T, index: number) => void): boolean {
    const queue = this.queues[lane]!;
    const index = queue.length === 0 ? -1 : this.#placeWaiting(lane, isComing, nowMs);
    if (index === -1) return false;
    const item = queue.shift()!;
    item.queueHandle = -1;
    send(item, index);
    return true;
  }

  /**
   * Which lane gets the next place: what waits, as it takes no processor from others. But one that got none for so long that
   * it may go anywhere goes first, or the other would take every place there is; of two such the one that got its last before.
   */
  #firstLane(nowMs: number): number {
    return this.#starvedMs(laneComputes, nowMs) > this.#starvedMs(laneWaits, nowMs) ? laneComputes : laneWaits;
  }

  /** For how long a lane that waits has got no place; 0: not for long. */
  #starvedMs(lane: number, nowMs: number): number {
    const sinceMs = nowMs - this.#beganMs[lane]!;
    return Math.min(sinceMs, this.queues[lane]!.oldestAgeMs(nowMs)) < limits.laneWaitMs ? 0 : sinceMs;
  }

  /** It has left its instance: answered, refused, recalled or lost. */
  ended(index: number, lane: number, nowMs: number): void {
    const member = this.#members[index];
    // A late word about one that is gone, whose index another has.
    if (member === undefined || member.inFlight[lane] === 0) return;
    const laneOf = this.placement.laneOf(index);
    this.placement.ended(index);
    this.#inFlight[lane]! -= 1;
    member.inFlight[lane]! -= 1;
    if (this.placement.inFlight(index) === 0 && laneOf !== -1) this.#busy[laneOf]! -= 1;
    this.#flow(member, nowMs);
  }

  /** It has been answered by that instance (−1: which is gone). `cpuMs` 0: it could not say. */
  settled(item: T, index: number, { wallMs, cpuMs }: Took, nowMs: number): void {
    this.processors.movedMs[item.lane] = nowMs;
    const member = this.#members[index];
    member?.completed();
    // The first of an instance pays for what is compiled and opened once; but so much is its own.
    if (member?.completions === 1 && cpuMs < limits.firstCpuMs) return;
    // What was sent before its kind had moved says nothing of its lane.
    if (item.profile.lane === item.lane) this.known[item.lane]!.settled(wallMs, cpuMs);
    if (item.profile.settled(wallMs, cpuMs)) this.#moved(item.profile.current, nowMs);
  }

  /** A kind of requests belongs to another lane now, and what waits of it too. */
  #moved(profile: RouteProfile, nowMs: number): void {
    const { shown, lane, cpuMs, wallMs } = profile;
    const text = `${shown} ${lanes[lane]} (${cpuMs.toFixed(0)} ms of CPU in ${wallMs.toFixed(0)} ms): kept apart`;
    this.decisions.add(text, null, nowMs);
    if (this.known[lane]!.invocations === 0) this.known[lane]!.settled(wallMs, cpuMs);
    // One of many that are known leaves them as they are.
    if (profile.invocations * smallPart >= this.known[1 - lane]!.invocations) this.#forget(1 - lane, nowMs);
    if (this.routes.areAll(lane)) this.#adopt(lane, nowMs);
    this.move(profile, lane);
  }

  /** What was learned of both kinds together holds for neither. */
  #forget(lane: number, nowMs: number): void {
    this.known[lane]!.forget();
    for (const member of this.#members) {
      if (member === undefined) continue;
      const limit = member.limits[lane]!;
      const reason = limit.forget(this.known[lane]!, nowMs);
      this.placement.setLimit(member.index, lane, limit.places);
      if (reason !== null) this.#tell(reason, lane, member, nowMs);
    }
  }

  /** All work is of one lane: so is what instances have of it already. */
  #adopt(lane: number, nowMs: number): void {
    this.placement.adopt(lane);
    this.#busy[lane]! += this.#busy[1 - lane]!;
    this.#busy[1 - lane] = 0;
    for (const member of this.#members) {
      if (member === undefined) continue;
      member.isAdopted = this.placement.inFlight(member.index) > 0;
      this.#enters(member, lane, nowMs);
    }
  }

  // — instances —

  /** One is ready. Its index, until it is removed. `id`: what decisions call it. */
  add(memoryMiB: number, nowMs: number, id: string | null = null): number {
    const index = this.#freeIndices.pop() ?? this.#members.length;
    const member = new Member({ id, index, memoryMiB }, this.known, this.ceiling, nowMs);
    this.#members[index] = member;
    const places = member.limits.map((limit) => limit.places);
    this.placement.add(index, places);
    return index;
  }

  /** It takes nothing new. What it had ends without being told here. */
  remove(index: number): void {
    const member = this.#members[index];
    if (member === undefined) return;
    const lane = this.placement.laneOf(index);
    if (lane !== -1) this.#busy[lane]! -= 1;
    member.inFlight.forEach((inFlight, of) => (this.#inFlight[of]! -= inFlight));
    this.processors.set(member, 0);
    this.placement.remove(index);
    this.#members[index] = undefined;
    this.#freeIndices.push(index);
  }

  /** Null: one that is gone. */
  member(index: number): Member | null {
    return this.#members[index] ?? null;
  }

  setPaused(index: number, paused: boolean): void {
    this.placement.setPaused(index, paused);
    const member = this.#members[index];
    // What it uses of its processor is told by its next vitals: until then it counts as it did.
    if (member !== undefined && !paused) member.stuckSinceMs = Infinity;
  }

  /** Its loop is held, with so many begun and not answered. */
  stuck(index: number, begun: number, heldMs: number, nowMs: number): void {
    const member = this.#members[index];
    if (member === undefined) return;
    member.stuckSinceMs = Math.min(member.stuckSinceMs, nowMs - heldMs);
    this.processors.set(member, 1);
    const lane = Math.max(0, this.placement.laneOf(index));
    this.#changed(member, lane, member.limits[lane]!.stuck(begun, heldMs, member.completions > 0, nowMs), nowMs);
  }

  /** It refused one. */
  refused(index: number, reason: Guard, nowMs: number): void {
    const member = this.#members[index];
    const lane = this.placement.laneOf(index);
    if (member === undefined || lane === -1) return;
    // What it had until a moment ago: the rest may have been recalled by now.
    const had = Math.max(this.placement.inFlight(index), Math.ceil(member.last?.inFlight ?? 0));
    this.#changed(member, lane, member.limits[lane]!.refused(reason, had, this.known[lane]!, nowMs), nowMs);
  }

  /** Newer vitals. */
  vitals(index: number, { vitals, freePermille, machineCores }: Health, nowMs: number): void {
    const member = this.#members[index];
    if (member === undefined) return;
    this.placement.setHealth(index, freePermille, nowMs);
    const lane = this.placement.laneOf(index);
    const reading = member.reading(vitals, machineCores, nowMs);
    if (reading === null) return;
    if (!member.isStuck) this.processors.set(member, reading.utilisation);
    const { isMixed } = member;
    member.isMixed = member.isBeside;
    if (isMixed || (lane === -1 && reading.completions === 0)) return;
    const of = lane === -1 ? member.lastLane : lane;
    this.#changed(member, of, member.limits[of]!.step(reading, this.known[of]!, nowMs), nowMs);
  }

  // — how many —

  /** How many instances to start now, and why. */
  starts(around: Surroundings, nowMs: number): Needed {
    this.processors.allowedCores = around.cores;
    const ahead = this.forecast.ahead(this.known, this.processors.allowedCores);
    // Who allows one invocation at a time asked for an instance each.
    const isSingle = this.ceiling === 1;
    return startsNeeded({
      ...around,
      lanes: this.known.map((_, lane) => this.#demandOf(lane, around, nowMs)),
      ahead: ahead.instances,
      aheadReason: ahead.reason,
      maxInstances: this.#options.maxInstances,
      // Of what waits: that the other lane moves is no help to it.
      stillForMs: nowMs - Math.max(...this.processors.movedMs.filter((_, lane) => this.queues[lane]!.length > 0)),
      standing: this.ready + around.starting,
      computing: isSingle ? 0 : this.processors.computing,
      usedCores: isSingle ? 0 : this.processors.cores,
      ...this.processors.holds(this.#members, nowMs),
    });
  }

  /** Several times a second, or once where there is nothing to do. The instances to drain. */
  sweep(moment: Moment): readonly Surplus[] {
    const { nowMs, wallMs } = moment;
    const { forecast } = this;
    this.wallOffsetMs = wallMs - nowMs;
    const demands = this.#inFlight.map((inFlight, lane) => inFlight + this.queues[lane]!.length);
    forecast.observe(demands, moment);
    for (let lane = 0; lane < lanes.length; lane += 1) {
      const lately = forecast.windows[lane]!.average(limits.demandPanicMs, nowMs);
      const needed = Math.max(demands[lane]!, lately);
      rest(this.#members, this.placement, { lane, needed, limit: this.known[lane]!.limit });
    }
    if (nowMs - this.#consolidatedMs < limits.consolidateMs) return [];
    this.#consolidatedMs = nowMs;
    forecast.look(this.known, moment);
    const keepAliveMs = this.#options.keepAliveMs ?? forecast.keepAliveMs;
    const wanted = forecast.ahead(this.known, this.processors.allowedCores).instances;
    return surplus(this.#members, this.placement, { wanted, keepAliveMs, nowMs });
  }

  /** What is worth to be kept over a restart of the platform. */
  learned(): Learned {
    return {
      limits: this.known.map((lane) => lane.kept(this.wallOffsetMs)),
      routes: this.routes.learned(),
      arrivals: this.forecast.learned(),
    };
  }

  #demandOf(lane: number, { starting }: Surroundings, nowMs: number): LaneDemand {
    const queue = this.queues[lane]!;
    const { limit, isUnknown, wallMs, load } = this.known[lane]!;
    const others = this.#busy.reduce((sum, busy, at) => (at === lane ? sum : sum + busy), 0);
    return {
      waiting: queue.length,
      headAgeMs: queue.oldestAgeMs(nowMs),
      limit,
      isUnknown,
      wallMs,
      load,
      live: this.ready - others + starting,
      computes: lane === laneComputes,
      isBound: !this.#mayWiden(lane, nowMs),
    };
  }

  #place(lane: number, nowMs: number): number {
    const index = this.placement.place(lane, nowMs, this.#mayWiden(lane, nowMs));
    if (index !== -1) this.#began(index, lane, nowMs);
    return index;
  }

  /** Whether one more instance may be put to work. What computes waits in turn for those that have the processors. */
  #mayWiden(lane: number, nowMs: number): boolean {
    if (lane !== laneComputes || this.ceiling === 1) return true;
    return !this.processors.areBusy(this.#busy[lane]!, this.known[lane]!, nowMs);
  }

  #began(index: number, lane: number, nowMs: number): void {
    const { placement } = this;
    const member = this.#members[index]!;
    if (placement.inFlight(index) === 0) {
      this.#busy[lane]! += 1;
      this.#enters(member, lane, nowMs);
    }
    placement.began(index, lane);
    if (this.#inFlight[lane] === 0) this.processors.movedMs[lane] = nowMs;
    this.#inFlight[lane]! += 1;
    this.#beganMs[lane] = nowMs;
    member.inFlight[lane]! += 1;
    // Until it tells what it uses: or more would be started for processors that it is about to use.
    if (member.last === null)
      this.processors.set(member, Math.min(1, placement.inFlight(index) * this.known[lane]!.loadOfOne));
    this.#flow(member, nowMs);
  }

  /** It has work of a lane that it had none of. */
  #enters(member: Member, lane: number, nowMs: number): void {
    const limit = member.limits[lane]!;
    const reason = limit.begins(this.known[lane]!, nowMs);
    if (reason === null) return;
    this.placement.setLimit(member.index, lane, limit.places);
    this.#tell(reason, lane, member, nowMs);
  }

  /** One that has no instance of its lane, and for which none is coming, does not wait for ever. */
  #placeWaiting(lane: number, isComing: boolean, nowMs: number): number {
    const index = this.#place(lane, nowMs);
    // Paused ones may be so for long; and a start may hang.
    if (index !== -1 || this.placement.active(lane) > 0) return index;
    const waitMs = isComing ? limits.heldQueueStaleMs : limits.laneWaitMs;
    if (this.queues[lane]!.oldestAgeMs(nowMs) < waitMs) return -1;
    const other = this.placement.place(1 - lane, nowMs);
    if (other === -1) return -1;
    // Beside the other kind, too, no more than their limit: they would hold each other up, and be recalled.
    const { inFlight, limits: most } = this.#members[other]!;
    if (inFlight[lane]! >= most[lane]!.places) return -1;
    this.#began(other, lane, nowMs);
    return other;
  }

  #flow(member: Member, nowMs: number): void {
    const lane = this.placement.laneOf(member.index);
    if (lane !== -1) member.enter(lane);
    member.flow(this.placement.inFlight(member.index), member.limits[member.lastLane]!.places, nowMs);
  }

  #changed(member: Member, lane: number, reason: string | null, nowMs: number): void {
    if (reason === null) return;
    this.placement.setLimit(member.index, lane, member.limits[lane]!.places);
    this.#flow(member, nowMs);
    this.#tell(reason, lane, member, nowMs);
  }

  #tell(reason: string, lane: number, { id }: Member, nowMs: number): void {
    const hasBoth = this.known.every(({ invocations }) => invocations > 0);
    this.decisions.add(hasBoth ? reason.replace('limit', `limit of what ${lanes[lane]}`) : reason, id, nowMs);
  }
}

/** A kind that is less than a part in so many of its lane is not what that lane was learned from. */
const smallPart = 10;
