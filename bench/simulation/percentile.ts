/**
 * The value below or at which a share of `ascending` lies: the nearest rank, ⌈share × count⌉ (ISO 3534, type 1 of Hyndman
 * and Fan 1996). 0 when there is none.
 */
export function percentileOf(ascending: Float64Array, share: number): number {
  if (ascending.length === 0) return 0;
  const rank = Math.ceil(share * ascending.length - 1e-9);
  return ascending[Math.min(ascending.length, Math.max(1, rank)) - 1]!;
}
