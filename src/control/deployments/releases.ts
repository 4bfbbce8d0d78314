import type { Release } from '../../api/deployments.ts';
import type { ReleaseRecord } from '../store/project-store.ts';

/** What is to become of a rolling release now. Pure. */
export type ReleaseStep =
  | { readonly kind: 'stay' }
  | { readonly kind: 'stage'; readonly stage: number }
  | { readonly kind: 'complete' };

/** When the next stage begins by itself; null: when it is approved. */
export function nextStageMs({ stages, stage, stageSinceMs }: ReleaseRecord): number | null {
  const minutes = stages[stage]?.minutes ?? null;
  return minutes === null ? null : stageSinceMs + minutes * 60_000;
}

/** All have it: there is nothing left to wait for. */
export function releaseStep(release: ReleaseRecord, nowMs: number): ReleaseStep {
  if (release.stages[release.stage]!.percent >= 100) return { kind: 'complete' };
  const nextMs = nextStageMs(release);
  return nextMs !== null && nowMs >= nextMs ? advanced(release) : { kind: 'stay' };
}

/** Somebody says so, or its time has come. */
export const advanced = ({ stages, stage }: ReleaseRecord): ReleaseStep =>
  stage + 1 >= stages.length || stages[stage + 1]!.percent >= 100
    ? { kind: 'complete' }
    : { kind: 'stage', stage: stage + 1 };

/** Null: they make a release. */
export function stagesFault(stages: Release['stages']): string | null {
  if (stages.at(-1)?.percent !== 100) return 'the last stage has 100 percent';
  for (let at = 1; at < stages.length; at += 1)
    if (stages[at]!.percent <= stages[at - 1]!.percent) return 'each stage has more percent than the one before';
  return null;
}

export const releaseResource = (release: ReleaseRecord): Release => ({
  ...release,
  percent: release.stages[release.stage]!.percent,
  nextMs: nextStageMs(release),
});
