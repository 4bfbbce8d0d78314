// Numbers as people read them. Everything that is shown passes here, so that units look alike.
const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export const none = '–';
type Maybe = number | null | undefined;
const known = (value: Maybe): value is number => value !== null && value !== undefined && Number.isFinite(value);

/** Three digits that count, and no more zeros than say something. */
export function short(value: Maybe): string {
  if (!known(value)) return none;
  const size = Math.abs(value);
  if (size >= 10_000) return compact.format(value);
  if (size >= 100 || Number.isInteger(value)) return grouped.format(value);
  if (size < 0.01) return value.toPrecision(2);
  return value.toFixed(size >= 10 ? 1 : 2);
}

export const whole = (value: Maybe): string => (known(value) ? grouped.format(value) : none);

export function duration(ms: Maybe): string {
  if (!known(ms)) return none;
  if (ms <= 0) return '0 ms';
  if (ms < 0.001) return '<1 µs';
  if (ms < 1) return `${short(Math.round(ms * 1000))} µs`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  if (ms < 2 * 3_600_000) return `${Math.round(ms / 60_000)} min`;
  return `${short(ms / 3_600_000)} h`;
}

const byteUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
export function bytes(count: Maybe): string {
  if (!known(count)) return none;
  const power = Math.min(byteUnits.length - 1, Math.floor(Math.log2(Math.max(1, count)) / 10));
  const value = count / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${byteUnits[power]}`;
}

export function money(usd: Maybe): string {
  if (!known(usd)) return none;
  const size = Math.abs(usd);
  const digits = size === 0 || size >= 1 ? 2 : size >= 0.01 ? 4 : 6;
  const text = size.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${usd < 0 ? '−' : ''}$${text}`;
}

/** As bills have it. */
export const cents = (usd: Maybe): string =>
  known(usd) && Math.abs(usd) < 0.005 && usd !== 0
    ? money(usd)
    : known(usd)
      ? `$${usd.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`
      : none;

export const percent = (value: Maybe): string =>
  known(value) ? `${value !== 0 && Math.abs(value) < 10 ? value.toFixed(1) : Math.round(value)} %` : none;

/** Of a whole, in percent; nothing of nothing is nothing. */
export const partOf = (part: number, all: number): number => (all === 0 ? 0 : (part / all) * 100);

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${whole(count)} ${count === 1 ? one : many}`;

const clockTime = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const dayTime = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
});
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
export const timeOfDay = (ms: number): string => clockTime.format(ms);
export const dateAndTime = (ms: number): string => dayTime.format(ms);
export const date = (ms: number): string => day.format(ms);
export const utc = (ms: number): string => `${new Date(ms).toISOString().replace('T', ' ').slice(0, 23)} UTC`;

export function ago(ms: number, nowMs: number): string {
  const passedS = Math.max(0, Math.round((nowMs - ms) / 1000));
  if (passedS < 5) return 'just now';
  if (passedS < 60) return `${passedS} s ago`;
  if (passedS < 3600) return `${Math.floor(passedS / 60)} min ago`;
  if (passedS < 86_400) return `${Math.floor(passedS / 3600)} h ago`;
  return plural(Math.floor(passedS / 86_400), 'day') + ' ago';
}

/** Ids are long: their beginning tells them apart on a screen. */
export const shortId = (id: string): string => (id.length > 14 ? `${id.slice(0, 12)}…` : id);
