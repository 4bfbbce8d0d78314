// Hot path: once per flush.
import { limits } from '../base/limits.ts';

/** Slabs that no writer holds. So many at most: a process that was busy on many tunnels does not keep the memory. */
const idle: Buffer[] = [];
const idleMax = 64;

/** Memory of at least `bytes`, its content undefined. Shared by all writers, so that an idle tunnel owns none. */
export function takeSlab(bytes: number): Buffer {
  if (bytes > limits.slabBytes) return Buffer.allocUnsafeSlow(bytes);
  return idle.pop() ?? Buffer.allocUnsafeSlow(limits.slabBytes);
}

/** Nobody may refer to `slab` any more. */
export function giveSlab(slab: Buffer): void {
  if (slab.length === limits.slabBytes && idle.length < idleMax) idle.push(slab);
}
