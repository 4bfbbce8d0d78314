import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scheduleWords } from '../../web/schedule.ts';

test('schedules in words; what would take more words than signs in none', () => {
  const words: Readonly<Record<string, string | null>> = {
    '* * * * *': 'every minute',
    '*/10 * * * *': 'every 10 minutes',
    '*/7 * * * *': null,
    '0 * * * *': 'every hour',
    '5 * * * *': 'every hour at :05',
    '30 */6 * * *': 'every 6 hours, at :30 UTC',
    '0 5 * * *': 'every day at 05:00 UTC',
    '15 8 * * 1-5': 'on weekdays at 08:15 UTC',
    '15 8 * * 7': 'on Sundays at 08:15 UTC',
    '0 0 1 * *': 'on day 1 of every month at 00:00 UTC',
    '0 0 1 1 *': null,
    '0,30 8-18/2 * * *': null,
  };
  for (const [schedule, expected] of Object.entries(words)) assert.equal(scheduleWords(schedule), expected, schedule);
});
