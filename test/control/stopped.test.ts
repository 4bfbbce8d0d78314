import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { test } from 'node:test';
import { get, rig } from './rig.ts';

const files = {
  'package.json': '{"type":"module"}',
  'api/seen.js': 'export const GET = () => new Response("seen");',
  'api/never.js': 'export const GET = () => new Response("cold");',
};

test('when the control stops, what was published is served on: warm, cold, and while it stops', async (t) => {
  const { client, platform, ...rest } = await rig(t);
  const preview = await rest.deploy('shop', files, { target: 'preview' });
  await rest.deploy('shop', files);
  const agent = new Agent({ keepAlive: true, maxSockets: 50 });
  t.after(() => agent.destroy());
  let stopped = false;
  let after = 0;
  const client50 = async (): Promise<void> => {
    for (let left = 20; left > 0; left -= stopped ? 1 : 0) {
      const answer = await get(platform.port, 'shop.localhost', '/api/seen', { agent });
      assert.deepEqual([answer.status, answer.text], [200, 'seen']);
      if (stopped) after += 1;
    }
  };
  const clients = Array.from({ length: 50 }, client50);
  await platform.control!.close();
  stopped = true;
  await assert.rejects(client.call('projects'), TypeError);
  await Promise.all(clients);
  assert.equal(after, 50 * 20);
  // Nobody has asked for these before: instances are started without the control.
  assert.equal((await rest.get('shop.localhost', '/api/never')).text, 'cold');
  assert.equal((await rest.get(new URL(preview.url).hostname, '/api/never')).text, 'cold');
});
