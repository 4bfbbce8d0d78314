import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routes } from '../../src/api/routes.ts';
import { rig } from './rig.ts';

const filesOf = (text: string) => ({
  'package.json': '{"type":"module"}',
  'api/hello.js': `export const GET = () => new Response('${text}');`,
});

test('a rolling release: some clients get it, the same ones each time and more at each stage; then all, or none', async (t) => {
  const { client, ...platform } = await rig(t);
  await platform.deploy('shop', filesOf('stable'));
  const canary = await platform.deploy('shop', filesOf('canary'), { promote: false });
  const params = { project: 'shop' };
  const stages = [
    { percent: 10, minutes: null },
    { percent: 50, minutes: null },
    { percent: 100, minutes: null },
  ];
  const order = { params, body: { deployment: canary.id, stages } };
  routes.startRelease.answer.parse(await client.call('startRelease', order));
  const ask = async (cookie?: string) => {
    const headers = cookie === undefined ? {} : { cookie };
    const answer = await platform.get('shop.localhost', '/api/hello', headers);
    return { text: answer.text, cookie: answer.headers.get('set-cookie')?.split(';')[0] ?? cookie };
  };
  // A place of one's own comes from the address; others are said by the cookie, as their browsers keep it.
  const first = await ask();
  assert.match(first.cookie!, /^_vcrr_\w+=dep_\w+\|0?\.?\d/);
  const [name, value] = first.cookie!.split('=') as [string, string];
  const [id] = value.split('|');
  const clients = Array.from({ length: 100 }, (_, at) => `${name}=${id}|${(at + 0.5) / 100}`);
  const whoGets = async (): Promise<number[]> => {
    const answers = await Promise.all(clients.map(ask));
    return answers.flatMap(({ text }, at) => (text === 'canary' ? [at] : []));
  };
  const tenth = await whoGets();
  assert.deepEqual(
    tenth,
    Array.from({ length: 10 }, (_, at) => at),
  );
  assert.deepEqual(await whoGets(), tenth);
  await client.call('approveRelease', { params });
  assert.equal((await whoGets()).length, 50);
  const done = await client.call('approveRelease', { params });
  assert.deepEqual([done.live, done.release], [canary.id, null]);
  assert.equal((await whoGets()).length, 100);

  const next = await platform.deploy('shop', filesOf('next'), { promote: false });
  await client.call('startRelease', { params, body: { deployment: next.id, stages } });
  const aborted = await client.call('abortRelease', { params });
  assert.deepEqual([aborted.live, aborted.release], [canary.id, null]);
  assert.equal((await ask()).text, 'canary');
});
