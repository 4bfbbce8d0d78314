import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { repository, run } from '../e2e/weir.ts';
import { applicationNames, prepare } from './application.ts';

test('weir start serves all applications together, each under its own name', async (t) => {
  for (const name of applicationNames) await prepare(name);
  const weir = await run(t, ['start', join(repository, 'frameworks'), '--port', '0']);
  for (const name of applicationNames) {
    const host = `${name}.localhost:${weir.port}`;
    const home = await weir.get('/', { host });
    assert.deepEqual([home.status, /Weir and /.test(home.text)], [200, true], name);
    assert.match((await weir.get('/hello.txt', { host })).text, /^A file of its own/, name);
  }
  assert.equal(await weir.stop(), 0);
});
