import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../../base/limits.ts';
import { deploymentState, newRelease } from '../../api/deployments.ts';
import type { DeploymentRecord } from '../store/deployment-store.ts';
import { advanced, nextStageMs, releaseStep, stagesFault } from './releases.ts';
import { expired } from './retention.ts';

const stages = newRelease.parse({ deployment: 'dep_0123456789' }).stages;
const release = { project: 'p', stable: 'dep_a', canary: 'dep_b', stages, stage: 0, stageSinceMs: 1_000 };

test('10 %, 50 %, all of them: each when its time has come and not before', () => {
  const minuteMs = 60_000;
  assert.deepEqual(releaseStep(release, 1_000 + 5 * minuteMs - 1), { kind: 'stay' });
  assert.deepEqual(releaseStep(release, 1_000 + 5 * minuteMs), { kind: 'stage', stage: 1 });
  const second = { ...release, stage: 1 };
  assert.deepEqual(releaseStep(second, 1_000 + 5 * minuteMs - 1), { kind: 'stay' });
  assert.deepEqual(releaseStep(second, 1_000 + 5 * minuteMs), { kind: 'complete' });
  const approved = { ...release, stages: stages.map(({ percent }) => ({ percent, minutes: null })) };
  assert.equal(nextStageMs(approved), null);
  assert.deepEqual(releaseStep(approved, Number.MAX_SAFE_INTEGER), { kind: 'stay' });
  assert.deepEqual(advanced(approved), { kind: 'stage', stage: 1 });
});

const anyStages = fc
  .uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 1, maxLength: 19 })
  .map((percents) => percents.toSorted((a, b) => a - b).concat(100))
  .chain((percents) =>
    fc.tuple(
      ...percents.map((percent) =>
        fc.record({ percent: fc.constant(percent), minutes: fc.option(fc.integer({ min: 1, max: 60 })) }),
      ),
    ),
  );

test('any release that is allowed comes to all clients by approvals, with more of them each time', () => {
  fc.assert(
    fc.property(anyStages, (plan) => {
      assert.equal(stagesFault(plan), null);
      let stage = 0;
      for (let steps = 0; ; steps += 1) {
        assert.ok(steps < plan.length);
        const step = advanced({ ...release, stages: plan, stage });
        if (step.kind === 'complete') break;
        assert.ok(step.kind === 'stage' && plan[step.stage]!.percent > plan[stage]!.percent);
        assert.ok(plan[step.stage]!.percent < 100, 'all clients have it: it is complete');
        ({ stage } = step);
      }
    }),
  );
});

test('stages that make no release', () => {
  const plan = (...percents: number[]) => percents.map((percent) => ({ percent, minutes: null }));
  for (const bad of [[], [10], [50, 10, 100], [10, 10, 100], [100, 100], [10, 50]])
    assert.notEqual(stagesFault(plan(...bad)), null, bad.join());
  assert.equal(stagesFault(plan(1, 100)), null);
});

const dayMs = 86_400_000;
const nowMs = 1_000 * dayMs;
const anyRecords = fc
  .array(
    fc.record({
      ageMs: fc.oneof(fc.integer({ min: 0, max: 100 * dayMs }), fc.constantFrom(0, 30 * dayMs, 30 * dayMs + 1)),
      state: fc.constantFrom(...deploymentState.options),
      target: fc.constantFrom('production' as const, 'preview' as const),
      used: fc.boolean(),
    }),
    { maxLength: 30 },
  )
  .map((all) =>
    all
      .toSorted((a, b) => a.ageMs - b.ageMs)
      .map(({ ageMs, state, target, used }, at) => ({
        state,
        target,
        used,
        id: `dep_${at}`,
        createdMs: nowMs - ageMs,
      })),
  );

test('what is deleted by age and number, and what never is', () => {
  const rules = { previewDays: 30, productionCount: 3 };
  fc.assert(
    fc.property(anyRecords, (records) => {
      const used = new Set(records.filter((each) => each.used).map(({ id }) => id));
      const gone = new Set(expired(rules, records as unknown as DeploymentRecord[], used, nowMs).map(({ id }) => id));
      const free = records.filter(({ id }) => !used.has(id));
      for (const { id } of records) assert.ok(!(used.has(id) && gone.has(id)));
      const productions = free.filter(({ state, target }) => state === 'ready' && target === 'production');
      assert.deepEqual(
        productions.filter(({ id }) => !gone.has(id)),
        productions.slice(0, rules.productionCount),
        'the newest of production',
      );
      for (const { id, state, target, createdMs } of free) {
        const ageMs = nowMs - createdMs;
        if (state === 'building' || state === 'deleted') assert.equal(gone.has(id), false);
        if (state === 'uploading') assert.equal(gone.has(id), ageMs > limits.unfinishedDeploymentMs);
        if (state === 'failed' || (state === 'ready' && target === 'preview'))
          assert.equal(gone.has(id), ageMs > 30 * dayMs);
      }
    }),
    { numRuns: 500 },
  );
});
