import { sep } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { UsageError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Deployment, Snapshot } from '../model/snapshot.ts';
import { ContentMarks } from './content-marks.ts';
import { outputConfigFile } from './output/place.ts';
import { outputSettled } from './output/settle.ts';
import { buildProject, hasOutput, removeAbandonedBuilds, removeBuild } from './project.ts';
import type { BuildHost } from './project.ts';
import { anyProgram, isOfOutput } from './relevance.ts';
import { watchProject } from './watch.ts';
import type { Watch } from './watch.ts';

export interface ProjectPlace {
  readonly dir: string;
  readonly name: string;
  /** Host names that lead to it; empty: any. */
  readonly hosts: readonly string[];
}

export interface LiveOptions {
  readonly host: BuildHost;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly target: 'production' | 'preview';
  /** What every function of a deployment finds in its environment, unless its project says otherwise. */
  environment(deployment: string, place: ProjectPlace): Readonly<Record<string, string>>;
  /** What is wrong with a deployment's routing, a line each: such a one is refused. */
  faults(deployment: Deployment): readonly string[];
  /** What a deployment needs before it can be served: done, or told by a UsageError. */
  settle(deployment: Deployment, place: ProjectPlace): Promise<Deployment>;
  /** There is a newer version of what is to be served. */
  publish(snapshot: Snapshot): void;
}

/** Projects in directories, built, and built again when they change. */
export class LiveProjects {
  readonly #options: LiveOptions;
  readonly #projects = new Map<string, Live>();
  /** Places in the order in which they were told, which decides whose a host is that two claim. */
  readonly #order: string[] = [];
  #version = 0;
  #incomplete = false;
  #closed = false;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  get deployments(): readonly Deployment[] {
    return this.#order.flatMap((name) => this.#projects.get(name)?.deployment ?? []);
  }

  /** Builds a project for the first time. Throws UsageError. It is served from the next `publish` on. Several may be built at once. */
  async add(place: ProjectPlace): Promise<void> {
    this.#order.push(place.name);
    await removeAbandonedBuilds(place.dir, this.#options.clock);
    const attempt = newAttempt();
    const deployment = await this.#build(place, attempt, new Set());
    this.#projects.set(place.name, {
      place,
      deployment,
      last: attempt,
      next: null,
      served: deployment.id,
      older: [],
      marks: new ContentMarks(),
      watch: null,
      work: null,
    });
  }

  /** `incomplete`: there are projects yet to be added; it holds until something else is said. */
  publish(incomplete: boolean = this.#incomplete): void {
    this.#incomplete = incomplete;
    this.#version += 1;
    this.#options.publish({ version: this.#version, deployments: this.deployments, incomplete });
    for (const live of this.#projects.values()) live.served = live.deployment.id;
  }

  /** From now on a change leads to a new version. */
  watch(): void {
    const { clock, log } = this.#options;
    for (const live of this.#projects.values()) {
      const reads = (): ReadonlySet<string> => (live.next === null ? live.last : joined(live.last, live.next)).reads;
      const changed = (paths: readonly string[]): void => this.#changed(live, paths);
      live.watch ??= watchProject(live.place.dir, { clock, log, reads, changed });
    }
  }

  /** No further versions. Idempotent. */
  halt(): void {
    this.#closed = true;
    for (const { watch } of this.#projects.values()) watch?.close();
  }

  /** Nothing is served any more: what was built is removed. */
  async close(): Promise<void> {
    this.halt();
    for (const live of this.#projects.values()) {
      await live.work;
      for (const id of [live.deployment.id, ...live.older]) await removeBuild(live.place.dir, id);
    }
  }

  #changed(live: Live, paths: readonly string[]): void {
    live.changed = [...(live.changed ?? []), ...paths];
    live.work ??= this.#rebuild(live).finally(() => (live.work = null));
  }

  /** One build at a time; what changes meanwhile leads to another. */
  async #rebuild(live: Live): Promise<void> {
    while (live.changed !== undefined && live.changed.length > 0 && !this.#closed) {
      const paths = live.changed;
      live.changed = [];
      if (live.last.reads.has(anyProgram) && !(await live.marks.differ(live.place.dir, paths))) continue;
      // Static files have no instances: the edge looks at them anew (it knows a deployment by its object), functions stay.
      const isStatic = live.deployment.publicDir !== null && paths.every((path) => path.startsWith(`public${sep}`));
      const newer = isStatic ? { ...live.deployment } : await this.#replacement(live, paths);
      // Built too late to be served: remembered, so that closing removes it.
      if (newer !== null) live.deployment = newer;
      if (newer === null || this.#closed) continue;
      this.#republish(live);
    }
  }

  /** Nobody waits for a rebuild: what goes wrong is told here, what was served before goes on. */
  #republish(live: Live): void {
    try {
      this.publish();
    } catch (error) {
      const why = error instanceof Error ? error.stack : String(error);
      this.#options.log.error(`${live.place.name}: the new version could not be published\n${why}`);
    }
  }

  /** Null when it cannot be built: the last one goes on. */
  async #replacement(live: Live, paths: readonly string[]): Promise<Deployment | null> {
    const { log } = this.#options;
    if (await this.#isBeingWritten(live, paths)) return null;
    const attempt = newAttempt();
    live.next = attempt;
    const what = paths.length > 3 ? `${paths.slice(0, 3).join(', ')} and ${paths.length - 3} more` : paths.join(', ');
    try {
      const deployment = await this.#build(live.place, attempt, live.last.warnings);
      live.last = attempt;
      live.older.push(live.deployment.id);
      await this.#trim(live);
      log.info(`${live.place.name}: ${what} changed: new version ${deployment.id}`);
      return deployment;
    } catch (error) {
      // It may not have come to reading all of them; what mends it may be any.
      live.last = joined(live.last, attempt);
      const why = error instanceof UsageError ? error.message : (error as Error).stack;
      log.error(`${live.place.name}: ${what} changed, and cannot be built; the last version goes on\n${why}`);
      return null;
    } finally {
      live.next = null;
    }
  }

  /** A framework builds: what it built before goes on until there is something new, and that is complete. */
  async #isBeingWritten({ place, deployment }: Live, paths: readonly string[]): Promise<boolean> {
    const { clock, log } = this.#options;
    if (paths.some(isOfOutput)) await outputSettled(place.dir, clock, () => this.#closed);
    if (deployment.outputs === null || (await hasOutput(place.dir))) return false;
    log.info(`${place.name}: ${outputConfigFile} is gone; the last version goes on until it is written again`);
    return true;
  }

  /** The last few builds may still be starting instances for what had been queued; the one that is served will. */
  async #trim(live: Live): Promise<void> {
    const spare = live.older.filter((id) => id !== live.served);
    for (const id of spare.slice(0, -keptBuilds)) {
      live.older.splice(live.older.indexOf(id), 1);
      await removeBuild(live.place.dir, id);
    }
  }

  /** Warnings that were told at the last build are not told again. */
  async #build(place: ProjectPlace, attempt: Attempt, told: ReadonlySet<string>): Promise<Deployment> {
    const { log } = this.#options;
    const deployment = `dep_${this.#options.random.hex(8)}`;
    const warn: Log['warn'] = (message, fields) => {
      if (!told.has(message) && !attempt.warnings.has(message)) log.warn(message, fields);
      attempt.warnings.add(message);
    };
    try {
      const built = await buildProject(place.dir, {
        project: place.name,
        deployment,
        hosts: place.hosts,
        target: this.#options.target,
        isDevelopment: this.#options.target === 'preview',
        environment: this.#options.environment(deployment, place),
        log: { ...log, warn },
        host: this.#options.host,
        reads: attempt.reads,
      });
      const faults = this.#options.faults(built);
      if (faults.length > 0) throw new UsageError(faults.map((fault) => `${place.dir}: ${fault}`).join('\n'));
      return await this.#options.settle(built, place);
    } catch (error) {
      await removeBuild(place.dir, deployment);
      throw error;
    }
  }
}

const keptBuilds = 4;

/** What is known of a build, whether or not it succeeded. */
interface Attempt {
  readonly reads: Set<string>;
  readonly warnings: Set<string>;
}

const newAttempt = (): Attempt => ({ reads: new Set(), warnings: new Set() });

const joined = (a: Attempt, b: Attempt): Attempt => ({
  reads: new Set([...a.reads, ...b.reads]),
  warnings: new Set([...a.warnings, ...b.warnings]),
});

interface Live {
  readonly place: ProjectPlace;
  deployment: Deployment;
  last: Attempt;
  /** The build under way: what it has read so far counts, for that may change before it is done. */
  next: Attempt | null;
  /** The build that was published last: one that cannot be published takes nobody's place. */
  served: string;
  /** Builds of versions before the newest, oldest first. */
  readonly older: string[];
  /** Of a program's sources. */
  readonly marks: ContentMarks;
  watch: Watch | null;
  /** The rebuild under way. */
  work: Promise<void> | null;
  /** Paths that changed since the rebuild under way began. */
  changed?: readonly string[];
}
