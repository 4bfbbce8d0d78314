import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plain, plainTrouble, type Profile, profileOf } from './profile.ts';
import { Simulation, type SimulationResult } from './simulation.ts';

const wanted = process.env['WEIR_SEED'];
const seeds = wanted === undefined ? Array.from({ length: 18 }, (_, seed) => seed) : [Number(wanted)];

async function run(profile: Profile, seed: number): Promise<SimulationResult> {
  const result = await new Simulation(profile, seed).run();
  const replay = `replay: WEIR_SEED=${seed} bin/weir-node --test test/sim/sim.test.ts`;
  assert.deepEqual(result.violations, [], `seed ${seed} (${profile.name}), ${replay}`);
  return result;
}

for (const seed of seeds) {
  const profile = profileOf(seed);
  test(`I1–I5 and I8 hold: seed ${seed}, ${profile.name}`, async (t) => {
    const startMs = performance.now();
    const { outcomes, instances, virtualMs } = await run(profile, seed);
    const tookMs = performance.now() - startMs;
    const told = Object.entries(outcomes).map(([outcome, count]) => `${count} ${outcome}`);
    t.diagnostic(`${told.join(', ')}; ${instances} instances; ${virtualMs.toFixed(0)} ms in ${tookMs.toFixed(0)} ms`);
    const answered = (outcomes['reply'] ?? 0) + (outcomes['end'] ?? 0);
    assert.ok(answered > profile.invocations / 15, 'hardly anything was answered');
  });
}

test('a seed replays: the same outcomes at the same times on the same instances', async () => {
  const seed = seeds[1] ?? seeds[0]!;
  const first = await run(profileOf(seed), seed);
  const second = await run(profileOf(seed), seed);
  assert.deepEqual(second, first);
});

for (const profile of [plain, plainTrouble]) {
  test(`small invocations, as many as the machine simulates: ${profile.name}`, async (t) => {
    const startMs = performance.now();
    const { outcomes, instances } = await run(profile, 1);
    const perSecond = profile.invocations / ((performance.now() - startMs) / 1000);
    t.diagnostic(
      `${Math.round(perSecond).toLocaleString('en')} invocations per second of test time, ${instances} instances`,
    );
    const settled = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
    assert.equal(settled, profile.invocations);
    assert.ok(
      (outcomes['reply'] ?? 0) > profile.invocations * (profile === plain ? 0.999 : 0.5),
      JSON.stringify(outcomes),
    );
    if (profile === plain) assert.deepEqual(Object.keys(outcomes), ['reply']);
    else assert.ok(Object.keys(outcomes).length > 1, 'nothing went wrong');
  });
}
