import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../base/limits.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { StartKind } from '../model/telemetry.ts';
import type { InstanceMeter } from './instance-meter.ts';
import { Ledger, type FunctionMeter } from './ledger.ts';
import { Rollup, type UsageRow } from './rollup.ts';
import type { Outcome } from './tally.ts';
import { functionSpec } from '../../test/router/rig.ts';

const numbers = [
  'invocations',
  'cold',
  'prewarmed',
  'warm',
  'failed',
  'cpuUs',
  'attributedUs',
  'unattributedUs',
  'bootUs',
  'busyUs',
  'wallUs',
] as const satisfies readonly (keyof UsageRow)[];
type Sums = Record<string, number>;
const nothing = (): Sums => Object.fromEntries(numbers.map((name) => [name, 0]));
const add = (sums: Sums, name: string, count: number): void => void (sums[name] = (sums[name] ?? 0) + count);

function sumOf(rows: readonly UsageRow[]): Sums {
  const sums = nothing();
  for (const row of rows) {
    for (const name of numbers) add(sums, name, row[name]);
    for (const [code, count] of Object.entries(row.failures)) add(sums, code, count);
    for (const [reason, count] of Object.entries(row.nacks)) add(sums, `nack ${reason}`, count);
  }
  return sums;
}

/** An instance, and beside it what its use is by the simplest account: every span and every charge by itself. */
interface Used {
  readonly spec: FunctionSpec;
  readonly meter: FunctionMeter;
  readonly instance: InstanceMeter;
  readonly bootUs: number;
  osUs: number;
  attributedUs: number;
  busyUs: number;
  inFlight: number;
  sinceMs: number;
  isOpen: boolean;
}

const us = (ms: number): number => Math.round(ms * 1000);

/** Drives a ledger, and keeps what it should come to. */
class World {
  readonly ledger = new Ledger();
  readonly rollup = new Rollup();
  readonly rows: UsageRow[] = [];
  readonly expected = new Map<string, Sums>();
  readonly used: Used[] = [];
  nowMs = 0;
  #minute = 100;
  #count = 0;

  constructor() {
    this.ledger.onDropped = (meter, nowMs) => this.rollup.dropped(meter.count(nowMs));
  }

  sums(spec: FunctionSpec): Sums {
    let sums = this.expected.get(spec.id);
    if (sums === undefined) this.expected.set(spec.id, (sums = nothing()));
    return sums;
  }

  open(spec: FunctionSpec, bootUs: number): void {
    const meter = this.ledger.openFunction(spec);
    this.#count += 1;
    const instance = meter.openInstance(`i${this.#count}`, bootUs);
    const state = { osUs: 0, attributedUs: 0, busyUs: 0, inFlight: 0, sinceMs: 0, isOpen: true };
    this.used.push({ spec, meter, instance, bootUs, ...state });
    add(this.sums(spec), 'bootUs', bootUs);
  }

  settle({ spec, meter, instance, ...rest }: Used, at: Used, value: number): void {
    const start = (['cold', 'prewarmed', 'warm'] satisfies StartKind[])[value % 3]!;
    const outcome: Outcome = value % 4 === 0 ? 'FUNCTION_INVOCATION_TIMEOUT' : 'answered';
    const wallMs = value / 7;
    instance.settled({ route: meter.route(`/${value % 3}`), start, outcome, wallMs, cpuUs: value });
    at.attributedUs = rest.attributedUs + value;
    const sums = this.sums(spec);
    for (const name of ['invocations', start]) add(sums, name, 1);
    add(sums, 'wallUs', us(wallMs));
    if (outcome !== 'answered') for (const name of ['failed', outcome]) add(sums, name, 1);
  }

  close(at: Used, finalUs: number): void {
    at.instance.close(this.nowMs, finalUs);
    at.osUs = Math.max(at.osUs, finalUs - at.bootUs);
    if (at.inFlight > 0) at.busyUs += us(this.nowMs) - us(at.sinceMs);
    at.inFlight = 0;
    at.isOpen = false;
  }

  refuse(spec: FunctionSpec): void {
    const meter = this.ledger.openFunction(spec);
    meter.refused(meter.route('/refused'), 'FUNCTION_THROTTLED');
    for (const name of ['invocations', 'failed', 'FUNCTION_THROTTLED']) add(this.sums(spec), name, 1);
  }

  /** Its instances end; then it is no longer published. */
  retire(spec: FunctionSpec): void {
    for (const each of this.used) if (each.spec === spec && each.isOpen) this.close(each, 0);
    this.#settleAccounts((each) => each.spec === spec);
    this.ledger.retireFunction(spec.id, this.nowMs);
  }

  /** So many others are retired that the oldest are forgotten. */
  flood(): void {
    for (let count = 0; count <= limits.meterRetiredFunctions; count += 1) {
      const spec = functionSpec(`filler${(this.#count += 1)}`);
      this.refuse(spec);
      this.ledger.retireFunction(spec.id, this.nowMs);
    }
  }

  minuteEnds(): void {
    const now = Array.from(this.ledger.functions, (meter) => meter.count(this.nowMs));
    this.rows.push(...this.rollup.rows((this.#minute += 1), now, new Map()));
    this.rollup.advance(now);
  }

  finish(): void {
    for (const each of this.used)
      if (each.isOpen && each.inFlight > 0) each.busyUs += us(this.nowMs) - us(each.sinceMs);
    this.#settleAccounts(() => true);
    this.minuteEnds();
  }

  /** Nothing of them changes any more. */
  #settleAccounts(whose: (each: Used) => boolean): void {
    for (const each of this.used.filter(whose)) {
      this.used.splice(this.used.indexOf(each), 1);
      const cpuUs = Math.max(each.osUs, each.attributedUs);
      const { attributedUs, busyUs } = each;
      const all = { cpuUs, attributedUs, unattributedUs: cpuUs - attributedUs, busyUs };
      for (const [name, count] of Object.entries(all)) add(this.sums(each.spec), name, count);
    }
  }
}

const specs = [functionSpec('f', { memoryMiB: 512 }), functionSpec('g', { memoryMiB: 2048 }), functionSpec('h')];

function step(world: World, what: string, which: number, value: number): void {
  world.nowMs += value / 9;
  const spec = specs[which % specs.length]!;
  const at = world.used[which % Math.max(1, world.used.length)];
  if (what === 'open') world.open(spec, value);
  else if (what === 'refused') world.refuse(spec);
  else if (what === 'retire') world.retire(spec);
  else if (what === 'minute') world.minuteEnds();
  else if (what === 'flood') world.flood();
  else if (at === undefined) return;
  else if (what === 'settled') world.settle(at, at, value);
  else if (what === 'returned') {
    at.meter.returned('memory');
    add(world.sums(at.spec), 'nack memory', 1);
  } else if (!at.isOpen) return;
  else if (what === 'began') {
    if (at.inFlight === 0) at.sinceMs = world.nowMs;
    at.inFlight += 1;
    at.instance.began(world.nowMs);
  } else if (what === 'ended' && at.inFlight > 0) {
    at.inFlight -= 1;
    if (at.inFlight === 0) at.busyUs += us(world.nowMs) - us(at.sinceMs);
    at.instance.ended(world.nowMs);
  } else if (what === 'vitals') {
    at.instance.vitals(value * 10, 0);
    at.osUs = Math.max(at.osUs, value * 10 - at.bootUs);
  } else if (what === 'close') world.close(at, value * 10);
}

test('law: rows of minutes add up to the ledger’s totals, to the microsecond, whatever happens between them', () => {
  const often = fc.constantFrom('open', 'began', 'began', 'ended', 'settled', 'settled', 'vitals', 'minute');
  const seldom = fc.constantFrom('close', 'refused', 'returned', 'retire', 'flood');
  const what = fc.oneof({ weight: 5, arbitrary: often }, { weight: 1, arbitrary: seldom });
  const steps = fc.array(fc.tuple(what, fc.nat(20), fc.nat(5000)), { maxLength: 120, size: 'max' });
  let dropped = 0;
  fc.assert(
    fc.property(steps, (all) => {
      const world = new World();
      const { onDropped } = world.ledger;
      world.ledger.onDropped = (meter, nowMs) => {
        dropped += 1;
        onDropped?.(meter, nowMs);
      };
      for (const [each, which, value] of all) step(world, each, which, value);
      world.finish();
      const ofFunctions = world.rows.filter(({ route }) => route === null);
      const byFunction = Map.groupBy(world.rows, ({ functionId }) => functionId);
      for (const [id, sums] of world.expected) {
        const mine = Map.groupBy(byFunction.get(id) ?? [], ({ route }) => (route === null ? 'whole' : 'route'));
        assert.deepEqual(sumOf(mine.get('whole') ?? []), { ...nothing(), ...sums }, id);
        const routes = sumOf(mine.get('route') ?? []);
        for (const name of ['invocations', 'cold', 'prewarmed', 'warm', 'failed', 'attributedUs', 'wallUs'])
          assert.equal(routes[name], sums[name], `routes of ${id}: ${name}`);
      }
      const { usage } = world.ledger.report(world.nowMs);
      const sums = sumOf(ofFunctions);
      for (const name of ['invocations', 'cpuUs', 'attributedUs', 'unattributedUs', 'bootUs'] as const)
        assert.equal(sums[name], usage[name], name);
    }),
    { numRuns: 50 },
  );
  assert.ok(dropped > 0, 'nothing was forgotten');
});

test('to look at the minute that is under way changes nothing; what did not change has no row', () => {
  const world = new World();
  const [spec] = specs;
  world.open(spec!, 5);
  const [at] = world.used;
  step(world, 'began', 0, 90);
  step(world, 'settled', 0, 900);
  const look = (): UsageRow[] => {
    const now = Array.from(world.ledger.functions, (meter) => meter.count(world.nowMs));
    return world.rollup.rows(7, now, new Map());
  };
  const first = look();
  assert.deepEqual(
    first.map(({ route, invocations, busyUs, minute }) => [route, invocations, busyUs, minute]),
    [
      [null, 1, 100_000, 7],
      ['/0', 1, 0, 7],
    ],
  );
  assert.deepEqual(look(), first);
  step(world, 'ended', 0, 0);
  world.minuteEnds();
  assert.equal(world.rows[0]!.busyUs, 100_000);
  assert.deepEqual(look(), []);
  at!.meter.returned('cpu');
  assert.deepEqual(
    look().map(({ route, nacks, invocations }) => [route, nacks, invocations]),
    [[null, { cpu: 1 }, 0]],
  );
});

test('CPU that was nobody’s when it was used is an invocation’s when that has ended: the minute’s rest is below 0', () => {
  const world = new World();
  world.open(specs[0]!, 0);
  step(world, 'vitals', 0, 5000);
  world.minuteEnds();
  step(world, 'settled', 0, 4001);
  world.minuteEnds();
  assert.deepEqual(
    world.rows
      .filter(({ route }) => route === null)
      .map(({ cpuUs, attributedUs, unattributedUs }) => {
        return [cpuUs, attributedUs, unattributedUs];
      }),
    [
      [50_000, 0, 50_000],
      [0, 4001, -4001],
    ],
  );
});
