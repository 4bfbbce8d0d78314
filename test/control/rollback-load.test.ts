import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { test } from 'node:test';
import { get, rig } from './rig.ts';

const filesOf = (text: string) => ({
  'package.json': '{"type":"module"}',
  'api/hello.js': `export const GET = () => new Response('${text}');`,
});

test('rollback and promotion under load: no request fails, and what follows their answer gets what they say', async (t) => {
  const { client, platform, ...rest } = await rig(t);
  const one = await rest.deploy('shop', filesOf('one'));
  const two = await rest.deploy('shop', filesOf('two'));
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  t.after(() => agent.destroy());
  const counts = new Map<string, number>();
  const over = new AbortController();
  const load = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const { status, text } = await get(platform.port, 'shop.localhost', '/api/hello', { agent });
      const what = `${status} ${text}`;
      counts.set(what, (counts.get(what) ?? 0) + 1);
    }
  };
  const clients = Array.from({ length: 32 }, load);
  const asked = (): number => [...counts.values()].reduce((sum, count) => sum + count, 0);
  for (let turn = 0; turn < 20; turn += 1) {
    const isBack = turn % 2 === 0;
    if (isBack) await client.call('rollback', { params: { project: 'shop' }, body: { to: one.id } });
    else await client.call('promote', { params: { id: two.id } });
    assert.equal((await rest.get('shop.localhost', '/api/hello')).text, isBack ? 'one' : 'two');
    // Of each there is some load.
    for (const from = asked(); asked() < from + 100;) await new Promise((resolve) => void setImmediate(resolve));
  }
  over.abort();
  await Promise.all(clients);
  assert.deepEqual([...counts.keys()].toSorted(), ['200 one', '200 two']);
  assert.ok(asked() >= 2000, String(asked()));
});
