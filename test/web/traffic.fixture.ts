// Traffic as a small company might have it: made of sines and a hash of the time, so that it is the same for the same moment.
import { createHash } from 'node:crypto';
import type { InvocationResource, LiveFunction, UsageTotals } from '../../src/api/observed.ts';
import { publishedPrices } from '../../src/meter/prices.ts';

export interface FakeFunction {
  readonly project: string;
  readonly name: string;
  readonly deployment: string;
  readonly isLive: boolean;
  /** Invocations a second, on average. */
  readonly rate: number;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly ttfbMs: number;
  readonly memoryMiB: number;
  readonly limit: number;
  readonly failing: number;
  readonly reason: string;
  readonly routes: readonly string[];
}

/** 0 to 1, the same for the same key. */
export function chance(...key: readonly (string | number)[]): number {
  return createHash('sha256').update(key.join(' ')).digest().readUInt32LE(0) / 2 ** 32;
}

export const labelOf = ({ project, name }: FakeFunction): string => `${project}/${name}`;

/** How busy it is at a moment, around 1: by day, by the hour, and by chance. */
export function busyAt(item: FakeFunction, atMs: number): number {
  const shift = chance(item.name) * 7;
  const day = 1 + 0.55 * Math.sin(atMs / 13_750_000 + shift);
  const hour = 1 + 0.3 * Math.sin(atMs / 410_000 + shift) + 0.16 * Math.sin(atMs / 61_000 + shift * 3);
  const wave = 1 + 0.28 * Math.sin(atMs / 9_300 + shift * 2) + 0.12 * Math.sin(atMs / 2_900 + shift);
  return Math.max(0.05, day * hour * wave);
}

/** Over a span, waves of seconds are nothing. */
const meanAt = (item: FakeFunction, atMs: number, spanS: number): number =>
  busyAt(item, Math.floor(atMs / 60_000) * 60_000) * (0.92 + 0.16 * chance(item.name, Math.floor(atMs / 1000), spanS));

export const percentilesOf = (middleMs: number, spread: number) => ({
  p50: middleMs,
  p75: middleMs * (1 + spread * 0.3),
  p90: middleMs * (1 + spread * 0.7),
  p95: middleMs * (1 + spread),
  p99: middleMs * (1 + spread * 2.4),
  max: middleMs * (1 + spread * 5),
});

export function costOf(
  totals: Pick<UsageTotals, 'cpuUs' | 'memoryGbSeconds' | 'wallGbSeconds' | 'invocations'>,
): UsageTotals['cost'] {
  const cpuUsd = (totals.cpuUs / 3.6e9) * publishedPrices.cpuPerHour;
  const memoryUsd = (totals.memoryGbSeconds / 3600) * publishedPrices.memoryPerGbHour;
  const invocationsUsd = (totals.invocations / 1e6) * publishedPrices.perMillionInvocations;
  const totalUsd = cpuUsd + memoryUsd + invocationsUsd;
  const onePerInstanceUsd = (totals.wallGbSeconds / 3600) * publishedPrices.wallClockPerGbHour + invocationsUsd;
  const savedUsd = onePerInstanceUsd - totalUsd;
  const savedPercent = onePerInstanceUsd === 0 ? 0 : (savedUsd / onePerInstanceUsd) * 100;
  return { cpuUsd, memoryUsd, invocationsUsd, totalUsd, onePerInstanceUsd, savedUsd, savedPercent };
}

export function totalsOf(item: FakeFunction, atMs: number, spanS: number): UsageTotals {
  const busy = meanAt(item, atMs, spanS);
  const invocations = Math.round(item.rate * busy * spanS);
  const failed = Math.round(invocations * item.failing * (0.4 + 1.2 * chance('failed', item.name, atMs)));
  const wallS = (invocations * item.wallMs) / 1000;
  const inFlight = (item.rate * busy * item.wallMs) / 1000;
  const gb = item.memoryMiB / 1024;
  const instances = Math.max(1, inFlight / (item.limit * 0.6));
  const used = {
    invocations,
    cpuUs: Math.round(invocations * item.cpuMs * 1040),
    memoryGbSeconds: gb * spanS * Math.min(1, inFlight) * instances,
    wallGbSeconds: gb * wallS,
  };
  const cold = Math.round(chance('cold', item.name, atMs) * 1.4);
  const prewarmed = Math.round(chance('stem', item.name, atMs) * 2.6);
  return {
    ...used,
    failed,
    failures:
      failed === 0
        ? {}
        : {
            FUNCTION_INVOCATION_FAILED: failed - Math.floor(failed / 4),
            FUNCTION_INVOCATION_TIMEOUT: Math.floor(failed / 4),
          },
    nacks: {
      loop: Math.round(busy * 3 * chance('loop', item.name, atMs)),
      memory: Math.round(busy * chance('memory', item.name, atMs)),
      concurrency: Math.round(2 * chance('full', item.name, atMs)),
    },
    starts: { cold, prewarmed, warm: Math.max(0, invocations - cold - prewarmed) },
    attributedUs: Math.round(invocations * item.cpuMs * 1000),
    unattributedUs: Math.round(invocations * item.cpuMs * 40),
    bootUs: (cold + prewarmed) * 92_000,
    wallUs: Math.round(wallS * 1e6),
    latencyMs: percentilesOf(item.wallMs * (0.8 + 0.2 * busy), 0.5 + 0.35 * busy),
    ttfbMs: percentilesOf(item.ttfbMs * (0.85 + 0.15 * busy), 0.6 + 0.3 * busy),
    peakInFlight: Math.ceil(inFlight * 1.6),
    peakInstances: Math.ceil(instances * 1.25),
    cost: costOf(used),
  };
}

export function sumOf(all: readonly UsageTotals[]): UsageTotals {
  const add = (pick: (totals: UsageTotals) => number) => all.reduce((sum, totals) => sum + pick(totals), 0);
  const most = (pick: (totals: UsageTotals) => number) => Math.max(0, ...all.map(pick));
  const counts = (pick: (totals: UsageTotals) => Readonly<Record<string, number>>) => {
    const sums: Record<string, number> = {};
    for (const totals of all)
      for (const [name, count] of Object.entries(pick(totals))) sums[name] = (sums[name] ?? 0) + count;
    return sums;
  };
  const invocations = add((totals) => totals.invocations);
  const weighed = (pick: (totals: UsageTotals) => UsageTotals['latencyMs']): UsageTotals['latencyMs'] => {
    const at = (name: 'p50' | 'p75' | 'p90' | 'p95' | 'p99' | 'max') =>
      invocations === 0
        ? null
        : all.reduce((sum, totals) => sum + (pick(totals)[name] ?? 0) * totals.invocations, 0) / invocations;
    return { p50: at('p50'), p75: at('p75'), p90: at('p90'), p95: at('p95'), p99: at('p99'), max: at('max') };
  };
  const used = {
    invocations,
    cpuUs: add((totals) => totals.cpuUs),
    memoryGbSeconds: add((totals) => totals.memoryGbSeconds),
    wallGbSeconds: add((totals) => totals.wallGbSeconds),
  };
  return {
    ...used,
    failed: add((totals) => totals.failed),
    failures: counts((totals) => totals.failures),
    nacks: counts((totals) => totals.nacks),
    starts: {
      cold: add((totals) => totals.starts.cold),
      prewarmed: add((totals) => totals.starts.prewarmed),
      warm: add((totals) => totals.starts.warm),
    },
    attributedUs: add((totals) => totals.attributedUs),
    unattributedUs: add((totals) => totals.unattributedUs),
    bootUs: add((totals) => totals.bootUs),
    wallUs: add((totals) => totals.wallUs),
    latencyMs: weighed((totals) => totals.latencyMs),
    ttfbMs: weighed((totals) => totals.ttfbMs),
    peakInFlight: most((totals) => totals.peakInFlight),
    peakInstances: most((totals) => totals.peakInstances),
    cost: costOf(used),
  };
}

/** A function at a moment; `extra` invocations are in flight beside its own. */
export function liveOf(item: FakeFunction, atMs: number, extra: number): LiveFunction {
  const busy = busyAt(item, atMs);
  const perSecond = item.rate * busy * (0.94 + 0.12 * chance(item.name, Math.floor(atMs / 1000)));
  const inFlight = Math.round((perSecond * item.wallMs) / 1000) + extra;
  const instances = Math.max(
    item.isLive ? 1 : 0,
    Math.ceil(inFlight / (item.limit * 0.8)),
    // They stay for a while after they were needed.
    ...Array.from({ length: 12 }, (_, back) =>
      Math.ceil((item.rate * busyAt(item, atMs - back * 2500) * item.wallMs) / 1000 / (item.limit * 0.8)),
    ),
  );
  let left = inFlight;
  const rows = Array.from({ length: instances }, (_, index) => {
    const share = Math.min(
      left,
      item.limit,
      index === instances - 1 ? left : Math.ceil((left / (instances - index)) * Math.max(0.9, 1.25 - 0.12 * index)),
    );
    left -= share;
    const isPaused = chance('paused', item.name, index, Math.floor(atMs / 4000)) > 0.985;
    return {
      id: `ins_${createHash('sha256').update(`${item.deployment}${item.name}${index}`).digest('hex').slice(0, 16)}`,
      state: 'ready',
      pid: 20_400 + index * 13 + item.name.length * 101,
      memoryMiB: item.memoryMiB,
      ageMs: 3_600_000 + index * 417_000,
      inFlight: share,
      background: index === 0 ? 1 : 0,
      limit: item.limit - (index % 2),
      paused: isPaused ? 'loop' : null,
      cpuPercent: Math.min(98, share * item.cpuMs * (1000 / item.wallMs) * 0.1),
      usedBytes: Math.round(item.memoryMiB * 1_048_576 * (0.11 + 0.02 * index + 0.003 * share)),
      loopDelayMs: 0.4 + share * 0.06,
    };
  });
  const queued = Math.max(0, left);
  return {
    id: `${item.deployment}/${item.name}`,
    label: labelOf(item),
    project: item.project,
    deployment: item.deployment,
    isLive: item.isLive,
    limit: item.limit,
    limitReason: item.reason,
    inFlight: inFlight - queued,
    queued,
    oldestQueuedMs: queued === 0 ? 0 : 140,
    backingOff: null,
    instances: rows,
    perSecond: { invocations: perSecond, failed: perSecond * item.failing, cpuMs: perSecond * item.cpuMs },
  };
}

const marks = [
  'admittedUs',
  'matchedUs',
  'cachedUs',
  'resolvedUs',
  'queuedUs',
  'placedUs',
  'sentUs',
  'begunUs',
  'answeredUs',
  'settledUs',
] as const;

export function invocationOf(item: FakeFunction, index: number, receivedMs: number): InvocationResource {
  const any = (what: string) => chance(what, item.name, index);
  const failed = any('failed') < item.failing * 8;
  const start = any('start') > 0.97 ? 'cold' : any('start') > 0.92 ? 'prewarmed' : 'warm';
  const waitedUs = start === 'cold' ? 184_000 : start === 'prewarmed' ? 9_400 : 0;
  const ranUs = Math.round(item.wallMs * 1000 * (0.5 + 1.3 * any('wall') ** 2));
  const tookUs: Record<(typeof marks)[number], number | null> = {
    admittedUs: 41,
    matchedUs: 18,
    cachedUs: 3,
    resolvedUs: 7,
    queuedUs: waitedUs === 0 ? null : 6,
    placedUs: waitedUs + 9,
    sentUs: 32,
    begunUs: 160,
    answeredUs: ranUs,
    settledUs: 210,
  };
  let atUs = 0;
  const entries = marks.map((mark) => {
    const tookNow = tookUs[mark];
    if (tookNow === null) return [mark, null] as const;
    atUs += tookNow;
    return [mark, atUs] as const;
  });
  const phases = Object.fromEntries(entries) as InvocationResource['phases'];
  const route = item.routes[index % item.routes.length] ?? '/';
  return {
    id: `inv_${createHash('sha256')
      .update(`${labelOf(item)} ${index}`)
      .digest('hex')
      .slice(0, 24)}`,
    project: item.project,
    deployment: item.deployment,
    function: labelOf(item),
    environment: item.isLive ? 'production' : 'preview',
    route,
    method: any('method') > 0.7 ? 'POST' : 'GET',
    host: `${item.project}.localhost`,
    path: route.replace('[id]', `${Math.floor(any('id') * 9000)}`),
    status: failed ? 500 : any('status') > 0.97 ? 404 : 200,
    outcome: failed ? 'FUNCTION_INVOCATION_FAILED' : 'answered',
    start,
    instance: liveOf(item, receivedMs, 0).instances[0]?.id ?? null,
    receivedMs,
    durationMs: atUs / 1000,
    ttfbMs: (atUs - ranUs) / 1000 + item.ttfbMs,
    cpuUs: Math.round(item.cpuMs * 1000 * (0.7 + 0.6 * any('cpu'))),
    memoryMiB: item.memoryMiB,
    requestBytes: Math.round(any('in') * 2400),
    responseBytes: Math.round(any('out') * 48_000),
    refusals: any('refused') > 0.95 ? 1 : 0,
    traceId: createHash('sha256').update(`${index}`).digest('hex').slice(0, 32),
    phases,
  };
}
