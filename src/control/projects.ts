import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { DeploymentResource, DomainResource, ProjectResource, VariableResource } from '../api/deployments.ts';
import { ApiError } from '../api/errors.ts';
import type { Target } from '../api/fields.ts';
import type { Call } from '../api/routes.ts';
import type { Caller } from './api/handler.ts';
import type { Deployments } from './deployments/deployments.ts';
import { advanced, releaseResource, releaseStep, stagesFault } from './deployments/releases.ts';
import type { Served } from './deployments/served.ts';
import type { Addresses } from './addresses.ts';
import type { AuditLog } from './store/audit.ts';
import type { Database } from './store/database.ts';
import type { DeploymentRecord, DeploymentStore } from './store/deployment-store.ts';
import type { ProjectRecord, ProjectStore, ReleaseRecord, VariableStore } from './store/project-store.ts';

export interface ProjectsParts {
  readonly db: Database;
  readonly clock: Clock;
  readonly audit: AuditLog;
  readonly projects: ProjectStore;
  readonly store: DeploymentStore;
  readonly variables: VariableStore;
  readonly served: Served;
  readonly addresses: Addresses;
}

/** Projects, with what belongs to them but their deployments. */
export class Projects {
  readonly #parts: ProjectsParts;

  constructor(parts: ProjectsParts) {
    this.#parts = parts;
  }

  list(): ProjectResource[] {
    return this.#parts.projects.list().map((project) => this.resource(project));
  }

  require(name: string): ProjectRecord {
    const project = this.#parts.projects.find(name);
    if (project === null) throw new ApiError('PROJECT_NOT_FOUND', `There is no project ${name}.`);
    return project;
  }

  create(name: string, by: Caller | null): ProjectRecord {
    if (this.#parts.projects.find(name) !== null) throw new ApiError('PROJECT_EXISTS', `There is a project ${name}.`);
    return this.ensure(name, by);
  }

  /** The project; made when there is none, with the name that every project has. */
  ensure(name: string, by: Caller | null): ProjectRecord {
    const { db, projects, audit, clock, addresses } = this.#parts;
    const known = projects.find(name);
    if (known !== null) return known;
    const host = addresses.ofProject(name);
    return db.transaction(() => {
      this.#refuseTaken(host, name);
      projects.create(name, clock.wallMs());
      projects.addDomain({ host, project: name, target: 'production', createdMs: clock.wallMs(), isOwn: true });
      audit.write(by, { action: 'project.create', project: name });
      return projects.find(name)!;
    });
  }

  change(name: string, { skewMaxAgeMs, retention, autoPromote }: Call<'changeProject'>['body'], by: Caller | null) {
    const { db, projects, audit, served } = this.#parts;
    const project = this.require(name);
    const changed: ProjectRecord = {
      ...project,
      skewMaxAgeMs: skewMaxAgeMs ?? project.skewMaxAgeMs,
      autoPromote: autoPromote ?? project.autoPromote,
      previewDays: retention?.previewDays ?? project.previewDays,
      productionCount: retention?.productionCount ?? project.productionCount,
    };
    db.transaction(() => {
      projects.update(changed);
      audit.write(by, {
        action: 'project.change',
        project: name,
        detail: JSON.stringify({ skewMaxAgeMs, retention, autoPromote }),
      });
    });
    served.publish();
    return this.resource(changed);
  }

  delete(name: string, deployments: Deployments, by: Caller | null): void {
    const { db, projects, audit, served } = this.#parts;
    this.require(name);
    deployments.removeAll(name, () =>
      db.transaction(() => {
        projects.delete(name);
        audit.write(by, { action: 'project.delete', project: name });
      }),
    );
    served.publish();
  }

  resource(project: ProjectRecord): ProjectResource {
    const { projects, store, addresses } = this.#parts;
    const { name, live } = project;
    const release = projects.release(name);
    const liveRecord = live === null ? null : store.find(live);
    const domains = projects.domains(name);
    const production = domains.filter(({ target }) => target === 'production');
    const host = production.find(({ isOwn }) => !isOwn)?.host ?? production[0]?.host;
    return {
      name,
      createdMs: project.createdMs,
      live,
      liveUrl: live === null || host === undefined ? null : addresses.url(host),
      previous: liveRecord === null ? null : (store.liveBefore(name, liveRecord.createdMs)?.id ?? null),
      autoPromote: project.autoPromote,
      domains: domains.map((domain) => domain.host),
      deployments: store.count(name),
      skewMaxAgeMs: project.skewMaxAgeMs,
      retention: { previewDays: project.previewDays, productionCount: project.productionCount },
      release: release === null ? null : releaseResource(release),
    };
  }

  deployment(record: DeploymentRecord): DeploymentResource {
    const { projects, store, addresses } = this.#parts;
    const { liveMs, directory: _directory, promote: _promote, ...rest } = record;
    const isLive = projects.find(record.project)?.live === record.id;
    const isNewest = record.target === 'preview' && store.newestReady(record.project, 'preview')?.id === record.id;
    const aliases = projects
      .domains(record.project)
      .filter(({ target }) => (target === 'production' ? isLive : isNewest))
      .map(({ host }) => host);
    return { ...rest, url: addresses.url(addresses.ofDeployment(record)), aliases, isLive, wasLive: liveMs !== null };
  }

  // — domains —

  addDomain(name: string, { host, target }: { host: string; target: Target }, by: Caller | null): DomainResource {
    const { db, projects, audit, clock, served, addresses } = this.#parts;
    this.require(name);
    if (addresses.isOwn(host))
      throw new ApiError('INVALID_REQUEST', `${host} is the platform's own name.`, [
        { path: 'host', message: 'is taken' },
      ]);
    if (projects.domains(name).length >= limits.domainsPerProject)
      throw new ApiError('WRONG_STATE', `${name} has ${limits.domainsPerProject} domains: remove one first.`);
    const domain = { host, project: name, target, createdMs: clock.wallMs(), isOwn: false };
    db.transaction(() => {
      this.#refuseTaken(host, name);
      projects.addDomain(domain);
      audit.write(by, { action: 'domain.add', project: name, subject: host, detail: target });
    });
    served.publish();
    return domain;
  }

  removeDomain(name: string, host: string, by: Caller | null): void {
    const { db, projects, audit, served } = this.#parts;
    this.require(name);
    const domain = projects.domain(host);
    if (domain === null || domain.project !== name)
      throw new ApiError('DOMAIN_NOT_FOUND', `${name} has no domain ${host}.`);
    if (domain.isOwn) throw new ApiError('WRONG_STATE', `${host} is the name that ${name} has for good.`);
    db.transaction(() => {
      projects.removeDomain(host);
      audit.write(by, { action: 'domain.remove', project: name, subject: host });
    });
    served.publish();
  }

  #refuseTaken(host: string, name: string): void {
    const { projects, addresses, store } = this.#parts;
    const domain = projects.domain(host);
    const owner = domain?.project ?? addresses.ownerOf(host, (id) => store.find(id)?.project ?? null);
    if (owner !== null && owner !== undefined)
      throw new ApiError(
        'DOMAIN_TAKEN',
        owner === name ? `${host} leads to ${name} already.` : `${host} leads to ${owner}.`,
      );
  }

  // — variables —

  setVariable(project: string, name: string, order: Call<'setVariable'>['body'], by: Caller | null): VariableResource {
    const { db, variables, audit, clock } = this.#parts;
    this.require(project);
    if (order.value.includes('\0'))
      throw new ApiError('INVALID_REQUEST', 'A value cannot have a NUL in it.', [
        { path: 'value', message: 'has a NUL' },
      ]);
    if (variables.others(project, name) + order.targets.length > limits.variablesPerProject)
      throw new ApiError('WRONG_STATE', `${project} has ${limits.variablesPerProject} variables: remove some first.`);
    db.transaction(() => {
      variables.set(project, name, order, clock.wallMs());
      audit.write(by, {
        action: order.secret ? 'secret.set' : 'env.set',
        project,
        subject: name,
        detail: order.targets.join(', '),
      });
    });
    const { targets, secret } = order;
    return { name, targets, secret, value: secret ? null : order.value, updatedMs: clock.wallMs() };
  }

  removeVariable(project: string, name: string, target: Target | null, by: Caller | null): void {
    const { db, variables, audit } = this.#parts;
    this.require(project);
    db.transaction(() => {
      if (variables.remove(project, name, target) === 0)
        throw new ApiError(
          'VARIABLE_NOT_FOUND',
          `${project} has no variable ${name}${target === null ? '' : ` in ${target}`}.`,
        );
      audit.write(by, { action: 'env.remove', project, subject: name, detail: target ?? 'everywhere' });
    });
  }

  variables(project: string): VariableResource[] {
    this.require(project);
    return this.#parts.variables.list(project);
  }

  // — rolling releases —

  startRelease(
    name: string,
    { deployment: id, stages }: Call<'startRelease'>['body'],
    by: Caller | null,
  ): ReleaseRecord {
    const { db, projects, store, audit, clock, served } = this.#parts;
    const project = this.require(name);
    const record = store.find(id);
    if (record === null || record.project !== name)
      throw new ApiError('DEPLOYMENT_NOT_FOUND', `${name} has no deployment ${id}.`);
    const fault = stagesFault(stages);
    if (fault !== null)
      throw new ApiError('INVALID_REQUEST', `stages: ${fault}.`, [{ path: 'stages', message: fault }]);
    if (record.state !== 'ready' || record.target !== 'production' || !served.has(id))
      throw new ApiError('WRONG_STATE', `${id} is no production deployment that is ready.`);
    if (project.live === null || project.live === id)
      throw new ApiError(
        'WRONG_STATE',
        project.live === id ? `${id} is live already.` : `Nothing of ${name} is live: promote ${id}.`,
      );
    if (projects.release(name) !== null)
      throw new ApiError('WRONG_STATE', `A release of ${name} is under way: complete or abort it first.`);
    const release = { project: name, stable: project.live, canary: id, stages, stage: 0, stageSinceMs: clock.wallMs() };
    db.transaction(() => {
      projects.setRelease(release);
      audit.write(by, {
        action: 'release.start',
        project: name,
        subject: id,
        detail: stages.map(({ percent }) => `${percent} %`).join(', '),
      });
    });
    served.publish();
    return release;
  }

  /** `to`: the next stage, all clients, or none. */
  moveRelease(
    name: string,
    to: 'next' | 'complete' | 'abort',
    deployments: Deployments,
    by: Caller | null,
  ): ProjectResource {
    const { db, projects, audit, clock, served } = this.#parts;
    this.require(name);
    const release = projects.release(name);
    if (release === null) throw new ApiError('WRONG_STATE', `No release of ${name} is under way.`);
    const step = to === 'next' ? advanced(release) : null;
    if (to === 'complete' || step?.kind === 'complete') {
      deployments.makeLive(deployments.require(release.canary), by, 'release.complete');
    } else {
      db.transaction(() => {
        if (step?.kind === 'stage')
          projects.setRelease({ ...release, stage: step.stage, stageSinceMs: clock.wallMs() });
        else projects.endRelease(name);
        audit.write(by, {
          action: to === 'abort' ? 'release.abort' : 'release.stage',
          project: name,
          subject: release.canary,
        });
      });
      served.publish();
    }
    return this.resource(this.require(name));
  }

  /** Stages whose time has come. */
  sweepReleases(deployments: Deployments): void {
    const { projects, clock, served } = this.#parts;
    for (const release of projects.releases()) {
      const step = releaseStep(release, clock.wallMs());
      // While it is being read after a start, or could not be, all clients have the stable one.
      if (step.kind !== 'stay' && served.has(release.canary))
        this.moveRelease(release.project, 'next', deployments, null);
    }
  }
}
