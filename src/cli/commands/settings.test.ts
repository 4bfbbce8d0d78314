import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeControl } from '../control.fixture.ts';
import { home, weir } from '../run.fixture.ts';

test('settings: shown, changed, and refused by name', async (t) => {
  const [control, at] = [await fakeControl(t, {}), home(t)];
  const run = (...args: string[]) => weir(at, control.environment, ['settings', ...args]);
  const shown = await run();
  assert.equal(shown.code, 0, shown.err);
  assert.match(shown.out, /^price\.cpu-hour +0\.128$/m);
  assert.match(shown.err, /on the disk: database 4\.1 kB/);
  const changed = await run('price.cpu-hour=0.1', 'keep.log-days=14', '--json');
  assert.deepEqual(control.asked.at(-1)!.body, { prices: { cpuPerHour: 0.1 }, retention: { logDays: 14 } });
  assert.equal((JSON.parse(changed.out) as { prices: { cpuPerHour: number } }).prices.cpuPerHour, 0.1);
  for (const [change, why] of [
    ['price.gpu=1', /price\.gpu is no setting: price\.cpu-hour/],
    ['price.cpu-hour=cheap', /NAME=NUMBER is expected/],
  ] as const) {
    const refused = await run(change);
    assert.notEqual(refused.code, 0);
    assert.match(refused.err, why);
  }
});
