import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { goneSoon, isAlive } from '../../../test/conformance/provider.ts';

const program = `
  import { spawn } from 'node:child_process';
  import { LastWill } from ${JSON.stringify(new URL('last-will.ts', import.meta.url).href)};
  const start = () => spawn('sleep', ['60'], { detached: true, stdio: 'ignore' }).pid;
  const [first, left, freed] = [start(), start(), start()];
  const will = new LastWill();
  for (const pid of [first, freed, left]) will.runs(pid);
  will.gone(freed);
  will.gone(freed);
  console.log(JSON.stringify([first, left, freed]));
  setInterval(() => {}, 1000);
`;

test('what a process was answerable for ends with it, also when it is killed', async (t) => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  const [first, left, freed] = JSON.parse(chunk.toString()) as [number, number, number];
  t.after(() => void (isAlive(freed) && process.kill(freed, 'SIGKILL')));
  assert.ok([first, left, freed].every(isAlive));
  child.kill('SIGKILL');
  await goneSoon(first);
  await goneSoon(left);
  assert.ok(isAlive(freed), 'it was told to be gone');
});
