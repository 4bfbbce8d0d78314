import type { DeploymentState } from '../../api/deployments.ts';

/**
 * The life of a deployment (src/api/deployments.ts says what each is). What is being made when the control stops is made
 * again when it starts: `building` leads to itself. A ready one is made again when what was made of it cannot be read.
 */
export const transitions: Readonly<Record<DeploymentState, readonly DeploymentState[]>> = {
  uploading: ['building', 'deleted'],
  building: ['building', 'ready', 'failed', 'deleted'],
  ready: ['building', 'deleted'],
  failed: ['deleted'],
  deleted: [],
};
