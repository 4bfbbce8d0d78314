import { limits } from '../../base/limits.ts';
import type { DomainResource, Release, VariableResource } from '../../api/deployments.ts';
import type { Target } from '../../api/fields.ts';
import type { Sealer } from '../sealing.ts';
import type { Database } from './database.ts';

/** A project, as it is kept. */
export interface ProjectRecord {
  readonly name: string;
  readonly createdMs: number;
  readonly live: string | null;
  readonly autoPromote: boolean;
  readonly skewMaxAgeMs: number;
  readonly previewDays: number;
  readonly productionCount: number;
}

export type ReleaseRecord = Pick<Release, 'project' | 'stable' | 'canary' | 'stages' | 'stage' | 'stageSinceMs'>;

interface Row {
  readonly name: string;
  readonly created_ms: number;
  readonly live: string | null;
  readonly auto_promote: number;
  readonly skew_max_age_ms: number;
  readonly preview_days: number;
  readonly production_count: number;
}

interface DomainRow {
  readonly host: string;
  readonly project: string;
  readonly target: Target;
  readonly created_ms: number;
  readonly is_own: number;
}

interface ReleaseRow {
  readonly project: string;
  readonly stable: string;
  readonly canary: string;
  readonly stages: string;
  readonly stage: number;
  readonly stage_since_ms: number;
}

/** Projects and their domains, releases. Changes that belong together are within a transaction of the caller's. */
export class ProjectStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  create(name: string, nowMs: number): void {
    this.#db.run(
      'insert into projects (name, created_ms, skew_max_age_ms, preview_days, production_count) values (?, ?, ?, ?, ?)',
      name,
      nowMs,
      limits.skewMaxAgeMs,
      limits.previewDays,
      limits.productionCount,
    );
  }

  find(name: string): ProjectRecord | null {
    const row = this.#db.get<Row>('select * from projects where name = ?', name);
    return row === null ? null : recordOf(row);
  }

  list(): ProjectRecord[] {
    return this.#db.all<Row>('select * from projects order by name').map(recordOf);
  }

  /** With its domains, variables, deployments and releases. */
  delete(name: string): void {
    this.#db.run('update projects set live = null where name = ?', name);
    this.#db.run('delete from projects where name = ?', name);
  }

  update(project: ProjectRecord): void {
    this.#db.run(
      'update projects set live = ?, auto_promote = ?, skew_max_age_ms = ?, preview_days = ?, production_count = ? where name = ?',
      project.live,
      Number(project.autoPromote),
      project.skewMaxAgeMs,
      project.previewDays,
      project.productionCount,
      project.name,
    );
  }

  // — domains —

  domains(project: string | null): DomainResource[] {
    const rows = this.#db.all<DomainRow>(
      'select * from domains where ? is null or project = ? order by is_own desc, host',
      project,
      project,
    );
    return rows.map(domainOf);
  }

  domain(host: string): DomainResource | null {
    const row = this.#db.get<DomainRow>('select * from domains where host = ?', host);
    return row === null ? null : domainOf(row);
  }

  addDomain({ host, project, target, createdMs, isOwn }: DomainResource): void {
    this.#db.run(
      'insert into domains (host, project, target, created_ms, is_own) values (?, ?, ?, ?, ?)',
      host,
      project,
      target,
      createdMs,
      Number(isOwn),
    );
  }

  removeDomain(host: string): void {
    this.#db.run('delete from domains where host = ?', host);
  }

  // — releases —

  release(project: string): ReleaseRecord | null {
    const row = this.#db.get<ReleaseRow>('select * from releases where project = ?', project);
    return row === null ? null : releaseOf(row);
  }

  releases(): ReleaseRecord[] {
    return this.#db.all<ReleaseRow>('select * from releases').map(releaseOf);
  }

  setRelease(release: ReleaseRecord): void {
    this.#db.run(
      'insert or replace into releases (project, stable, canary, stages, stage, stage_since_ms) values (?, ?, ?, ?, ?, ?)',
      release.project,
      release.stable,
      release.canary,
      JSON.stringify(release.stages),
      release.stage,
      release.stageSinceMs,
    );
  }

  endRelease(project: string): void {
    this.#db.run('delete from releases where project = ?', project);
  }
}

interface VariableRow {
  readonly name: string;
  readonly target: Target;
  readonly value: Uint8Array;
  readonly secret: number;
  readonly updated_ms: number;
}

/** What functions of a project find in their environment. All values are encrypted; those of secrets are never told again. */
export class VariableStore {
  readonly #db: Database;
  readonly #sealer: Sealer;

  constructor(db: Database, sealer: Sealer) {
    this.#db = db;
    this.#sealer = sealer;
  }

  /** One for each name and value: targets that have the same are told as one. */
  list(project: string): VariableResource[] {
    const found = new Map<string, VariableResource>();
    for (const row of this.#rows(project)) {
      const value = row.secret === 1 ? null : this.#open(project, row);
      // Whether two secrets are the same is nobody's business.
      const key = JSON.stringify([row.name, row.secret, value, value === null ? row.updated_ms : 0]);
      const known = found.get(key);
      if (known === undefined) {
        const { name, target, updated_ms: updatedMs } = row;
        found.set(key, { name, targets: [target], secret: row.secret === 1, value, updatedMs });
      } else {
        known.targets.push(row.target);
        known.updatedMs = Math.max(known.updatedMs, row.updated_ms);
      }
    }
    return [...found.values()];
  }

  /** For those who run functions alone. */
  values(project: string, target: Target): Record<string, string> {
    const rows = this.#rows(project).filter((row) => row.target === target);
    return Object.fromEntries(rows.map((row) => [row.name, this.#open(project, row)]));
  }

  set(
    project: string,
    name: string,
    variable: { value: string; targets: readonly Target[]; secret: boolean },
    nowMs: number,
  ): void {
    this.#db.transaction(() => {
      for (const target of variable.targets)
        this.#db.run(
          'insert or replace into variables (project, name, target, value, secret, updated_ms) values (?, ?, ?, ?, ?, ?)',
          project,
          name,
          target,
          this.#sealer.seal(variable.value, contextOf(project, name, target)),
          Number(variable.secret),
          nowMs,
        );
    });
  }

  /** How many of its targets it was removed from. */
  remove(project: string, name: string, target: Target | null): number {
    return this.#db.run(
      'delete from variables where project = ? and name = ? and (? is null or target = ?)',
      project,
      name,
      target,
      target,
    );
  }

  /** How many there are of other names, those of each target counted. */
  others(project: string, name: string): number {
    const sql = 'select count(*) as n from variables where project = ? and name <> ?';
    return this.#db.get<{ n: number }>(sql, project, name)!.n;
  }

  #rows(project: string): VariableRow[] {
    return this.#db.all<VariableRow>(
      'select name, target, value, secret, updated_ms from variables where project = ? order by name, target desc',
      project,
    );
  }

  #open(project: string, { name, target, value }: VariableRow): string {
    return this.#sealer.open(value, contextOf(project, name, target));
  }
}

const contextOf = (project: string, name: string, target: Target): string => `variable ${project}/${target}/${name}`;

const recordOf = (row: Row): ProjectRecord => ({
  name: row.name,
  createdMs: row.created_ms,
  live: row.live,
  autoPromote: row.auto_promote === 1,
  skewMaxAgeMs: row.skew_max_age_ms,
  previewDays: row.preview_days,
  productionCount: row.production_count,
});

const domainOf = (row: DomainRow): DomainResource => ({
  host: row.host,
  project: row.project,
  target: row.target,
  createdMs: row.created_ms,
  isOwn: row.is_own === 1,
});

const releaseOf = (row: ReleaseRow): ReleaseRecord => ({
  project: row.project,
  stable: row.stable,
  canary: row.canary,
  stages: JSON.parse(row.stages) as ReleaseRecord['stages'],
  stage: row.stage,
  stageSinceMs: row.stage_since_ms,
});
