import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { openDashboard } from './dashboard.ts';
import type { DashboardRequest } from './dashboard.ts';

async function scene(t: TestContext) {
  const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'weir-test-'));
  t.after(() => fs.rm(directory, { recursive: true, force: true }));
  for (const name of ['index.html', 'app-AAAAAAAA.js', 'style-BBBBBBBB.css', 'icon-cccccccc.svg']) {
    for (const end of ['', '.br', '.gz']) await fs.writeFile(path.join(directory, name + end), `${name}${end}`);
  }
  const dashboard = await openDashboard(directory);
  const ask = (request: Partial<DashboardRequest>) =>
    dashboard.answer({ method: 'GET', path: '/', acceptEncoding: undefined, ifNoneMatch: undefined, ...request });
  return { directory, ask };
}
const textOf = (body: Uint8Array | null | undefined): string => Buffer.from(body ?? []).toString();

test('the page is asked for again each time, its files never', async (t) => {
  const { ask } = await scene(t);
  const page = ask({});
  assert.equal(page?.status, 200);
  assert.equal(textOf(page.body), 'index.html');
  assert.equal(page.headers['Cache-Control'], 'no-cache');
  assert.equal(page.headers['Content-Type'], 'text/html; charset=utf-8');
  const script = ask({ path: '/app-AAAAAAAA.js' });
  assert.equal(script?.headers['Cache-Control'], 'public, max-age=31536000, immutable');
  assert.equal(script?.headers['Content-Type'], 'text/javascript; charset=utf-8');
  assert.equal(ask({ path: '/style-BBBBBBBB.css' })?.headers['Content-Type'], 'text/css; charset=utf-8');
  assert.equal(ask({ path: '/icon-cccccccc.svg' })?.headers['Content-Type'], 'image/svg+xml');
});

test('every answer carries the policy and its companions', async (t) => {
  const { ask } = await scene(t);
  for (const path of ['/', '/app-AAAAAAAA.js']) {
    const { headers } = ask({ path }) ?? assert.fail('nothing was answered');
    assert.equal(
      headers['Content-Security-Policy'],
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
        "base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
    );
    assert.equal(headers['X-Content-Type-Options'], 'nosniff');
    assert.equal(headers['Referrer-Policy'], 'no-referrer');
  }
});

test('the smallest form that the client takes is sent', async (t) => {
  const { ask } = await scene(t);
  const encodings = {
    'gzip, deflate, br': 'br',
    gzip: 'gzip',
    'br;q=0, gzip;q=0.5': 'gzip',
    'br;q=0.0': undefined,
    identity: undefined,
    GZIP: 'gzip',
  };
  for (const [acceptEncoding, encoding] of Object.entries(encodings)) {
    const answer = ask({ acceptEncoding });
    assert.equal(answer?.headers['Content-Encoding'], encoding, acceptEncoding);
    const end = encoding === 'br' ? '.br' : encoding === 'gzip' ? '.gz' : '';
    assert.equal(textOf(answer?.body), `index.html${end}`);
    assert.equal(answer?.headers['Content-Length'], `${'index.html'.length + end.length}`);
    assert.equal(answer?.headers['Vary'], 'Accept-Encoding');
  }
});

test('HEAD has the head alone; what is known already is not sent; other methods are refused', async (t) => {
  const { ask } = await scene(t);
  const head = ask({ method: 'HEAD' });
  assert.equal(head?.body, null);
  assert.equal(head?.headers['Content-Length'], '10');
  const again = ask({ ifNoneMatch: head?.headers['ETag'] });
  assert.equal(again?.status, 304);
  assert.equal(again?.body, null);
  assert.equal(ask({ ifNoneMatch: 'W/"other"' })?.status, 200);
  assert.equal(ask({ method: 'POST' })?.status, 405);
  assert.equal(ask({ method: 'POST' })?.headers['Allow'], 'GET, HEAD');
});

test('other paths are none of its business', async (t) => {
  const { ask } = await scene(t);
  for (const path of ['/index.html', '/v1/me', '/app-AAAAAAAA.js.gz', '/../index.html', '/app']) {
    assert.equal(ask({ path }), null, path);
  }
});

test('a directory without a page is refused at the start', async (t) => {
  const { directory } = await scene(t);
  await fs.rm(path.join(directory, 'index.html'));
  await assert.rejects(openDashboard(directory), /has no index\.html/);
});
