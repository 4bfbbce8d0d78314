// What was measured, and what the simulator says of it, side by side.
import { gbSeconds } from '../../src/meter/account.ts';
import { quantile, section } from '../report.ts';
import type { Cell, Row, Section } from '../report.ts';
import { predict } from './predict.ts';
import type { Prediction } from './predict.ts';
import { leadMs, memoryMiB, speedUp } from './replay.ts';
import type { Invocation, Replayed } from './replay.ts';

interface Runs {
  readonly seconds: number;
  readonly load: readonly Invocation[];
  readonly onePerInstance: Replayed;
  readonly fluid: Replayed;
}

/** What is compared, of one run, in the same units as the simulator's. */
function measuredOf({ latency, watched, view }: Replayed): Prediction {
  return {
    gbHours: view.memoryGbSeconds / 3600,
    activeCpuS: view.activeCpu.totalMs / 1000,
    instancesPeak: watched.peak,
    instancesStarted: watched.started,
    processesStarted: watched.processes,
    instanceHours: watched.instanceMs / 3_600_000,
    p50Ms: latency.p50Ms,
    p99Ms: latency.p99Ms,
    coldStarts: view.starts.cold + view.starts.prewarmed,
    failed: latency.failed,
  };
}

const lines: readonly (readonly [string, keyof Prediction])[] = [
  ['GB-hours', 'gbHours'],
  ['active CPU, s', 'activeCpuS'],
  ['instances, peak', 'instancesPeak'],
  ['instances, started', 'instancesStarted'],
  ['processes, stems too', 'processesStarted'],
  ['instance-hours', 'instanceHours'],
  ['p50, ms', 'p50Ms'],
  ['p99, ms', 'p99Ms'],
  ['cold starts', 'coldStarts'],
  ['failed', 'failed'],
];

export function replaySections(runs: Runs): Section[] {
  const one = measuredOf(runs.onePerInstance);
  const fluid = measuredOf(runs.fluid);
  return [
    section(
      `The first ${Math.round((runs.seconds * speedUp) / 60)} minutes of the trace, in ${runs.seconds} s`,
      measuredRows(runs, one, fluid),
      measuredNote(runs),
    ),
    predictedSection(runs, one, fluid),
  ];
}

/** Counts as what they are, without decimals. */
const shown = (value: number): Cell => (Number.isInteger(value) ? String(value) : value);

const percent = (value: number, of: number): Cell =>
  of === 0 || Number.isNaN(value) ? '–' : `${value >= of ? '+' : '−'}${(Math.abs(value / of - 1) * 100).toFixed(1)} %`;

function measuredRows(runs: Runs, one: Prediction, fluid: Prediction): Row[] {
  const row = (what: string, left: number, right: number): Row => ({
    what,
    'one per instance': shown(left),
    fluid: shown(right),
    difference: percent(right, left),
  });
  const { onePerInstance, fluid: other } = runs;
  return [
    ...lines.map(([what, key]) => row(what, one[key], fluid[key])),
    row('of these cold', onePerInstance.view.starts.cold, other.view.starts.cold),
    row('CPU ms/request', cpuMsOf(onePerInstance), cpuMsOf(other)),
    row('resident at the peak, MiB', onePerInstance.watched.peakRssMiB, other.watched.peakRssMiB),
    {
      ...row('load generator late at its p99, ms', onePerInstance.latency.lagP99Ms, other.latency.lagP99Ms),
      difference: '',
    },
    {
      ...row('processors used by others, %', onePerInstance.othersShare * 100, other.othersShare * 100),
      difference: '',
    },
  ];
}

const cpuMsOf = ({ view }: Replayed): number => view.activeCpu.totalMs / Math.max(1, view.invocations);

function measuredNote({ load }: Runs): string {
  const waits = load.map(({ waitMs }) => waitMs);
  return (
    `${load.length} requests, open loop: each is sent at its time whatever became of the others, and its latency counts from ` +
    `then. Time goes ${speedUp} times as fast as in the trace, arrivals and the model's waits alike (300 ms + 20 ms a token, ` +
    `divided by ${speedUp}: p50 ${quantile(waits, 0.5).toFixed(0)} ms, p99 ${quantile(waits, 0.99).toFixed(0)} ms), so that as many ` +
    'are under way at once as were. CPU and starts are real: they weigh more against shorter waits, in both columns. ' +
    `GB-hours: ${memoryMiB} MiB an instance, while it has work; one instance that needs nothing but the model's time would have ` +
    `${leastGbHours(load).toPrecision(3)}. Cold starts: invocations that ` +
    'waited for a process or took a booted stem. Instance-hours count processes from start to end, idle ones too.'
  );
}

/** Of one instance that has everything: as long as the model has anything to do. */
function leastGbHours(load: readonly Invocation[]): number {
  let busyMs = 0;
  let untilMs = 0;
  for (const { atMs, waitMs } of load) {
    busyMs += Math.max(0, atMs + waitMs - Math.max(untilMs, atMs));
    untilMs = Math.max(untilMs, atMs + waitMs);
  }
  return gbSeconds(memoryMiB, busyMs) / 3600;
}

function predictedSection(runs: Runs, one: Prediction, fluid: Prediction): Section {
  const { overhead } = runs.fluid;
  const cpuMs = requestCpuMs(runs.fluid);
  const input = { load: runs.load, cpuMs, overhead, memoryMiB, leadMs };
  const predicted = {
    one: predict({ ...input, maxConcurrency: 1 }),
    fluid: predict({ ...input, maxConcurrency: 'auto' }),
  };
  const rows = lines.map(([what, key]): Row => ({
    what,
    'one per instance: measured': shown(one[key]),
    predicted: shown(predicted.one[key]),
    difference: percent(predicted.one[key], one[key]),
    'fluid: measured': shown(fluid[key]),
    'predicted ': shown(predicted.fluid[key]),
    'difference ': percent(predicted.fluid[key], fluid[key]),
  }));
  return section(
    'The same, as the simulator has it',
    rows,
    `Calibrated, the only figures that are taken from this machine: CPU per request, ${cpuMs.toFixed(2)} ms, half before the wait and ` +
      'half after (active CPU of the fluid run, less what its instances take for themselves, divided by its requests); and what an ' +
      `instance takes for itself, ${overhead.startCpuMs.toFixed(0)} ms once and ${overhead.idleCpuMs.toFixed(1)} ms a second (measured of one ` +
      'instance before the run; it counts in the predicted active CPU only). Everything else is as in the simulations: how long ' +
      'processes boot, whole processors for instances alone. Fluid is the real scheduler; one per instance is the classic policy ' +
      'of the simulations, without stems. Difference: of the prediction, against what was measured.',
  );
}

/** CPU of one invocation, without what instances take for themselves. */
function requestCpuMs({ view, watched, overhead }: Replayed): number {
  const ownMs = watched.started * overhead.startCpuMs + (watched.instanceMs / 1000) * overhead.idleCpuMs;
  return Math.max(0.1, (view.activeCpu.totalMs - ownMs) / Math.max(1, view.invocations));
}
