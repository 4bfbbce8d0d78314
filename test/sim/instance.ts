import { limits } from '../../src/base/limits.ts';
import { Claims } from '../../src/core/claims.ts';
import { type NackReason, nackReasons, noVitals, type Vitals } from '../../src/model/vitals.ts';
import type { Exit, ProviderEvents, StartOrder } from '../../src/provider/provider.ts';
import { FrameType } from '../../src/tunnel/frame.ts';
import { readLoad } from '../../src/tunnel/greeting.ts';
import { readCredit } from '../../src/tunnel/payload.ts';
import { openSession, type Session } from '../../src/tunnel/session.ts';
import { SimCall } from './call.ts';
import { memoryConnections, type MemoryConnection } from './memory-connection.ts';
import { happens, type Profile } from './profile.ts';
import type { Simulation } from './simulation.ts';

interface Frame {
  readonly type: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/**
 * An instance as the router sees it: real sessions, frames, credit and claims, and a program that does what its scripts
 * say, with the faults of its profile. Its loop can be stuck: then the data connection waits, and the sentinel answers.
 */
export class SimInstance {
  readonly id: string;
  readonly world: Simulation;
  dead = false;
  cpuUs = 20_000;
  #attributedUs = 0;
  loaded = false;
  readonly #profile: Profile;
  readonly #order: StartOrder;
  readonly #events: ProviderEvents;
  #claims: Claims | null = null;
  /** By slot. */
  readonly #calls: (SimCall | undefined)[] = [];
  #open = 0;
  #data: MemoryConnection | null = null;
  #control: MemoryConnection | null = null;
  #session: Session | null = null;
  #controlSession: Session | null = null;
  #stuck = false;
  #stuckSinceMs = 0;
  /** Of the last stall that ended, until it is reported. */
  #stuckMs = 0;
  /** What waits for the loop: frames that were read, and what the program had in hand. */
  #backlog: Frame[] = [];
  #deferred: (() => void)[] = [];
  #batched = false;
  #limit = Infinity;
  #draining = false;
  #sequence = 0;
  #told: Vitals = noVitals;
  #background = 0;
  #flushArmed = false;
  #exited = false;

  constructor(world: Simulation, order: StartOrder, events: ProviderEvents) {
    this.world = world;
    this.id = order.instance;
    this.#profile = world.profile;
    this.#order = order;
    this.#events = events;
    const { random, clock } = world;
    if (happens(random, this.#profile.startFails)) {
      clock.after(random.below(20), () => this.#exit({ kind: 'failed', reason: 'simulated' }));
    } else if (!happens(random, this.#profile.neverConnects)) {
      clock.after(random.below(this.#profile.startMs), () => this.#connect());
    }
  }

  // — the program —

  /** After so long, and when the loop comes round. */
  later(delayMs: number, run: () => void): void {
    this.world.clock.after(delayMs, () => this.#whenFree(run));
  }

  get writer(): Session['writer'] {
    return this.#session!.writer;
  }

  flushSoon(): void {
    if (this.#flushArmed) return;
    this.#flushArmed = true;
    this.world.clock.soon(this.#flush);
  }

  /** A call has answered, or nobody waits for it any more. */
  finished(call: SimCall, cpuUs: number): void {
    this.cpuUs += cpuUs;
    this.#attributedUs += cpuUs;
    if (this.#calls[call.stream & 0xffff] === call) this.#calls[call.stream & 0xffff] = undefined;
    this.#open -= 1;
    this.#maybeLeave();
  }

  /** The process is gone, whatever it was doing. What it wrote before still arrives. */
  die(exit: Exit): void {
    if (this.dead) return;
    this.dead = true;
    if (this.#batched) this.world.unproven();
    const { clock, random } = this.world;
    const exitsFirst = random.below(2) === 0;
    const close = (): void => {
      this.#data?.destroy('died');
      this.#control?.destroy('died');
    };
    if (exitsFirst) clock.after(random.below(4), close);
    else close();
    clock.after(random.below(4), () => this.#exit(exit));
  }

  terminate(): void {
    this.world.clock.after(this.world.random.below(50), () =>
      this.die({ kind: 'signalled', signal: 'SIGTERM', outOfMemory: false }),
    );
  }

  // — the tunnel —

  #connect(): void {
    if (this.dead) return;
    const { clock } = this.world;
    this.#data = this.#dial();
    this.#session = openSession(this.#data, {
      clock,
      hello: { token: this.#order.token, role: 'data', pid: 1, runtime: 'nodejs24.x' },
      events: {
        opened: (session) => this.#opened(session),
        frame: (type, stream, payload) => this.#frame(type, stream, payload),
        body: (stream, chunk) => this.#frame(FrameType.BODY, stream, chunk),
        drained: () => undefined,
        closed: () => this.#lost(),
      },
    });
  }

  #dial(): MemoryConnection {
    const { near, far } = memoryConnections(this.world.wire);
    this.world.router.accept(far);
    return near;
  }

  #opened(session: Session): void {
    const { welcome } = session;
    this.#claims = new Claims(new SharedArrayBuffer(Claims.bytes(welcome.maxStreams)), 0, welcome.maxStreams);
    if (!this.#profile.control) return;
    this.#control = this.#dial();
    this.#controlSession = openSession(this.#control, {
      clock: this.world.clock,
      hello: { token: welcome.controlToken!, role: 'control', pid: 1, runtime: 'nodejs24.x' },
      events: {
        opened: () => undefined,
        frame: (type, stream) => this.#sentinel(type, stream),
        body: () => undefined,
        drained: () => undefined,
        closed: () => undefined,
      },
    });
  }

  /** The tunnel is gone: what runs goes nowhere, and the process ends. */
  #lost(): void {
    for (const call of this.#calls) call?.cancelled();
    this.world.clock.after(1, () => this.die({ kind: 'exited', code: 1 }));
  }

  /** Another thread: it answers also while the loop is stuck. */
  #sentinel(type: number, stream: number): void {
    if (this.dead || type !== FrameType.RECALL) return;
    const session = this.#controlSession!;
    const answer = this.#claims!.recall(stream);
    if (answer === 'revoked') session.writer.nack(stream, 'recalled');
    else if (answer === 'begun') session.writer.begun(stream);
  }

  #frame(type: number, stream: number, payload: Buffer): void {
    if (this.dead) return;
    if (this.#stuck) this.#backlog.push({ type, stream, payload: Buffer.from(payload) });
    else this.#handle(type, stream, payload);
  }

  #handle(type: number, stream: number, payload: Buffer): void {
    if (type === FrameType.REQUEST) {
      this.#request(stream, payload);
      return;
    }
    const call = stream === 0 ? undefined : this.#calls[stream & 0xffff];
    const current = call?.stream === stream ? call : undefined;
    if (type === FrameType.BODY) current?.requestBody(payload);
    else if (type === FrameType.BODY_END) current?.requestEnd();
    else if (type === FrameType.CREDIT) current?.credited(readCredit(payload));
    else if (type === FrameType.CANCEL) current?.cancelled();
    else if (type === FrameType.RECALL) this.#sentinelLess(stream);
    else if (type === FrameType.LOAD) this.#load(payload);
    else if (type === FrameType.DRAIN) this.#drain();
  }

  /** A recall on the data connection: no sentinel, so the loop itself answers. */
  #sentinelLess(stream: number): void {
    const answer = this.#claims!.recall(stream);
    if (answer === 'revoked') this.writer.nack(stream, 'recalled');
    else if (answer === 'begun') this.writer.begun(stream);
  }

  #load(payload: Buffer): void {
    const order = readLoad(payload);
    this.#limit = order.maxConcurrency ?? Infinity;
    const { random } = this.world;
    this.later(random.below(20), () => {
      if (happens(random, this.#profile.loadFails)) {
        if (random.below(2) === 0) this.die({ kind: 'exited', code: 1 });
        else this.writer.loaded({ ok: false, code: 'FUNCTION_LOAD_FAILED', message: 'simulated' });
        return;
      }
      this.#batched = happens(random, this.#profile.batched);
      if (this.#batched) this.writer.begins('batched');
      this.loaded = true;
      this.writer.loaded({ ok: true, initMs: 1 });
      this.#vitals();
    });
  }

  #request(stream: number, payload: Buffer): void {
    if (this.#draining) this.world.violated(`I5: ${this.id} got an invocation after DRAIN`);
    // id LF target: all that the program looks at.
    const head = payload.toString('latin1', 5, 64);
    const from = head.indexOf('/');
    const number = Number(head.slice(from + 1, head.indexOf('\n', from)));
    const trial = this.world.trials[number];
    if (trial === undefined) {
      // Recalled while it waited here, and answered elsewhere since.
      if (this.#claims!.begin(stream))
        this.world.violated(`I1: invocation ${number} came to ${this.id} after its reply`);
      return;
    }
    const call = new SimCall(this, stream, trial);
    if (this.world.faulty && this.#fault(call)) return;
    this.#begin(call);
  }

  #begin(call: SimCall): void {
    const { stream, trial } = call;
    if (!this.#claims!.begin(stream)) return;
    this.#open += 1;
    if (this.#open > this.#limit) this.world.violated(`limit: ${this.id} has ${this.#open} of ${this.#limit}`);
    this.#calls[stream & 0xffff] = call;
    if (!this.#batched) {
      this.writer.begun(stream);
      this.#session!.writer.flush();
    }
    trial.ran(this.id);
    if (this.world.faulty && happens(this.world.random, this.#profile.crash)) {
      this.die({ kind: 'signalled', signal: 'SIGSEGV', outOfMemory: false });
      return;
    }
    call.run();
  }

  // — faults —

  /** True: the invocation is not to be begun now. */
  #fault(call: SimCall): boolean {
    const { random } = this.world;
    const { crash, nack, cut, stall, duplicate, askDrain, background } = this.#profile;
    if (happens(random, crash)) this.die({ kind: 'signalled', signal: 'SIGKILL', outOfMemory: true });
    else if (happens(random, cut)) this.#cut();
    else if (happens(random, nack)) this.#nack(call.stream, nackReasons[1 + random.below(nackReasons.length - 1)]!);
    else if (happens(random, stall)) this.#stall(call);
    else {
      if (happens(random, duplicate)) this.writer.begun(0x7abc_0000 | (call.stream & 0xffff));
      if (happens(random, askDrain)) this.#session!.drain(2000, 'lifetime');
      if (happens(random, background)) this.#hold();
      return false;
    }
    return true;
  }

  #nack(stream: number, reason: NackReason): void {
    if (!this.#claims!.refuse(stream)) return;
    this.writer.nack(stream, reason);
    if (happens(this.world.random, this.#profile.duplicate)) this.writer.nack(stream, reason);
    if (happens(this.world.random, this.#profile.duplicate)) this.#controlSession?.writer.nack(stream, reason);
    this.#controlSession?.writer.flush();
    this.later(this.world.random.below(300), () => this.#vitals());
  }

  /** The network breaks: what is on the way is lost, so nothing is proven to the router of any of its invocations. */
  #cut(): void {
    this.world.unproven();
    this.#data!.cut();
    this.#control?.cut();
  }

  /** The program computes and does not yield; what was read with this invocation, and it, wait behind that. */
  #stall(call: SimCall): void {
    const { clock, random } = this.world;
    this.#stuck = true;
    this.world.stalled();
    this.#stuckSinceMs = clock.nowMs();
    this.#data!.pause();
    this.#deferred.push(() => this.#begin(call));
    clock.after(limits.loopStuckMs, () => this.#stuck && this.#vitals());
    clock.after(random.below(4) === 0 ? 3000 : random.below(300), () => this.#unstick());
  }

  #unstick(): void {
    if (this.dead) return;
    this.#stuck = false;
    this.#stuckMs = this.world.clock.nowMs() - this.#stuckSinceMs;
    this.#data!.resume();
    const [deferred, backlog] = [this.#deferred, this.#backlog];
    this.#deferred = [];
    this.#backlog = [];
    for (const run of deferred) this.#whenFree(run);
    for (const { type, stream, payload } of backlog) this.#frame(type, stream, payload);
    this.flushSoon();
    this.#vitals();
  }

  #hold(): void {
    this.#background += 1;
    this.writer.background(this.#background);
    this.later(this.world.random.below(3000), () => {
      this.#background -= 1;
      this.writer.background(this.#background);
      this.#maybeLeave();
    });
  }

  // — health and end —

  #vitals(): void {
    const session = this.#controlSession?.phase === 'open' ? this.#controlSession : this.#session;
    if (this.dead || session === null || (this.#stuck && session === this.#session)) return;
    this.cpuUs += 10;
    const nowMs = this.world.clock.nowMs();
    const next: Vitals = {
      ...noVitals,
      cpuUs: this.cpuUs,
      attributedUs: this.#attributedUs,
      rssBytes: 60 << 20,
      loopPermille: this.world.random.below(900),
      loopStuckMs: this.#stuck ? nowMs - this.#stuckSinceMs : 0,
      loopDelayMs: this.#stuck ? nowMs - this.#stuckSinceMs : this.#stuckMs,
      inFlight: this.#open,
      background: this.#background,
    };
    session.writer.vitals((this.#sequence += 1), this.#told, next);
    this.#told = next;
    this.#stuckMs = 0;
    session.writer.flush();
  }

  /** Every period while it lives. */
  beat(): void {
    if (this.loaded) this.#vitals();
  }

  #drain(): void {
    this.#draining = true;
    this.world.drained(this);
    if (!happens(this.world.random, this.#profile.neverEnds)) this.#maybeLeave();
    else this.#background += 1;
  }

  #maybeLeave(): void {
    if (!this.#draining || this.#open > 0 || this.#background > 0 || this.dead) return;
    this.#session!.goodbye('DRAINED', '');
    this.world.clock.after(2, () => this.die({ kind: 'exited', code: 0 }));
  }

  #exit(exit: Exit): void {
    this.dead = true;
    if (this.#exited) return;
    this.#exited = true;
    this.world.exited(this);
    this.#events.exited(exit);
  }

  #whenFree(run: () => void): void {
    if (this.dead) return;
    if (this.#stuck) {
      this.#deferred.push(run);
      return;
    }
    run();
    this.flushSoon();
  }

  readonly #flush = (): void => {
    this.#flushArmed = false;
    if (!this.dead && this.#session!.phase !== 'closed') this.#session!.writer.flush();
  };
}
