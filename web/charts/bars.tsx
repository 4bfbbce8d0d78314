import type { Color } from '../theme.ts';
import { partOf, percent, whole } from '../format.ts';

export interface Part {
  readonly label: string;
  readonly value: number;
  readonly color: Color;
}

/** Parts of a whole, in one bar. */
export function Split({ label, parts }: { readonly label: string; readonly parts: readonly Part[] }) {
  const all = parts.reduce((sum, { value }) => sum + value, 0);
  return (
    <div class="split">
      <div
        class="split-bar"
        role="img"
        aria-label={`${label}: ${parts.map((part) => `${part.label} ${whole(part.value)}`).join(', ')}`}
      >
        {parts.map((part) => (
          <i key={part.label} class={part.color} style={{ width: `${partOf(part.value, all)}%` }} />
        ))}
      </div>
      <dl class="split-parts">
        {parts.map((part) => (
          <div key={part.label}>
            <dt>
              <i class={`swatch ${part.color}`} />
              {part.label}
            </dt>
            <dd>
              <b>{whole(part.value)}</b> <span class="note">{percent(partOf(part.value, all))}</span>
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

/** Amounts beside each other, the greatest as long as there is room. */
export function Ranks({
  parts,
  format = whole,
}: {
  readonly parts: readonly Part[];
  readonly format?: (value: number) => string;
}) {
  const most = Math.max(...parts.map(({ value }) => value), Number.MIN_VALUE);
  return (
    <dl class="ranks">
      {parts.map((part) => (
        <div key={part.label}>
          <dt>{part.label}</dt>
          <dd>
            <span class="rank-track">
              <i class={part.color} style={{ width: `${(part.value / most) * 100}%` }} />
            </span>
            <b>{format(part.value)}</b>
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** How much of it is used: in flight of the limit. */
export function Meter({
  label,
  value,
  most,
}: {
  readonly label: string;
  readonly value: number;
  readonly most: number;
}) {
  const part = Math.min(100, partOf(value, most));
  return (
    <span class="meter" role="img" aria-label={`${label}: ${whole(value)} of ${whole(most)}`}>
      <i class={part >= 95 ? 'sand' : 'water'} style={{ width: `${part}%` }} />
    </span>
  );
}
