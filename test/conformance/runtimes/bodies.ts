import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Behaviours } from './behaviours.ts';
import { rig, until } from './rig.ts';

const sizes = [0, 1, 65_535, 65_536, 65_537, 5_000_000];

/** What comes next of a body, until it ends with `text`. */
async function heard(answer: IncomingMessage, text: string): Promise<void> {
  let all = '';
  while (!all.endsWith(text)) {
    const [chunk] = (await once(answer, 'data')) as [Buffer];
    all += chunk.toString();
  }
  assert.equal(all, text);
}

export const bodies: Behaviours = {
  shared: {
    'bodies of all sizes, both ways': async (to) => {
      for (const bytes of sizes) {
        const body = randomBytes(bytes);
        const sha256 = createHash('sha256').update(body).digest('hex');
        for (const headers of [{ 'content-length': bytes }, { 'transfer-encoding': 'chunked' }]) {
          assert.deepEqual((await to.send('POST', '/count', body, headers)).json(), { bytes, sha256 });
          const echoed = await to.send('POST', '/echo', body, headers);
          assert.ok(echoed.body.equals(body), `${echoed.body.length} of ${bytes} bytes came back`);
        }
        assert.equal((await to.get(`/stream/${bytes}`)).body.length, bytes);
      }
    },

    'both ways at once: each piece only after the one before it has come back': async (to) => {
      const asked = to.begin('POST', '/echo');
      asked.write('piece 0');
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      for (let count = 1; count <= 5; count += 1) {
        await heard(answer, `piece ${count - 1}`);
        asked.write(`piece ${count}`);
      }
      await heard(answer, 'piece 5');
      asked.end();
      answer.resume();
      await once(answer, 'end');
    },

    'what is written arrives before more is written': async (to) => {
      const answer = await to.open('GET', '/steps/pieces');
      for (const step of ['one', 'two', 'three']) {
        await heard(answer, step);
        await to.get(`/open/pieces-${step}`);
      }
      await heard(answer, 'over');
      if (!answer.readableEnded) await once(answer, 'end');
    },

    'a client that does not read stops its writing; then all of it arrives': async (to) => {
      const bytes = 60_000_000;
      const answer = await to.open('GET', `/stream/${bytes}`);
      answer.pause();
      let before = -1;
      // Every buffer on the way is full once it writes no more.
      await until(async () => {
        await new Promise((resolve) => setTimeout(resolve, 200));
        const now = Number(await to.text('/written'));
        const stands = now === before;
        before = now;
        return stands;
      });
      assert.ok(before < 24_000_000, `${before} bytes were written for a reader that reads nothing`);
      let count = 0;
      for await (const chunk of answer) count += (chunk as Buffer).length;
      assert.equal(count, bytes);
    },
  },
  alone: {
    'many in one instance: fifty wait for what another one does': async (runtime, context) => {
      // With all of its places: nothing is known of it yet.
      const to = await rig(context, runtime);
      const pid = await to.text('/pid');
      const many = Array.from({ length: 50 }, () => to.text('/wait/many'));
      await until(async () => Number(await to.text('/waiting')) === 50);
      await to.get('/open/many');
      assert.deepEqual([...new Set(await Promise.all(many))], [pid]);
    },
  },
};
