import assert from 'node:assert/strict';
import type { Behaviours } from './behaviours.ts';
import { begunEcho, isRunning, rig, until } from './rig.ts';

export const life: Behaviours = {
  shared: {
    'its deadline': async (to) => {
      const leftMs = Number(await to.text('/deadline')) - Date.now();
      assert.ok(leftMs > 30_000 && leftMs <= 60_000, `${leftMs} ms left of 60 s`);
    },
  },
  alone: {
    'lines carry the invocation that printed them': async (runtime, context) => {
      const to = await rig(context, runtime);
      await to.get('/pid');
      const names = Array.from({ length: 10 }, (_, index) => `speaker-${index}`);
      const answers = names.map((name) => to.get(`/say/${name}`));
      await Promise.all(names.map((name) => to.said(`${name} begins`)));
      await to.get('/open/say');
      for (const [index, name] of names.entries()) {
        const id = String((await answers[index]!).headers['x-vercel-id'])
          .split('::')
          .at(-1)!;
        for (const what of ['begins', 'ends']) {
          const { invocationId } = await to.said(`${name} ${what}`);
          assert.ok(invocationId !== null && id.endsWith(invocationId), `${name} ${what}: ${invocationId} of ${id}`);
        }
      }
    },

    'work after the answer is finished when it is drained': async (runtime, context) => {
      const to = await rig(context, runtime);
      assert.equal(await to.text('/later/work'), 'now');
      assert.ok(!to.lines.some(({ text }) => text === 'work is done'), 'the answer did not wait for it');
      await to.router.drain();
      await to.said('work is done');
    },

    'drained it finishes what it has, hears that it ends, and nothing of it is left': async (runtime, context) => {
      const to = await rig(context, runtime);
      const pids: number[] = (await to.get('/child')).json();
      assert.equal(pids.length, 3);
      const other = await begunEcho(to);
      const drained = to.router.drain();
      assert.equal(await other.over(), 'begun and over');
      await drained;
      for (const words of runtime.lastWords) await to.said(words);
      await until(() => !pids.some(isRunning));
    },
  },
};
