import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { costOf, gbSeconds, noUsage } from './account.ts';
import { bill } from './bill.ts';
import { billCsv, billText } from './bill-text.ts';
import { Histogram } from './histogram.ts';
import { publishedPrices } from './prices.ts';
import type { UsageRow } from './rollup.ts';

function row(changes: Partial<UsageRow>): UsageRow {
  const names = { project: 'shop', deployment: 'dpl_1', functionId: 'dpl_1/f', name: 'f', route: null };
  const counts = { invocations: 0, cold: 0, prewarmed: 0, warm: 0, failed: 0, failures: {}, nacks: {} };
  const used = { cpuUs: 0, attributedUs: 0, unattributedUs: 0, bootUs: 0, busyUs: 0, wallUs: 0 };
  const times = { latency: new Histogram(), ttfb: new Histogram(), peakInFlight: 0, peakInstances: 0 };
  return {
    minute: 29_000_000,
    ...names,
    environment: 'production',
    memoryMiB: 1024,
    ...counts,
    ...used,
    ...times,
    ...changes,
  };
}
const hourUs = 3_600_000_000;
const shop = [
  row({ invocations: 2_000_000, cpuUs: 10 * hourUs, busyUs: 100 * hourUs, wallUs: 900 * hourUs, memoryMiB: 2048 }),
  row({ minute: 29_000_059, invocations: 500_000, cpuUs: hourUs / 2, busyUs: 3 * hourUs, wallUs: 4 * hourUs }),
  row({ route: '/x', invocations: 2_000_000, cpuUs: 999 * hourUs }),
];

test('a project: quantity × price = amount, and beside it the same traffic with one invocation per instance', () => {
  const { minutes, projects, total } = bill(shop, publishedPrices);
  assert.deepEqual(minutes, { first: 29_000_000, last: 29_000_059 });
  const [{ project, lines, totalCents, onePerInstance }] = projects as [(typeof projects)[0]];
  assert.equal(project, 'shop');
  assert.deepEqual(
    lines.map(({ quantity, unit, unitPriceUsd, amountCents }) => [quantity, unit, unitPriceUsd, amountCents]),
    [
      [2.5, 'million', 0.6, 150],
      [10.5, 'CPU hour', 0.128, 134],
      [203, 'GB-hour', 0.0106, 215],
    ],
  );
  assert.equal(totalCents, 499);
  const { gbHours, amountCents, savedCents, savedGbHours, savedPercent } = onePerInstance;
  assert.deepEqual(
    [gbHours, amountCents, onePerInstance.totalCents, savedCents, savedGbHours],
    [1804, 32_472, 32_622, 32_622 - 499, 1601],
  );
  assert.equal(savedPercent!.toFixed(3), '98.469');
  assert.deepEqual({ project, ...total }, projects[0]);
});

test('law: each amount is its quantity × price to half a cent, totals are the sums of what is shown, in both directions', () => {
  const project = fc.constantFrom('a', 'b', 'c', 'd');
  const us = fc.nat(2 ** 31 - 1).map((count) => count * 400);
  const used = fc.record({ project, invocations: fc.nat(20_000_000), cpuUs: us, busyUs: us, wallUs: us });
  fc.assert(
    fc.property(fc.array(used, { maxLength: 30 }), (all) => {
      const { projects, total } = bill(all.map(row), publishedPrices);
      for (const part of [...projects, total])
        assert.equal(
          part.lines.reduce((sum, { amountCents }) => sum + amountCents, 0),
          part.totalCents,
        );
      for (const { lines } of projects)
        for (const { quantity, unitPriceUsd, amountCents } of lines)
          assert.ok(Math.abs(quantity * unitPriceUsd * 100 - amountCents) < 0.500_001);
      const sum = (of: (part: (typeof projects)[0]) => number): number =>
        projects.reduce((cents, part) => cents + of(part), 0);
      for (const at of [0, 1, 2])
        assert.equal(
          sum(({ lines }) => lines[at]!.amountCents),
          total.lines[at]!.amountCents,
        );
      assert.equal(
        sum(({ totalCents }) => totalCents),
        total.totalCents,
      );
      assert.equal(
        sum(({ onePerInstance }) => onePerInstance.savedCents),
        total.onePerInstance.savedCents,
      );
      assert.equal(total.onePerInstance.totalCents - total.totalCents, total.onePerInstance.savedCents);
    }),
  );
});

test('it says what the status page says of the same usage', () => {
  const { total } = bill(shop, publishedPrices);
  const memoryGbSeconds = gbSeconds(2048, 3.6e8) + gbSeconds(1024, 1.08e7);
  const wallGbSeconds = gbSeconds(2048, 900 * 3.6e6) + gbSeconds(1024, 4 * 3.6e6);
  const usage = { ...noUsage, invocations: 2_500_000, cpuUs: 10.5 * hourUs, memoryGbSeconds, wallGbSeconds };
  const cost = costOf(usage, publishedPrices);
  assert.ok(Math.abs(cost.totalUsd * 100 - total.totalCents) <= 1);
  assert.ok(Math.abs(cost.savedPercent - total.onePerInstance.savedPercent!) < 1e-9);
});

test('half a cent is rounded up; a million instance-years are exact', () => {
  const prices = { ...publishedPrices, perMillionInvocations: 0.005, memoryPerGbHour: 0.01 };
  const yearUs = 365 * 24 * hourUs;
  const rows = Array.from({ length: 1000 }, () => row({ busyUs: 100 * yearUs, memoryMiB: 10_240 }));
  const { total } = bill([...rows, row({ invocations: 1_000_000, busyUs: 1 })], prices);
  assert.equal(total.lines[0]!.amountCents, 1);
  assert.equal(total.lines[2]!.amountCents, 1000 * 100 * 365 * 24 * 10);
});

test('as text', () => {
  const other = row({ project: 'blog\u001b[31m', invocations: 12, cpuUs: 36_000, busyUs: 72_000, wallUs: 36_000 });
  assert.equal(
    billText(bill([...shop, other], publishedPrices)),
    `Usage from 2025-02-19 21:20 to 2025-02-19 22:20 UTC. Amounts in US dollars, each rounded to the cent; totals are sums of amounts shown.

blog\\u001b[31m
  invocations                   0.000012 million  × 0.6               0.00
  active CPU                   0.00001 CPU hours  × 0.128             0.00
  provisioned memory            0.00002 GB-hours  × 0.0106            0.00
  total                                                               0.00
  The same traffic, one invocation per instance, wall-clock:
  invocations                   0.000012 million  × 0.6               0.00
  provisioned memory            0.00001 GB-hours  × 0.18              0.00
  total                                                               0.00
  saved                        -0.00001 GB-hours              0.00 (3.4 %)

shop
  invocations                        2.5 million  × 0.6               1.50
  active CPU                      10.5 CPU hours  × 0.128             1.34
  provisioned memory                203 GB-hours  × 0.0106            2.15
  total                                                               4.99
  The same traffic, one invocation per instance, wall-clock:
  invocations                        2.5 million  × 0.6               1.50
  provisioned memory              1,804 GB-hours  × 0.18            324.72
  total                                                             326.22
  saved                           1,601 GB-hours              321.23 (98.5 %)

All projects
  invocations                   2.500012 million  × 0.6               1.50
  active CPU                  10.50001 CPU hours  × 0.128             1.34
  provisioned memory          203.00002 GB-hours  × 0.0106            2.15
  total                                                               4.99
  The same traffic, one invocation per instance, wall-clock:
  invocations                   2.500012 million  × 0.6               1.50
  provisioned memory        1,804.00001 GB-hours  × 0.18            324.72
  total                                                             326.22
  saved                     1,600.99999 GB-hours              321.23 (98.5 %)
`,
  );
  assert.equal(billText(bill([], publishedPrices)), 'There was no usage.\n');
});

test('as CSV: a spreadsheet reads every cell as what it is, and no name as a formula', () => {
  const evil = '=HYPERLINK("http://x","a, b")';
  const csv = billCsv(bill([row({ project: evil, wallUs: 1, busyUs: hourUs })], publishedPrices));
  const lines = csv.split('\r\n');
  assert.equal(lines[0], 'project,item,unit,quantity,unit_price_usd,amount_usd');
  const name = `"'=HYPERLINK(""http://x"",""a, b"")"`;
  assert.equal(lines[3], `${name},provisioned memory,GB-hour,1,0.0106,0.01`);
  assert.equal(lines[5], `${name},one per instance: memory,GB-hour,0.000000000278,0.18,0.00`);
  assert.equal(lines[7], `${name},saved,GB-hour,-0.999999999722,,-0.01`);
  assert.equal(lines[14], ',saved,GB-hour,-0.999999999722,,-0.01');
  assert.deepEqual([lines.length, lines[15]], [16, '']);
  for (const start of ['+1', '-x', '@x', '\tx', '\r'])
    assert.match(billCsv(bill([row({ project: start })], publishedPrices)), /\r\n"?'/);
});
