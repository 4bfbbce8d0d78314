// What a framework's build left, and a plain project with routing of its own, served by the real command.
import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dev, project, writeFiles } from './weir.ts';

const node = { runtime: 'nodejs24.x', handler: 'index.js', launcherType: 'Nodejs' };
const output = (files: Readonly<Record<string, string | object>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(files).map(([path, content]) => [
      `.vercel/output/${path}`,
      typeof content === 'string' ? content : JSON.stringify(content),
    ]),
  );

test('functions, links, edge functions, files and rules of a build output; a new build is a new version', async (t) => {
  const dir = project(t, {
    'lib/shared.js': "module.exports = 'shared';",
    ...output({
      'config.json': {
        version: 3,
        overrides: { 'about.html': { path: 'about', contentType: 'text/html; charset=utf-8' } },
        routes: [
          { src: '/old', status: 308, headers: { Location: '/about' } },
          { handle: 'filesystem' },
          { src: '/posts/(?<slug>[^/]+)', dest: '/api/mapped?slug=$slug', check: true },
        ],
      },
      'static/about.html': '<p>about',
      'functions/api/mapped.func/.vc-config.json': {
        ...node,
        handler: 'app/index.js',
        shouldAddHelpers: true,
        filePathMap: { 'app/lib/shared.js': 'lib/shared.js' },
      },
      // CommonJS, although the package.json of the project says that its files are ES modules.
      'functions/api/mapped.func/app/index.js': `const shared = require('./lib/shared.js');
        module.exports = (req, res) => res.json([shared, req.query.slug, process.env.NODE_ENV, process.cwd() === require('node:path').dirname(__dirname)]);`,
      'functions/web.func/.vc-config.json': { ...node, useWebApi: true },
      'functions/web.func/package.json': { type: 'module' },
      'functions/web.func/index.js': 'export default async (request) => new Response(new URL(request.url).pathname);',
      'functions/edge.func/.vc-config.json': {
        runtime: 'edge',
        entrypoint: 'index.js',
        assets: [{ name: 'text', path: 'assets/text' }],
      },
      'functions/edge.func/assets/text': 'an asset',
      'functions/edge.func/index.js':
        "export default async () => new Response(`${typeof EdgeRuntime} ${await (await fetch('blob:text')).text()}`);",
    }),
  });
  symlinkSync('web.func', join(dir, '.vercel/output/functions/linked.func'));
  const weir = await dev(t, dir);
  assert.deepEqual((await weir.get('/posts/hello')).json(), ['shared', 'hello', 'production', true]);
  assert.equal((await weir.get('/web')).text, '/web');
  assert.equal((await weir.get('/linked')).text, '/linked');
  assert.equal((await weir.get('/edge')).text, 'string an asset');
  const about = await weir.get('/about');
  assert.deepEqual([about.text, about.headers['content-type']], ['<p>about', 'text/html; charset=utf-8']);
  const old = await weir.get('/old');
  assert.deepEqual([old.status, old.headers.location], [308, '/about']);
  assert.equal((await weir.get('/lib/shared.js')).status, 404, 'the project’s own files are not served');
  assert.equal((await weir.status()).functions.length, 3);

  const from = weir.output().length;
  writeFiles(dir, output({ 'static/about.html': '<p>new', 'config.json': { version: 3 } }));
  await weir.printed(/new version/, from);
  assert.equal((await weir.get('/about.html')).text, '<p>new');
  assert.equal(await weir.stop(), 0);
  assert.doesNotMatch(weir.output(), /error|warn/i);
});

test('an output that cannot be served is refused with file, path and reason', async (t) => {
  const dir = project(
    t,
    output({ 'config.json': { version: 3, routes: [{ src: '/(' }] }, 'functions/a.func/x.js': '' }),
  );
  const failed = await dev(t, dir).then(
    () => null,
    (error: unknown) => String(error),
  );
  assert.match(failed ?? '', /config\.json: routes\[0\]: has invalid src\/source regular expression/);
  assert.match(failed ?? '', /a\.func\/\.vc-config\.json: cannot be read: every function has one/);
});

test('rewrites, redirects, headers and clean URLs of a project without a build', async (t) => {
  const dir = project(t, {
    'api/posts.js': 'export const GET = (request) => new Response(new URL(request.url).search);',
    'api/[id].js': 'export const GET = () => new Response("by its path");',
    'public/about.html': '<p>about',
    'public/docs/index.html': '<p>docs',
    'vercel.json': JSON.stringify({
      cleanUrls: true,
      trailingSlash: false,
      redirects: [{ source: '/blog/:slug', destination: '/posts/:slug', permanent: false }],
      headers: [{ source: '/(.*)', headers: [{ key: 'x-section', value: 'all' }] }],
      rewrites: [
        { source: '/posts/:slug', destination: '/api/posts' },
        { source: '/about', destination: '/api/never' },
      ],
    }),
  });
  const weir = await dev(t, dir);
  const rewritten = await weir.get('/posts/hello?a=1');
  assert.deepEqual([rewritten.status, rewritten.headers['x-section']], [200, 'all']);
  assert.deepEqual(Object.fromEntries(new URLSearchParams(rewritten.text)), { a: '1', slug: 'hello' });
  const moved = await weir.get('/blog/hello');
  assert.deepEqual([moved.status, moved.headers.location], [307, '/posts/hello']);
  const [clean, dirty] = [await weir.get('/about'), await weir.get('/about.html')];
  assert.deepEqual(
    [clean.status, clean.text, clean.headers['content-type']],
    [200, '<p>about', 'text/html; charset=utf-8'],
  );
  assert.deepEqual([dirty.status, dirty.headers.location], [308, '/about']);
  assert.equal((await weir.get('/docs')).text, '<p>docs');
  assert.equal((await weir.get('/docs/')).headers.location, '/docs');
  assert.equal((await weir.get('/api/7')).text, 'by its path');
  assert.equal((await weir.get('/nothing')).status, 404);
  assert.equal(await weir.stop(), 0);
});
