import { limits } from '../base/limits.ts';
import { type CustomMetric, validMetric } from '../model/metric.ts';

interface Series {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  count: number;
  sum: number;
  min: number;
  max: number;
  last: number;
}

type SeriesReport = Readonly<Series>;

export interface MetricsReport {
  readonly series: readonly SeriesReport[];
  /** Emissions that were not valid, or would have been one series too many. */
  readonly dropped: number;
}

/** Custom metrics of one function: count, sum, extremes and the last value by name and attributes. Of bounded size. */
export class Metrics {
  readonly #series = new Map<string, Series>();
  #dropped = 0;

  /** As an instance sent it: it is checked here. */
  add(name: unknown, value: unknown, attributes: unknown): void {
    const metric = validMetric(name, value, attributes);
    const series = metric === null ? null : this.#of(metric);
    if (metric === null || series === null) {
      this.#dropped += 1;
      return;
    }
    series.count += 1;
    series.sum += metric.value;
    series.min = Math.min(series.min, metric.value);
    series.max = Math.max(series.max, metric.value);
    series.last = metric.value;
  }

  report(): MetricsReport {
    return { series: [...this.#series.values()].map(copyOf), dropped: this.#dropped };
  }

  #of({ name, attributes }: CustomMetric): Series | null {
    const sorted = Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const key = JSON.stringify([name, sorted]);
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    if (this.#series.size >= limits.metricSeries) return null;
    const made: Series = { name, attributes, count: 0, sum: 0, min: Infinity, max: -Infinity, last: 0 };
    this.#series.set(key, made);
    return made;
  }
}

const copyOf = (series: Series): SeriesReport => ({ ...series });
