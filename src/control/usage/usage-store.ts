import { limits } from '../../base/limits.ts';
import { Histogram } from '../../meter/histogram.ts';
import type { UsageRow } from '../../meter/rollup.ts';
import type { Database } from '../store/database.ts';

/** Rows of which spans are asked for. Minutes since the Unix epoch; `to` is not in it. */
export interface UsageSpan {
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly project?: string | undefined;
  readonly deployment?: string | undefined;
  /** `NAME` of functions. */
  readonly name?: string | undefined;
  readonly environment?: string | undefined;
}

interface Row {
  readonly at: number;
  readonly project: string;
  readonly deployment: string;
  readonly function_id: string;
  readonly name: string;
  readonly environment: UsageRow['environment'];
  readonly memory_mib: number;
  readonly route: string;
  readonly invocations: number;
  readonly cold: number;
  readonly prewarmed: number;
  readonly warm: number;
  readonly failed: number;
  readonly failures: string;
  readonly nacks: string;
  readonly cpu_us: number;
  readonly attributed_us: number;
  readonly unattributed_us: number;
  readonly boot_us: number;
  readonly busy_us: number;
  readonly wall_us: number;
  readonly latency: Uint8Array;
  readonly ttfb: Uint8Array;
  readonly peak_in_flight: number;
  readonly peak_instances: number;
}

const columns =
  'at, project, deployment, function_id, name, environment, memory_mib, route, invocations, cold, prewarmed, warm, failed, failures, nacks, cpu_us, attributed_us, unattributed_us, boot_us, busy_us, wall_us, latency, ttfb, peak_in_flight, peak_instances';
const marks = columns.replaceAll(/\w+/g, '?');

type Table = 'usage_minutes' | 'usage_hours';

/** What was used, minute by minute, and by the hour for whoever asks about days. */
export class UsageStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Of one minute, or of several that were made up for. In one transaction: minutes and hours always say the same. */
  add(rows: readonly UsageRow[]): void {
    this.#db.transaction(() => {
      for (const row of rows) {
        this.#db.run(`insert into usage_minutes (${columns}) values (${marks})`, ...valuesOf(row));
        const hour = row.minute - (row.minute % 60);
        const before = this.#db.get<Row>(
          `select ${columns} from usage_hours where at = ? and function_id = ? and route = ?`,
          hour,
          row.functionId,
          row.route ?? '',
        );
        const sum = before === null ? { ...row, minute: hour } : added(rowOf(before), row);
        this.#db.run(`insert or replace into usage_hours (${columns}) values (${marks})`, ...valuesOf(sum));
      }
    });
  }

  /**
   * Oldest first, a batch at a time: whoever reads many lets others have the loop between them. Whole hours are one row each
   * where `isByHour`; `route` null: of functions alone.
   */
  *read(span: UsageSpan, isByHour: boolean, withRoutes: boolean): Generator<UsageRow[]> {
    const { fromMinute, toMinute } = span;
    if (!isByHour) {
      yield* this.#batches('usage_minutes', [fromMinute, toMinute], span, withRoutes);
      return;
    }
    const firstHour = Math.min(toMinute, Math.ceil(fromMinute / 60) * 60);
    const lastHour = Math.max(firstHour, Math.floor(toMinute / 60) * 60);
    yield* this.#batches('usage_minutes', [fromMinute, firstHour], span, withRoutes);
    yield* this.#batches('usage_hours', [firstHour, lastHour], span, withRoutes);
    yield* this.#batches('usage_minutes', [lastHour, toMinute], span, withRoutes);
  }

  *#batches(
    table: Table,
    [from, to]: readonly [number, number],
    span: UsageSpan,
    withRoutes: boolean,
  ): Generator<UsageRow[]> {
    // By rows that were seen, not by their number: what is deleted meanwhile moves nothing.
    const key = table === 'usage_hours' ? 'function_id || char(0) || route' : 'rowid';
    let at = from;
    let after: number | string = table === 'usage_hours' ? '' : -1;
    while (at < to) {
      const rows = this.#db.all<Row & { readonly key: number | string }>(
        `select ${columns}, ${key} as key from ${table}
         where at >= ? and at < ? and (at > ? or ${key} > ?) and (? or route = '')
         and (? is null or project = ?) and (? is null or deployment = ?) and (? is null or name = ?) and (? is null or environment = ?)
         order by at, ${key} limit ?`,
        at,
        to,
        at,
        after,
        Number(withRoutes),
        span.project ?? null,
        span.project ?? null,
        span.deployment ?? null,
        span.deployment ?? null,
        span.name ?? null,
        span.name ?? null,
        span.environment ?? null,
        span.environment ?? null,
        limits.usageBatchRows,
      );
      if (rows.length > 0) yield rows.map(rowOf);
      if (rows.length < limits.usageBatchRows) return;
      ({ at, key: after } = rows.at(-1)!);
    }
  }

  /** What is older than `days` days, and what is more than there may be, goes: so many rows at a time, as this is called often. */
  retain(days: number, nowMinute: number): void {
    const oldest = nowMinute - days * 24 * 60;
    const most = limits.usageRetainRows;
    this.#db.run(
      'delete from usage_minutes where rowid in (select rowid from usage_minutes where at < ? limit ?)',
      oldest,
      most,
    );
    this.#db.run(
      'delete from usage_hours where (at, function_id, route) in (select at, function_id, route from usage_hours where at < ? limit ?)',
      oldest,
      most,
    );
    // Rows are numbered as they come, and go from the beginning: nobody has to count them.
    this.#db.run(
      'delete from usage_minutes where rowid <= min((select max(rowid) from usage_minutes) - ?, (select min(rowid) from usage_minutes) + ?)',
      limits.usageRows,
      most,
    );
  }
}

function valuesOf(row: UsageRow) {
  return [
    row.minute,
    row.project,
    row.deployment,
    row.functionId,
    row.name,
    row.environment,
    row.memoryMiB,
    row.route ?? '',
    row.invocations,
    row.cold,
    row.prewarmed,
    row.warm,
    row.failed,
    JSON.stringify(row.failures),
    JSON.stringify(row.nacks),
    row.cpuUs,
    row.attributedUs,
    row.unattributedUs,
    row.bootUs,
    row.busyUs,
    row.wallUs,
    row.latency.encode(),
    row.ttfb.encode(),
    row.peakInFlight,
    row.peakInstances,
  ];
}

const rowOf = (row: Row): UsageRow => ({
  minute: row.at,
  project: row.project,
  deployment: row.deployment,
  functionId: row.function_id,
  name: row.name,
  environment: row.environment,
  memoryMiB: row.memory_mib,
  route: row.route === '' ? null : row.route,
  invocations: row.invocations,
  cold: row.cold,
  prewarmed: row.prewarmed,
  warm: row.warm,
  failed: row.failed,
  failures: JSON.parse(row.failures) as UsageRow['failures'],
  nacks: JSON.parse(row.nacks) as UsageRow['nacks'],
  cpuUs: row.cpu_us,
  attributedUs: row.attributed_us,
  unattributedUs: row.unattributed_us,
  bootUs: row.boot_us,
  busyUs: row.busy_us,
  wallUs: row.wall_us,
  latency: Histogram.decode(row.latency),
  ttfb: Histogram.decode(row.ttfb),
  peakInFlight: row.peak_in_flight,
  peakInstances: row.peak_instances,
});

/** Of one function and route: what came before, and what comes now. */
function added(sum: UsageRow, row: UsageRow): UsageRow {
  return {
    ...sum,
    invocations: sum.invocations + row.invocations,
    cold: sum.cold + row.cold,
    prewarmed: sum.prewarmed + row.prewarmed,
    warm: sum.warm + row.warm,
    failed: sum.failed + row.failed,
    failures: addedEach(sum.failures, row.failures),
    nacks: addedEach(sum.nacks, row.nacks),
    cpuUs: sum.cpuUs + row.cpuUs,
    attributedUs: sum.attributedUs + row.attributedUs,
    unattributedUs: sum.unattributedUs + row.unattributedUs,
    bootUs: sum.bootUs + row.bootUs,
    busyUs: sum.busyUs + row.busyUs,
    wallUs: sum.wallUs + row.wallUs,
    latency: new Histogram().merge(sum.latency).merge(row.latency),
    ttfb: new Histogram().merge(sum.ttfb).merge(row.ttfb),
    peakInFlight: Math.max(sum.peakInFlight, row.peakInFlight),
    peakInstances: Math.max(sum.peakInstances, row.peakInstances),
  };
}

export function addedEach<T extends Readonly<Record<string, number>>>(sum: T, more: T): T {
  const result: Record<string, number> = { ...sum };
  for (const [name, count] of Object.entries(more)) result[name] = (result[name] ?? 0) + count;
  return result as T;
}
