// What a schedule of five fields says, in words: those that people write most; the others stand as they are.
const days = ['Sundays', 'Mondays', 'Tuesdays', 'Wednesdays', 'Thursdays', 'Fridays', 'Saturdays', 'Sundays'];

const isNumber = (text: string): boolean => /^\d{1,2}$/.test(text);
const two = (text: string): string => text.padStart(2, '0');

/** Null: it takes more words than it has signs. */
export function scheduleWords(schedule: string): string | null {
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = schedule.trim().split(/\s+/);
  const at = timeWords(minute, hour);
  if (at === null || month !== '*') return null;
  if (day === '*' && weekday === '*') return isNumber(hour) ? `every day ${at}` : at;
  if (day === '*') {
    const on = weekday === '1-5' ? 'on weekdays' : isNumber(weekday) ? `on ${days[Number(weekday)]}` : null;
    return on === null ? null : `${on} ${at}`;
  }
  return isNumber(day) && weekday === '*' ? `on day ${Number(day)} of every month ${at}` : null;
}

function timeWords(minute: string, hour: string): string | null {
  if (isNumber(minute) && isNumber(hour)) return `at ${two(hour)}:${two(minute)} UTC`;
  if (minute === '*' && hour === '*') return 'every minute';
  // Steps that do not divide the hour begin anew with each: that is no "every".
  const everyMinutes = Number(/^\*\/(\d{1,2})$/.exec(minute)?.[1] ?? 0);
  if (hour === '*' && everyMinutes > 0 && 60 % everyMinutes === 0)
    return everyMinutes === 1 ? 'every minute' : `every ${everyMinutes} minutes`;
  if (!isNumber(minute)) return null;
  if (hour === '*') return Number(minute) === 0 ? 'every hour' : `every hour at :${two(minute)}`;
  const everyHours = Number(/^\*\/(\d{1,2})$/.exec(hour)?.[1] ?? 0);
  return everyHours > 1 && 24 % everyHours === 0 ? `every ${everyHours} hours, at :${two(minute)} UTC` : null;
}
