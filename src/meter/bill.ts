// What usage costs, for whoever pays it: quantities that are exact, amounts that add up as they are shown.
import type { Prices } from './prices.ts';
import type { UsageRow } from './rollup.ts';

/**
 * The rule: an amount is its exact quantity × the unit price, rounded once, half up, to the cent. Every total is the sum of
 * amounts as they are shown; nothing is rounded twice, and no total differs from the sum of what stands above it.
 */
export interface BillLine {
  readonly item: 'invocations' | 'active CPU' | 'provisioned memory';
  /** What the price is for. */
  readonly unit: 'million' | 'CPU hour' | 'GB-hour';
  readonly quantity: number;
  readonly unitPriceUsd: number;
  readonly amountCents: number;
}

/** The very same traffic with one invocation per instance, which is paid for as long as it runs. */
interface Comparison {
  readonly gbHours: number;
  readonly unitPriceUsd: number;
  /** Of its memory. */
  readonly amountCents: number;
  /** With the same invocations. */
  readonly totalCents: number;
  readonly savedCents: number;
  /** In percent of totalCents, before anything is rounded; null: there is nothing to compare. Below 0: it would have cost less. */
  readonly savedPercent: number | null;
  readonly savedGbHours: number;
}

export interface BillPart {
  readonly lines: readonly BillLine[];
  readonly totalCents: number;
  readonly onePerInstance: Comparison;
}

interface ProjectBill extends BillPart {
  readonly project: string;
}

export interface Bill {
  /** The first and the last minute in which there was anything, since the Unix epoch; null: there was nothing. */
  readonly minutes: { readonly first: number; readonly last: number } | null;
  /** By name. */
  readonly projects: readonly ProjectBill[];
  readonly total: BillPart;
}

/** Whole numbers without bounds: memory-time of many instances in a month is beyond what a double adds up exactly. */
interface Quantities {
  invocations: bigint;
  cpuUs: bigint;
  busyMiBUs: bigint;
  wallMiBUs: bigint;
}

/** Of a row of usage: what is paid for. */
export type BilledRow = Pick<
  UsageRow,
  'minute' | 'project' | 'route' | 'memoryMiB' | 'invocations' | 'cpuUs' | 'busyUs' | 'wallUs'
>;

/** Rows of routes are part of their function's, and left out. */
export function bill(rows: Iterable<BilledRow>, prices: Prices): Bill {
  const projects = new Map<string, Quantities>();
  let first = Infinity;
  let last = -Infinity;
  for (const row of rows) {
    if (row.route !== null) continue;
    const { minute, project, memoryMiB } = row;
    first = Math.min(first, minute);
    last = Math.max(last, minute);
    let sum = projects.get(project);
    if (sum === undefined) projects.set(project, (sum = { invocations: 0n, cpuUs: 0n, busyMiBUs: 0n, wallMiBUs: 0n }));
    sum.invocations += BigInt(row.invocations);
    sum.cpuUs += BigInt(row.cpuUs);
    sum.busyMiBUs += BigInt(memoryMiB) * BigInt(row.busyUs);
    sum.wallMiBUs += BigInt(memoryMiB) * BigInt(row.wallUs);
  }
  const whole = { invocations: 0n, cpuUs: 0n, busyMiBUs: 0n, wallMiBUs: 0n };
  for (const quantities of projects.values())
    for (const name of ['invocations', 'cpuUs', 'busyMiBUs', 'wallMiBUs'] as const) whole[name] += quantities[name];
  const parts = [...projects]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([project, quantities]): ProjectBill => Object.assign({ project }, partOf(quantities, prices)));
  const minutes = last < first ? null : { first, last };
  return { minutes, projects: parts, total: totalOf(partOf(whole, prices), parts) };
}

const usPerHour = 3_600_000_000n;
const mibUsPerGbHour = 1024n * usPerHour;
const perMillion = 1_000_000n;

function partOf({ invocations, cpuUs, busyMiBUs, wallMiBUs }: Quantities, prices: Prices): BillPart {
  const lines: BillLine[] = [
    line('invocations', 'million', { parts: invocations, whole: perMillion }, prices.perMillionInvocations),
    line('active CPU', 'CPU hour', { parts: cpuUs, whole: usPerHour }, prices.cpuPerHour),
    line('provisioned memory', 'GB-hour', { parts: busyMiBUs, whole: mibUsPerGbHour }, prices.memoryPerGbHour),
  ];
  const totalCents = sumOf(lines);
  const wall = { parts: wallMiBUs, whole: mibUsPerGbHour };
  const gbHours = numberOf(wall);
  const amountCents = centsOf(wall, prices.wallClockPerGbHour);
  const wholeCents = amountCents + lines[0]!.amountCents;
  const exactUsd = lines.reduce((sum, { quantity, unitPriceUsd }) => sum + quantity * unitPriceUsd, 0);
  const comparedUsd = gbHours * prices.wallClockPerGbHour + lines[0]!.quantity * lines[0]!.unitPriceUsd;
  return {
    lines,
    totalCents,
    onePerInstance: {
      gbHours,
      unitPriceUsd: prices.wallClockPerGbHour,
      amountCents,
      totalCents: wholeCents,
      savedCents: wholeCents - totalCents,
      savedPercent: comparedUsd === 0 ? null : (1 - exactUsd / comparedUsd) * 100,
      savedGbHours: numberOf({ parts: wallMiBUs - busyMiBUs, whole: mibUsPerGbHour }),
    },
  };
}

/** Quantities of all; amounts as they are shown of each, added up. */
function totalOf(whole: BillPart, parts: readonly BillPart[]): BillPart {
  const lines = whole.lines.map((each, at) => ({ ...each, amountCents: sumOf(parts.map((part) => part.lines[at]!)) }));
  const compared = parts.map(({ onePerInstance }) => onePerInstance);
  const onePerInstance = {
    ...whole.onePerInstance,
    amountCents: sumOf(compared),
    totalCents: compared.reduce((sum, each) => sum + each.totalCents, 0),
    savedCents: compared.reduce((sum, each) => sum + each.savedCents, 0),
  };
  return { lines, totalCents: sumOf(lines), onePerInstance };
}

/** `parts` of which `whole` are one unit. */
interface Quantity {
  readonly parts: bigint;
  readonly whole: bigint;
}

function line(item: BillLine['item'], unit: BillLine['unit'], quantity: Quantity, unitPriceUsd: number): BillLine {
  return { item, unit, quantity: numberOf(quantity), unitPriceUsd, amountCents: centsOf(quantity, unitPriceUsd) };
}

/** Prices have up to nine decimals. */
const priceScale = 1_000_000_000n;

/** Rounded here, half up, and nowhere else. */
function centsOf({ parts, whole }: Quantity, priceUsd: number): number {
  const divisor = whole * priceScale;
  const cents = parts * BigInt(Math.round(priceUsd * Number(priceScale))) * 100n;
  return Number((2n * cents + divisor) / (2n * divisor));
}

const sumOf = (amounts: readonly { readonly amountCents: number }[]): number =>
  amounts.reduce((sum, { amountCents }) => sum + amountCents, 0);

const numberOf = ({ parts, whole }: Quantity): number => Number(parts) / Number(whole);
