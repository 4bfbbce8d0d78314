import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnsOf } from '../base/printable.ts';
import { agoText, bytesText, durationText, timeText, usdText, priceText } from './figures.ts';
import { bold, plain } from './painted.ts';
import { tableLines } from './table.ts';

const columns = [
  { title: 'ID' },
  { title: 'N', align: 'right' },
  { title: 'TEXT', shrinks: true },
  { title: 'URL', shrinks: true },
] as const;
const rows = [
  ['dep_1', '7', 'a text of some length, which is long', 'http://shop.example.com:3000'],
  ['dep_22', '123', 'short', bold('x')],
];
const text = (width?: number): string[] => tableLines(columns, rows, width).map((line) => line.map(plain).join(''));

test('columns are as wide as what is in them', () => {
  assert.deepEqual(text(), [
    'ID        N  TEXT                                  URL',
    'dep_1     7  a text of some length, which is long  http://shop.example.com:3000',
    'dep_22  123  short                                 x',
  ]);
});

test('where the terminal is narrow the widest that may shrink do; what is needed to go on stays', () => {
  assert.deepEqual(text(50), [
    'ID        N  TEXT               URL',
    'dep_1     7  a text of some l…  http://shop.examp…',
    'dep_22  123  short              x',
  ]);
  for (const width of [80, 60, 40]) {
    for (const line of text(width)) assert.ok(columnsOf(line) <= width, `${width}: ${line}`);
  }
  assert.ok(text(10)[1]!.startsWith('dep_1 '));
});

test('what would move the cursor is shown, and wide characters count double', () => {
  const lines = tableLines(
    [{ title: 'A' }, { title: 'B' }],
    [
      ['日本', '\u001B[2J'],
      ['x\ny', '1'],
    ],
  );
  assert.deepEqual(
    lines.map((line) => line.map(plain).join('')),
    ['A         B', '日本      \\u001b[2J', 'x\\u000ay  1'],
  );
});

test('figures', () => {
  assert.deepEqual([0, 999, 1000, 12_345, 999_600, 5e6, 123e6, 7.25e12].map(bytesText), [
    '0 B',
    '999 B',
    '1.0 kB',
    '12 kB',
    '1.0 MB',
    '5.0 MB',
    '123 MB',
    '7250 GB',
  ]);
  assert.deepEqual([0.25, 9.94, 12, 999.6, 59_900, 61_000, 3_700_000, 200 * 3_600_000].map(durationText), [
    '250 µs',
    '9.9 ms',
    '12 ms',
    '1.0 s',
    '59.9 s',
    '1 min 1 s',
    '1 h 2 min',
    '8 d',
  ]);
  assert.deepEqual(
    [1000, 30_000, 120_000, 7_200_000, 3 * 86_400_000].map((ms) => agoText(0, ms)),
    ['just now', '30 s ago', '2 min ago', '2 h ago', '3 d ago'],
  );
  assert.equal(timeText(0), '1970-01-01 00:00:00 UTC');
  assert.deepEqual([0, 0.0000451, 0.0099, 0.01, 0.0951, 12.345, -0.001, -0.5].map(usdText), [
    '$0.00',
    '< $0.01',
    '< $0.01',
    '$0.01',
    '$0.10',
    '$12.35',
    '< $0.01',
    '-$0.50',
  ]);
  assert.deepEqual([0.128, 0.0106, 0.6, 2].map(priceText), ['$0.128', '$0.0106', '$0.60', '$2.00']);
});
