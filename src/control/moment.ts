const unitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Unix time of `15m` (that long before now) or of a number of milliseconds; `text` is as the API's `since` has it. Pure. */
export function momentOf(text: string, nowMs: number): number {
  const unitMs = unitsMs[text.at(-1)!];
  return unitMs === undefined ? Number(text) : nowMs - Number(text.slice(0, -1)) * unitMs;
}
