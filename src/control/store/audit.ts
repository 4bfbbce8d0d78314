import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { AuditEntry } from '../../api/platform.ts';
import type { Caller } from '../api/handler.ts';
import { cursorFault } from './cursor.ts';
import type { Database } from './database.ts';

export interface Deed {
  /** `deployment.promote` */
  readonly action: string;
  readonly project?: string;
  readonly subject?: string;
  /** Never a secret. */
  readonly detail?: string;
}

interface AuditRow {
  readonly seq: number;
  readonly at_ms: number;
  readonly actor: string;
  readonly action: string;
  readonly project: string | null;
  readonly subject: string | null;
  readonly detail: string | null;
  readonly address: string | null;
}

/** Who changed what. It is written with the change, in one transaction: there is no change without its line. */
export class AuditLog {
  readonly #db: Database;
  readonly #clock: Clock;

  constructor(db: Database, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** `by` null: the platform itself, by a rule that was set. */
  write(by: Caller | null, { action, project, subject, detail }: Deed): void {
    this.#db.run(
      'insert into audit (at_ms, actor, action, project, subject, detail, address) values (?, ?, ?, ?, ?, ?, ?)',
      this.#clock.wallMs(),
      by?.name ?? 'weir',
      action,
      project ?? null,
      subject ?? null,
      detail ?? null,
      by?.address ?? null,
    );
    this.#db.run('delete from audit where seq <= (select max(seq) from audit) - ?', limits.auditEntries);
  }

  /** The newest first, those before `cursor`. */
  list({ project, limit, cursor }: { project?: string | undefined; limit: number; cursor?: string | undefined }) {
    if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) throw cursorFault();
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor);
    const rows = this.#db.all<AuditRow>(
      'select * from audit where seq < ? and (? is null or project = ?) order by seq desc limit ?',
      before,
      project ?? null,
      project ?? null,
      limit + 1,
    );
    const items = rows.slice(0, limit).map(entryOf);
    return { items, next: rows.length > limit ? items.at(-1)!.id : null };
  }
}

const entryOf = (row: AuditRow): AuditEntry => ({
  id: String(row.seq),
  atMs: row.at_ms,
  actor: row.actor,
  action: row.action,
  project: row.project,
  subject: row.subject,
  detail: row.detail,
  address: row.address,
});
