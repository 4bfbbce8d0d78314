// How soon the sentinel answers a recall while user code blocks the loop. A real instance; the router is the tests' own.
import { FakeRouter } from '../src/core/router.fixture.ts';
import { quantile, section } from './report.ts';
import type { Section } from './report.ts';

const blocks = 5;
const perBlock = 40;

export async function recalls(): Promise<Section[]> {
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
  const row = {
    recalls: tookMs.length,
    'p50 ms': quantile(tookMs, 0.5),
    'p99 ms': quantile(tookMs, 0.99),
    'max ms': Math.max(...tookMs),
  };
  return [section('RECALL to NACK while user code blocks the loop for 2 s', [row])];
}
