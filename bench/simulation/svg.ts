// Plots as SVG: as much as the report needs. They are seen on light and dark pages: colours come from the reader's theme.

/** A series keeps its colour and its dashes in every plot. */
export interface SeriesStyle {
  readonly light: string;
  readonly dark: string;
  readonly dashes: string;
  readonly width: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Axis {
  readonly label: string;
  /** Value to a place in 0–1. */
  readonly place: (value: number) => number;
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
}

export interface Panel {
  readonly x: Axis;
  readonly y: Axis;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** What stands for itself in text and attributes of XML. */
export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Two decimals are a hundredth of a pixel. */
const px = (value: number): string => String(Math.round(value * 100) / 100);

export interface Drawing {
  readonly width: number;
  readonly height: number;
  /** Read out in place of the picture. */
  readonly title: string;
  readonly description: string;
  readonly styles: readonly SeriesStyle[];
  readonly body: readonly string[];
}

export function drawing({ width, height, title, description, styles, body }: Drawing): string {
  const colours = (theme: 'light' | 'dark'): string =>
    styles.map((style, index) => `.s${index}{stroke:${style[theme]}}.f${index}{fill:${style[theme]}}`).join('');
  const shapes = styles
    .map(({ width: stroke, dashes }, index) => `.s${index}{stroke-width:${stroke};stroke-dasharray:${dashes}}`)
    .join('');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="description">${escaped(description)}</desc>`,
    '<style>',
    'text{font:12px ui-sans-serif,system-ui,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}',
    '.name{font-weight:600;font-size:14px}.quiet{fill:#59636e}',
    '.grid{stroke:#d1d9e0;stroke-width:1}.axis{stroke:#818b98;stroke-width:1}',
    '.line{fill:none;stroke-linejoin:round;stroke-linecap:round}',
    shapes,
    colours('light'),
    `@media (prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#9198a1}.grid{stroke:#30363d}.axis{stroke:#656c76}${colours('dark')}}`,
    '</style>',
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

/** Grid, ticks and labels of both axes. */
export function frame({ x, y, left, top, width, height }: Panel): string {
  const bottom = top + height;
  const parts: string[] = [];
  for (const { at, text } of x.ticks) {
    const to = px(left + x.place(at) * width);
    parts.push(`<line class="grid" x1="${to}" y1="${px(top)}" x2="${to}" y2="${px(bottom)}"/>`);
    parts.push(`<text class="quiet" x="${to}" y="${px(bottom + 16)}" text-anchor="middle">${escaped(text)}</text>`);
  }
  for (const { at, text } of y.ticks) {
    const to = px(bottom - y.place(at) * height);
    parts.push(`<line class="grid" x1="${px(left)}" y1="${to}" x2="${px(left + width)}" y2="${to}"/>`);
    parts.push(
      `<text class="quiet" x="${px(left - 6)}" y="${to}" text-anchor="end" dominant-baseline="middle">${escaped(text)}</text>`,
    );
  }
  parts.push(`<path class="axis" fill="none" d="M${px(left)} ${px(top)}V${px(bottom)}H${px(left + width)}"/>`);
  if (x.label !== '') {
    parts.push(
      `<text x="${px(left + width / 2)}" y="${px(bottom + 34)}" text-anchor="middle">${escaped(x.label)}</text>`,
    );
  }
  if (y.label !== '') {
    const middle = px(top + height / 2);
    const turned = `transform="rotate(-90 14 ${middle})"`;
    parts.push(`<text x="14" y="${middle}" text-anchor="middle" ${turned}>${escaped(y.label)}</text>`);
  }
  return parts.join('\n');
}

/** `stepped`: a value holds until the next. */
export function line(panel: Panel, series: number, points: readonly Point[], stepped: boolean): string {
  const at = ({ x, y }: Point): [string, string] => [
    px(panel.left + clamped(panel.x.place(x)) * panel.width),
    px(panel.top + (1 - clamped(panel.y.place(y))) * panel.height),
  ];
  let path = '';
  let beforeY = '';
  for (const point of points) {
    const [x, y] = at(point);
    if (path === '') path = `M${x} ${y}`;
    else if (!stepped) path += `L${x} ${y}`;
    else if (y !== beforeY) path += `H${x}V${y}`;
    beforeY = y;
  }
  const last = points.at(-1);
  if (stepped && last !== undefined) path += `H${at(last)[0]}`;
  return `<path class="line s${series}" d="${path}"/>`;
}

const clamped = (share: number): number => Math.min(1, Math.max(0, share));

export function label(text: string, x: number, y: number, name = ''): string {
  return `<text${name === '' ? '' : ` class="${name}"`} x="${px(x)}" y="${px(y)}">${escaped(text)}</text>`;
}

export function bar(
  series: number,
  x: number,
  y: number,
  size: { readonly width: number; readonly height: number },
): string {
  return `<rect class="f${series}" x="${px(x)}" y="${px(y)}" width="${px(Math.max(1, size.width))}" height="${px(size.height)}" rx="1.5"/>`;
}

/** Names of series in a row, each with a piece of its line. */
export function legend(
  names: readonly { readonly series: number; readonly text: string }[],
  left: number,
  top: number,
): string {
  let x = left;
  return names
    .map(({ series, text }) => {
      const from = x;
      x += 44 + text.length * 6.6;
      return `<path class="line s${series}" d="M${px(from)} ${px(top)}h24"/>\n<text x="${px(from + 30)}" y="${px(top + 4)}">${escaped(text)}</text>`;
    })
    .join('\n');
}

export function linear(text: string, most: number, format: (value: number) => string = String): Axis {
  const step = niceStep(most / 6);
  const top = Math.max(step, Math.ceil(most / step - 1e-9) * step);
  const ticks: { at: number; text: string }[] = [];
  for (let index = 0; index * step <= top + step * 1e-6; index += 1) {
    const at = Number((index * step).toPrecision(12));
    ticks.push({ at, text: format(at) });
  }
  return { label: text, place: (value) => value / top, ticks };
}

/** Bounds and ticks are 1, 2 or 5 times a power of ten. `least` is above 0. */
export function logarithmic(
  text: string,
  least: number,
  most: number,
  format: (value: number) => string = String,
): Axis {
  const steps: number[] = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.log10(most) + 1; power += 1) {
    for (const digit of [1, 2, 5]) steps.push(Number(`${digit}e${power}`));
  }
  const from = steps.findLast((step) => step <= least)!;
  const to = steps.find((step) => step >= most && step > from)!;
  const within = steps.filter((step) => step >= from && step <= to);
  // Decades alone where there would be too many.
  const told =
    within.length <= 6 ? within : within.filter((step) => Number.isInteger(Number(Math.log10(step).toFixed(9))));
  const span = Math.log10(to / from);
  return {
    label: text,
    place: (value) => Math.log10(Math.max(value, from) / from) / span,
    ticks: told.map((at) => ({ at, text: format(at) })),
  };
}

/** 1, 2 or 5 times a power of ten. */
function niceStep(about: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(about, 1e-12)));
  const digit = [1, 2, 5, 10].find((each) => each * power >= about * (1 - 1e-9)) ?? 10;
  return digit * power;
}
