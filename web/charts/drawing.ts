// The one place that knows uPlot.
import uPlot from 'uplot';
import { colorOf, faded } from '../theme.ts';
import type { PlotProps } from './plot.tsx';

interface Drawing {
  readonly element: HTMLElement;
  readonly heightPx: number;
  readonly props: PlotProps;
  readonly data: uPlot.AlignedData;
  readonly onIndex: (index: number | null) => void;
}

const font = "11px 'Inter Variable', Inter, system-ui, sans-serif";

export function draw({ element, heightPx, props, data, onIndex }: Drawing): uPlot {
  const stacked = props.stacked === true;
  const lines = stacked ? props.lines.toReversed() : props.lines;
  const options: uPlot.Options = {
    width: element.clientWidth,
    height: heightPx,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { x: { time: true }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.12 : 1] } },
    series: [{}, ...lines.map((line, index) => seriesOf(line, stacked, index === 0 && lines.length <= 2))],
    axes: axesOf(props.format),
    hooks: { setCursor: [({ cursor }) => onIndex(cursor.idx ?? null)] },
  };
  return new uPlot(options, data, element);
}

function seriesOf(line: PlotProps['lines'][number], stacked: boolean, washed: boolean): uPlot.Series {
  const stroke = colorOf(line.color);
  const series: uPlot.Series = { label: line.label, stroke, width: stacked ? 1 : 1.75, points: alone(stroke) };
  if (stacked) series.fill = faded(stroke, 0.55);
  else if (washed) series.fill = (plot) => wash(plot, stroke);
  return series;
}

/** A line through one point is none: points that stand alone are drawn as such. */
function alone(stroke: string): uPlot.Series.Points {
  return {
    show: true,
    size: 5,
    stroke,
    fill: stroke,
    filter: ({ data }, index) => {
      const values = data[index] ?? [];
      const isThere = (at: number) => values[at] !== null && values[at] !== undefined;
      return Array.from(values, (_, at) => at).filter((at) => isThere(at) && !isThere(at - 1) && !isThere(at + 1));
    },
  };
}

/** Like water: clear at the ground. */
function wash(plot: uPlot, stroke: string): CanvasGradient | string {
  const { top, height } = plot.bbox;
  if (!Number.isFinite(height) || height <= 0) return faded(stroke, 0.12);
  const gradient = plot.ctx.createLinearGradient(0, top, 0, top + height);
  gradient.addColorStop(0, faded(stroke, 0.26));
  gradient.addColorStop(1, faded(stroke, 0.02));
  return gradient;
}

function axesOf(format: PlotProps['format']): uPlot.Axis[] {
  const stroke = colorOf('muted');
  const grid = { stroke: colorOf('line'), width: 1 };
  return [
    {
      stroke,
      font,
      grid: { show: false },
      ticks: { show: false },
      size: 24,
      space: 64,
      gap: 4,
      values: (...given) => hours(given[1], given[4]),
    },
    {
      stroke,
      font,
      grid,
      ticks: { show: false },
      size: 58,
      space: 36,
      gap: 6,
      values: (_, splits) => splits.map((split) => format(split)),
    },
  ];
}

const hourFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
function hours(splits: readonly number[], stepS: number): string[] {
  return splits.map((split) => {
    const date = new Date(split * 1000);
    const isMidnight = date.getHours() === 0 && date.getMinutes() === 0;
    return stepS >= 86_400 || isMidnight ? dayFormat.format(date) : hourFormat.format(date);
  });
}
