import type { DeploymentResource, DeploymentState, GitFacts } from '../../api/deployments.ts';
import type { Target } from '../../api/fields.ts';
import { setImmediate } from 'node:timers/promises';
import { limits } from '../../base/limits.ts';
import { transitions } from '../deployments/deployment-state.ts';
import { cursorFault } from './cursor.ts';
import { type Manifest, packManifest, unpackManifest } from '../manifest.ts';
import type { Database } from './database.ts';

/** A deployment, as it is kept. */
export interface DeploymentRecord {
  readonly id: string;
  readonly project: string;
  readonly target: Target;
  readonly state: DeploymentState;
  readonly error: string | null;
  readonly createdMs: number;
  readonly readyMs: number | null;
  /** When production domains last began to lead to it. */
  readonly liveMs: number | null;
  readonly creator: string;
  readonly promotedFrom: string | null;
  readonly promote: boolean;
  readonly git: GitFacts | null;
  readonly directory: string;
  readonly files: number;
  readonly bytes: number;
  readonly functions: DeploymentResource['functions'];
  readonly crons: DeploymentResource['crons'];
}

export type NewRecord = Pick<
  DeploymentRecord,
  'id' | 'project' | 'target' | 'createdMs' | 'creator' | 'promotedFrom' | 'promote' | 'git' | 'directory' | 'bytes'
>;

interface Row {
  readonly id: string;
  readonly project: string;
  readonly target: Target;
  readonly state: DeploymentState;
  readonly error: string | null;
  readonly created_ms: number;
  readonly ready_ms: number | null;
  readonly live_ms: number | null;
  readonly creator: string;
  readonly promoted_from: string | null;
  readonly promote: number;
  readonly git: string | null;
  readonly directory: string;
  readonly file_count: number;
  readonly bytes: number;
  readonly functions: string;
  readonly crons: string;
}

const columns =
  'id, project, target, state, error, created_ms, ready_ms, live_ms, creator, promoted_from, promote, git, directory, file_count, bytes, functions, crons';

export interface Listing {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly target?: Target | undefined;
  readonly state?: DeploymentState | undefined;
}

export class DeploymentStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  create(made: NewRecord, manifest: Manifest): DeploymentRecord {
    this.#db.run(
      `insert into deployments (id, project, target, state, created_ms, creator, promoted_from, promote, git, directory, file_count, bytes, manifest)
       values (?, ?, ?, 'uploading', ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      made.id,
      made.project,
      made.target,
      made.createdMs,
      made.creator,
      made.promotedFrom,
      Number(made.promote),
      made.git === null ? null : JSON.stringify(made.git),
      made.directory,
      manifest.files.length,
      made.bytes,
      packManifest(manifest),
    );
    return this.find(made.id)!;
  }

  find(id: string): DeploymentRecord | null {
    const row = this.#db.get<Row>(`select ${columns} from deployments where id = ?`, id);
    return row === null ? null : recordOf(row);
  }

  /** The newest first, those before `cursor`. */
  list(project: string, { limit, cursor, target, state }: Listing): { items: DeploymentRecord[]; next: string | null } {
    const [beforeMs, beforeId] = positionOf(cursor);
    const rows = this.#db.all<Row>(
      `select ${columns} from deployments
       where project = ? and (created_ms < ? or (created_ms = ? and id < ?)) and (? is null or target = ?) and (? is null or state = ?)
       order by created_ms desc, id desc limit ?`,
      project,
      beforeMs,
      beforeMs,
      beforeId,
      target ?? null,
      target ?? null,
      state ?? null,
      state ?? null,
      limit + 1,
    );
    const items = rows.slice(0, limit).map(recordOf);
    const last = items.at(-1);
    return { items, next: rows.length > limit && last !== undefined ? `${last.createdMs}.${last.id}` : null };
  }

  /** All of a project but those that were deleted, the newest first. */
  kept(project: string): DeploymentRecord[] {
    const sql = `select ${columns} from deployments where project = ? and state <> 'deleted' order by created_ms desc, id desc`;
    return this.#db.all<Row>(sql, project).map(recordOf);
  }

  /** Of records of what was deleted, the newest are kept. */
  purge(project: string): void {
    const sql = `delete from deployments where id in
      (select id from deployments where project = ? and state = 'deleted' order by created_ms desc, id desc limit -1 offset ?)`;
    this.#db.run(sql, project, limits.deletedPerProject);
  }

  readyBytes(): number {
    const sql = `select coalesce(sum(bytes), 0) as sum from deployments where state = 'ready'`;
    return this.#db.get<{ sum: number }>(sql)!.sum;
  }

  /** Of every project, oldest first. */
  inState(state: DeploymentState): DeploymentRecord[] {
    return this.#db
      .all<Row>(`select ${columns} from deployments where state = ? order by created_ms`, state)
      .map(recordOf);
  }

  count(project: string): number {
    const sql = `select count(*) as n from deployments where project = ? and state <> 'deleted'`;
    return this.#db.get<{ n: number }>(sql, project)!.n;
  }

  manifest(id: string): Manifest {
    return unpackManifest(
      this.#db.get<{ manifest: Uint8Array }>('select manifest from deployments where id = ?', id)!.manifest,
    );
  }

  /** Files that deployments refer to, whatever is still to be made of them. One deployment a turn of the loop. */
  async referredBlobs(): Promise<Set<string>> {
    const referred = new Set<string>();
    for (const { id } of this.#db.all<{ id: string }>(`select id from deployments where state <> 'deleted'`)) {
      const row = this.#db.get<{ manifest: Uint8Array }>('select manifest from deployments where id = ?', id);
      if (row !== null) for (const { sha256 } of unpackManifest(row.manifest).files) referred.add(sha256);
      await setImmediate();
    }
    return referred;
  }

  /** False: it is in a state from which this one is not reached, and stays as it is. */
  move(id: string, state: DeploymentState, error: string | null = null): boolean {
    const before = (Object.keys(transitions) as DeploymentState[]).filter((from) => transitions[from].includes(state));
    const marks = before.map(() => '?').join(', ');
    const sql = `update deployments set state = ?, error = ? where id = ? and state in (${marks})`;
    return this.#db.run(sql, state, error, id, ...before) > 0;
  }

  /** It was made. */
  ready(
    id: string,
    made: { readonly readyMs: number; readonly environment: Buffer } & Pick<DeploymentRecord, 'functions' | 'crons'>,
  ): boolean {
    return this.#db.transaction(() => {
      if (!this.move(id, 'ready')) return false;
      this.#db.run(
        'update deployments set ready_ms = ?, functions = ?, crons = ?, environment = ? where id = ?',
        made.readyMs,
        JSON.stringify(made.functions),
        JSON.stringify(made.crons),
        made.environment,
        id,
      );
      return true;
    });
  }

  /** What its functions find in their environment, encrypted. */
  environment(id: string): Uint8Array | null {
    return (
      this.#db.get<{ environment: Uint8Array | null }>('select environment from deployments where id = ?', id)
        ?.environment ?? null
    );
  }

  /** Nothing of what was uploaded or encrypted is kept. */
  forget(id: string): void {
    this.#db.run(
      `update deployments set manifest = ?, environment = null where id = ?`,
      packManifest({ files: [], links: [] }),
      id,
    );
  }

  becameLive(id: string, atMs: number): void {
    this.#db.run('update deployments set live_ms = ? where id = ?', atMs, id);
  }

  /** The production deployment that was live and was made before `createdMs`, the newest of them. */
  liveBefore(project: string, createdMs: number): DeploymentRecord | null {
    const row = this.#db.get<Row>(
      `select ${columns} from deployments where project = ? and state = 'ready' and live_ms is not null and created_ms < ?
       order by created_ms desc, id desc limit 1`,
      project,
      createdMs,
    );
    return row === null ? null : recordOf(row);
  }

  newestReady(project: string, target: Target): DeploymentRecord | null {
    const row = this.#db.get<Row>(
      `select ${columns} from deployments where project = ? and target = ? and state = 'ready' order by created_ms desc, id desc limit 1`,
      project,
      target,
    );
    return row === null ? null : recordOf(row);
  }
}

/** Throws ApiError. */
function positionOf(cursor: string | undefined): [number, string] {
  if (cursor === undefined) return [Number.MAX_SAFE_INTEGER, ''];
  const [, ms, id] = /^(\d{1,15})\.(dep_[a-z0-9]{1,32})$/.exec(cursor) ?? [];
  if (ms === undefined || id === undefined) throw cursorFault();
  return [Number(ms), id];
}

const recordOf = (row: Row): DeploymentRecord => ({
  id: row.id,
  project: row.project,
  target: row.target,
  state: row.state,
  error: row.error,
  createdMs: row.created_ms,
  readyMs: row.ready_ms,
  liveMs: row.live_ms,
  creator: row.creator,
  promotedFrom: row.promoted_from,
  promote: row.promote === 1,
  git: row.git === null ? null : (JSON.parse(row.git) as GitFacts),
  directory: row.directory,
  files: row.file_count,
  bytes: row.bytes,
  functions: JSON.parse(row.functions) as DeploymentResource['functions'],
  crons: JSON.parse(row.crons) as DeploymentResource['crons'],
});
