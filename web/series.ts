import type { Usage, UsageTotals } from '../src/api/observed.ts';

export interface Series {
  /** Unix time in seconds, a step apart. */
  readonly times: readonly number[];
  /** Of a step without work: zero. */
  readonly amounts: (pick: (totals: UsageTotals) => number) => number[];
  /** Of a step without work: nothing. */
  readonly measures: (pick: (totals: UsageTotals) => number | null) => (number | null)[];
}

/** All steps of the span: the API leaves out those in which nothing happened. What is still to come is no part of it. */
export function seriesOf({ fromMs, toMs, stepS, series }: Usage, nowMs: number): Series {
  const stepMs = Math.max(1, stepS) * 1000;
  const known = new Map(series.map((point) => [Math.floor(point.atMs / stepMs), point]));
  const last = Math.floor((Math.min(toMs, nowMs) - 1) / stepMs);
  const steps: { time: number; totals: UsageTotals | null }[] = [];
  for (let step = Math.floor(fromMs / stepMs); step <= last; step += 1) {
    const point = known.get(step);
    steps.push({ time: (point?.atMs ?? step * stepMs) / 1000, totals: point?.totals ?? null });
  }
  return {
    times: steps.map(({ time }) => time),
    amounts: (pick) => steps.map(({ totals }) => (totals === null ? 0 : pick(totals))),
    measures: (pick) => steps.map(({ totals }) => (totals === null ? null : pick(totals))),
  };
}
