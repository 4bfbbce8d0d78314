import { limits } from '../../src/base/limits.ts';

/**
 * How long it takes until a new instance has its function, and how much CPU of that it needs: a process that boots and
 * loads its function, and a stem that only has to load it.
 */
export const coldStart = { bootMs: 300, bootCpuMs: 60, stemMs: 12, stemCpuMs: 8, stemMemoryMiB: limits.stemRssMiB };

/** From the sentinel's word that a loop is stuck to what was recalled being back at the router. */
export const recallMs = 1;
