import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scheduleFault } from './cron-schedule.ts';

test('schedules of the hosted platform are schedules', () => {
  for (const schedule of [
    '* * * * *',
    '0 5 * * *',
    ' 0  5 * * * ',
    '*/10 * * * *',
    '5/20 * * * *',
    '0,30 9-17/2 1 1,7 *',
    '59 23 31 12 *',
    '0 0 29 2 *',
    '0 0 31 1-12 *',
    '0 0 * * 1-5',
    '0 0 * * 0,7',
  ])
    assert.equal(scheduleFault(schedule), null, schedule);
});

test('what is wrong is said by field, with what is allowed', () => {
  const five = 'five fields of a cron expression, as in "0 5 * * *"';
  const minute = (text: string) =>
    `a minute from 0 to 59 (as in *, 59, 0-59, 0,59 or */2) in place of ${JSON.stringify(text)}`;
  for (const [schedule, fault] of [
    ['', five],
    ['daily', five],
    ['@daily', five],
    ['* * * * * *', five],
    ['60 * * * *', minute('60')],
    ['-1 * * * *', minute('-1')],
    ['5-1 * * * *', minute('5-1')],
    ['*/0 * * * *', minute('*/0')],
    ['*/60 * * * *', minute('*/60')],
    ['1,,2 * * * *', minute('1,,2')],
    ['1. * * * *', minute('1.')],
    ['? * * * *', minute('?')],
    ['0 24 * * *', 'an hour from 0 to 23 (as in *, 23, 0-23, 0,23 or */2) in place of "24"'],
    ['0 0 0 * *', 'a day of the month from 1 to 31 (as in *, 31, 1-31, 1,31 or */2) in place of "0"'],
    ['0 0 L * *', 'a day of the month from 1 to 31 (as in *, 31, 1-31, 1,31 or */2) in place of "L"'],
    ['0 0 * JAN *', 'a month from 1 to 12 (as in *, 12, 1-12, 1,12 or */2) in place of "JAN"'],
    ['0 0 * * MON', 'a day of the week from 0 to 7 (as in *, 7, 0-7, 0,7 or */2) in place of "MON"'],
    ['0 0 * * 1#2', 'a day of the week from 0 to 7 (as in *, 7, 0-7, 0,7 or */2) in place of "1#2"'],
    ['0 0 1 * 1', '* for the day of the month or for the day of the week'],
    ['0 0 30 2 *', 'a day of the month that its months have, 29 at most'],
    ['0 0 31 2,4,6,9,11 *', 'a day of the month that its months have, 30 at most'],
  ] as const)
    assert.equal(scheduleFault(schedule), fault, schedule);
});
