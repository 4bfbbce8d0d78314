import type { Log } from '../../base/log.ts';
import type { Target } from '../../api/fields.ts';
import type { Deployment } from '../../model/snapshot.ts';

export interface MakeOrder {
  readonly id: string;
  readonly project: string;
  readonly target: Target;
  /** Of the project: what was uploaded, laid out. */
  readonly dir: string;
  /** Host name under which it is found for good. */
  readonly host: string;
  readonly skewProtection: boolean;
  /** What is told while it is made, to whoever deploys. */
  readonly log: Log;
}

/** What makes deployments of files: given to the control, which does not know how. */
export interface DeploymentMaker {
  /** Throws UsageError: what is wrong with the files, for whoever deploys. */
  make(order: MakeOrder): Promise<Deployment>;
  /**
   * The deployment, with what its functions need installed. `ahead`: and with what makes its first invocations fast. Throws
   * UsageError.
   */
  settle(deployment: Deployment, dir: string, ahead: boolean): Promise<Deployment>;
  /** What functions find of the platform in their environment: parts of it change when it is served elsewhere. */
  facts(
    order: Pick<MakeOrder, 'id' | 'project' | 'target' | 'host' | 'skewProtection'>,
  ): Readonly<Record<string, string>>;
}
