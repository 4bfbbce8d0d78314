import { UsageError } from '../base/errors.ts';
import { buildProject } from '../builder/project.ts';
import type { Toolchains } from '../builder/toolchains.ts';
import type { Addresses } from '../control/addresses.ts';
import type { DeploymentMaker } from '../control/deployments/maker.ts';
import { deploymentFaults } from '../edge/faults.ts';
import { platformVariables } from '../model/environment.ts';
import type { Deployment } from '../model/snapshot.ts';

export interface MakerParts {
  readonly toolchains: Toolchains;
  readonly region: string;
  /** Asked when it is needed: the control that it is of is made with this. */
  readonly addresses: () => Addresses;
  /** What makes cold starts of a deployment fast is made for it, in a while. */
  prepare(deployment: Deployment): Deployment;
}

/** Deployments of the control are made as projects in directories are, of what was uploaded. */
export function deploymentMaker(parts: MakerParts): DeploymentMaker {
  const { toolchains, region } = parts;
  const facts: DeploymentMaker['facts'] = ({ id, project, target, host, skewProtection }) => ({
    ...platformVariables({
      environment: target,
      project,
      deployment: id,
      url: authority(host),
      productionUrl: authority(parts.addresses().ofProject(project)),
      region,
    }),
    ...(skewProtection ? { VERCEL_SKEW_PROTECTION_ENABLED: '1' } : {}),
  });
  const authority = (host: string): string =>
    parts
      .addresses()
      .url(host)
      .replace(/^https?:\/\//, '');
  return {
    facts,
    async make(order) {
      const { id: deployment, project, target, dir, host, log } = order;
      const built = await buildProject(dir, {
        project,
        deployment,
        target,
        isDevelopment: false,
        hosts: [host],
        environment: facts(order),
        log,
        host: toolchains.host,
        reads: new Set(),
      });
      const faults = deploymentFaults(built);
      if (faults.length > 0) throw new UsageError(faults.join('\n'));
      return built;
    },
    async settle(deployment, dir, ahead) {
      const settled = await toolchains.settle(deployment, dir);
      return ahead ? parts.prepare(settled) : settled;
    },
  };
}
