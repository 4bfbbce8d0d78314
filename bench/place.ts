import { Placement } from '../src/scheduler/place.ts';

/**
 * What a placement costs: place + began + ended, and a quarter as many vitals, with 10, 1,000 and 10,000 instances.
 * Target: at most 1 µs with 10,000. Run: `npm run bench -- --only place`.
 */
export function placeBench(): Record<'instances' | 'nsPerPlacement', number>[] {
  return [10, 1000, 10_000].map((instances) => {
    measure(instances, 200_000);
    return { instances, nsPerPlacement: Math.min(...[1, 2, 3].map(() => measure(instances, 500_000))) };
  });
}

function measure(instances: number, placements: number): number {
  const placement = new Placement();
  const limit = 100;
  for (let index = 0; index < instances; index += 1) placement.add(index, [limit, limit]);
  // A ring of what is in flight: half of all places, ended in an order unlike the one they began in.
  const ring = new Int32Array(instances * 50).fill(-1);
  let random = 1;
  let nowMs = 0;
  const startMs = performance.now();
  for (let count = 0; count < placements + ring.length; count += 1) {
    if (count === ring.length) nowMs = fillHealth(placement, instances);
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    const at = count < ring.length ? count : random % ring.length;
    if (ring[at] !== -1) placement.ended(ring[at]!);
    if ((count & 3) === 0) placement.setHealth(random % instances, (random >>> 8) % 1000, nowMs);
    const chosen = placement.place(0, nowMs);
    placement.began(chosen, 0);
    ring[at] = chosen;
    nowMs += 0.001;
  }
  return ((performance.now() - startMs) * 1e6) / (placements + ring.length);
}

function fillHealth(placement: Placement, instances: number): number {
  for (let index = 0; index < instances; index += 1) placement.setHealth(index, (index * 37) % 1000, 1000);
  return 1000;
}

if (import.meta.main) {
  for (const { instances, nsPerPlacement } of placeBench()) {
    console.log(`place with ${instances} instances: ${nsPerPlacement.toFixed(0)} ns`);
  }
}
