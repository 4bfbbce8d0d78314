import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routes } from '../../src/api/routes.ts';
import { rig, temporary } from './rig.ts';

const files = {
  'api/work.js': `export const GET = (request) => {
    const until = performance.now() + Number(new URL(request.url).searchParams.get('ms'));
    while (performance.now() < until);
    return new Response('done');
  };`,
  'package.json': '{"type":"module"}',
};

test('usage is what the meter counted, to the microsecond, over a restart too', async (t) => {
  const dir = temporary(t);
  const first = await rig(t, dir);
  await first.deploy('shop', files);
  for (let at = 0; at < 5; at += 1) await first.get('shop.localhost', `/api/work?ms=${at}`);
  await first.get('shop.localhost', '/nothing');
  const meter = first.platform.status();
  const usage = routes.usage.answer.parse(await first.client.call('usage', { query: { group: 'route' } }));
  assert.equal(usage.totals.invocations, 5);
  assert.equal(usage.totals.starts.cold, 1);
  assert.equal(usage.groups[0]!.route, '/api/work');
  assert.equal(usage.groups[0]!.totals.invocations, 5);
  assert.ok(usage.totals.latencyMs.p50! > 0);
  // What an instance reports meanwhile may be more, never less.
  assert.ok(usage.totals.cpuUs >= Math.round(meter.usage.cpuUs));
  await first.platform.close();

  const second = await rig(t, dir);
  const kept = await second.client.call('usage', { query: { group: 'function' } });
  const ended = first.platform.status();
  assert.equal(kept.totals.invocations, 5);
  assert.equal(kept.totals.cpuUs, Math.round(ended.usage.cpuUs));
  assert.equal(kept.totals.attributedUs, Math.round(ended.usage.attributedUs));
  const bill = routes.bill.answer.parse(await second.client.call('bill', { query: {} }));
  assert.deepEqual(
    bill.projects[0]!.lines.map(({ what, quantity }) => [what, what === 'invocations' ? quantity : quantity > 0]),
    [
      ['invocations', 5 / 1e6],
      ['active CPU', true],
      ['provisioned memory', true],
    ],
  );
  assert.match(await second.client.call('billCsv', { query: {} }), /shop/);
});

test('what happens now is told, also as it goes on', async (t) => {
  const { client, ...platform } = await rig(t);
  await platform.deploy('shop', files);
  await platform.get('shop.localhost', '/api/work?ms=1');
  const now = routes.now.answer.parse(await client.call('now', { query: {} }));
  assert.deepEqual(
    now.functions.map(({ label, isLive, instances }) => ({ label, isLive, instances: instances.length })),
    [{ label: 'shop/api/work', isLive: true, instances: 1 }],
  );
  assert.equal(now.since.invocations, 1);
  const events = await client.request('nowEvents', { query: { project: 'shop' } });
  const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (text.split('event: now').length < 3) text += (await reader.read()).value!;
  await reader.cancel();
  const [, data] = /data: (.*)/.exec(text)!;
  assert.equal(routes.nowEvents.events.parse(JSON.parse(data!)).functions.length, 1);
});
