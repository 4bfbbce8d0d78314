import { printable } from '../base/printable.ts';
import type { Explainable, Explanation, InstanceExplanation, LaneExplanation } from './explain.ts';
import { tableLines } from './text-table.ts';
import type { Side } from './text-table.ts';

/** When it is read, and how a time of day is written where it is read. */
export interface Reading {
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
  readonly timeOfDay: (wallMs: number) => string;
}

/** What a person reads at once; the JSON has all. */
const shownRoutes = 20;
const shownInstances = 30;
const shownFunctions = 50;
const dayMs = 24 * 3_600_000;

/**
 * Why a function is scheduled as it is, for a terminal: sections with a title each, an empty line between them. Whatever is
 * in the names, it is shown, not acted on. Pure.
 */
export function explainText(explanation: Explanation, reading: Reading): string {
  const sections = [
    header(explanation),
    limitsOf(explanation),
    routesOf(explanation),
    instancesOf(explanation),
    decisionsOf(explanation, reading),
    nacksOf(explanation),
  ];
  return `${sections.map(sectionText).join('\n\n')}\n`;
}

interface Section {
  readonly title: string;
  readonly lines: readonly string[];
}

const sectionText = ({ title, lines }: Section): string => [title, ...lines.map((line) => `  ${line}`)].join('\n');

function header(explanation: Explanation): Section {
  const { id, label, maxConcurrency, queued, oldestQueuedMs, kept, backingOff } = explanation;
  const rows = [
    ['id', printable(id)],
    ['maxConcurrency', String(maxConcurrency)],
    ['queued', queued === 0 ? '0' : `${queued}, the oldest for ${time(oldestQueuedMs)}`],
    ['kept without work', `${counted(kept.instances, 'instance')}: ${printable(kept.reason)}`],
    ...(backingOff === null ? [] : [['starts nothing', printable(backingOff)]]),
  ];
  return { title: printable(label), lines: tableLines(rows, ['left', 'left']) };
}

function limitsOf({ lanes, maxConcurrency }: Explanation): Section {
  const head = ['work that', 'limit', 'full at', 'no gain above', 'queued', 'wanted, 6 s', 'wanted, 60 s', 'because'];
  const rows = lanes.map((lane) => [
    lane.lane,
    String(lane.limit),
    figure(lane.saturation),
    figure(lane.unhelpfulAbove),
    String(lane.queued),
    figure(lane.demand.last6s),
    figure(lane.demand.last60s),
    whyOf(lane, maxConcurrency),
  ]);
  return section('Limits of a new instance', [head, ...rows], 'lrrrrrrl');
}

function whyOf({ limit, saturation, unhelpfulAbove }: LaneExplanation, maxConcurrency: number | 'auto'): string {
  if (maxConcurrency !== 'auto' && limit >= maxConcurrency) return 'maxConcurrency of the function';
  if (unhelpfulAbove !== null && limit <= unhelpfulAbove) return 'more at once brought no more throughput';
  if (saturation === null) return 'nothing is known yet';
  return `${figure(saturation)} use an instance fully`;
}

function routesOf({ routes }: Explanation): Section {
  const head = ['route', 'work that', 'CPU', 'time', 'invocations'];
  const rows = routes
    .slice(0, shownRoutes)
    .map((each) => [printable(each.pattern), each.lane, time(each.cpuMs), time(each.wallMs), String(each.invocations)]);
  return section(
    'Routes, as learned',
    routes.length === 0 ? [] : [head, ...rows],
    'llrrr',
    routes.length - rows.length,
  );
}

function instancesOf({ instances }: Explanation): Section {
  const title = `Instances: ${instances.length}`;
  const head = ['id', 'state', 'work that', 'in flight', 'of', 'bound by', 'law: in flight ÷ utilisation = full at'];
  const shown = instances.slice(0, shownInstances);
  const rows = shown.map((each) => [
    printable(each.id),
    stateOf(each),
    each.lane ?? '–',
    String(each.inFlight),
    String(each.limit),
    printable(each.binding),
    lawOf(each),
  ]);
  const [top, ...lines] = tableLines([head, ...rows], sidesOf('lllrrll'));
  if (shown.length === 0) return { title, lines: ['none'] };
  const told = shown.flatMap((each, at) => [lines[at]!, ...underneath(each)]);
  return { title, lines: [top!, ...told, ...more(instances.length - shown.length)] };
}

function stateOf({ state, paused, resting }: InstanceExplanation): string {
  const parts = [printable(state), ...(paused === null ? [] : [`paused: ${printable(paused)}`])];
  return [...parts, ...(resting ? ['resting'] : [])].join(', ');
}

const isNear = (one: number, other: number): boolean => Math.abs(one - other) <= other / 20;

/** Without work it says nothing. */
function lawOf({ law }: InstanceExplanation): string {
  if (law.inFlight === 0 || law.utilisation === 0) return '–';
  const seen = `${figure(law.inFlight)} ÷ ${figure(law.utilisation)} = ${figure(law.inFlight / law.utilisation)}`;
  if (law.saturation === null || isNear(law.saturation, law.inFlight / law.utilisation)) return seen;
  return `${seen}; ${figure(law.saturation)} with earlier looks`;
}

/** What is too long for a column. */
function underneath({ lastChange, guards }: InstanceExplanation): string[] {
  const stand = guards.map(
    ({ name, value, threshold, unit }) =>
      `${printable(name)} ${figure(value)} of ${figure(threshold)}${unit === '' ? '' : ` ${printable(unit)}`}`,
  );
  return [
    ...(lastChange === null ? [] : [`    last change: ${printable(lastChange)}`]),
    ...(stand.length === 0 ? [] : [`    guards: ${stand.join('; ')}`]),
  ];
}

function decisionsOf({ decisions }: Explanation, { nowMs, timeOfDay }: Reading): Section {
  const rows = decisions.map(({ wallMs, instance, text }) => [
    nowMs - wallMs < dayMs ? timeOfDay(wallMs) : `${counted(Math.floor((nowMs - wallMs) / dayMs), 'day')} ago`,
    instance === null ? '' : printable(instance),
    printable(text),
  ]);
  return section('Decisions, the newest last', rows, 'rll');
}

function nacksOf({ nacks }: Explanation): Section {
  const rows = Object.entries(nacks)
    .filter(([, count]) => count > 0)
    .toSorted(([, one], [, other]) => other - one)
    .map(([reason, count]) => [printable(reason), String(count)]);
  return section('Came back before they began', rows, 'lr');
}

/** `sides`: l or r for every column. */
function section(title: string, rows: readonly (readonly string[])[], sides: string, left = 0): Section {
  const lines = rows.length === 0 ? ['none'] : tableLines(rows, sidesOf(sides));
  return { title, lines: [...lines, ...more(left)] };
}

const sidesOf = (sides: string): Side[] => sides.split('').map((side) => (side === 'l' ? 'left' : 'right'));
const more = (count: number): string[] => (count > 0 ? [`and ${count} more`] : []);

/** Functions that can be asked about, a line each. */
export function functionLines(functions: readonly Explainable[]): string[] {
  const lines = functions
    .slice(0, shownFunctions)
    .map(({ id, label, retired }) => (retired ? `${printable(id)} (an earlier version)` : printable(label)));
  return lines.length === 0 ? ['none'] : [...lines, ...more(functions.length - lines.length)];
}

/** Three digits, or as many as there are before the point. */
function figure(value: number | null): string {
  if (value === null) return '–';
  if (Number.isInteger(value)) return String(value);
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

function time(ms: number): string {
  if (ms < 10_000) return `${figure(ms < 10 ? ms : Math.round(ms))} ms`;
  return `${figure(ms / 1000)} s`;
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
