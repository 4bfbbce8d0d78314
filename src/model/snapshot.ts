import type { FunctionSpec } from './function.ts';
import type { Route } from './route.ts';

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
}

/** All that edge and router need to serve. Immutable; a newer version replaces an older one whole. */
export interface Snapshot {
  readonly version: number;
  readonly deployments: readonly Deployment[];
}
