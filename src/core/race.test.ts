// The core's promise to the letter: what was recalled never ran, and what ran was not recalled, while the loop is blocked
// and freed again in the middle of it. A real process, real sockets, both threads.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../base/random.ts';
import { readLog } from '../tunnel/payload.ts';
import { FakeRouter, type Seen } from './router.fixture.ts';

const timeout = 100_000;
const rounds = 250;
const perRound = 40;

const isEnd = (seen: Seen): boolean => seen.name === 'RESPONSE' || seen.name === 'NACK';

test('10,000 invocations race with their recalls: none runs twice, none is lost', { timeout }, async () => {
  await using router = await FakeRouter.start({ sentinel: true });
  await router.answer(router.request('/hello'));
  await router.until((seen) => seen.from === 'control' && seen.name === 'VITALS');
  const random = seededRandom(20_000);
  const ends = new Map<number, string[]>();
  const begun = new Map<string, number>();
  let recalled = 0;
  for (let round = 0; round < rounds; round += 1) {
    const from = router.seen.length;
    const streams = Array.from({ length: perRound }, (_, index) => {
      const blocks = index % 8 === 0 && random.below(2) === 0;
      return router.request(blocks ? `/block/${random.below(4)}` : '/hello', {
        flush: false,
        stream: slotOf(round, index),
      });
    });
    router.data.writer.flush();
    const late = random.below(3);
    if (late > 0) await new Promise((resolve) => setTimeout(resolve, late));
    for (const stream of streams) if (random.below(4) > 0) router.control.writer.recall(stream);
    router.control.writer.flush();
    let left = perRound;
    const open = new Set(streams);
    await router.until((seen) => isEnd(seen) && open.has(seen.stream) && (left -= 1) === 0, from);
    for (const seen of router.seen.splice(0)) {
      if (seen.name === 'LOG') {
        const id = /^begin (\S+)/.exec(readLog(seen.payload).text)?.[1];
        if (id !== undefined) begun.set(id, (begun.get(id) ?? 0) + 1);
      } else if (isEnd(seen) && open.has(seen.stream)) {
        const key = seen.stream;
        ends.set(key, [...(ends.get(key) ?? []), seen.name]);
        if (seen.name === 'NACK') recalled += 1;
      }
    }
  }
  assert.equal(ends.size, rounds * perRound, 'none is lost');
  for (const [stream, [end, ...more]] of ends) {
    assert.deepEqual(more, [], `stream ${stream.toString(16)} ended once`);
    const times = begun.get(`inv_${stream.toString(16)}`) ?? 0;
    assert.equal(times, end === 'RESPONSE' ? 1 : 0, `stream ${stream.toString(16)}: ${end}, and it ran ${times} times`);
  }
  // Were one of the two ways never taken, nothing would have raced.
  assert.ok(recalled > 100 && recalled < rounds * perRound - 100, `${recalled} were recalled`);
});

/** Every round uses the slots of the one before again, in the next generation. */
const slotOf = (round: number, index: number): number => ((round + 1) * 0x1_0000 + 100 + index) >>> 0;
