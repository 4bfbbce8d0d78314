import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { VirtualClock } from '../../test/sim/virtual-clock.ts';
import { MemoryWatch } from './memory-watch.ts';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a look that fails is made again, and its failure is nobody’s', async () => {
  const clock = new VirtualClock();
  const answers = [new Error('EMFILE'), new Map([[7, 50]]), new Map([[7, 101]])];
  const sample = async (): Promise<Map<number, number>> => {
    const answer = answers.shift();
    if (answer instanceof Map) return answer;
    throw answer;
  };
  const watch = new MemoryWatch({ clock, sample, periodMs: 100 });
  const exceeded: number[] = [];
  watch.add({ pid: 7, limitBytes: 100, exceeded: (rssBytes) => exceeded.push(rssBytes) });
  for (let look = 0; look < 3; look += 1) {
    assert.deepEqual(exceeded, []);
    clock.advance(100);
    await settled();
  }
  assert.deepEqual(exceeded, [101]);
});

const exhausted = `
  import { openSync } from 'node:fs';
  import { readUsage, sampleRss } from ${JSON.stringify(new URL('proc.ts', import.meta.url).href)};
  try { for (;;) openSync('/dev/null'); } catch (error) { console.log(error.code); }
  console.log(readUsage(process.pid), (await sampleRss([process.pid], 'linux')).size);
`;

test('a process that has no descriptor left knows nothing of others, and goes on', () => {
  const script = 'ulimit -n 64; exec "$0" --input-type=module -e "$1"';
  const said = execFileSync('/bin/sh', ['-c', script, process.execPath, exhausted], { encoding: 'utf8' });
  assert.equal(said, 'EMFILE\nnull 0\n');
});
