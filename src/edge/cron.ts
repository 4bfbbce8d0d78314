import { timingSafeEqual } from 'node:crypto';

/** The schedule, when the platform's own crons sent it; null: somebody else did, or nothing is known of crons here. */
export function scheduleIn(value: string, key: string | null): string | null {
  const at = value.indexOf(' ');
  if (key === null || at === -1) return null;
  const [given, known] = [Buffer.from(value.slice(0, at)), Buffer.from(key)];
  return given.length === known.length && timingSafeEqual(given, known) ? value.slice(at + 1) : null;
}
