/** What is shown of `weir explain`: its answer is free in the API, and read with care here. */
export interface Explained {
  readonly decisions: readonly { readonly wallMs: number; readonly text: string; readonly instance: string | null }[];
  readonly lanes: readonly { readonly lane: string; readonly limit: number; readonly saturation: number | null }[];
  readonly kept: string | null;
}

type Free = Readonly<Record<string, unknown>>;
const isFree = (value: unknown): value is Free => typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): readonly Free[] => (Array.isArray(value) ? value.filter(isFree) : []);
const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null);

export function explained(answer: Free | null): Explained {
  const inner = answer?.['explanation'];
  const { decisions, lanes, kept }: Free = (isFree(inner) ? inner : answer) ?? {};
  return {
    decisions: listOf(decisions).map((item) => ({
      wallMs: numberOf(item['wallMs']) ?? 0,
      text: textOf(item['text']) ?? '',
      instance: textOf(item['instance']),
    })),
    lanes: listOf(lanes).map((item) => ({
      lane: textOf(item['lane']) ?? '',
      limit: numberOf(item['limit']) ?? 0,
      saturation: numberOf(item['saturation']),
    })),
    kept: isFree(kept) ? textOf(kept['reason']) : null,
  };
}
