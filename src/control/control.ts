import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Settings } from '../api/platform.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { Addresses, type Place } from './addresses.ts';
import { BlobStore } from './blobs.ts';
import { Deployments } from './deployments/deployments.ts';
import type { DeploymentMaker } from './deployments/maker.ts';
import { Making } from './deployments/making.ts';
import { Served } from './deployments/served.ts';
import { Projects } from './projects.ts';
import type { Sealer } from './sealing.ts';
import { AuditLog } from './store/audit.ts';
import { Database } from './store/database.ts';
import { openSealer } from './store/key-check.ts';
import { DeploymentStore } from './store/deployment-store.ts';
import { ProjectStore, VariableStore } from './store/project-store.ts';
import { SettingsStore } from './store/settings-store.ts';
import { TokenStore } from './store/tokens.ts';
import { UsageStore } from './usage/usage-store.ts';

export interface ControlOptions {
  /** Of all that is kept; nobody else uses it at the same time. Absolute, made when it is not there. */
  readonly dir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly place: Place;
  readonly maker: DeploymentMaker;
  /** Edge and router take it, and serve it until there is a newer one. */
  publish(snapshot: Snapshot): void;
}

/**
 * What is deployed, by whom, and what is served of it. Never on the way of a request: when it stops, what was published goes
 * on being served.
 */
export class Control {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly addresses: Addresses;
  readonly tokens: TokenStore;
  readonly audit: AuditLog;
  readonly settings: SettingsStore;
  readonly records: ProjectStore;
  readonly store: DeploymentStore;
  readonly variables: VariableStore;
  readonly making: Making;
  readonly served: Served;
  readonly usage: UsageStore;
  readonly projects: Projects;
  readonly deployments: Deployments;
  readonly #options: ControlOptions;
  /** What is served has changed, and edge and router have it. */
  onPublished: () => void = () => undefined;
  #timers: Timer[] = [];
  #closing: Promise<void> | null = null;

  private constructor(options: ControlOptions, blobs: BlobStore) {
    const { dir, clock, random, log, maker } = options;
    this.#options = options;
    this.blobs = blobs;
    const db = new Database(join(dir, 'weir.db'));
    this.db = db;
    const sealer = sealerOf(db, dir);
    this.addresses = new Addresses(options.place);
    this.tokens = new TokenStore(db, clock);
    this.audit = new AuditLog(db, clock);
    this.settings = new SettingsStore(db);
    this.usage = new UsageStore(db);
    const [records, store, variables] = [new ProjectStore(db), new DeploymentStore(db), new VariableStore(db, sealer)];
    [this.records, this.store, this.variables] = [records, store, variables];
    const { addresses, audit } = this;
    const deploymentsDir = join(dir, 'deployments');
    const hostOf = addresses.ofDeployment.bind(addresses);
    const making = {
      clock,
      log,
      dir: deploymentsDir,
      blobs,
      store,
      projects: records,
      variables,
      sealer,
      maker,
      hostOf,
    };
    this.making = new Making(making);
    const publish = (snapshot: Snapshot): void => {
      options.publish(snapshot);
      this.onPublished();
    };
    this.served = new Served({
      clock,
      log,
      projects: records,
      store,
      publish,
    });
    const { served } = this;
    this.projects = new Projects({ db, clock, audit, projects: records, store, variables, served, addresses });
    this.deployments = new Deployments({
      db,
      clock,
      random,
      log,
      audit,
      projects: records,
      store,
      blobs,
      making: this.making,
      served,
      dir: deploymentsDir,
      ensureProject: (name, by) => this.projects.ensure(name, by),
    });
  }

  /** Throws UsageError: what is kept cannot be read, or is another version's. Nothing is served yet. */
  static async open(options: ControlOptions): Promise<Control> {
    mkdirSync(join(options.dir, 'deployments'), { recursive: true, mode: 0o700 });
    const blobs = await BlobStore.open({ dir: join(options.dir, 'blobs'), clock: options.clock });
    return new Control(options, blobs);
  }

  /** Serves what was deployed before. Resolves when all of it is, or was told not to be; what is ready is served before. */
  async start(): Promise<void> {
    this.#every(limits.controlSweepMs, () => {
      this.served.retry();
      this.projects.sweepReleases(this.deployments);
    });
    this.#every(limits.retentionSweepMs, () => this.#retain());
    await this.deployments.open();
  }

  /** What is being made is finished first. What was published goes on being served. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  /** What it has on the disk. */
  async disk(): Promise<Omit<Settings['disk'], 'logBytes'>> {
    const blobBytes = await this.blobs.bytes();
    return { databaseBytes: this.db.bytes, blobBytes, deploymentBytes: this.deployments.bytes() };
  }

  async #retain(): Promise<void> {
    await this.deployments.retain();
    this.usage.retain(this.settings.get().retention.usageDays, Math.floor(this.#options.clock.wallMs() / 60_000));
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    await this.deployments.close();
    this.db.close();
  }

  /** What goes wrong in it is told, and tried again the next time. */
  #every(periodMs: number, work: () => void | Promise<void>): void {
    const { clock, log } = this.#options;
    const slot = this.#timers.length;
    const run = async (): Promise<void> => {
      try {
        await work();
      } catch (error) {
        if (this.#closing !== null) return;
        log.error('the control could not do what it does from time to time', { why: (error as Error).stack });
      }
      if (this.#closing === null) this.#timers[slot] = clock.after(periodMs, () => void run());
    };
    this.#timers[slot] = clock.after(periodMs, () => void run());
  }
}

/** The database is nobody's when there is no key to it. */
function sealerOf(db: Database, dir: string): Sealer {
  try {
    return openSealer(db, join(dir, 'secret.key'));
  } catch (error) {
    db.close();
    throw error;
  }
}
