/**
 * What the platform's own crons say of themselves to its edge: `KEY SCHEDULE`, where both were given the key. Functions find
 * the schedule as x-vercel-cron-schedule, which nobody else can set.
 */
export const cronHeader = 'x-weir-cron';

/** The five fields of a schedule, in order. Sunday is 0 and 7. */
const fields = [
  { name: 'minute', least: 0, most: 59 },
  { name: 'hour', least: 0, most: 23 },
  { name: 'day of the month', least: 1, most: 31 },
  { name: 'month', least: 1, most: 12 },
  { name: 'day of the week', least: 0, most: 7 },
] as const;

/** February has 29 in the longest of its years. */
const daysOfMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/**
 * What a schedule has to be instead, to be read after "expected"; null: it is one. The rules are those of the hosted platform:
 * five fields, numbers only, and not both a day of the month and a day of the week. One that never comes is refused, too.
 */
export function scheduleFault(schedule: string): string | null {
  const texts = schedule.trim().split(/\s+/);
  if (texts.length !== fields.length) return 'five fields of a cron expression, as in "0 5 * * *"';
  for (const [index, { name, least, most }] of fields.entries()) {
    const text = texts[index]!;
    if (valuesOf(text, least, most) === null)
      return `${name === 'hour' ? 'an' : 'a'} ${name} from ${least} to ${most} (as in *, ${most}, ${least}-${most}, ${least},${most} or */2) in place of ${JSON.stringify(text)}`;
  }
  if (texts[2] !== '*' && texts[4] !== '*') return '* for the day of the month or for the day of the week';
  const firstDay = Math.min(...valuesOf(texts[2]!, 1, 31)!);
  const longestDays = Math.max(...valuesOf(texts[3]!, 1, 12)!.map((month) => daysOfMonth[month - 1]!));
  return firstDay > longestDays ? `a day of the month that its months have, ${longestDays} at most` : null;
}

/** Those that a field names; null: it is none. */
function valuesOf(text: string, least: number, most: number): number[] | null {
  const values: number[] = [];
  for (const part of text.split(',')) {
    const match = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part);
    if (match === null) return null;
    const [, from, to, every] = match;
    const first = Number(from ?? least);
    // `5/20` goes on to the end, `5` is itself alone.
    const last = Number(to ?? (from === undefined || every !== undefined ? most : from));
    const step = Number(every ?? 1);
    if (first < least || last > most || first > last || step < 1 || step > most) return null;
    for (let value = first; value <= last; value += step) values.push(value);
  }
  return values;
}
