// What user code finds in an instance, and what it must not find.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dev, project } from './weir.ts';

test('an instance leaves nothing of the platform in the environment, and does not comment on the module', async (t) => {
  const dir = project(t, {
    'package.json': '{}',
    'api/env.js': `
import { spawnSync } from 'node:child_process';
import { getCompileCacheDir } from 'node:module';
export function GET() {
  const child = spawnSync(process.execPath, ['-p', 'JSON.stringify(process.env)'], { encoding: 'utf8' });
  const names = [...Object.keys(process.env), ...Object.keys(JSON.parse(child.stdout))];
  return Response.json({ names, cached: getCompileCacheDir() !== undefined });
}`,
  });
  const weir = await dev(t, dir);
  const { names, cached } = (await weir.get('/api/env')).json();
  assert.ok(names.includes('VERCEL_URL'));
  assert.deepEqual(
    names.filter((name: string) => /^WEIR_|COMPILE_CACHE/.test(name)),
    [],
  );
  assert.equal(cached, true, 'the instance itself has its bytecode');
  assert.equal(await weir.stop(), 0);
  assert.doesNotMatch(weir.output(), /TYPELESS|to eliminate this warning/i);
});
