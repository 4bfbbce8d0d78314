import type { DeploymentEvent } from '../../api/deployments.ts';
import type { BlobStore } from '../blobs.ts';
import type { Deployments } from '../deployments/deployments.ts';
import type { Making } from '../deployments/making.ts';
import { releaseResource } from '../deployments/releases.ts';
import type { Projects } from '../projects.ts';
import type { DeploymentStore } from '../store/deployment-store.ts';
import type { ProjectStore } from '../store/project-store.ts';
import type { HandlersOf, ServerEvent } from './handler.ts';

interface Parts {
  readonly projects: Projects;
  readonly records: ProjectStore;
  readonly deployments: Deployments;
  readonly store: DeploymentStore;
  readonly making: Making;
  readonly blobs: BlobStore;
}

/** Projects, deployments, releases, domains and variables over HTTP. */
export const projectHandlers = (parts: Parts) => ({
  ...ofProjects(parts),
  ...ofDeployments(parts),
  ...ofReleases(parts),
  ...ofSettings(parts),
});

const ofProjects = ({ projects, deployments }: Parts) =>
  ({
    projects: () => ({ items: projects.list() }),
    createProject: ({ body, caller }) => projects.resource(projects.create(body.name, caller)),
    project: ({ params }) => projects.resource(projects.require(params.project)),
    changeProject: ({ params, body, caller }) => projects.change(params.project, body, caller),
    deleteProject: ({ params, caller }) => projects.delete(params.project, deployments, caller),
  }) satisfies HandlersOf<'projects' | 'createProject' | 'project' | 'changeProject' | 'deleteProject'>;

const ofDeployments = ({ projects, deployments, store, making, blobs }: Parts) =>
  ({
    async createDeployment({ params, body, caller }) {
      const { record, missing } = await deployments.create(params.project, body, caller);
      return { deployment: projects.deployment(record), missing };
    },
    deployments({ params, query }) {
      projects.require(params.project);
      const { items, next } = store.list(params.project, query);
      return { items: items.map((record) => projects.deployment(record)), next };
    },
    deployment: ({ params }) => projects.deployment(deployments.require(params.id)),
    async blobOffset({ params }) {
      const { offset, isComplete } = await blobs.state(params.sha256);
      const headers = { 'Upload-Offset': String(offset), 'Upload-Complete': isComplete ? '?1' : '?0' };
      return { answer: undefined, headers };
    },
    putBlob: ({ params, query, bytes }) => blobs.put(params.sha256, query.offset, bytes!),
    finishDeployment: async ({ params }) => projects.deployment(await deployments.finish(params.id)),
    async *deploymentEvents({ params, signal }): AsyncGenerator<ServerEvent> {
      deployments.require(params.id);
      const said = making.logOf(params.id);
      if (said !== null) for await (const line of said.follow(signal)) yield { event: 'log', data: line };
      if (signal.aborted) return;
      const state: DeploymentEvent = { type: 'state', deployment: projects.deployment(deployments.require(params.id)) };
      yield { event: 'state', data: state };
    },
    promote: ({ params, caller }) => projects.deployment(deployments.promote(params.id, caller)),
    rollback: ({ params, body, caller }) =>
      projects.deployment(deployments.rollback(projects.require(params.project), body.to, caller)),
    deleteDeployment: ({ params, caller }) => deployments.delete(params.id, caller),
  }) satisfies HandlersOf<
    | 'createDeployment'
    | 'deployments'
    | 'deployment'
    | 'blobOffset'
    | 'putBlob'
    | 'finishDeployment'
    | 'deploymentEvents'
    | 'promote'
    | 'rollback'
    | 'deleteDeployment'
  >;

const ofReleases = ({ projects, deployments }: Parts) =>
  ({
    startRelease: ({ params, body, caller }) => releaseResource(projects.startRelease(params.project, body, caller)),
    approveRelease: ({ params, caller }) => projects.moveRelease(params.project, 'next', deployments, caller),
    completeRelease: ({ params, caller }) => projects.moveRelease(params.project, 'complete', deployments, caller),
    abortRelease: ({ params, caller }) => projects.moveRelease(params.project, 'abort', deployments, caller),
  }) satisfies HandlersOf<'startRelease' | 'approveRelease' | 'completeRelease' | 'abortRelease'>;

const ofSettings = ({ projects, records }: Parts) =>
  ({
    domains({ query }) {
      if (query.project !== undefined) projects.require(query.project);
      return { items: records.domains(query.project ?? null) };
    },
    addDomain: ({ params, body, caller }) => projects.addDomain(params.project, body, caller),
    removeDomain: ({ params, caller }) => projects.removeDomain(params.project, params.host, caller),
    variables: ({ params }) => ({ items: projects.variables(params.project) }),
    setVariable: ({ params, body, caller }) => projects.setVariable(params.project, params.name, body, caller),
    removeVariable: ({ params, query, caller }) =>
      projects.removeVariable(params.project, params.name, query.target ?? null, caller),
  }) satisfies HandlersOf<'domains' | 'addDomain' | 'removeDomain' | 'variables' | 'setVariable' | 'removeVariable'>;
