import type { Figures, RunResult } from './ledger.ts';

/** Runs of one workload, by policy. */
export type Runs = ReadonlyMap<string, RunResult>;

/** A figure that the project has promised itself. */
export interface Aim {
  readonly what: string;
  readonly workload: string;
  readonly bound: string;
  readonly value: string;
  readonly holds: boolean;
}

/** Those for which there are runs. */
export function aims(groups: ReadonlyMap<string, Runs>): Aim[] {
  const found: Aim[] = [];
  const add = (workload: string, what: string, bound: string, judge: (ours: Figures, one: Figures) => Judged): void => {
    const ours = groups.get(workload)?.get('weir')?.figures;
    const one = groups.get(workload)?.get('one-per-instance')?.figures;
    if (ours === undefined || one === undefined) return;
    found.push({ what, workload: groups.get(workload)!.get('weir')!.workload.title, bound, ...judge(ours, one) });
  };
  const llm10 = 'llm-10x';
  add(llm10, 'GB-hours, against one per instance', 'at least 95 % fewer', (ours, one) => {
    const saved = 1 - ours.gbHours / one.gbHours;
    return { value: `${(saved * 100).toFixed(1)} % fewer`, holds: saved >= 0.95 };
  });
  add(llm10, 'p99 latency, against one per instance', 'at most 1.05×', (ours, one) =>
    ratio(ours.p99Ms, one.p99Ms, 1.05),
  );
  add(llm10, 'cold starts', 'at most 0.1 %', ({ coldShare }) => share(coldShare, 0.001));
  for (const trace of ['llm-1x', 'llm-100x']) {
    add(trace, 'cold starts', 'at most 0.1 %', ({ coldShare }) => share(coldShare, 0.001));
  }
  for (const cpu of ['cpu', 'cpu-bursts']) {
    add(cpu, 'p99 latency, against one per instance', 'at most 1.05×', (ours, one) =>
      ratio(ours.p99Ms, one.p99Ms, 1.05),
    );
    add(cpu, 'answered per second, against one per instance', 'at least 1×', (ours, one) => {
      const times = ours.perSecond / one.perSecond;
      // Both end with what came last: a thousandth is when that was.
      return { value: `${times.toFixed(3)}×`, holds: times >= 0.999 };
    });
  }
  return found;
}

type Judged = Pick<Aim, 'value' | 'holds'>;

const ratio = (ours: number, other: number, most: number): Judged => ({
  value: `${(ours / other).toFixed(3)}×`,
  holds: ours <= other * most,
});
const share = (value: number, most: number): Judged => ({
  value: `${(value * 100).toFixed(3)} %`,
  holds: value <= most,
});

/** Ours against Knative's on one workload. */
export interface Verdict {
  readonly slowdown: number;
  readonly gbHours: number;
  readonly text: string;
  /** Why, where it is worse; empty where it is not. */
  readonly why: readonly string[];
}

/** Two figures that are so close are the same. */
const equalWithin = 0.01;

export function verdictOf(ours: RunResult, theirs: RunResult): Verdict {
  const slowdown = ours.figures.slowdownP99 / theirs.figures.slowdownP99;
  const gbHours = ours.figures.gbHours / theirs.figures.gbHours;
  const isSlower = !(slowdown <= 1 + equalWithin);
  const isCostlier = !(gbHours <= 1 + equalWithin);
  const { whenItLoses, whenSlower = whenItLoses } = ours.workload;
  const why = new Set([...(isSlower ? [whenSlower] : []), ...(isCostlier ? [whenItLoses] : [])]);
  return { slowdown, gbHours, text: verdictText({ slowdown, gbHours, isSlower, isCostlier }), why: [...why] };
}

interface Judgement {
  readonly slowdown: number;
  readonly gbHours: number;
  readonly isSlower: boolean;
  readonly isCostlier: boolean;
}

function verdictText({ slowdown, gbHours, isSlower, isCostlier }: Judgement): string {
  if (isSlower && isCostlier) return 'worse at both';
  if (isSlower) return 'slower, for fewer GB-hours';
  if (isCostlier) return 'faster, for more GB-hours';
  if (slowdown < 1 - equalWithin && gbHours < 1 - equalWithin) return 'better at both';
  if (slowdown < 1 - equalWithin) return 'faster, for the same GB-hours';
  return gbHours < 1 - equalWithin ? 'as fast, for fewer GB-hours' : 'the same';
}
