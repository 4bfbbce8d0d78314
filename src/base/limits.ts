import { buildingLimits } from './limits/building.ts';
import { controlLimits } from './limits/control.ts';
import { edgeLimits } from './limits/edge.ts';
import { instanceLimits } from './limits/instances.ts';
import { keptLimits } from './limits/kept.ts';
import { schedulingLimits } from './limits/scheduling.ts';
import { serviceLimits } from './limits/services.ts';
import { tunnelLimits } from './limits/tunnel.ts';

/** I6: everything has a limit, and the limits are here, by what they are of. Units are last in the name. */
export const limits = {
  ...tunnelLimits,
  ...serviceLimits,
  ...schedulingLimits,
  ...instanceLimits,
  ...edgeLimits,
  ...keptLimits,
  ...buildingLimits,
  ...controlLimits,
} as const;
