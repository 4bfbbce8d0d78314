import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import { type Candidate, giveBack, giveCores } from './give-back.ts';
import { claim } from './share.fixture.ts';
import { type Claim, divide, mayStart, undivided } from './share.ts';

const machine = { memoryMiB: 640, freeMiB: 640, cores: 2, places: 4 };

const holding = (of: Claim, count: number, changes: Partial<Candidate> = {}): Candidate[] =>
  Array.from({ length: count }, (_, at) => ({
    claim: of,
    takesMiB: of.eachMiB,
    idleForMs: 0,
    inFlight: at + 1,
    ...changes,
  }));

test('idle instances are given back: of those above their share, the longest idle first, then of others', () => {
  const waits = claim('waits', { live: 1, wanted: 3 });
  const rich = claim('rich', { live: 6, idleMiB: 128 });
  const poor = claim('poor', { live: 2, idleMiB: 64 });
  const claims = [waits, rich, poor];
  const [longest] = holding(poor, 1, { idleForMs: 9000 });
  const [longer, shorter] = [1500, 1200].map((idleForMs) => holding(rich, 1, { idleForMs })[0]!);
  const [fresh] = holding(rich, 1, { idleForMs: 500 });
  const candidates = [longest!, shorter!, longer!, fresh!];
  const division = { ...divide(machine, claims), levelMiB: 256 };
  const taken = (freeMiB: number) => giveBack({ claims, division, freeMiB, places: 4, owes: false }, () => candidates);
  assert.deepEqual(taken(192), []);
  assert.deepEqual(taken(64), [longer, shorter]);
  assert.deepEqual(taken(0), [longer, shorter, longest]);
  assert.deepEqual(
    giveBack({ claims, division, freeMiB: 0, places: 1, owes: false }, () => candidates),
    [longer],
  );
});

test('a flood gives back what has work only to who has waited for it, and never below what that one then has', () => {
  const flood = claim('flood', { live: 10, wanted: 1000 });
  const small = claim('small', { live: 1, wanted: 9 });
  const given = (waitedMs: number, live = 1): readonly number[] => {
    const waits = { ...small, waitedMs, live, usedMiB: live * 64 };
    const claims = [flood, waits];
    const shortage = { claims, division: divide(machine, claims), freeMiB: 0, places: 100, owes: false };
    return giveBack(shortage, () => holding(flood, 10)).map(({ inFlight }) => inFlight);
  };
  assert.deepEqual(given(limits.reclaimBusyMs - 1), []);
  assert.deepEqual(given(limits.reclaimBusyMs), [1, 2, 3, 4], 'those with the fewest invocations');
  assert.deepEqual(given(limits.reclaimBusyMs, 5), []);
});

test('what a first instance took of the memory that is left free is made good by idle ones', () => {
  const idle = claim('idle', { live: 5, idleMiB: 320 });
  const shortage = { claims: [idle], division: undivided, freeMiB: -100, places: 4, owes: true };
  assert.equal(giveBack(shortage, () => holding(idle, 5, { idleForMs: 2000 })).length, 2);
  assert.equal(giveBack({ ...shortage, owes: false }, () => holding(idle, 5, { idleForMs: 2000 })).length, 0);
  assert.equal(giveBack(shortage, () => holding(idle, 5)).length, 0);
});

/** Who waits, with so many instances that compute. */
const computes = (id: string, computing: number, changes: Partial<Claim> = {}): Claim =>
  claim(id, { live: computing, computing, coresUsed: computing, queuedMs: 5000, ...changes });

function givesCores(cores: number, claims: readonly Claim[]): string | null {
  const division = divide({ ...machine, cores }, claims);
  const candidates = claims.flatMap((each) => holding(each, each.computing));
  const found = giveCores({ claims, division, cores }, () => candidates);
  return found === null ? null : `${found.claim.id} ${found.inFlight}`;
}

test('processors are given back by who has most instances that compute, to who has waited with fewer', () => {
  assert.equal(givesCores(2, [computes('flood', 2), computes('other', 1)]), 'flood 1');
  assert.equal(
    givesCores(2, [computes('flood', 2), computes('other', 1, { queuedMs: 500 })]),
    null,
    'not for a moment',
  );
  assert.equal(givesCores(2, [computes('flood', 2), computes('other', 1, { queuedMs: 0 })]), null, 'nothing waits');
  assert.equal(givesCores(3, [computes('flood', 2), computes('other', 1)]), null, 'there are processors for all');
  assert.equal(givesCores(2, [computes('flood', 5)]), null, 'nobody else wants them');
  assert.equal(givesCores(4, [computes('light', 3), computes('heavy', 3, { weight: 3 })]), 'light 1');
  assert.equal(givesCores(4, [computes('light', 1), computes('heavy', 5, { weight: 3 })]), 'heavy 1');
  assert.equal(givesCores(1, [computes('a', 1), computes('b', 1)]), null, 'one each is the least');
});

test('processors: it comes to rest with the share of each, and never less than that', () => {
  const anyone = fc.record({ weight: fc.integer({ min: 1, max: 5 }), computing: fc.integer({ min: 1, max: 12 }) });
  fc.assert(
    fc.property(fc.array(anyone, { minLength: 2, maxLength: 6 }), fc.integer({ min: 1, max: 16 }), (drawn, cores) => {
      let claims = drawn.map(({ weight, computing }, at) => computes(`f${at}`, computing, { weight }));
      const before = claims;
      for (let rounds = 0; rounds < 100; rounds += 1) {
        const [id] = givesCores(cores, claims)?.split(' ') ?? [];
        if (id === undefined) break;
        claims = claims.map((each) => (each.id === id ? { ...each, computing: each.computing - 1 } : each));
      }
      const weights = claims.reduce((sum, { weight }) => sum + weight, 0);
      const told = claims.map(({ computing, weight }) => `${computing}/${weight}`).join(' ');
      const busy = (of: readonly Claim[]): number => of.reduce((sum, { computing }) => sum + computing, 0);
      assert.ok(busy(claims) >= Math.min(cores, busy(before)), `${told}: processors have nothing to do`);
      for (const [at, { computing, weight }] of claims.entries()) {
        const share = Math.max(1, Math.round((cores * weight) / weights));
        assert.ok(computing >= Math.min(share, before[at]!.computing), `${told} of ${cores}`);
      }
      const least = Math.min(...claims.map(({ computing, weight }) => computing / weight));
      if (busy(claims) <= cores) return;
      for (const { computing, weight } of claims) {
        const share = Math.max(1, Math.round((cores * weight) / weights));
        assert.ok(computing <= share || computing / weight <= least, `${told} of ${cores}`);
      }
    }),
  );
});

// — properties of memory —

/** A function in a machine of numbers. */
interface Actor {
  readonly id: string;
  readonly weight: number;
  readonly eachMiB: number;
  /** Instances it would have on a machine of its own. */
  readonly wishes: number;
  live: number;
  idle: number;
  waitedMs: number;
}

/** A round is a look at the machine: those who want ask, in an order that changes; then what has to be given back is. */
class World {
  readonly actors: readonly Actor[];
  readonly memoryMiB: number;
  readonly places = 4;
  division = undivided;
  #turn = 0;

  constructor(memoryMiB: number, actors: readonly Actor[]) {
    this.memoryMiB = memoryMiB;
    this.actors = actors;
  }

  get freeMiB(): number {
    return this.memoryMiB - this.actors.reduce((sum, { live, eachMiB }) => sum + live * eachMiB, 0);
  }

  claimOf(actor: Actor): Claim {
    const { id, weight, eachMiB, live, waitedMs } = actor;
    const wanted = Math.max(0, actor.wishes - live);
    return claim(id, { weight, eachMiB, live, waitedMs, wanted, idleMiB: actor.idle * eachMiB });
  }

  claims(): Claim[] {
    return this.actors.filter(({ live, wishes }) => live + wishes > 0).map((actor) => this.claimOf(actor));
  }

  /** True: something changed. */
  round(): boolean {
    this.#turn += 1;
    this.division = divide(
      { memoryMiB: this.memoryMiB, freeMiB: this.freeMiB, cores: 2, places: this.places - 1 },
      this.claims(),
    );
    let booting = 0;
    for (let at = 0; at < this.actors.length; at += 1) {
      const actor = this.actors[(at + this.#turn) % this.actors.length]!;
      booting += this.#ask(actor, booting);
    }
    const given = this.#giveBack();
    return booting + given > 0;
  }

  #ask(actor: Actor, booting: number): number {
    const asked = this.claimOf(actor);
    if (asked.wanted === 0) return 0;
    const room = { freeMiB: this.freeMiB, places: this.places, booting, own: 0, stems: 0 };
    const { count, reason } = mayStart(asked, false, this.division, room);
    assert.ok(count >= 0 && count <= asked.wanted && Number.isInteger(count));
    assert.equal(reason === null, count === asked.wanted);
    actor.live += count;
    actor.waitedMs = count === asked.wanted ? 0 : actor.waitedMs + 100;
    const isBeyond = actor.live > 1 && count > 0 && this.freeMiB < 0;
    assert.ok(!isBeyond, `${actor.id} has ${actor.live} instances of memory that is not there`);
    assert.ok(booting + count <= this.places);
    return count;
  }

  #giveBack(): number {
    const claims = this.claims();
    const candidates = claims.flatMap((each) => {
      const actor = this.actors.find(({ id }) => id === each.id)!;
      return [...holding(each, actor.idle, { idleForMs: 5000 }), ...holding(each, each.live - actor.idle)];
    });
    const shortage = { claims, division: this.division, freeMiB: this.freeMiB, places: this.places, owes: false };
    const given = giveBack(shortage, () => candidates);
    for (const each of given) {
      const actor = this.actors.find(({ id }) => id === each.claim.id)!;
      actor.live -= 1;
      if (each.idleForMs > 0) actor.idle -= 1;
      assert.ok(actor.live > 0 || each.idleForMs > 0, 'the only instance of a function, and it has work');
    }
    return given.length;
  }
}

const anyActors = fc.array(
  fc.record({
    weight: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 20 })),
    eachMiB: fc.oneof(fc.constant(64), fc.integer({ min: 64, max: 400 })),
    wishes: fc.oneof(fc.nat(3), fc.nat(300)),
    live: fc.nat(20),
    idleShare: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  { minLength: 1, maxLength: 12 },
);

/** Until nothing changes any more. */
function settled(memoryMiB: number, actors: readonly Actor[]): World {
  const world = new World(memoryMiB, actors);
  const patience = limits.reclaimBusyMs / 100 + 2;
  let quiet = 0;
  for (let rounds = 0; quiet < patience; rounds += 1) {
    assert.ok(rounds < 2_000, 'it goes on for ever');
    quiet = world.round() ? 0 : quiet + 1;
  }
  return world;
}

const actorsOf = (drawn: readonly (Omit<Actor, 'id' | 'idle' | 'waitedMs'> & { idleShare: number })[]): Actor[] =>
  drawn.map(({ idleShare, ...rest }, at) => {
    const idle = rest.wishes > rest.live ? 0 : Math.floor(rest.live * idleShare);
    return { ...rest, id: `f${at}`, idle, waitedMs: 0 };
  });

test('from any beginning it comes to rest: never above the machine, nothing lies idle that somebody wants, nobody starves', () => {
  fc.assert(
    fc.property(anyActors, fc.integer({ min: 0, max: 20_000 }), (drawn, moreMiB) => {
      const actors = actorsOf(drawn);
      const world = settled(moreMiB + actors.reduce((sum, { live, eachMiB }) => sum + live * eachMiB, 0), actors);
      const { division } = world;
      const waiting = world.actors.filter(({ wishes, live }) => wishes > live);
      for (const actor of waiting) {
        assert.ok(actor.live > 0, `${actor.id} has no instance at all`);
        const share = Math.floor((division.levelMiB * actor.weight) / actor.eachMiB + 1e-9);
        // Within its share, what keeps it from more is memory in use by those that have no more for their weight.
        if (actor.live >= share) continue;
        const use = (actor.live * actor.eachMiB) / actor.weight;
        for (const other of world.actors) {
          if (other === actor || other.live < 2 || mayKeep(other, division.levelMiB)) continue;
          assert.equal(other.idle, 0, `${other.id} keeps idle instances while ${actor.id} waits`);
          if (other.live * other.eachMiB <= division.levelMiB * other.weight * (1 + 1e-9)) continue;
          assert.ok(((other.live - 1) * other.eachMiB) / other.weight < use, `${other.id} has more than ${actor.id}`);
        }
      }
      const belowWaits = waiting.some(
        ({ live, eachMiB, weight }) => (live + 1) * eachMiB <= division.levelMiB * weight * (1 + 1e-9),
      );
      const least = Math.min(...waiting.map((each) => each.eachMiB));
      assert.ok(belowWaits || world.freeMiB < least, `${world.freeMiB} MiB are free, and somebody waits`);
    }),
    { numRuns: 200 },
  );
});

/** Who waits below its own share keeps what it has. */
const mayKeep = (actor: Actor, levelMiB: number): boolean =>
  actor.wishes > actor.live && (actor.live + 1) * actor.eachMiB <= levelMiB * actor.weight * (1 + 1e-9);

test('functions of one size end up with instances by weight, as near as whole ones can be, and none is left over', () => {
  const weights = fc.array(fc.record({ weight: fc.integer({ min: 1, max: 5 }), live: fc.nat(20) }), {
    minLength: 2,
    maxLength: 6,
  });
  fc.assert(
    fc.property(weights, (drawn) => {
      const actors = drawn.map(({ weight, live }, at) => {
        return { id: `f${at}`, weight, live, eachMiB: 64, wishes: 1000, idle: 0, waitedMs: 0 };
      });
      settled(64 * 120, actors);
      const total = actors.reduce((sum, { weight }) => sum + weight, 0);
      const told = `${actors.map(({ live }) => live).join(' ')} for ${actors.map(({ weight }) => weight).join(' ')}`;
      for (const { weight, live } of actors) {
        // Who would give has as little for its weight then, where shares are no whole instances.
        const most = Math.max(...actors.map((other) => (other.live - 1) / other.weight));
        assert.ok(live >= Math.floor((120 * weight) / total) || most <= live / weight, told);
        assert.ok(live >= Math.floor((120 * weight) / total) - 1, told);
      }
      assert.equal(
        actors.reduce((sum, { live }) => sum + live, 0),
        120,
        told,
      );
    }),
    { numRuns: 100 },
  );
});
