import type { RunResult } from './ledger.ts';
import { percentileOf } from './percentile.ts';
import { policies } from './policies/catalogue.ts';
import {
  type Axis,
  bar,
  drawing,
  frame,
  label,
  legend,
  line,
  linear,
  logarithmic,
  type Panel,
  type Point,
  type SeriesStyle,
} from './svg.ts';

/** By policy, in the order of the catalogue. Weir is drawn last and thickest. */
const styles: readonly SeriesStyle[] = [
  { light: '#bc4c00', dark: '#f0883e', dashes: '6 3', width: 1.5 },
  { light: '#8250df', dark: '#a371f7', dashes: '2 3', width: 1.5 },
  { light: '#0969da', dark: '#58a6ff', dashes: 'none', width: 1.5 },
  { light: '#1a7f37', dark: '#3fb950', dashes: 'none', width: 2.5 },
  { light: '#4d8f5d', dark: '#7ee787', dashes: '4 3', width: 1.5 },
];
const seriesOf = (policy: string): number => policies.findIndex(({ name }) => name === policy);
const titleOf = (policy: string): string => policies[seriesOf(policy)]!.title;
const namesOf = (runs: readonly RunResult[]) =>
  runs.map(({ policy }) => ({ series: seriesOf(policy), text: titleOf(policy) }));

const width = 760;
const left = 64;
const inner = width - left - 24;

/** Shares at which the curve is read: finer towards the end, where the differences are. */
const shares = [
  ...Array.from({ length: 45 }, (_, index) => (index + 1) / 50),
  ...Array.from({ length: 45 }, (_, index) => 1 - 10 ** (-1 - index / 22)),
];
/** 0, 90 %, 99 % and 99.9 % are equally far apart. */
const tail: Axis = {
  label: 'answered within',
  place: (share) => -Math.log10(Math.max(1e-9, 1 - share)) / 3,
  ticks: [0, 0.5, 0.9, 0.99, 0.999].map((at) => ({ at, text: `${Number((at * 100).toFixed(1))} %` })),
};

export function latencyPlot(runs: readonly RunResult[]): string {
  const { workload } = runs[0]!;
  const place = { top: 64, width: (inner - 70) / 2, height: 260 };
  const latencies = curves(runs.map(({ policy, latenciesMs }) => ({ policy, values: latenciesMs })));
  const slowdowns = curves(runs.map(({ policy, slowdowns }) => ({ policy, values: slowdowns })));
  const latency = { ...place, left, x: spread('latency', latencies, duration), y: tail };
  const right = left + place.width + 70;
  const slowdown = { ...place, left: right, x: spread('slowdown', slowdowns, factor), y: { ...tail, label: '' } };
  const figures = runs.map(({ policy, figures }) => `${titleOf(policy)} ${shown(figures.p99Ms)}`).join(', ');
  return drawing({
    width,
    height: 374,
    title: `Latency and slowdown: ${workload.title}`,
    description: `Shares of invocations answered within a latency, and within a slowdown, by policy. 99 % are answered within: ${figures}.`,
    styles,
    body: [
      label(`Latency and slowdown: ${workload.title}`, left, 22, 'name'),
      legend(namesOf(runs), left, 44),
      frame(latency),
      ...latencies.map(({ series, points }) => line(latency, series, points, false)),
      frame(slowdown),
      ...slowdowns.map(({ series, points }) => line(slowdown, series, points, false)),
    ],
  });
}

interface Curve {
  readonly series: number;
  readonly points: readonly Point[];
}

/** Of ascending values: which share is at or below what. */
function curves(of: readonly { readonly policy: string; readonly values: Float64Array }[]): Curve[] {
  return of.map(({ policy, values }) => ({
    series: seriesOf(policy),
    points: shares
      .map((share) => ({ x: percentileOf(values, share), y: share }))
      .filter(({ x, y }) => x !== Infinity && y <= 0.999),
  }));
}

function spread(text: string, of: readonly Curve[], format: (value: number) => string): Axis {
  const all = of.flatMap(({ points }) => points.map(({ x }) => x));
  return logarithmic(text, Math.max(1, Math.min(...all)), Math.max(...all), format);
}

export function instancesPlot(runs: readonly RunResult[]): string {
  const { workload } = runs[0]!;
  const { durationMs } = workload;
  const hours = durationMs > 4 * 3_600_000;
  const unitMs = hours ? 3_600_000 : 60_000;
  const time = linear(`time (${hours ? 'hours' : 'minutes'})`, durationMs / unitMs);
  const place = (value: number): number => value / (durationMs / unitMs);
  const ticks = time.ticks.filter(({ at }) => at <= durationMs / unitMs);
  const x: Axis = { label: time.label, place, ticks };
  const most = (of: 'instances' | 'inFlight'): number => Math.max(1, ...runs.flatMap((run) => [...run[of]]));
  const above: Panel = {
    x: { label: '', place, ticks: ticks.map(({ at }) => ({ at, text: '' })) },
    y: logarithmic('in flight', 1, most('inFlight'), count),
    left,
    top: 64,
    width: inner,
    height: 150,
  };
  const below: Panel = { ...above, x, y: logarithmic('instances', 1, most('instances'), count), top: 234 };
  const points = (values: Float64Array) =>
    Array.from(values, (y, index) => ({ x: (index * durationMs) / unitMs / values.length, y }));
  const peaks = runs.map(({ policy, figures }) => `${titleOf(policy)} ${figures.peakInstances}`).join(', ');
  return drawing({
    width,
    height: 434,
    title: `Instances: ${workload.title}`,
    description: `Invocations in flight or waiting, and instances, over time by policy: the highest of each of ${runs[0]!.instances.length} spans. Most instances at once: ${peaks}.`,
    styles,
    body: [
      label(`Invocations and instances: ${workload.title}`, left, 22, 'name'),
      legend(namesOf(runs), left, 44),
      frame(above),
      ...runs.map((run) => line(above, seriesOf(run.policy), points(run.inFlight), true)),
      frame(below),
      ...runs.map((run) => line(below, seriesOf(run.policy), points(run.instances), true)),
    ],
  });
}

/** `groups`: the runs of each workload. */
export function gbHoursPlot(groups: readonly (readonly RunResult[])[]): string {
  const barHeight = 11;
  const groupHeight = 5 * (barHeight + 2) + 14;
  const from = 230;
  const body = [label('GB-hours, in percent of one invocation per instance', 24, 22, 'name')];
  body.push(legend(namesOf(groups[0]!), 24, 44));
  const full = width - from - 130;
  groups.forEach((runs, group) => {
    const top = 68 + group * groupHeight;
    const most = Math.max(...runs.map(({ figures }) => figures.gbHours));
    const base = runs[0]!.figures.gbHours;
    body.push(label(runs[0]!.workload.title, 24, top + groupHeight / 2 - 4));
    runs.forEach((run, index) => {
      const y = top + index * (barHeight + 2);
      const { gbHours } = run.figures;
      const size = { width: (gbHours / most) * full, height: barHeight };
      body.push(bar(seriesOf(run.policy), from, y, size));
      const text = `${percent(gbHours / base)} (${gbHours.toPrecision(3)} GB-h)`;
      body.push(label(text, from + size.width + 6, y + barHeight - 1.5, 'quiet'));
    });
  });
  const worst = groups.map((runs) => `${runs[0]!.workload.title}: ${runs.map(part).join(', ')}`).join('; ');
  return drawing({
    width,
    height: 76 + groups.length * groupHeight,
    title: 'GB-hours by workload and policy',
    description: `Memory × time with work in flight. ${worst}.`,
    styles,
    body,
  });
}

const part = ({ policy, figures }: RunResult): string => `${titleOf(policy)} ${figures.gbHours.toPrecision(3)}`;

function percent(share: number): string {
  return `${share < 0.1 ? (share * 100).toFixed(1) : (share * 100).toFixed(0)} %`;
}

const shown = (ms: number): string => (ms === Infinity ? 'never' : duration(Math.round(ms)));

function duration(ms: number): string {
  return ms < 1000 ? `${Number(ms.toPrecision(3))} ms` : `${Number((ms / 1000).toPrecision(3))} s`;
}

const factor = (value: number): string => `${value}×`;
/** On a scale on which there is no 0. */
const count = (value: number): string => (value === 1 ? '≤ 1' : value >= 1000 ? `${value / 1000}k` : String(value));
