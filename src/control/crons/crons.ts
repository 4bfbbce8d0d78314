import type { CronResource, CronRun } from '../../api/observed.ts';
import { ApiError } from '../../api/errors.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import type { Caller } from '../api/handler.ts';
import type { AuditLog } from '../store/audit.ts';
import type { CronEnd, CronRecord, CronStore } from '../store/cron-store.ts';
import type { Database } from '../store/database.ts';
import type { DeploymentRecord, DeploymentStore } from '../store/deployment-store.ts';
import type { ProjectStore } from '../store/project-store.ts';
import type { CronAnswer, CronCall } from './call.ts';
import { decide, missed } from './decide.ts';
import { type Schedule, scheduleOf } from './schedule.ts';

export interface CronsParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly audit: AuditLog;
  readonly projects: ProjectStore;
  readonly deployments: DeploymentStore;
  readonly store: CronStore;
  /** Calls the platform's own edge. Rejects with why there was no answer. */
  readonly call: (call: CronCall) => Promise<CronAnswer>;
  /** CRON_SECRET in the environment of a deployment's functions; null: they have none. */
  readonly secretOf: (deployment: string) => string | null;
}

/** A cron of a deployment that is live. */
interface Live {
  readonly id: string;
  readonly deployment: DeploymentRecord;
  readonly path: string;
  readonly text: string;
  readonly schedule: Schedule;
  readonly overlap: boolean;
  enabled: boolean;
  /** What was due until then is decided. */
  decidedMs: number;
  /** Null: never. */
  nextMs: number | null;
}

/** What is to be called for a run that has been noted. */
interface Begun {
  readonly cron: Live;
  readonly run: CronRun;
}

/**
 * Calls the crons of each project's live deployment. One timer, on the given clock: what is due is decided by what the clock
 * says and by what the database says was decided, so that neither a clock that jumps nor a restart makes a time come twice.
 */
export class Crons {
  readonly #parts: CronsParts;
  readonly #live = new Map<string, Live>();
  /** Calls under way, by cron: also of those that are not live any more. */
  readonly #running = new Map<string, number>();
  readonly #calls = new Set<Promise<void>>();
  #timer: Timer | null = null;
  #state: 'waiting' | 'started' | 'closed' = 'waiting';

  constructor(parts: CronsParts) {
    this.#parts = parts;
  }

  /** Once what was served before is served again. What was due while the platform did not run is noted, and not made up for. */
  start(): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'started';
    const { store, log, clock, db } = this.#parts;
    db.transaction(() => {
      const ended = store.endAll('The platform was stopped.');
      if (ended > 0) log.warn('calls of crons were under way when the platform was stopped', { calls: ended });
      const before = new Map(store.decided().map((record) => [record.id, record.decidedMs]));
      this.#take();
      for (const id of before.keys()) if (!this.#live.has(id)) store.setDecided(id, null);
      const nowMs = clock.wallMs();
      for (const cron of this.#live.values()) {
        const { schedule, enabled, id } = cron;
        const past = missed({ schedule, enabled, nowMs, decidedMs: before.get(id) ?? nowMs });
        if (past !== null) store.add(id, { ...past, startedMs: null, outcome: 'skipped' }, nowMs);
      }
    });
    this.#arm();
  }

  /** After each publish, whatever has changed: crons are those of the deployments that are live now. */
  sync(): void {
    if (this.#state !== 'started') return;
    try {
      this.#parts.db.transaction(() => this.#take());
    } catch (error) {
      // Serving goes on without; the next publish brings it.
      this.#parts.log.error('crons are not those of what is live now', { why: (error as Error).message });
    }
    this.#arm();
  }

  /** Nothing is called any more. Calls that are under way are waited for: they have their limits, and the edge has its own. */
  async close(): Promise<void> {
    this.#state = 'closed';
    this.#timer?.cancel();
    this.#timer = null;
    await Promise.all(this.#calls);
  }

  list(project: string | undefined): CronResource[] {
    return [...this.#live.values()]
      .filter((cron) => project === undefined || cron.deployment.project === project)
      .toSorted((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }))
      .map((cron) => this.#resource(cron));
  }

  /** Also of one that is not live any more. */
  runs(id: string, page: { limit: number; cursor?: string | undefined }) {
    if (this.#parts.store.find(id) === null) throw new ApiError('CRON_NOT_FOUND', `There is no cron ${id}.`);
    return this.#parts.store.runs(id, page);
  }

  /** It is called now, whether or not it is paused. */
  run(id: string, by: Caller | null): CronRun {
    const { db, store, audit, clock } = this.#parts;
    const cron = this.#require(id);
    if (!cron.overlap && this.#isRunning(id)) throw new ApiError('WRONG_STATE', `${id}: the run before has not ended.`);
    if (this.#state === 'closed') throw new ApiError('WRONG_STATE', 'The platform is being stopped.');
    if (this.#calls.size >= limits.cronCallsAtOnce) throw new ApiError('WRONG_STATE', full);
    const nowMs = clock.wallMs();
    const run = db.transaction(() => {
      audit.write(by, { action: 'cron.run', ...deedOf(cron) });
      return store.add(id, { dueMs: nowMs, startedMs: nowMs, outcome: 'running', detail: 'Run by hand.' }, nowMs);
    });
    this.#begin({ cron, run });
    return run;
  }

  /** What is due while it is paused is not made up for. */
  change(id: string, enabled: boolean, by: Caller | null): CronResource {
    const { db, store, audit, clock } = this.#parts;
    const cron = this.#require(id);
    if (cron.enabled !== enabled) {
      const nowMs = clock.wallMs();
      db.transaction(() => {
        store.setEnabled(id, enabled);
        store.setDecided(id, nowMs);
        audit.write(by, { action: enabled ? 'cron.resume' : 'cron.pause', ...deedOf(cron) });
      });
      cron.enabled = enabled;
      decided(cron, nowMs);
      this.#arm();
    }
    return this.#resource(cron);
  }

  /** Those of the deployments that are live, and no others. What was due before one became live is not its own. */
  #take(): void {
    const { projects, deployments, store, clock } = this.#parts;
    const nowMs = clock.wallMs();
    const gone = new Map(this.#live);
    for (const { live } of projects.list()) {
      const deployment = live === null ? null : deployments.find(live);
      for (const { path, schedule, overlap } of deployment?.crons ?? []) {
        const record = store.ensure(deployment!.project, path, schedule);
        const before = gone.get(record.id) ?? this.#live.get(record.id);
        gone.delete(record.id);
        if (before === undefined) store.setDecided(record.id, nowMs);
        const decidedMs = before?.decidedMs ?? nowMs;
        const cron = liveOf(record, { deployment: deployment!, overlap: overlap ?? true, decidedMs });
        this.#live.set(record.id, cron);
      }
    }
    for (const id of gone.keys()) {
      this.#live.delete(id);
      store.setDecided(id, null);
    }
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#state !== 'started' || this.#live.size === 0) return;
    const nowMs = this.#parts.clock.wallMs();
    let delayMs: number = limits.cronLookMs;
    for (const { nextMs, enabled } of this.#live.values())
      if (enabled && nextMs !== null) delayMs = Math.min(delayMs, Math.max(0, nextMs - nowMs));
    this.#timer = this.#parts.clock.after(delayMs, () => this.#look());
  }

  #look(): void {
    const { db, clock, log } = this.#parts;
    try {
      const marks: [Live, number][] = [];
      const begun = db.transaction(() => this.#decide(clock.wallMs(), marks));
      // Nothing is called, and nothing is known as decided, that the database has not taken.
      for (const [cron, decidedMs] of marks) decided(cron, decidedMs);
      for (const each of begun) this.#begin(each);
      this.#arm();
    } catch (error) {
      log.error('what crons are due could not be noted: it is tried again', { why: (error as Error).message });
      this.#timer = clock.after(limits.cronLookMs, () => this.#look());
    }
  }

  #decide(nowMs: number, marks: [Live, number][]): Begun[] {
    const { store } = this.#parts;
    const begun: Begun[] = [];
    for (const cron of this.#live.values()) {
      const { id, nextMs, decidedMs } = cron;
      if (nowMs >= decidedMs && (nextMs === null || nowMs < nextMs)) continue;
      const decision = decide({ ...cron, nowMs, isRunning: this.#isRunning(id) });
      if (decision.kind === 'wait') {
        if (decision.decidedMs !== decidedMs) marks.push([cron, decision.decidedMs]);
        continue;
      }
      const { dueMs, detail } = decision;
      marks.push([cron, dueMs]);
      store.setDecided(id, dueMs);
      const isCalled = decision.kind === 'run' && this.#calls.size + begun.length < limits.cronCallsAtOnce;
      if (isCalled) {
        const run = store.add(id, { dueMs, startedMs: nowMs, outcome: 'running', detail }, nowMs);
        begun.push({ cron, run });
      } else {
        const why = decision.kind === 'skip' ? detail : full;
        store.add(id, { dueMs, startedMs: null, outcome: 'skipped', detail: why }, nowMs);
      }
    }
    return begun;
  }

  #begin({ cron, run }: Begun): void {
    const { store, log } = this.#parts;
    this.#running.set(cron.id, (this.#running.get(cron.id) ?? 0) + 1);
    const call = this.#called(cron, run).then((end) => {
      const left = this.#running.get(cron.id)! - 1;
      if (left === 0) this.#running.delete(cron.id);
      else this.#running.set(cron.id, left);
      this.#calls.delete(call);
      try {
        store.end(run.id, end);
      } catch (error) {
        log.error(`${cron.id}: what became of its call could not be noted`, { why: (error as Error).message });
      }
    });
    this.#calls.add(call);
  }

  /** Never rejects. An answer of any kind is one; of 500 and more it says that the run failed. */
  async #called(cron: Live, run: CronRun): Promise<CronEnd> {
    try {
      const { status, invocation, error, durationMs } = await this.#parts.call(this.#callOf(cron));
      const outcome = status >= 500 ? 'failed' : 'answered';
      return { outcome, status, invocation, durationMs, detail: error ?? run.detail };
    } catch (error) {
      const detail = (error as Error).message.slice(0, limits.detailBytes);
      return { outcome: 'failed', status: null, invocation: null, durationMs: null, detail };
    }
  }

  #callOf({ deployment, path, text }: Live): CronCall {
    const { projects, secretOf } = this.#parts;
    const { project, id, functions } = deployment;
    const host = projects.domains(project).find(({ target }) => target === 'production')?.host;
    if (host === undefined) throw new Error('No production domain leads to the project.');
    const secret = secretOf(id);
    const mostMs = Math.max(...functions.map(({ maxDurationMs }) => maxDurationMs));
    return {
      host,
      path,
      schedule: text.trim(),
      headers: {
        'user-agent': 'vercel-cron/1.0',
        ...(secret === null ? {} : { authorization: `Bearer ${secret}` }),
        // Crons are those of the live deployment: in a rolling release the canary would get a part of its calls.
        ...(projects.release(project) === null ? {} : { 'x-deployment-id': id }),
      },
      withinMs: (functions.length === 0 ? 0 : mostMs) + limits.queueWaitMs + limits.cronGraceMs,
    };
  }

  #resource(cron: Live): CronResource {
    const { id, deployment, path, text, overlap, enabled, nextMs } = cron;
    const facts = {
      id,
      project: deployment.project,
      deployment: deployment.id,
      path,
      schedule: text,
      overlap,
      enabled,
    };
    return { ...facts, nextMs: enabled ? nextMs : null, lastRun: this.#parts.store.lastRun(id) };
  }

  #require(id: string): Live {
    const cron = this.#live.get(id);
    if (cron === undefined) throw new ApiError('CRON_NOT_FOUND', `No live deployment has a cron ${id}.`);
    return cron;
  }

  #isRunning(id: string): boolean {
    return this.#running.has(id);
  }
}

const full = `${limits.cronCallsAtOnce} calls of crons are under way.`;

function liveOf(
  { id, path, schedule: text, enabled }: CronRecord,
  { deployment, overlap, decidedMs }: Pick<Live, 'deployment' | 'overlap' | 'decidedMs'>,
): Live {
  const schedule = scheduleOf(text);
  return { id, deployment, path, text, schedule, overlap, enabled, decidedMs, nextMs: schedule.after(decidedMs) };
}

function decided(cron: Live, decidedMs: number): void {
  cron.decidedMs = decidedMs;
  cron.nextMs = cron.schedule.after(decidedMs);
}

const deedOf = ({ id, deployment, path, text }: Live) => ({
  project: deployment.project,
  subject: id,
  detail: `${text} ${path}`,
});
