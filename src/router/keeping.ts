import { chooseKept, type Keepable } from '../scheduler/keep.ts';
import type { Pool } from './pool.ts';
import type { Supply } from './supply.ts';

/** Says of each function whether its instances are kept without work, for there may not be memory for all. */
export function keepLikeliest(pools: Iterable<Pool>, supply: Supply, nowMs: number): void {
  const wishing: Pool[] = [];
  const all: Keepable[] = [];
  for (const pool of pools) {
    const { wished, chance } = pool.scheduler.forecast.kept;
    const { starting } = pool;
    const live = pool.scheduler.ready + starting;
    // What cannot be started keeps nobody else from it.
    const possible = pool.isRetired || (live < wished && pool.backingOff(nowMs) !== null) ? live : wished;
    if (possible === 0) {
      pool.kept = wished === 0 ? 'kept' : 'not';
      continue;
    }
    wishing.push(pool);
    all.push({ chance, wished: possible, live, starting, eachMiB: supply.eachMiB(pool.spec), before: pool.kept });
  }
  const room = all.length === 0 ? null : supply.keepRoom(nowMs);
  const said = room === null ? null : chooseKept(all, room);
  for (const [at, pool] of wishing.entries()) pool.kept = said?.[at] ?? 'kept';
}
