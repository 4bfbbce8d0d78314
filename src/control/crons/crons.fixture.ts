// A platform's crons on a clock that moves when it is told to, and calls that end when a test says so.
import type { Clock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import type { Caller, Request } from '../api/handler.ts';
import type { RouteName } from '../../api/routes.ts';
import { AuditLog } from '../store/audit.ts';
import { CronStore } from '../store/cron-store.ts';
import { Database } from '../store/database.ts';
import { DeploymentStore } from '../store/deployment-store.ts';
import { ProjectStore } from '../store/project-store.ts';
import type { Cron } from '../../model/snapshot.ts';
import type { CronAnswer, CronCall } from './call.ts';
import { Crons } from './crons.ts';

export const startMs = Date.UTC(2026, 0, 1, 9, 59, 30);
export const minuteMs = 60_000;

export interface Called extends CronCall {
  readonly atMs: number;
  answer(answer?: Partial<CronAnswer>): Promise<void>;
  fail(why: string): Promise<void>;
}

export const caller: Caller = { tokenId: 'tok_1', name: 'ann', role: 'deploy', address: '127.0.0.1' };

/** One turn of the loop: what promises lead to has happened. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

export class Bench<C extends Clock> {
  readonly clock: C;
  /** Wall time can be set; the other time goes on. */
  wallOffMs = 0;
  readonly db: Database;
  readonly projects: ProjectStore;
  readonly deployments: DeploymentStore;
  readonly store: CronStore;
  readonly audit: AuditLog;
  readonly calls: Called[] = [];
  secret: string | null = null;
  crons: Crons;
  #count = 0;

  constructor(clock: C, file = ':memory:') {
    this.clock = clock;
    this.db = new Database(file);
    this.projects = new ProjectStore(this.db);
    this.deployments = new DeploymentStore(this.db);
    this.store = new CronStore(this.db);
    this.audit = new AuditLog(this.db, clock);
    this.crons = this.restarted();
  }

  /** Another process on the same database. */
  restarted(): Crons {
    const { db, audit, projects, deployments, store } = this;
    const clock: Clock = {
      nowMs: () => this.clock.nowMs(),
      wallMs: () => this.clock.wallMs() + this.wallOffMs,
      after: (delayMs, fire) => this.clock.after(delayMs, fire),
      soon: (fire) => this.clock.soon(fire),
    };
    const call = (order: CronCall) => this.#call(order);
    const parts = { db, clock, audit, projects, deployments, store, call, log: silentLog };
    this.crons = new Crons({ ...parts, secretOf: () => this.secret });
    return this.crons;
  }

  /** A production deployment that is live now; crons are told of it. */
  deploy(project: string, ...crons: Cron[]): string {
    const { projects, deployments, clock } = this;
    if (projects.find(project) === null) {
      projects.create(project, clock.wallMs());
      const host = `${project}.localhost`;
      projects.addDomain({ host, project, target: 'production', createdMs: 0, isOwn: true });
    }
    const id = `dep_${String((this.#count += 1)).padStart(10, '0')}`;
    const facts = { project, createdMs: clock.wallMs(), creator: 'ann', promotedFrom: null, promote: true, git: null };
    deployments.create({ ...facts, id, target: 'production', directory: '', bytes: 0 }, { files: [], links: [] });
    deployments.move(id, 'building');
    deployments.ready(id, { readyMs: 0, environment: Buffer.of(), functions: [], crons });
    this.makeLive(project, id);
    return id;
  }

  makeLive(project: string, id: string): void {
    this.projects.update({ ...this.projects.find(project)!, live: id });
    this.crons.sync();
  }

  runs(cron: string): string[] {
    return this.crons.runs(cron, { limit: 100 }).items.map(({ outcome, dueMs }) => `${outcome} ${timeOf(dueMs)}`);
  }

  get calledAt(): string[] {
    return this.calls.map(({ path, atMs }) => `${path} ${timeOf(atMs)}`);
  }

  #call(order: CronCall): Promise<CronAnswer> {
    return new Promise((resolve, reject) => {
      const answered = { status: 200, invocation: 'inv_1', error: null, durationMs: 5 };
      this.calls.push({
        ...order,
        atMs: this.clock.wallMs() + this.wallOffMs,
        answer: (answer = {}) => (resolve({ ...answered, ...answer }), turn()),
        fail: (why) => (reject(new Error(why)), turn()),
      });
    });
  }
}

export const timeOf = (ms: number): string => new Date(ms).toISOString().slice(11, 19);

/** What a handler is given. */
export const requestOf = <N extends RouteName>(
  given: Partial<Pick<Request<N>, 'params' | 'query' | 'body' | 'signal'>>,
): Request<N> =>
  ({
    params: {},
    query: {},
    body: {},
    caller,
    signal: new AbortController().signal,
    header: () => undefined,
    bytes: null,
    ...given,
  }) as unknown as Request<N>;
