import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { read } from '../../e2e/weir.ts';
import type { Behaviours } from './behaviours.ts';
import { begunEcho, isRunning, later, rig, until } from './rig.ts';

const error = (answer: { status: number; headers: Readonly<Record<string, unknown>> }): unknown[] => [
  answer.status,
  answer.headers['x-weir-error'],
];

export const trouble: Behaviours = {
  shared: {
    'a client that leaves is noticed, and the next one is served': async (to) => {
      const hanging = await to.open('GET', '/hang');
      await once(hanging, 'data');
      hanging.destroy();
      await to.said('its client has left');
      assert.equal((await to.get('/pid')).status, 200);
    },

    'a client that leaves before its body is complete': async (to) => {
      const asked = to.begin('POST', '/count', { 'content-length': 1_000_000 });
      asked.on('error', () => undefined);
      asked.write('some of it');
      await to.get('/pid');
      asked.destroy();
      assert.equal((await to.get('/pid')).status, 200);
    },
  },
  alone: {
    'a function that does not read stops its client': async (runtime, context) => {
      const to = await rig(context, runtime);
      await to.get('/pid');
      const asked = to.begin('POST', '/wait/body', { 'content-length': 100_000_000 });
      asked.on('error', () => undefined);
      const answered = once(asked, 'response') as Promise<[IncomingMessage]>;
      const block = Buffer.alloc(1_000_000, 'b');
      let [given, isFull] = [0, false];
      // Until nothing has left for a while: each buffer on the way is full then.
      while (!isFull && given < 100) {
        const hasRoom = asked.write(block);
        given += 1;
        isFull = !hasRoom && (await Promise.race([once(asked, 'drain').then(() => false), later(1_000, true)]));
      }
      assert.ok(isFull && given <= 24, `${given} MB were taken for a function that reads nothing`);
      await to.get('/open/body');
      const [answer] = await answered;
      assert.equal(answer.statusCode, 200);
      asked.destroy();
      assert.equal((await to.get('/pid')).status, 200);
    },

    'an error before the head is a 500 that says so, and harms no neighbour': async (runtime, context) => {
      const to = await rig(context, runtime);
      await to.get('/pid');
      const other = await begunEcho(to);
      assert.deepEqual(error(await to.get('/throw')), [500, 'FUNCTION_INVOCATION_FAILED']);
      // Whoever was there goes on, also where its instance takes nothing new.
      assert.equal(await other.over(), 'begun and over');
      assert.equal((await to.get('/pid')).status, 200);
    },

    'an error after the head cuts the answer off': async (runtime, context) => {
      const to = await rig(context, runtime);
      const answer = await to.open('GET', '/throw-late');
      assert.equal(answer.statusCode, 200);
      await assert.rejects(read(answer), /aborted|ECONNRESET/);
      assert.equal((await to.get('/pid')).status, 200);
    },

    'maxDuration: 504, and the instance goes on': async (runtime, context) => {
      const to = await rig(context, runtime, { maxDurationMs: 1000 });
      const pid = await to.text('/pid');
      assert.deepEqual(error(await to.get('/wait/never')), [504, 'FUNCTION_INVOCATION_TIMEOUT']);
      assert.equal(await to.text('/pid'), pid);
      const begun = await to.open('GET', '/steps/never');
      await assert.rejects(read(begun), /aborted|ECONNRESET/);
      assert.equal(await to.text('/pid'), pid);
    },

    'a process that ends fails what it had, and is replaced': async (runtime, context) => {
      const to = await rig(context, runtime);
      const pid = await to.text('/pid');
      const waiting = to.get('/wait/never');
      const began = await to.open('GET', '/steps/never');
      await until(async () => Number(await to.text('/waiting')) === 1);
      const cut = assert.rejects(read(began), /aborted|ECONNRESET/);
      const crash = [502, 'NO_RESPONSE_FROM_FUNCTION'];
      assert.deepEqual(error(await to.get('/exit')), crash);
      assert.deepEqual(error(await waiting), crash);
      await cut;
      const next = await to.get('/pid');
      assert.equal(next.status, 200);
      assert.notEqual(next.text, pid);
      assert.ok(!isRunning(Number(pid)));
      await to.said('code 7');
    },
  },
};
