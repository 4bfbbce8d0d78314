import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routes } from '../../src/api/routes.ts';
import { rig } from './rig.ts';

test('lines up to 256 KiB are kept whole, each with its invocation, however many run at once', async (t) => {
  const { client, ...platform } = await rig(t);
  await platform.deploy('shop', {
    'package.json': '{"type":"module"}',
    'api/log.js': `export const GET = async (request) => {
      const name = new URL(request.url).searchParams.get('name');
      await new Promise((done) => setTimeout(done, 20));
      console.log(name + 'x'.repeat(200_000));
      process.stdout.write(name + 'y'.repeat(200_000) + '\\n');
      return new Response(name);
    };`,
  });
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  const answers = await Promise.all(names.map((name) => platform.get('shop.localhost', `/api/log?name=${name}`)));
  for (const [at, name] of names.entries()) {
    const id = answers[at]!.headers.get('x-vercel-id')!.split('::')[1]!;
    const answer = await client.call('invocation', { params: { invocation: id } });
    const { lines } = routes.invocation.answer.parse(answer);
    const kept = lines.map(({ text }) => `${text.slice(0, 2)} ${text.length}`).toSorted();
    assert.deepEqual(kept, [`${name}x 200001`, `${name}y 200001`]);
  }
});
