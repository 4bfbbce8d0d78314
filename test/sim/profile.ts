import type { Random } from '../../src/base/random.ts';

/** What a simulated world is like. Shares are in thousandths. */
export interface Profile {
  readonly name: string;
  readonly functions: number;
  readonly invocations: number;
  /** So many different scripts, used again and again; 0: each invocation has its own. */
  readonly scripts: number;
  /** Arrivals come in bursts of up to so many, with so much time between two bursts on average. */
  readonly burst: number;
  readonly gapMs: number;
  readonly maxConcurrency: number | 'auto';
  readonly maxDurationMs: number;
  /** How long a piece on the wire takes at most; pieces are cut anywhere. 0: at once, and whole. */
  readonly wireMs: number;
  readonly stems: boolean;
  readonly control: boolean;
  /** Instances that use batched mode. */
  readonly batched: number;
  /** How long an invocation takes at most. */
  readonly workMs: number;
  readonly startMs: number;
  /** The deployment is replaced by a new one so often. */
  readonly republishes: number;

  // What an invocation is like.
  readonly requestBody: number;
  readonly streamed: number;
  readonly upgrade: number;
  readonly failed: number;
  readonly hang: number;
  readonly cancel: number;
  readonly slowReader: number;

  // What goes wrong: per invocation that arrives at an instance.
  readonly crash: number;
  readonly nack: number;
  readonly stall: number;
  readonly cut: number;
  readonly duplicate: number;
  readonly askDrain: number;
  readonly background: number;
  /** Per instance. */
  readonly startFails: number;
  readonly loadFails: number;
  readonly neverConnects: number;
  readonly neverEnds: number;
}

const calm: Profile = {
  name: 'calm',
  functions: 3,
  invocations: 2500,
  scripts: 0,
  burst: 20,
  gapMs: 5,
  maxConcurrency: 10,
  maxDurationMs: 5000,
  wireMs: 1,
  stems: true,
  control: true,
  batched: 500,
  workMs: 40,
  startMs: 60,
  republishes: 0,
  requestBody: 200,
  streamed: 200,
  upgrade: 20,
  failed: 20,
  hang: 0,
  cancel: 0,
  slowReader: 0,
  crash: 0,
  nack: 0,
  stall: 0,
  cut: 0,
  duplicate: 0,
  askDrain: 0,
  background: 0,
  startFails: 0,
  loadFails: 0,
  neverConnects: 0,
  neverEnds: 0,
};

/** As many small invocations as possible, answered at once or soon: what the harness itself costs is the limit. */
export const plain: Profile = {
  ...calm,
  name: 'plain',
  functions: 4,
  invocations: 200_000,
  scripts: 500,
  burst: 200,
  gapMs: 1,
  maxConcurrency: 'auto',
  batched: 1000,
  wireMs: 0,
  workMs: 3,
  requestBody: 0,
  streamed: 0,
  upgrade: 0,
  failed: 0,
};

/** The same, and now and then something goes wrong. */
export const plainTrouble: Profile = {
  ...plain,
  name: 'plain trouble',
  invocations: 100_000,
  crash: 0.05,
  nack: 0.2,
  stall: 0.05,
  cut: 0.05,
  duplicate: 0.5,
  askDrain: 0.05,
  startFails: 20,
  neverEnds: 20,
};

const rough: Profile = {
  ...calm,
  name: 'rough',
  hang: 4,
  cancel: 60,
  slowReader: 100,
  crash: 6,
  nack: 30,
  stall: 10,
  cut: 2,
  duplicate: 30,
  askDrain: 3,
  background: 20,
  startFails: 40,
  loadFails: 20,
  neverConnects: 5,
  neverEnds: 50,
  republishes: 2,
};

const profiles: readonly Profile[] = [
  calm,
  rough,
  { ...rough, name: 'one per instance', maxConcurrency: 1, invocations: 1200, burst: 8 },
  { ...rough, name: 'crashes', stall: 0, crash: 60, cut: 30, batched: 300, invocations: 1500 },
  { ...rough, name: 'stalls', stall: 50, workMs: 10, nack: 5 },
  { ...rough, name: 'no sentinel', control: false, stall: 5 },
  { ...rough, name: 'bodies', stall: 0, requestBody: 700, streamed: 700, slowReader: 400, invocations: 800, crash: 10 },
  { ...rough, name: 'no stems', stems: false, startMs: 400, startFails: 100, loadFails: 60 },
  { ...rough, name: 'refusals', stall: 0, nack: 250, maxConcurrency: 'auto' },
];

/** The world of a seed. */
export function profileOf(seed: number): Profile {
  return profiles[seed % profiles.length]!;
}

/** Whether something of so many thousandths happens now. */
export const happens = (random: Random, permille: number): boolean =>
  permille > 0 && random.below(1_000_000) < permille * 1000;
