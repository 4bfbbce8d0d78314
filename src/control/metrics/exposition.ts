// Pure: the text format of Prometheus, version 0.0.4. It is small, and what is told here is read from others when it is asked for:
// a library would keep it all a second time.

export const contentType = 'text/plain; version=0.0.4; charset=utf-8';

/** Labels as the page has them, without braces: of many samples they are the same, and are put together once. */
export type Labels = string;

const escapeHelp = (text: string): string => text.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`);
const escapeValue = (text: string): string =>
  /["\\\n]/.test(text) ? escapeHelp(text).replaceAll('"', String.raw`\"`) : text;

export const labelsOf = (values: Readonly<Record<string, string>>): Labels =>
  Object.entries(values)
    .map(([name, value]) => `${name}="${escapeValue(value)}"`)
    .join(',');

export const both = (one: Labels, other: Labels): Labels =>
  one === '' || other === '' ? one + other : `${one},${other}`;

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

/** One page, metric by metric. */
export class Exposition {
  #text = '';

  get text(): string {
    return this.#text;
  }

  metric(name: string, type: 'counter' | 'gauge' | 'histogram', help: string): Metric {
    this.#text += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
    const sample = (suffix: string, labels: Labels, value: number): void => {
      this.#text += `${name}${suffix}${labels === '' ? '' : `{${labels}}`} ${numberText(value)}\n`;
    };
    return {
      set: (labels, value) => sample('', labels, value),
      histogram(labels, histogram) {
        let count = 0;
        for (const [at, bound] of histogram.bounds.entries()) {
          count += histogram.counts[at]!;
          sample('_bucket', both(labels, `le="${numberText(bound)}"`), count);
        }
        count += histogram.counts.at(-1)!;
        sample('_bucket', both(labels, 'le="+Inf"'), count);
        sample('_sum', labels, histogram.sum);
        sample('_count', labels, count);
      },
    };
  }
}

export interface Metric {
  readonly set: (labels: Labels, value: number) => void;
  readonly histogram: (labels: Labels, histogram: Histogram) => void;
}

/** Hot path: `observe` runs once an invocation. */
export class Histogram {
  /** Upper bounds, included, ascending. */
  readonly bounds: readonly number[];
  /** One more than bounds: what is above all of them. */
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    let at = 0;
    while (at < this.bounds.length && value > this.bounds[at]!) at += 1;
    this.counts[at]! += 1;
    this.sum += value;
  }

  add(other: Histogram): void {
    for (const [at, count] of other.counts.entries()) this.counts[at]! += count;
    this.sum += other.sum;
  }
}
