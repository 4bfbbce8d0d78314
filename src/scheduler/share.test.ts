import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import {
  type Candidate,
  type Claim,
  coresOf,
  divide,
  fairLevel,
  giveBack,
  mayStart,
  type Room,
  undivided,
} from './share.ts';

const claim = (id: string, changes: Partial<Claim> = {}): Claim => {
  const { live = 0, eachMiB = 64 } = changes;
  const usedMiB = live * eachMiB;
  const rest = { idleMiB: 0, wanted: 0, waitedMs: 0, coresUsed: 0, wantsCores: false };
  return { id, weight: 1, live, usedMiB, eachMiB, ...rest, ...changes };
};
const machine = { memoryMiB: 640, freeMiB: 640, cores: 2, places: 4 };
const roomy: Room = { freeMiB: 100_000, places: 4, booting: 0, own: 0, stems: 0 };

test('who is alone may have everything', () => {
  const only = claim('a', { live: 3, wanted: 7, wantsCores: true, coresUsed: 2 });
  const division = divide(machine, [only]);
  assert.deepEqual(division, { ...undivided, weights: 1, levelCores: 2 });
  assert.deepEqual(mayStart({ ...only, wanted: 3 }, false, division, roomy), { count: 3, reason: null });
  assert.equal(coresOf(1, division.levelCores, 2), 2);
});

test('memory is shared by weight among those who want it; what the others leave is theirs', () => {
  const modest = claim('modest', { live: 1 });
  const heavy = claim('heavy', { weight: 3, live: 5, wanted: 100 });
  const light = claim('light', { live: 4, wanted: 100 });
  const division = divide(machine, [modest, heavy, light]);
  // 640 − 64 = 576, a quarter and three.
  assert.equal(division.levelMiB, 144);
  assert.deepEqual(mayStart(heavy, false, division, { ...roomy, places: 100 }), {
    count: 1,
    reason: 'its share of memory is used: 5 of 6 instances (320 of 432 MiB), weight 3 of 5',
  });
  assert.equal(mayStart(light, false, division, roomy).count, 0, 'above its share while one below waits');
  assert.equal(mayStart({ ...modest, wanted: 1 }, false, division, roomy).count, 1, 'who comes anew has a share too');
});

test('what is left over of shares goes to whoever has least, one at a time', () => {
  const three = ['a', 'b', 'c'].map((id) => claim(id, { live: 3, wanted: 5 }));
  const division = divide(machine, three);
  const counts = three.map((each) => mayStart(each, false, division, roomy).count);
  assert.deepEqual(counts, [1, 0, 0]);
  assert.equal(mayStart({ ...three[0]!, live: 4, usedMiB: 256 }, false, division, roomy).count, 0);
});

test('idle instances of one who wants nothing are no claim', () => {
  const idle = claim('idle', { live: 9, idleMiB: 512 });
  const busy = claim('busy', { live: 1, wanted: 20 });
  assert.equal(divide(machine, [idle, busy]).levelMiB, 576);
});

test('the first instance of a function has a place: beyond its share, of the last place, and of the memory that is left free', () => {
  const flood = claim('flood', { live: 10, wanted: 100 });
  const first = claim('first', { wanted: 5, weight: 1 });
  const division = divide(machine, [flood, first, claim('other', { live: 1, wanted: 3 })]);
  const full = { ...roomy, freeMiB: 0, booting: 3 };
  assert.deepEqual(mayStart(first, false, division, full).count, 1);
  assert.equal(mayStart({ ...flood, live: 0, usedMiB: 0 }, false, undivided, { ...full, booting: 4 }).count, 0);
  assert.equal(mayStart({ ...flood, live: 1, usedMiB: 64 }, false, undivided, { ...roomy, booting: 3 }).count, 0);
  // When nothing at all is free they come one at a time.
  const nothing = { ...roomy, freeMiB: -limits.startsLeaveFreeMiB };
  assert.equal(mayStart(first, false, division, nothing).count, 1);
  assert.equal(mayStart(first, false, division, { ...nothing, booting: 1 }).count, 0);
});

test('places to boot go to whoever has least for its weight, and nobody waits behind a flood', () => {
  const flood = claim('flood', { live: 20, wanted: 1000 });
  const second = claim('second', { live: 1, wanted: 1 });
  const heavy = claim('heavy', { live: 40, wanted: 1000, weight: 2 });
  const { places } = divide({ ...machine, memoryMiB: 1e6 }, [flood, second, heavy]);
  assert.deepEqual(
    [...places!].sort(([left], [right]) => left.localeCompare(right)),
    [
      ['flood', 1],
      ['heavy', 2],
      ['second', 1],
    ],
  );
  const division = divide({ ...machine, memoryMiB: 1e6 }, [flood, second, heavy]);
  assert.deepEqual(mayStart(flood, false, division, { ...roomy, booting: 1, own: 1 }), {
    count: 0,
    reason: '1 processes boot already: no more at once',
  });
  assert.equal(divide({ ...machine, memoryMiB: 1e6 }, [flood]).places, null);
});

test('a stem that fits needs no place and little memory', () => {
  const one = claim('a', { live: 1, wanted: 3 });
  const full = { ...roomy, freeMiB: 0, booting: 4, stems: 2 };
  assert.deepEqual(mayStart(one, false, undivided, full), {
    count: 2,
    reason: '4 processes boot already: no more at once',
  });
  assert.equal(mayStart({ ...one, eachMiB: 128 }, false, undivided, full).count, 1);
});

test('a machine without memory says how much there is', () => {
  assert.deepEqual(mayStart(claim('a', { live: 1, wanted: 1 }), false, undivided, { ...roomy, freeMiB: 40 }), {
    count: 0,
    reason: '296 MiB of memory are free, 256 stay so, and an instance takes 64',
  });
});

test('what is started ahead of need gets what nobody waits for', () => {
  const ahead = claim('ahead', { wanted: 2 });
  assert.equal(mayStart(ahead, true, undivided, roomy).count, 2);
  assert.equal(mayStart(ahead, true, undivided, { ...roomy, freeMiB: 0 }).count, 0);
  const contested = divide(machine, [claim('a', { live: 5, wanted: 9 }), claim('b', { live: 5, wanted: 9 })]);
  assert.deepEqual(mayStart(ahead, true, contested, roomy), {
    count: 0,
    reason: 'others wait for what is left of the machine',
  });
});

test('processors are shared among those who compute, and one each is the least', () => {
  const computes = (id: string, weight: number, coresUsed = 1): Claim =>
    claim(id, { weight, coresUsed, wantsCores: true });
  const waits = claim('waits', { coresUsed: 0.2 });
  const cores = (weight: number, claims: readonly Claim[]): number =>
    coresOf(weight, divide({ ...machine, cores: 8 }, claims).levelCores, 8);
  assert.equal(cores(1, [computes('a', 1), waits]), 8);
  assert.equal(cores(3, [computes('a', 3), computes('b', 1), waits]), 6);
  assert.equal(cores(1, [computes('a', 3), computes('b', 1), waits]), 2);
  assert.equal(cores(1, [computes('a', 1000), computes('b', 1)]), 1);
  assert.equal(cores(1, [claim('a', { coresUsed: 1 })]), 8, 'nobody waits for them');
  assert.equal(coresOf(1, Infinity, Infinity), Infinity);
});

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

// — properties —

const anyDemands = fc.array(
  fc.record({
    weight: fc.integer({ min: 1, max: 1000 }),
    amount: fc.oneof(fc.constant(Infinity), fc.double({ min: 0, max: 1e5, noNaN: true })),
  }),
  { maxLength: 40 },
);

test('the level uses up the capacity or meets all demands, whatever their order', () => {
  fc.assert(
    fc.property(anyDemands, fc.double({ min: 0, max: 1e6, noNaN: true }), (demands, capacity) => {
      const level = fairLevel(capacity, demands);
      const given = demands.reduce((sum, { weight, amount }) => sum + Math.min(amount, level * weight), 0);
      const all = demands.reduce((sum, { amount }) => sum + amount, 0);
      const expected = level === Infinity ? all : capacity;
      assert.ok(expected <= capacity * (1 + 1e-6) + 1e-6);
      assert.ok(Math.abs(given - expected) <= 1e-6 * Math.max(1, expected), `${given} of ${expected}`);
      const again = fairLevel(capacity, demands.toReversed());
      assert.ok(again === level || Math.abs(again - level) <= 1e-6 * Math.max(1, level));
    }),
  );
});

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

test('functions of one size end up with instances by weight, nobody below its share, and none is left over', () => {
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
      for (const { weight, live } of actors) assert.ok(live >= Math.floor((120 * weight) / total), told);
      assert.equal(
        actors.reduce((sum, { live }) => sum + live, 0),
        120,
        told,
      );
    }),
    { numRuns: 100 },
  );
});
