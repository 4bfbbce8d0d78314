const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** What a query says of a time, as the API has it (`since` in src/api/fields.ts), in Unix milliseconds. */
export function sinceMs(text: string, nowMs: number): number {
  const span = /^(\d+)([smhd])$/.exec(text);
  return span === null ? Number(text) : nowMs - Number(span[1]) * unitMs[span[2] as keyof typeof unitMs];
}
