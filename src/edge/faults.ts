import type { Deployment } from '../model/snapshot.ts';
import { routingFaults } from './routing/compile.ts';
import { compileCondition, compileValue } from './routing/conditions.ts';

/** What a deployment asks for that the edge cannot do, a line each: for whoever deploys it. Empty: it can be served. */
export function deploymentFaults({ routing, outputs }: Pick<Deployment, 'routing' | 'outputs'>): readonly string[] {
  const faults = routing === null ? [] : [...routingFaults(routing)];
  routing?.afterCacheBypass.forEach(({ hasAll }, at) => {
    hasAll.forEach(({ value }, of) => {
      if (value === null || value === '') return;
      const fault = faultOf(() => compileValue(value));
      if (fault !== null) faults.push(`afterCacheBypass[${at}].hasAll[${of}].value: ${fault}`);
    });
  });
  for (const [path, output] of outputs ?? []) {
    if (output.kind !== 'prerender') continue;
    output.prerender.bypassFor.forEach((condition, at) => {
      const fault = faultOf(() => compileCondition(condition));
      if (fault !== null) faults.push(`${path}: experimentalBypassFor[${at}]: ${fault}`);
    });
  }
  return faults;
}

function faultOf(compile: () => unknown): string | null {
  try {
    compile();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
