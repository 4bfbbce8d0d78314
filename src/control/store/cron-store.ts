import type { CronRun } from '../../api/observed.ts';
import { limits } from '../../base/limits.ts';
import type { Database } from './database.ts';

/** A cron, as it is kept: whatever deployment it is of. */
export interface CronRecord {
  /** `PROJECT.NUMBER` */
  readonly id: string;
  readonly project: string;
  readonly path: string;
  readonly schedule: string;
  readonly enabled: boolean;
  /** What was due until then is decided; null: it is of no deployment that is live. */
  readonly decidedMs: number | null;
}

/** Of a run that has ended. */
export type CronEnd = Pick<CronRun, 'status' | 'detail' | 'invocation'> & {
  readonly outcome: 'answered' | 'failed';
  readonly durationMs: number | null;
};

interface Row {
  readonly project: string;
  readonly number: number;
  readonly path: string;
  readonly schedule: string;
  readonly enabled: number;
  readonly decided_ms: number | null;
}

interface RunRow {
  readonly id: number;
  readonly project: string;
  readonly number: number;
  readonly path: string;
  readonly due_ms: number;
  readonly started_ms: number | null;
  readonly duration_ms: number | null;
  readonly outcome: CronRun['outcome'];
  readonly status: number | null;
  readonly detail: string | null;
  readonly invocation: string | null;
}

const selectRuns =
  'select runs.*, crons.path from cron_runs as runs join crons on crons.project = runs.project and crons.number = runs.number';

/** Crons and what became of their calls. Changes that belong together are within a transaction of the caller's. */
export class CronStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  find(id: string): CronRecord | null {
    const key = keyOf(id);
    if (key === null) return null;
    const row = this.#db.get<Row>('select * from crons where project = ? and number = ?', ...key);
    return row === null ? null : recordOf(row);
  }

  /** The one of that path and schedule; it is made when there is none. */
  ensure(project: string, path: string, schedule: string): CronRecord {
    this.#db.run(
      `insert or ignore into crons (project, number, path, schedule)
       values (?, (select coalesce(max(number), 0) + 1 from crons where project = ?), ?, ?)`,
      project,
      project,
      path,
      schedule,
    );
    const sql = 'select * from crons where project = ? and path = ? and schedule = ?';
    return recordOf(this.#db.get<Row>(sql, project, path, schedule)!);
  }

  /** Those of deployments that are, or were a moment ago, live. */
  decided(): CronRecord[] {
    return this.#db.all<Row>('select * from crons where decided_ms is not null').map(recordOf);
  }

  setEnabled(id: string, enabled: boolean): void {
    this.#db.run('update crons set enabled = ? where project = ? and number = ?', Number(enabled), ...keyOf(id)!);
  }

  setDecided(id: string, decidedMs: number | null): void {
    this.#db.run('update crons set decided_ms = ? where project = ? and number = ?', decidedMs, ...keyOf(id)!);
  }

  /** A run that begins, or does not come to it. Those that are too many or too old are forgotten. */
  add(cron: string, run: Pick<CronRun, 'dueMs' | 'startedMs' | 'outcome' | 'detail'>, nowMs: number): CronRun {
    const key = keyOf(cron)!;
    const { id } = this.#db.get<{ id: number }>(
      'insert into cron_runs (project, number, due_ms, started_ms, outcome, detail) values (?, ?, ?, ?, ?, ?) returning id',
      ...key,
      run.dueMs,
      run.startedMs,
      run.outcome,
      run.detail,
    )!;
    this.#db.run(
      `delete from cron_runs where project = ? and number = ? and outcome <> 'running' and id <=
       (select id from cron_runs where project = ? and number = ? order by id desc limit 1 offset ?)`,
      ...key,
      ...key,
      limits.cronRunsKept,
    );
    const oldestMs = nowMs - limits.cronRunKeptMs;
    this.#db.run(`delete from cron_runs where due_ms < ? and outcome <> 'running'`, oldestMs);
    return runOf(this.#db.get<RunRow>(`${selectRuns} where runs.id = ?`, id)!);
  }

  /** The one way in which a run ends. One that has ended stays as it is. */
  end(run: string, { outcome, status, detail, invocation, durationMs }: CronEnd): void {
    this.#db.run(
      `update cron_runs set outcome = ?, status = ?, detail = ?, invocation = ?, duration_ms = ?
       where id = ? and outcome = 'running'`,
      outcome,
      status,
      detail,
      invocation,
      durationMs,
      Number(run),
    );
  }

  /** Those that a process which is no more has begun. How many. */
  endAll(detail: string): number {
    return this.#db.run(`update cron_runs set outcome = 'failed', detail = ? where outcome = 'running'`, detail);
  }

  lastRun(cron: string): CronRun | null {
    return this.runs(cron, { limit: 1 }).items[0] ?? null;
  }

  /** The newest first, those before `cursor`. */
  runs(cron: string, { limit, cursor }: { limit: number; cursor?: string | undefined }) {
    const rows = this.#db.all<RunRow>(
      `${selectRuns} where runs.project = ? and runs.number = ? and runs.id < ? order by runs.id desc limit ?`,
      ...keyOf(cron)!,
      cursor === undefined ? Number.MAX_SAFE_INTEGER : positionOf(cursor),
      limit + 1,
    );
    const items = rows.slice(0, limit).map(runOf);
    return { items, next: rows.length > limit ? items.at(-1)!.id : null };
  }
}

const positionOf = (cursor: string): number => (/^\d{1,15}$/.test(cursor) ? Number(cursor) : 0);

/** Null: no cron is called so. */
function keyOf(id: string): [project: string, number: number] | null {
  const match = /^([a-z0-9-]{1,48})\.([1-9]\d{0,8})$/.exec(id);
  return match === null ? null : [match[1]!, Number(match[2])];
}

const recordOf = (row: Row): CronRecord => ({
  id: `${row.project}.${row.number}`,
  project: row.project,
  path: row.path,
  schedule: row.schedule,
  enabled: row.enabled === 1,
  decidedMs: row.decided_ms,
});

const runOf = (row: RunRow): CronRun => ({
  id: String(row.id),
  cron: `${row.project}.${row.number}`,
  path: row.path,
  dueMs: row.due_ms,
  startedMs: row.started_ms,
  durationMs: row.duration_ms,
  outcome: row.outcome,
  status: row.status,
  detail: row.detail,
  invocation: row.invocation,
});
