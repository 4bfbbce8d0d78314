import type { FunctionSpec } from './function.ts';
import type { Output } from './output.ts';
import type { Route } from './route.ts';
import type { Routing } from './routing.ts';

/** One immutable upload of a project, as edge and router see it. */
export interface Deployment {
  readonly id: string;
  readonly project: string;
  readonly environment: 'production' | 'preview';
  /** Host names, lower case and without port, that lead here. Empty: any host that leads nowhere else. */
  readonly hosts: readonly string[];
  readonly functions: readonly FunctionSpec[];
  /** In order of precedence. */
  readonly routes: readonly Route[];
  /** Directory of static files, absolute; null without any. */
  readonly publicDir: string | null;
  /**
   * What a build output has, by path without a leading slash (`''` is the root): it is served instead of `routes` and
   * `publicDir`, which are empty then. Null: a plain project.
   */
  readonly outputs: ReadonlyMap<string, Output> | null;
  /** Null: a path leads to what is there, and nowhere else. */
  readonly routing: Routing | null;
  readonly crons: readonly Cron[];
  /** Of what was built: equal builds have equal ones, so that what is kept of their answers outlives a restart. */
  readonly fingerprint: string;
  /** What the build calls the deployment, where it does: its pages ask for more of the same by this name (`?dpl=`). */
  readonly ownId?: string;
  /** When it was made, Unix time: how long clients that hold on to it are sent to it. Absent: they are not. */
  readonly createdMs?: number;
}

/** A host name that leads to a deployment for now: promoting and rolling back change where to, and nothing else. */
export interface Alias {
  /** Lower case, without port. */
  readonly host: string;
  readonly project: string;
  /** Deployment.id, of the same snapshot. */
  readonly deployment: string;
  /** A rolling release under way; null: all clients get `deployment`. */
  readonly canary: Canary | null;
  /** Clients that hold on to an older deployment of the project are sent to it for so long; 0: they are not. */
  readonly skewMaxAgeMs: number;
}

/** Part of the clients get another deployment, the same ones each time. */
export interface Canary {
  /** Deployment.id, of the same snapshot. */
  readonly deployment: string;
  /** Of clients, 0 to 100. A larger share has those in it that a smaller one had. */
  readonly percent: number;
}

/** A path that is to be called at times; `schedule` in cron's five fields, UTC. */
export interface Cron {
  readonly path: string;
  readonly schedule: string;
  /** False: it is not called while the call before is under way. Default: true, as on the hosted platform. */
  readonly overlap?: boolean;
}

/** All that edge and router need to serve. Immutable; a newer version replaces an older one whole. */
export interface Snapshot {
  readonly version: number;
  readonly deployments: readonly Deployment[];
  /** Beside the hosts that deployments have of their own, and before them. Default: none. */
  readonly aliases?: readonly Alias[];
  /** Ids of deployments that are there for whoever asks, and are not kept warm: no production client is led to them. Default: none. */
  readonly standby?: ReadonlySet<string>;
  /** There will be more, which are being made ready: what nothing answers for yet may be theirs. */
  readonly incomplete?: boolean;
}
