import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { applicationDir } from './application.ts';
import { both } from './serve.ts';

/** What Next.js itself has made, by the path at which it is found: `about.html` is the page /about. */
function exported(): ReadonlyMap<string, Buffer> {
  const dir = join(applicationDir('next-export'), 'out');
  const files = globSync('**/*', { cwd: dir, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => {
      const file = join(entry.parentPath, entry.name);
      const path = file.slice(dir.length).replace(/\.html$/, '');
      return [path === '/index' ? '/' : path, readFileSync(file)];
    }),
  );
}

test('a static export of Next.js is served as the files that Next.js has made', async (t) => {
  const { weir, same } = await both(t, 'next-export');
  const files = exported();
  for (const path of ['/', '/about', '/posts/first', '/posts/second', '/hello.txt', '/404']) assert.ok(files.has(path));
  assert.ok([...files.keys()].some((path) => /^\/_next\/static\/.*\.(?:css|png)$/.test(path)));
  // Pages, and what its own client asks for of them (.txt); scripts, styles, images.
  for (const [path, bytes] of files) {
    const target = path.replaceAll('$', '%24');
    // The path of the page for what is not there says so on the hosted platform; to `serve` it is a page like others.
    const answer = path === '/404' || path === '/_not-found' ? await weir.get(target) : await same(target);
    assert.deepEqual([answer.status, answer.body.equals(bytes)], [path === '/404' ? 404 : 200, true], path);
  }
  assert.match(String((await weir.get('/about')).headers['content-type']), /^text\/html; charset=utf-8$/);
  for (const path of ['/nowhere', '/posts/third', '/posts/first/nothing']) {
    const missing = await same(path);
    assert.deepEqual([missing.status, missing.body.equals(files.get('/404')!)], [404, true], path);
  }
  // `serve` lists what is in a folder.
  const folder = await weir.get('/posts');
  assert.deepEqual([folder.status, folder.body.equals(files.get('/404')!)], [404, true]);
  const { functions } = await weir.status();
  assert.deepEqual(functions, []);
  assert.equal(await weir.stop(), 0);
});
