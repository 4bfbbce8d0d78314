import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { type Log, textLog } from '../base/log.ts';
import { systemRandom } from '../base/random.ts';
import { rehearse } from './rehearsal.ts';

function place(context: TestContext): { directory: string; log: Log; lines: string[] } {
  const directory = mkdtempSync(join(tmpdir(), 'weir-rehearsal-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const lines: string[] = [];
  return { directory, lines, log: textLog((line) => void lines.push(line), 'debug') };
}

const [clock, random] = [systemClock, systemRandom];

test('every request is answered, and nothing is left or said', async (context) => {
  const { directory, log, lines } = place(context);
  const before = process.getActiveResourcesInfo().length;
  await rehearse({ clock, random, log, directory }).done;
  assert.deepEqual(lines, []);
  assert.deepEqual(readdirSync(directory), []);
  assert.equal(process.getActiveResourcesInfo().length, before);
});

test('one that fails does so quietly', async (context) => {
  const { directory, log, lines } = place(context);
  await rehearse({ clock, random, log, directory: join(directory, 'missing') }).done;
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^debug: the rehearsal failed/);
});

test('one that is stopped ends, whatever it was at', async (context) => {
  const { directory, log, lines } = place(context);
  for (const turns of [0, 1, 2, 3, 5, 8, 13, 21]) {
    const rehearsal = rehearse({ clock, random, log, directory });
    for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    rehearsal.stop();
    await rehearsal.done;
    assert.deepEqual(readdirSync(directory), [], `after ${turns} turns`);
  }
  assert.deepEqual(lines, []);
});
