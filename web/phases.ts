import type { InvocationResource } from '../src/api/observed.ts';
import type { Color } from './theme.ts';

type Phases = InvocationResource['phases'];

export interface Span {
  readonly name: string;
  readonly startUs: number;
  /** Null: it did not come to this. */
  readonly endUs: number | null;
  readonly color: Color;
  readonly text: string;
  readonly missing: string;
}

type Row = readonly [name: string, mark: keyof Phases, color: Color, text: string, missing: string];

/** In the order in which they pass; what each took is from the one before it that happened. */
const rows: readonly Row[] = [
  ['admitted', 'admittedUs', 'muted', 'checked, and given an id', ''],
  ['matched', 'matchedUs', 'muted', 'its path led to the function', ''],
  ['cached', 'cachedUs', 'muted', 'no kept page answers it', ''],
  ['resolved', 'resolvedUs', 'muted', 'deployment and function found', ''],
  ['queued', 'queuedUs', 'sand', 'no instance had room', 'an instance had room'],
  ['placed', 'placedUs', 'sand', 'an instance was chosen', 'no instance was found'],
  ['sent', 'sentUs', 'dusk', 'on the tunnel to the instance', 'it was not sent'],
  ['begun', 'begunUs', 'dusk', 'handed to user code', 'it did not begin'],
  ['answered', 'answeredUs', 'water', 'user code ran and answered', 'no answer came'],
  ['settled', 'settledUs', 'moss', 'the last byte left; it is counted', ''],
];

export function spansOf(phases: Phases): readonly Span[] {
  let startUs = 0;
  return rows.map(([name, mark, color, text, missing]) => {
    const endUs = phases[mark];
    const span = { name, startUs, endUs, color, text, missing };
    startUs = Math.max(startUs, endUs ?? startUs);
    return span;
  });
}
