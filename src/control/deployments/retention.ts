import { limits } from '../../base/limits.ts';
import type { DeploymentRecord } from '../store/deployment-store.ts';
import type { ProjectRecord } from '../store/project-store.ts';

const dayMs = 86_400_000;

/**
 * Deployments of a project that are to be deleted. Never one that clients are led to (`inUse`), nor one that is being made.
 * `records`: the newest first. Pure.
 */
export function expired(
  project: Pick<ProjectRecord, 'previewDays' | 'productionCount'>,
  records: readonly DeploymentRecord[],
  inUse: ReadonlySet<string>,
  nowMs: number,
): DeploymentRecord[] {
  let productions = 0;
  return records.filter((record) => {
    const ageMs = nowMs - record.createdMs;
    if (inUse.has(record.id)) return false;
    switch (record.state) {
      case 'uploading':
        return ageMs > limits.unfinishedDeploymentMs;
      case 'failed':
        return ageMs > project.previewDays * dayMs;
      case 'ready':
        if (record.target === 'preview') return ageMs > project.previewDays * dayMs;
        productions += 1;
        return productions > project.productionCount;
      case 'building':
      case 'deleted':
        return false;
    }
    return false;
  });
}
