import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Alias, Deployment, Snapshot } from '../../model/snapshot.ts';
import type { DeploymentStore } from '../store/deployment-store.ts';
import type { ProjectStore } from '../store/project-store.ts';

export interface ServedParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly projects: ProjectStore;
  readonly store: DeploymentStore;
  /** Edge and router take it: they serve it until there is a newer one, whatever becomes of the control. */
  publish(snapshot: Snapshot): void;
}

/**
 * What is served: the deployments that were made or read, and what the database says of which host leads where. A snapshot
 * is made of all of it each time (level-triggered): there is no change that could be missed.
 */
export class Served {
  readonly #parts: ServedParts;
  readonly #loaded = new Map<string, Deployment>();
  #warm: ReadonlySet<string> = new Set();
  #hosts: ReadonlySet<string> = new Set();
  #version = 0;
  #incomplete = true;
  /** What edge and router have is older than what the database says. */
  #isBehind = false;

  constructor(parts: ServedParts) {
    this.#parts = parts;
  }

  get deployments(): readonly Deployment[] {
    return [...this.#loaded.values()];
  }

  has(id: string): boolean {
    return this.#loaded.has(id);
  }

  /** Production clients are led to it, all or some. */
  isLive(id: string): boolean {
    return this.#warm.has(id);
  }

  /** Something answers under this host name, in lower case. */
  isServed(host: string): boolean {
    return this.#hosts.has(host);
  }

  find(id: string): Deployment | null {
    return this.#loaded.get(id) ?? null;
  }

  put(deployment: Deployment): void {
    this.#loaded.set(deployment.id, deployment);
  }

  remove(id: string): void {
    this.#loaded.delete(id);
  }

  /** All that was there when the control started has been read, or could not be. */
  complete(): void {
    this.#incomplete = false;
    this.publish();
  }

  /** What could not be published before. */
  retry(): void {
    if (this.#isBehind) this.publish();
  }

  /** What cannot be is told, and tried again: what was served before goes on. */
  publish(): void {
    const wasBehind = this.#isBehind;
    try {
      this.#isBehind = true;
      this.#parts.publish(this.#snapshot());
      this.#isBehind = false;
    } catch (error) {
      const why = (error as Error).stack;
      if (!wasBehind)
        this.#parts.log.error('a snapshot could not be published: what was served before goes on', { why });
    }
  }

  #snapshot(): Snapshot {
    const { projects } = this.#parts;
    this.#version += 1;
    const warm = new Set<string>();
    const aliases = projects.domains(null).flatMap((domain): Alias[] => {
      const alias = this.#alias(domain);
      if (alias === null) return [];
      if (domain.target === 'production') {
        warm.add(alias.deployment);
        if (alias.canary !== null) warm.add(alias.canary.deployment);
      }
      return [alias];
    });
    this.#warm = warm;
    const { deployments } = this;
    this.#hosts = new Set([...aliases.map(({ host }) => host), ...deployments.flatMap(({ hosts }) => hosts)]);
    const standby = new Set(deployments.map(({ id }) => id).filter((id) => !warm.has(id)));
    return { version: this.#version, deployments, aliases, standby, incomplete: this.#incomplete };
  }

  /** Null: there is nothing that it could lead to yet. */
  #alias({
    host,
    project: name,
    target,
  }: {
    host: string;
    project: string;
    target: Deployment['environment'];
  }): Alias | null {
    const { projects, store } = this.#parts;
    const project = projects.find(name)!;
    const deployment = target === 'production' ? project.live : (store.newestReady(name, 'preview')?.id ?? null);
    if (deployment === null || !this.#loaded.has(deployment)) return null;
    const release = target === 'production' ? projects.release(name) : null;
    const isUnderWay = release !== null && release.stable === deployment && this.#loaded.has(release.canary);
    const canary = isUnderWay ? { deployment: release.canary, percent: release.stages[release.stage]!.percent } : null;
    return { host, project: name, deployment, canary, skewMaxAgeMs: project.skewMaxAgeMs };
  }
}
