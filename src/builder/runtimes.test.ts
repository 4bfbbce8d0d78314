import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runtimeFor } from './runtimes.ts';

test('ranges choose the default where it satisfies them, else the highest that does', () => {
  for (const [range, runtime] of [
    ['24.x', 'nodejs24.x'],
    ['24', 'nodejs24.x'],
    ['22', 'nodejs22.x'],
    ['v22.11.0', 'nodejs22.x'],
    ['26.x', 'nodejs26.x'],
    ['20.x', 'nodejs22.x'],
    ['20.x || 22.x', 'nodejs22.x'],
    ['>=18', 'nodejs24.x'],
    ['>= 18.17.0', 'nodejs24.x'],
    ['>18 <23', 'nodejs22.x'],
    ['>=25', 'nodejs26.x'],
    ['>24', 'nodejs26.x'],
    ['>24.1.0', 'nodejs24.x'],
    ['<=22', 'nodejs22.x'],
    ['<24', 'nodejs22.x'],
    ['^22.3.1', 'nodejs22.x'],
    ['~22.3', 'nodejs22.x'],
    ['~> 22', 'nodejs22.x'],
    ['18 - 22', 'nodejs22.x'],
    ['18.0.0 - 24.2', 'nodejs24.x'],
    ['*', 'nodejs24.x'],
    ['', 'nodejs24.x'],
    ['x', 'nodejs24.x'],
    ['^18 || ^20 || >=22', 'nodejs24.x'],
    ['22.0.0-rc.1', 'nodejs22.x'],
    ['=22.1.2', 'nodejs22.x'],
    ['18.x', null],
    ['^0.10', null],
    ['>=30', null],
    ['lts/*', null],
    ['banana', null],
    ['>24 <24', null],
  ] as const)
    assert.equal(runtimeFor(range), runtime, range);
});
