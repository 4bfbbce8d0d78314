import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { UsageError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import { ApiError } from '../../api/errors.ts';
import type { Call } from '../../api/routes.ts';
import type { Caller } from '../api/handler.ts';
import type { BlobStore } from '../blobs.ts';
import { bytesOf, checkManifest } from '../manifest.ts';
import type { AuditLog } from '../store/audit.ts';
import type { Database } from '../store/database.ts';
import type { DeploymentRecord, DeploymentStore } from '../store/deployment-store.ts';
import type { ProjectRecord, ProjectStore } from '../store/project-store.ts';
import type { Making } from './making.ts';
import { expired } from './retention.ts';
import type { Served } from './served.ts';

export interface DeploymentsParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly audit: AuditLog;
  readonly projects: ProjectStore;
  readonly store: DeploymentStore;
  readonly blobs: BlobStore;
  readonly making: Making;
  readonly served: Served;
  /** Where deployments are laid out. */
  readonly dir: string;
  /** Makes the project when there is none. */
  ensureProject(name: string, by: Caller | null): ProjectRecord;
}

/**
 * Deployments from their first file to their end. What a method has returned is in the database, on the disk and, where it
 * says so, served.
 */
export class Deployments {
  readonly #parts: DeploymentsParts;
  readonly #queue: string[] = [];
  #making = 0;
  readonly #idle = new Set<() => void>();
  #closed = false;
  /** What deployments refer to that were begun while blobs are being collected; null: none are. */
  #claimed: ReadonlySet<string>[] | null = null;
  #collectMs = -Infinity;

  constructor(parts: DeploymentsParts) {
    this.#parts = parts;
  }

  /** Serves what was made before; those that production clients are led to first. Never rejects: what cannot be read is told. */
  async open(): Promise<void> {
    const { store, projects, served } = this.#parts;
    const strangers = this.#strangers();
    for (const record of store.inState('building')) this.#enqueue(record.id);
    const live = new Set(projects.list().map((project) => project.live));
    for (const { canary } of projects.releases()) live.add(canary);
    const records = store.inState('ready').toSorted((a, b) => Number(live.has(b.id)) - Number(live.has(a.id)));
    const work = async (): Promise<void> => {
      for (let record = records.shift(); record !== undefined && !this.#closed; record = records.shift()) {
        await this.#load(record, live.has(record.id));
      }
    };
    await Promise.all(Array.from({ length: limits.makesAtOnce }, work));
    if (!this.#closed) served.complete();
    for (const name of strangers) await this.#removeTree(name);
  }

  async #load(record: DeploymentRecord, isLive: boolean): Promise<void> {
    const { making, served, store, log } = this.#parts;
    try {
      const deployment = await making.load(record, isLive);
      if (deployment !== null) {
        served.put(deployment);
        if (isLive) served.publish();
      } else if (store.move(record.id, 'building')) this.#enqueue(record.id);
    } catch (error) {
      const why = error instanceof UsageError ? error.message : (error as Error).stack;
      log.error(`${record.id} of ${record.project} is not served`, { why });
    }
  }

  /** Which of its files are missing is told with it. Throws ApiError; then nothing was made. */
  async create(
    project: string,
    order: Call<'createDeployment'>['body'],
    by: Caller | null,
  ): Promise<{ record: DeploymentRecord; missing: string[] }> {
    const { db, clock, random, store, audit, blobs } = this.#parts;
    const manifest = { files: order.files, links: order.links };
    checkManifest(manifest, order.directory);
    const wanted = new Set(manifest.files.map(({ sha256 }) => sha256));
    // From here on: what is found there is not collected before the database says that it is referred to.
    this.#claimed?.push(wanted);
    const record = db.transaction(() => {
      this.#parts.ensureProject(project, by);
      this.#allow(project);
      const made = {
        id: `dep_${random.hex(5)}`,
        project,
        target: order.target,
        createdMs: clock.wallMs(),
        creator: by?.name ?? 'weir',
        promotedFrom: null,
        promote: order.promote,
        git: order.git,
        directory: order.directory,
        bytes: bytesOf(manifest),
      };
      audit.write(by, { action: 'deployment.create', project, subject: made.id, detail: order.target });
      return store.create(made, manifest);
    });
    const sizes = await blobs.sizes(wanted);
    return { record, missing: [...wanted].filter((sha256) => sizes.get(sha256) === null) };
  }

  /** All files are there: it is made from now on. */
  async finish(id: string): Promise<DeploymentRecord> {
    const { store, blobs } = this.#parts;
    const record = this.require(id);
    if (record.state !== 'uploading') throw new ApiError('WRONG_STATE', `${id} is ${record.state}, not uploading.`);
    const { files } = store.manifest(id);
    const sizes = await blobs.sizes(new Set(files.map(({ sha256 }) => sha256)));
    const missing = files.filter(({ sha256 }) => sizes.get(sha256) === null).length;
    const wrong = files.find(({ sha256, bytes }) => (sizes.get(sha256) ?? bytes) !== bytes);
    if (wrong !== undefined)
      throw new ApiError(
        'INVALID_REQUEST',
        `${wrong.path}: ${wrong.bytes} bytes were announced, and ${sizes.get(wrong.sha256)} came.`,
      );
    if (missing > 0) throw new ApiError('BLOBS_MISSING', `${missing} of ${record.files} files have not been uploaded.`);
    if (!store.move(id, 'building')) throw new ApiError('WRONG_STATE', `${id} is not uploading any more.`);
    this.#enqueue(id);
    return this.require(id);
  }

  /** Of a preview: what is returned is a production deployment of the same files, which is being made. */
  promote(id: string, by: Caller | null): DeploymentRecord {
    const { db, clock, random, projects, store, audit } = this.#parts;
    const record = this.require(id);
    if (record.state !== 'ready') throw new ApiError('WRONG_STATE', `${id} is ${record.state}, not ready.`);
    if (record.target === 'production') {
      this.makeLive(record, by, 'deployment.promote');
      return this.require(id);
    }
    const manifest = store.manifest(id);
    this.#claimed?.push(new Set(manifest.files.map(({ sha256 }) => sha256)));
    const made = db.transaction(() => {
      const { project, git, directory, bytes } = record;
      const copy = { id: `dep_${random.hex(5)}`, project, git, directory, bytes, target: 'production' as const };
      const facts = { createdMs: clock.wallMs(), creator: by?.name ?? 'weir', promotedFrom: id, promote: true };
      this.#allow(project);
      store.create({ ...copy, ...facts }, manifest);
      store.move(copy.id, 'building');
      // Whoever promotes wants it live, as soon as it can be.
      projects.update({ ...projects.find(project)!, autoPromote: true });
      audit.write(by, { action: 'deployment.promote', project, subject: copy.id, detail: `made of ${id}` });
      return copy.id;
    });
    this.#enqueue(made);
    return this.require(made);
  }

  /** Nothing is built: production domains lead to it when this returns. `to` undefined: the one before. */
  rollback(project: ProjectRecord, to: string | undefined, by: Caller | null): DeploymentRecord {
    const { store } = this.#parts;
    const live = project.live === null ? null : store.find(project.live);
    if (live === null) throw new ApiError('NOTHING_BEFORE', `${project.name} has never been live.`);
    const before = to === undefined ? store.liveBefore(project.name, live.createdMs) : this.require(to);
    if (before === null) throw new ApiError('NOTHING_BEFORE');
    if (before.project !== project.name)
      throw new ApiError('DEPLOYMENT_NOT_FOUND', `${project.name} has no ${before.id}.`);
    if (before.state !== 'ready' || before.liveMs === null || before.id === live.id)
      throw new ApiError('WRONG_STATE', `${before.id} cannot be gone back to: it is ${stateOf(before, live.id)}.`);
    // What is deployed next waits to be promoted: it may have what was rolled back in it.
    this.makeLive(before, by, 'deployment.rollback', false);
    return this.require(before.id);
  }

  /** Production domains lead to it when this returns. A rolling release under way is over. */
  makeLive(record: DeploymentRecord, by: Caller | null, action: string, autoPromote: boolean = true): void {
    const { db, projects, store, audit, clock, served } = this.#parts;
    if (!served.has(record.id))
      throw new ApiError('WRONG_STATE', `${record.id} is not served at the moment: the log says why.`);
    db.transaction(() => {
      projects.update({ ...projects.find(record.project)!, live: record.id, autoPromote });
      projects.endRelease(record.project);
      store.becameLive(record.id, clock.wallMs());
      audit.write(by, { action, project: record.project, subject: record.id });
    });
    served.publish();
  }

  delete(id: string, by: Caller | null): void {
    const record = this.require(id);
    if (this.#inUse(record.project).has(id)) throw new ApiError('DEPLOYMENT_IN_USE');
    this.#delete(record, by);
  }

  #delete(record: DeploymentRecord, by: Caller | null): void {
    const { db, store, audit, served } = this.#parts;
    db.transaction(() => {
      store.move(record.id, 'deleted');
      store.forget(record.id);
      audit.write(by, { action: 'deployment.delete', project: record.project, subject: record.id });
    });
    this.#forget(record);
    served.publish();
  }

  /** It is served no more, and its files go when nobody reads them any more. */
  #forget({ id, functions }: DeploymentRecord): void {
    const { served, making, clock } = this.#parts;
    making.end(id);
    served.remove(id);
    // Its instances may still read what they were started from, for as long as an invocation may take.
    const longestMs = Math.max(0, ...functions.map(({ maxDurationMs }) => maxDurationMs));
    clock.after(limits.deletedTreeKeptMs + longestMs, () => void this.#removeTree(id));
  }

  /** Never rejects. */
  async #removeTree(id: string): Promise<void> {
    try {
      await rm(this.#parts.making.dirOf(id), { recursive: true, force: true });
    } catch (error) {
      this.#parts.log.warn(`${id}: its files could not be removed`, { why: (error as Error).message });
    }
  }

  /** A project with all that it has; `gone` removes its record. */
  removeAll(project: string, gone: () => void): void {
    const records = this.#parts.store.kept(project);
    gone();
    for (const record of records) this.#forget(record);
  }

  /** Deletes what nobody needs any more: of deployments by their project's rules, of files what no deployment has. */
  async retain(): Promise<void> {
    const { projects, store, clock, blobs } = this.#parts;
    for (const project of projects.list()) {
      const items = store.kept(project.name);
      for (const record of expired(project, items, this.#inUse(project.name), clock.wallMs()))
        this.#delete(record, null);
      store.purge(project.name);
    }
    // It takes a while where there is much, and what has become free of late is no hurry.
    if (this.#claimed !== null || clock.nowMs() < this.#collectMs) return;
    this.#collectMs = clock.nowMs() + limits.blobSweepMs;
    const claimed: ReadonlySet<string>[] = [];
    this.#claimed = claimed;
    try {
      const referred = await store.referredBlobs();
      await blobs.collect((sha256) => referred.has(sha256) || claimed.some((wanted) => wanted.has(sha256)));
    } finally {
      this.#claimed = null;
    }
  }

  /** Of all files that are laid out, as they were uploaded. */
  bytes(): number {
    return this.#parts.store.readyBytes();
  }

  require(id: string): DeploymentRecord {
    const record = this.#parts.store.find(id);
    if (record === null) throw new ApiError('DEPLOYMENT_NOT_FOUND', `There is no deployment ${id}.`);
    return record;
  }

  /** What is being made is finished, if that is soon; else it is made again at the next start. Nothing new is begun. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#parts.making.isStopping = true;
    this.#queue.length = 0;
    if (this.#making === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle.add(resolve);
    const timer = this.#parts.clock.after(limits.makeStopMs, resolve);
    await promise;
    timer.cancel();
  }

  #allow(project: string): void {
    if (this.#parts.store.count(project) >= limits.deploymentsPerProject)
      throw new ApiError(
        'WRONG_STATE',
        `${project} has ${limits.deploymentsPerProject} deployments: delete some first.`,
      );
  }

  /** Clients are led to these, or may be at any moment. */
  #inUse(name: string): ReadonlySet<string> {
    const { projects, store } = this.#parts;
    const used = new Set<string>();
    const live = projects.find(name)?.live;
    if (live !== undefined && live !== null) used.add(live);
    const release = projects.release(name);
    if (release !== null) used.add(release.stable).add(release.canary);
    if (projects.domains(name).some(({ target }) => target === 'preview')) {
      const newest = store.newestReady(name, 'preview');
      if (newest !== null) used.add(newest.id);
    }
    return used;
  }

  #enqueue(id: string): void {
    if (this.#closed) return;
    this.#parts.making.begin(id);
    this.#queue.push(id);
    if (this.#making < limits.makesAtOnce) void this.#work();
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    this.#making += 1;
    for (let id = this.#queue.shift(); id !== undefined; id = this.#queue.shift()) await this.#make(id);
    this.#making -= 1;
    if (this.#making === 0) for (const resolve of this.#idle) resolve();
  }

  /** Never rejects: what goes wrong is told, and must not end the process that serves. */
  async #make(id: string): Promise<void> {
    const { making, store, served, log } = this.#parts;
    try {
      const record = store.find(id);
      if (record === null || record.state !== 'building') return;
      const deployment = await making.make(record);
      if (deployment === null || store.find(id)?.state !== 'ready') {
        // It was deleted meanwhile.
        if ((store.find(id)?.state ?? 'deleted') === 'deleted') await this.#removeTree(id);
      } else {
        served.put(deployment);
        if (this.#promotes(record)) this.makeLive(record, null, 'deployment.live');
        else served.publish();
      }
    } catch (error) {
      if (this.#closed) return;
      log.error(`${id} could not be made, or not be served`, { why: (error as Error).stack });
    } finally {
      making.end(id);
    }
  }

  /**
   * A production deployment takes over by itself unless somebody said otherwise, rolled back, or is releasing another one. Not
   * one that was ready before and is made again, nor one that took longer than what was deployed after it.
   */
  #promotes({ project: name, target, promote, promotedFrom, readyMs, createdMs }: DeploymentRecord): boolean {
    if (target !== 'production' || !promote || readyMs !== null) return false;
    const { projects, store } = this.#parts;
    const project = projects.find(name)!;
    if (project.live === null) return true;
    if (!project.autoPromote || createdMs < (store.find(project.live)?.createdMs ?? 0)) return false;
    return promotedFrom !== null || projects.release(name) === null;
  }

  /** Folders of deployments that are no more: a process that was killed did not come to removing them. */
  #strangers(): string[] {
    const { dir, store } = this.#parts;
    return readdirSync(dir).filter((name) => {
      const state = store.find(name)?.state ?? 'deleted';
      return state === 'deleted' || state === 'failed';
    });
  }
}

const stateOf = (record: DeploymentRecord, live: string): string =>
  record.id === live ? 'live already' : record.state === 'ready' ? 'one that was never live' : record.state;
