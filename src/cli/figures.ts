// Figures as people read them.

export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  for (const [unit, size] of [
    ['kB', 1e3],
    ['MB', 1e6],
    ['GB', 1e9],
  ] as const) {
    if (bytes < size * 999.5 || unit === 'GB') return `${round(bytes / size)} ${unit}`;
  }
  return `${bytes} B`;
}

/** Three digits that count, no more. */
const round = (value: number): string => value.toFixed(value < 9.95 ? 1 : 0);

export function durationText(ms: number): string {
  if (ms < 1) return `${(ms * 1000).toFixed(0)} µs`;
  if (ms < 999.5) return `${round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 60 / 24)} d`;
}

/** How long ago something was. */
export function agoText(atMs: number, nowMs: number): string {
  const ms = nowMs - atMs;
  if (ms < 10_000) return 'just now';
  if (ms < 60_000) return `${Math.floor(ms / 1000)} s ago`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ago`;
  if (ms < 48 * 3_600_000) return `${Math.floor(ms / 3_600_000)} h ago`;
  return `${Math.floor(ms / 86_400_000)} d ago`;
}

/** `2026-11-26 10:41:27 UTC`, the same on every machine. */
export const timeText = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;

/** Dollars, as bills have them: cents, and what is less than one is said to be. */
export function usdText(usd: number): string {
  const size = Math.abs(usd);
  const text = size > 0 && size < 0.01 ? '< $0.01' : `$${size.toFixed(2)}`;
  return usd <= -0.01 ? `-${text}` : text;
}

/** What one of something costs: as many digits as the price has. */
export const priceText = (usd: number): string => `$${usd.toFixed(6).replace(/(\.\d{2}\d*?)0+$/, '$1')}`;
