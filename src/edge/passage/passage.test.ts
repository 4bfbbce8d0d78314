// Requests through a routing table, over real sockets.
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Output } from '../../model/output.ts';
import type { Rule, Routing } from '../../model/routing.ts';
import { deployment, RawClient, route, spec, startEdge } from '../edge.fixture.ts';
import type { Handler, Seen, Started } from '../edge.fixture.ts';

const routing = (rules: readonly Rule[]): Routing => ({ rules, wildcard: [], images: null, afterCacheBypass: [] });

/** Functions `page` and `gate`; files `note.txt`, `404.html`. */
function start(context: TestContext, rules: readonly Rule[], handler: Handler): Promise<Started> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'weir-passage-')));
  context.after(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, 'note.txt'), 'a note');
  writeFileSync(join(dir, '404.html'), 'not here');
  const outputs = new Map<string, Output>([
    ['page', { kind: 'function', functionId: 'dpl_1/page' }],
    ['gate', { kind: 'function', functionId: 'dpl_1/gate' }],
    ['note.txt', { kind: 'file', file: join(dir, 'note.txt'), contentType: null }],
    ['404', { kind: 'file', file: join(dir, '404.html'), contentType: 'text/html; charset=utf-8' }],
  ]);
  const functions = [spec('page'), spec('gate')];
  const built = deployment({ functions, routes: [], outputs, routing: routing(rules) });
  return startEdge(context, handler, { deployments: [built] });
}

const ok: Handler = (seen) => void seen.exchange.reply(200, [], Buffer.from(seen.head.target));
const ask = (port: number, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', ...init });
const middleware: Rule = { src: '^/page$', middlewarePath: '/gate', continue: true };

test('a function, where a rewrite led to it: it sees what the client asked for', async (context) => {
  const rules: Rule[] = [
    { src: '^/(.*)$', headers: { 'x-table': 'yes' }, continue: true },
    { src: '^/blog/(?<slug>[^/]+)$', dest: '/page?slug=$slug' },
  ];
  const { port, invoker } = await start(context, rules, ok);
  const answer = await ask(port, '/blog/a?own=1');
  assert.equal(await answer.text(), '/blog/a?own=1&slug=a');
  assert.equal(answer.headers.get('x-table'), 'yes');
  const [seen] = invoker.all;
  assert.equal(seen!.target.name, 'page');
  assert.equal(seen!.header('x-matched-path'), '/page');
  assert.equal(seen!.header('x-now-route-matches'), '1=a&slug=a');
  assert.equal(seen!.header('x-invocation-id'), seen!.head.id);
  assert.equal(seen!.header('x-forwarded-host'), `127.0.0.1:${port}`);
});

test('files, with what the table says of them; methods that they do not have', async (context) => {
  const rules: Rule[] = [{ src: '^/note.txt$', headers: { 'cache-control': 'max-age=9' }, continue: true }];
  const { port, invoker } = await start(context, rules, ok);
  const answer = await ask(port, '/note.txt');
  assert.deepEqual([answer.status, await answer.text()], [200, 'a note']);
  assert.equal(answer.headers.get('cache-control'), 'max-age=9');
  assert.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
  assert.equal((await ask(port, '/note.txt', { method: 'POST' })).status, 405);
  assert.equal(invoker.all.length, 0);
});

test('redirects; error pages of the deployment’s own, of any method, always whole', async (context) => {
  const rules: Rule[] = [
    { src: '^/old$', status: 308, headers: { Location: '/page' } },
    { src: '^/gone$', status: 410 },
    { handle: 'error' },
    { src: '^/.*$', status: 404, dest: '/404' },
  ];
  const { port } = await start(context, rules, ok);
  const moved = await ask(port, '/old?a=1');
  assert.deepEqual([moved.status, moved.headers.get('location')], [308, '/page?a=1']);
  const missing = await ask(port, '/nowhere', { headers: { 'if-none-match': '*', range: 'bytes=0-1' } });
  assert.deepEqual([missing.status, await missing.text()], [404, 'not here']);
  assert.equal(missing.headers.get('etag'), null);
  assert.equal((await ask(port, '/nowhere', { method: 'POST', body: 'x' })).status, 404);
  assert.equal((await ask(port, '/gone')).status, 410);
});

test('middleware lets a request pass, and says what the function sees', async (context) => {
  const { port, invoker } = await start(context, [middleware], (seen) => {
    if (seen.target.name === 'page') {
      void seen.until(({ bodyEnded }) => bodyEnded).then(ok);
      return;
    }
    const headers = ['x-middleware-next', '1', 'x-from-gate', 'yes', 'x-middleware-override-headers', 'x-user'];
    seen.exchange.head(200, [...headers, 'x-middleware-request-x-user', 'ada']);
  });
  const answer = await ask(port, '/page', { method: 'POST', body: 'the body' });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('x-from-gate'), 'yes');
  const [gate, page] = invoker.all as [Seen, Seen];
  assert.equal(gate.head.hasBody, false);
  assert.deepEqual(
    [gate.header('content-length'), gate.header('content-type')],
    [undefined, 'text/plain;charset=UTF-8'],
  );
  assert.deepEqual(
    [page.header('content-length'), page.header('content-type')],
    ['8', undefined],
    'it overrode the others',
  );
  assert.equal(gate.cancelled, 1, 'nobody waits for its body');
  assert.equal(page.header('x-user'), 'ada');
  assert.equal(page.header('x-middleware-override-headers'), undefined);
  assert.equal(page.body, 'the body');
});

test('middleware that answers itself: streamed, as it came', async (context) => {
  const { port, invoker } = await start(context, [middleware], (seen) => {
    seen.exchange.head(401, ['x-why', 'no ticket']);
    seen.exchange.body(Buffer.from('no '));
    seen.exchange.body(Buffer.from('entry'));
    seen.exchange.end();
  });
  const answer = await ask(port, '/page');
  assert.deepEqual([answer.status, answer.headers.get('x-why')], [401, 'no ticket']);
  assert.equal(await answer.text(), 'no entry');
  assert.equal(invoker.all.length, 1);
});

test('middleware is no page of its own; by which tags an answer can be called back is between function and platform', async (context) => {
  const { port, invoker } = await start(context, [middleware], (seen) => {
    const tags = ['Vercel-Cache-Tag', 'a,b', 'X-Next-Cache-Tags', 'c', 'x-own', 'yes'];
    seen.exchange.reply(200, seen.target.name === 'gate' ? ['x-middleware-next', '1'] : tags, null);
  });
  assert.equal((await ask(port, '/gate')).status, 404);
  assert.equal(invoker.all.length, 0);
  const { headers } = await ask(port, '/page');
  assert.deepEqual(
    [headers.get('vercel-cache-tag'), headers.get('x-next-cache-tags'), headers.get('x-own')],
    [null, null, 'yes'],
  );
});

test('middleware that fails is the middleware’s failure', async (context) => {
  const { port } = await start(context, [middleware], (seen) =>
    seen.exchange.fail({ code: 'FUNCTION_INVOCATION_FAILED', detail: 'Error' }),
  );
  const answer = await ask(port, '/page');
  assert.equal(answer.status, 500);
  assert.equal(answer.headers.get('x-vercel-error'), 'MIDDLEWARE_INVOCATION_FAILED');
});

test('a client that leaves while middleware is asked: it is told, and nothing comes after it', async (context) => {
  const { port, invoker } = await start(context, [middleware], () => undefined);
  const client = new RawClient(port);
  client.socket.write('GET /page HTTP/1.1\r\nHost: a\r\n\r\n');
  const gate = await invoker.nth(1);
  client.socket.destroy();
  await gate.until(({ cancelled }) => cancelled > 0);
  gate.exchange.head(200, ['x-middleware-next', '1']);
  assert.equal(invoker.all.length, 1, 'the page is not asked for a client that is gone');
});

test('what cannot be handed over costs one client an error page', async (context) => {
  const { port } = await start(context, [middleware], (seen) => {
    if (seen.target.name === 'page') throw new Error('a mistake');
    setImmediate(() => seen.exchange.reply(200, ['x-middleware-next', '1'], null));
  });
  assert.equal((await ask(port, '/page')).headers.get('x-vercel-error'), 'INTERNAL_UNEXPECTED_ERROR');
  assert.equal((await ask(port, '/note.txt')).status, 200);
});

test('an answer of middleware that nobody can make anything of costs one client an error page', async (context) => {
  const { port } = await start(context, [middleware], (seen) => {
    setImmediate(() => seen.exchange.reply(200, [undefined as never, 'x'], null));
  });
  assert.equal((await ask(port, '/page')).headers.get('x-vercel-error'), 'INTERNAL_UNEXPECTED_ERROR');
});

test('another origin answers', async (context) => {
  const other = await startEdge(context, (seen) =>
    seen.exchange.reply(200, ['x-host', seen.header('host')!], Buffer.from(seen.head.target)),
  );
  const dest = `http://127.0.0.1:${other.port}/there/$1`;
  const { port } = await start(context, [{ src: '^/api/(.*)$', dest }], ok);
  const answer = await ask(port, '/api/x?a=1');
  assert.deepEqual([answer.headers.get('x-host'), await answer.text()], [`127.0.0.1:${other.port}`, '/there/x?a=1']);
});

test('a rewrite that leads to itself by way of other origins is cut short', async (context) => {
  const rules: Rule[] = [{ src: '^/to/(\\d+)$', dest: 'http://127.0.0.1:$1/to/$1' }];
  const { port, invoker } = await start(context, rules, ok);
  const answer = await ask(port, `/to/${port}`, { headers: { accept: 'application/json' } });
  assert.equal(answer.status, 508);
  assert.match(await answer.text(), /demo \(rewrite\) led to itself 16 times/);
  assert.equal(invoker.all.length, 0);
});

test('a line feed in a path ends no header field', async (context) => {
  const catchAll = deployment({ routing: routing([{ src: '^/old$', dest: '/new' }]) });
  const { port, invoker } = await startEdge(context, ok, { deployments: [catchAll] });
  assert.equal((await ask(port, '/x%0Aauthorization%0Aforged')).status, 200);
  const { headers } = invoker.all[0]!.head;
  assert.equal(invoker.all[0]!.header('x-matched-path'), '/x%0Aauthorization%0Aforged');
  assert.ok(headers.every((text) => !text.includes('\n')));
});

test('what rules and middleware make of a request has limits, and no characters that HTTP does not have', async (context) => {
  const many = Object.entries({ none: 0, some: 200, all: 300 });
  const transforms = many.flatMap(([name, count]) => ({
    src: `^/${name}$`,
    transforms: [
      {
        type: 'request.headers' as const,
        op: 'append' as const,
        target: { key: 'x-more' },
        args: Array.from({ length: count }, () => 'x'),
      },
    ],
    dest: '/page',
  }));
  const rules: Rule[] = [
    ...transforms,
    { src: '^/(long(.*))$', dest: '/page' },
    { src: '^/wide$', transforms: [{ ...transforms[0]!.transforms[0]!, args: '\u010a' }], dest: '/page' },
    { src: '^/away$', transforms: [{ ...transforms[0]!.transforms[0]!, args: '\u010a' }], dest: 'http://127.0.0.1:1/' },
  ];
  const { port, invoker } = await start(context, rules, ok);
  assert.equal((await ask(port, '/some')).status, 200);
  const tooMany = await ask(port, '/all');
  assert.deepEqual([tooMany.status, tooMany.headers.get('x-vercel-error')], [431, 'REQUEST_HEADER_TOO_LARGE']);
  // Each `%` of it is encoded once more for x-now-route-matches.
  const long = await ask(port, `/long${'%C3%A9'.repeat(2200)}`, { headers: { 'x-own': 'x'.repeat(16_000) } });
  assert.equal(long.status, 431);
  for (const path of ['/wide', '/away']) {
    assert.equal((await ask(port, path)).headers.get('x-vercel-error'), 'MALFORMED_REQUEST_HEADER', path);
  }
  assert.equal(invoker.all.length, 1, 'the router was asked for none of these');
});

test('an upgrade goes through middleware and rewrites to its function', async (context) => {
  const rules: Rule[] = [
    { src: '^/socket$', middlewarePath: '/gate', continue: true },
    { src: '^/socket$', dest: '/page' },
  ];
  const { port, invoker } = await start(context, rules, (seen) => {
    if (seen.target.name === 'gate') seen.exchange.reply(200, ['x-middleware-next', '1'], null);
    else seen.exchange.head(101, ['Upgrade', 'echo', 'Connection', 'Upgrade']);
  });
  const client = new RawClient(port);
  client.socket.write('GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly');
  const gate = await invoker.nth(1);
  assert.deepEqual(
    [gate.header('upgrade'), gate.header('connection'), gate.head.upgrade],
    [undefined, undefined, false],
  );
  const page = await invoker.nth(2);
  assert.equal(page.header('upgrade'), 'echo');
  await page.until(({ body }) => body === 'early');
  assert.equal(page.head.upgrade, true);
  page.exchange.goAway!('maxDuration');
  await client.until(({ ended }) => ended);
  client.socket.destroy();
});

test('a plain project has a table, too: its files and functions are what rules lead to', async (context) => {
  const built = deployment({
    functions: [spec('api/[id]')],
    routes: [route('/api/[id]', 'dpl_1/api/[id]')],
    routing: routing([
      { src: '^/old$', status: 307, headers: { Location: '/api/1' } },
      { handle: 'filesystem' },
      { src: '^/v1/(.*)$', dest: '/api/$1' },
    ]),
  });
  const { port } = await startEdge(context, ok, { deployments: [built] });
  assert.equal((await ask(port, '/old')).headers.get('location'), '/api/1');
  assert.equal(await (await ask(port, '/api/7')).text(), '/api/7?id=7');
  assert.equal(await (await ask(port, '/v1/8?id=own')).text(), '/v1/8?id=own');
  assert.equal(await (await ask(port, '/v1/9')).text(), '/v1/9?id=9');
  assert.equal(await (await ask(port, '/api/a%2Fb%20c')).text(), '/api/a%2Fb%20c?id=a%2Fb%20c', 'as without a table');
  assert.equal(await (await ask(port, '/v1/a%252Fb')).text(), '/v1/a%252Fb?id=a%252Fb');
  assert.equal((await ask(port, '/else')).status, 404);
});

test('what answers is known when middleware has said its word, and when the request came stays the client’s', async (context) => {
  let answeredMs = Infinity;
  const { port, invoker } = await start(context, [middleware], (seen) => {
    answeredMs = Math.min(answeredMs, performance.now());
    seen.exchange.reply(200, seen.target.name === 'gate' ? ['x-middleware-next', '1'] : [], null);
  });
  await ask(port, '/page');
  const [gate, page] = invoker.all.map(({ head }) => head);
  assert.equal(page?.receivedMs, gate?.receivedMs);
  assert.ok(gate!.matchedMs! <= answeredMs && answeredMs <= page!.matchedMs!);
});
