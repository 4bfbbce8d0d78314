import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { channels } from '../../src/base/channels.ts';
import { rig, temporary } from './rig.ts';

const secret = 'correct-horse-battery-staple-0451';
const files = {
  'package.json': '{"type":"module"}',
  'api/know.js': `export const GET = () => new Response(String(process.env.API_KEY === ${JSON.stringify(secret.slice(0, 7))} + ${JSON.stringify(secret.slice(7))}));`,
};

/** Every file below, whole. */
function* contents(dir: string): Generator<[string, Buffer]> {
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    if (statSync(path).isDirectory()) yield* contents(path);
    else yield [path, readFileSync(path)];
  }
}

test('a secret is in its function’s environment, and nowhere else: not on the disk, in no answer, in no line', async (t) => {
  const dir = temporary(t);
  const told: string[] = [];
  const listen = (message: unknown): void => void told.push(JSON.stringify(message));
  for (const channel of Object.values(channels)) channel.subscribe(listen);
  t.after(() => Object.values(channels).forEach((channel) => channel.unsubscribe(listen)));
  const { client, ...platform } = await rig(t, dir);
  const answers: unknown[] = [];
  const params = { project: 'shop', name: 'API_KEY' };
  await client.call('createProject', { body: { name: 'shop' } });
  answers.push(await client.call('setVariable', { params, body: { value: secret, secret: true } }));
  answers.push(await platform.deploy('shop', files));
  assert.equal((await platform.get('shop.localhost', '/api/know')).text, 'true');
  answers.push(await client.call('variables', { params: { project: 'shop' } }));
  answers.push(await client.call('audit', { query: {} }), await client.call('now', { query: {} }));
  answers.push(await client.call('project', { params: { project: 'shop' } }), await client.call('logs', { query: {} }));
  assert.ok(!JSON.stringify([answers, told]).includes(secret));
  const look = (): void => {
    for (const [path, bytes] of contents(dir)) assert.ok(!bytes.includes(secret), path);
  };
  look();
  // What was not written before is at the end.
  await platform.platform.close();
  look();
  const key = readFileSync(join(dir, 'secret.key'));
  for (const [path, bytes] of contents(dir))
    if (!path.endsWith('secret.key')) assert.ok(!bytes.includes(key.subarray(0, 40)), path);
  const again = await rig(t, dir);
  assert.equal((await again.get('shop.localhost', '/api/know')).text, 'true');
});
