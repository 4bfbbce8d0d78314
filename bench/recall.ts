// What waits behind user code that blocks the loop: how soon the sentinel gives it back, and how soon it is answered.
import { get } from 'node:http';
import { FakeRouter } from '../src/core/router.fixture.ts';
import { quantile, section } from './report.ts';
import type { Row, Section } from './report.ts';
import { weir } from './targets.ts';

const blocks = 5;
const perBlock = 40;

export async function recalls(): Promise<Section[]> {
  return [
    section('RECALL to NACK while user code blocks the loop for 2 s', [await recallToNack()]),
    section('Invocations sent to an instance whose loop is blocked for 2 s: until another has answered', [
      await elsewhere(),
    ]),
  ];
}

const spread = (tookMs: readonly number[]): Row => ({
  samples: tookMs.length,
  'p50 ms': quantile(tookMs, 0.5),
  'p99 ms': quantile(tookMs, 0.99),
  'max ms': Math.max(...tookMs),
});

/** A real instance; the router is the tests' own. */
async function recallToNack(): Promise<Row> {
  await using router = await FakeRouter.start({ sentinel: true });
  await router.answer(router.request('/hello'));
  await router.until((seen) => seen.from === 'control' && seen.name === 'VITALS');
  const tookMs: number[] = [];
  for (let block = 0; block < blocks; block += 1) {
    const from = router.seen.length;
    const blocking = router.request('/block/2000');
    await router.until((seen) => (seen.vitals?.loopStuckMs ?? 0) > 0, from);
    for (let count = 0; count < perBlock; count += 1) {
      const stream = router.request('/hello');
      const startedMs = performance.now();
      router.control.writer.recall(stream);
      router.control.writer.flush();
      await router.frameOf(stream, 'NACK');
      tookMs.push(performance.now() - startedMs);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await router.answer(blocking);
  }
  return spread(tookMs);
}

const blocking = `
import { createServer } from 'node:http';
createServer((req, res) => {
  if (req.url === '/block') for (const untilMs = performance.now() + 2000; performance.now() < untilMs; );
  res.end('ok');
}).listen(3000);`;

/** The whole platform, five times over: from nothing but one warm instance. */
async function elsewhere(): Promise<Row> {
  const tookMs: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const target = await weir({ name: 'Weir blocked', files: { 'server.js': blocking } });
    const ask = (path: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const startedMs = performance.now();
        get(target.origin + path, { agent: false }, (response) => {
          response.resume();
          response.on('end', () => resolve(performance.now() - startedMs));
        }).on('error', reject);
      });
    try {
      await ask('/');
      await new Promise((resolve) => setTimeout(resolve, 500));
      const blocked = ask('/block');
      await new Promise((resolve) => setTimeout(resolve, 5));
      tookMs.push(...(await Promise.all(Array.from({ length: 10 }, () => ask('/')))));
      await blocked;
    } finally {
      await target.stop();
    }
  }
  return spread(tookMs);
}
