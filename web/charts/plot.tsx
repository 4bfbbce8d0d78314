import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import { dateAndTime, none } from '../format.ts';
import { useStore } from '../store.ts';
import { shade } from '../theme.ts';
import type { Color } from '../theme.ts';

interface Line {
  readonly label: string;
  readonly color: Color;
  readonly values: readonly (number | null)[];
}

export interface PlotProps {
  readonly title: string;
  /** Unix time in seconds. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly format: (value: number | null) => string;
  /** One on top of the other: they are parts of a sum. */
  readonly stacked?: boolean;
  readonly heightPx?: number;
}

/** A chart over time; the legend tells the values under the pointer, and a table has them all. */
export function Plot(props: PlotProps) {
  const { title, times, lines, format, heightPx = 168 } = props;
  const [index, setIndex] = useState<number | null>(null);
  const at = index === null || index >= times.length ? null : index;
  const box = useDrawn(props, heightPx, setIndex);
  return (
    <figure class="plot">
      <figcaption class="legend">
        {lines.map((line) => (
          <span key={line.label} class="legend-item">
            <i class={`swatch ${line.color}`} />
            {line.label} <b>{format(at === null ? lastOf(line.values) : (line.values[at] ?? null))}</b>
          </span>
        ))}
      </figcaption>
      <div ref={box} class="plot-box" style={{ height: `${heightPx}px` }} role="img" aria-label={summaryOf(props)} />
      <span class="plot-time" aria-hidden="true">
        {at === null ? '' : dateAndTime((times[at] ?? 0) * 1000)}
      </span>
      <DataTable title={title} times={times} lines={lines} format={format} />
    </figure>
  );
}

const lastOf = (values: readonly (number | null)[]): number | null =>
  values.findLast((value) => value !== null) ?? null;

function summaryOf({ title, lines, format }: PlotProps): string {
  const texts = lines.map(({ label, values }) => {
    const known = values.filter((value) => value !== null);
    if (known.length === 0) return `${label}: nothing measured`;
    return `${label}: ${format(Math.min(...known))} to ${format(Math.max(...known))}, at last ${format(known.at(-1) ?? null)}`;
  });
  return `${title}. ${texts.join('. ')}.`;
}

function DataTable({ title, times, lines, format }: PlotProps) {
  const [open, setOpen] = useState(false);
  // At most 30 rows: a table is for reading.
  const step = Math.max(1, Math.ceil(times.length / 30));
  const rows = times.map((time, index) => ({ time, index })).filter(({ index }) => index % step === 0);
  return (
    <details class="as-table" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        Table<span class="unseen"> of {title}</span>
      </summary>
      {open && (
        <div class="scroll" tabIndex={0} role="region" aria-label={`Table of ${title}`}>
          <table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                {lines.map(({ label }) => (
                  <th key={label} scope="col" class="number">
                    {label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map(({ time, index }) => (
                <tr key={time}>
                  <td>{dateAndTime(time * 1000)}</td>
                  {lines.map(({ label, values }) => (
                    <td key={label} class="number">
                      {values[index] === undefined ? none : format(values[index])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

/** uPlot comes with the first chart: pages without one, and the first paint, do without it. */
function useDrawn(props: PlotProps, heightPx: number, onIndex: (index: number | null) => void) {
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<uPlot | null>(null);
  const shades = useStore(shade);
  const data = useMemo(() => dataOf(props), [props.times, props.lines]);
  const newest = useRef({ props, data });
  newest.current = { props, data };
  const shape = props.lines.map(({ label }) => label).join('|');
  useEffect(() => {
    let ended = false;
    let resized: ResizeObserver | null = null;
    void import('./drawing.ts').then(({ draw }) => {
      const element = box.current;
      if (ended || element === null) return;
      drawn.current = draw({ element, heightPx, onIndex, ...newest.current });
      resized = new ResizeObserver(() => drawn.current?.setSize({ width: element.clientWidth, height: heightPx }));
      resized.observe(element);
    });
    return () => {
      ended = true;
      resized?.disconnect();
      drawn.current?.destroy();
      drawn.current = null;
    };
  }, [shape, shades, heightPx]);
  useEffect(() => drawn.current?.setData(data), [data]);
  return box;
}

/** What is stacked is drawn as sums, the whole first. */
function dataOf({ times, lines, stacked }: PlotProps): uPlot.AlignedData {
  const sums = times.map(() => 0);
  const columns = lines.map(({ values }) =>
    stacked === true ? values.map((value, index) => (sums[index] = (sums[index] ?? 0) + (value ?? 0))) : [...values],
  );
  return [[...times], ...(stacked === true ? columns.toReversed() : columns)];
}
