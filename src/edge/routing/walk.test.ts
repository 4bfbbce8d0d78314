import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../base/limits.ts';
import type { Rule } from '../../model/routing.ts';
import { applyEdits } from './effects.ts';
import { headerOf, route, told, walkOf } from './routing.fixture.ts';
import type { Step } from './step.ts';

const step = (
  rules: readonly Rule[],
  outputs: readonly string[],
  ...asked: [string, Parameters<typeof walkOf>[3]?]
): Step => walkOf(rules, outputs, ...asked).next();

test('without rules: what is there, and what is not', () => {
  assert.equal(route([], ['index.html', 'a', 'b/index'], '/'), 'index.html /');
  assert.equal(route([], ['a'], '/a?x=1'), 'a /a?x=1');
  assert.equal(route([], ['b/index'], '/b/'), 'b/index /b/');
  assert.equal(route([], ['a'], '/b'), '404 NOT_FOUND');
});

test('two slashes: GET is sent to one, the others are taken as one', () => {
  assert.equal(route([], ['a/b'], '/a//b?x=//'), '301 -> /a/b?x=//');
  assert.equal(route([], [], '//evil.example//x'), '301 -> /evil.example/x');
  assert.equal(route([], ['a/b'], '///a//b', { method: 'POST' }), 'a/b /a/b');
});

test('continue: path, status and headers are kept for the next rules', () => {
  const rules: Rule[] = [
    { src: '^/a$', dest: '/b?from=a', status: 201, headers: { 'X-A': '1' }, continue: true },
    { src: '^/b$', headers: { 'x-b': '2', 'x-a': 'over' }, continue: true },
    { src: '^/a$', headers: { 'x-never': '1' }, continue: true },
  ];
  const found = step(rules, ['a', 'b'], '/a');
  assert.equal(told(found), '201 b /a?from=a');
  assert.deepEqual(found.kind === 'output' && found.effects.responseHeaders, ['x-b', '2', 'x-a', 'over']);
});

test('a rule without continue and check is the last word of its phase, also without anything to say', () => {
  const rules: Rule[] = [
    { src: '^/\\.well-known/.*$' },
    { src: '^/(.*)$', headers: { Location: '/$1/' }, status: 308 },
  ];
  assert.equal(route(rules, ['.well-known/x'], '/.well-known/x'), '.well-known/x /.well-known/x');
  assert.equal(route(rules, [], '/x'), '308 -> /x/');
});

test('a last word that leads nowhere was none', () => {
  const rules: Rule[] = [
    { src: '^/a$', dest: '/none?x=1', headers: { 'x-a': '1' } },
    { handle: 'filesystem' },
    { src: '^/a$', dest: '/b' },
  ];
  assert.equal(route(rules, ['b'], '/a'), 'b /a');
  assert.equal(route(rules, [], '/a'), '404 NOT_FOUND');
});

test('a function sees the path that was asked, with the merged query; the request wins', () => {
  const rules: Rule[] = [
    { handle: 'filesystem' },
    { src: '^/u/(?<id>[^/]+)$', dest: '/api/user?id=$id&x=1', check: true },
  ];
  assert.equal(route(rules, ['api/user'], '/u/7?x=2'), 'api/user /u/7?x=2&id=7');
  assert.equal(route(rules, ['api/user'], '/u/a%26b+c'), 'api/user /u/a%26b+c?id=a%26b%2Bc&x=1');
});

test('x-now-route-matches and x-matched-path', () => {
  const rules: Rule[] = [
    { src: '^/(?<lang>de|en)/(.*)$', dest: '/$2', continue: true },
    { handle: 'filesystem' },
    { src: '^/u/(?<nxtPid>[^/]+)(/x)?$', dest: '/u/[id]?nxtPid=$nxtPid', check: true },
  ];
  const found = step(rules, ['u/[id]'], '/de/u/a%20b');
  assert.ok(found.kind === 'output');
  assert.equal(found.routeMatches, '1=a%2520b&lang=de&nxtPid=a%2520b');
  assert.equal(found.matchedPath, '/u/[id]');
  const plain = step(rules, ['about'], '/about');
  assert.ok(plain.kind === 'output');
  assert.equal(plain.routeMatches, null);
});

test('check: what is there, else miss rules, else the rule is as if it went on', () => {
  const rules: Rule[] = [
    { handle: 'filesystem' },
    { src: '^/a$', dest: '/b', check: true, headers: { 'x-check': '1' } },
    { src: '^/b$', dest: '/c', check: true },
    { handle: 'miss' },
    { src: '^/b$', dest: '/src/b', check: true, headers: { 'x-check': 'miss', 'x-miss': '1' } },
  ];
  assert.equal(route(rules, ['b', 'src/b', 'c'], '/a'), 'b /a');
  const missed = step(rules, ['src/b', 'c'], '/a');
  assert.equal(told(missed), 'src/b /a');
  assert.equal(headerOf(missed, 'x-check'), '1', 'miss rules do not override');
  assert.equal(headerOf(missed, 'x-miss'), '1');
  const on = step(rules, ['c'], '/a');
  assert.equal(told(on), 'c /a');
  assert.equal(headerOf(on, 'x-miss'), null, 'what led nowhere is taken back');
});

test('a checked rule with a status ends with it where there is nothing', () => {
  const rules: Rule[] = [
    { handle: 'filesystem' },
    { src: '^/data/.*$', dest: '/404', status: 404, check: true },
    { src: '^/data/.*$', dest: '/page', check: true },
  ];
  assert.equal(route(rules, ['404', 'page'], '/data/x'), '404 404 /data/x');
  assert.equal(route(rules, ['page'], '/data/x'), '404 rule');
});

test('miss: after start already, before the rewrites of filesystem', () => {
  const rules: Rule[] = [
    { handle: 'filesystem' },
    { src: '^/(.*)$', dest: '/all', check: true },
    { handle: 'miss' },
    { src: '^/static/.+$', dest: '/not-found.txt', status: 404, check: true },
    { src: '^/static/.+$', headers: { 'x-m': '1' }, continue: true },
  ];
  assert.equal(route(rules, ['all', 'not-found.txt'], '/static/x'), '404 not-found.txt /static/x');
  assert.equal(route(rules, ['all', 'not-found.txt', 'static/x'], '/static/x'), 'static/x /static/x');
  const gone = step([{ handle: 'miss' }, { src: '^/.*$', headers: { 'x-m': '1' }, continue: true }], [], '/x');
  assert.equal(told(gone), '404 NOT_FOUND');
  assert.equal(headerOf(gone, 'x-m'), '1');
});

test('rewrite: after each checked rule and at the end of filesystem, never after start', () => {
  const dynamic: Rule[] = [
    { handle: 'rewrite' },
    { src: '^/blog/first$', dest: '/none', check: true },
    { src: '^/blog/(?<nxtPslug>[^/]+)$', dest: '/blog/[slug]?nxtPslug=$nxtPslug', check: true },
    { src: '^/none$', dest: '/wrong', check: true },
    { src: '^/data/.*$', dest: 'catchall' },
    { src: '^/data/.*$', dest: '/wrong' },
  ];
  const after: Rule[] = [{ handle: 'filesystem' }, { src: '^/news/(.*)$', dest: '/blog/$1', check: true }];
  const outputs = ['blog/[slug]', 'catchall', 'wrong', 'override'];
  assert.equal(route(dynamic, outputs, '/blog/first'), 'blog/[slug] /blog/first?nxtPslug=first', 'the path stays');
  assert.equal(route([...after, ...dynamic], outputs, '/news/x'), 'blog/[slug] /news/x?nxtPslug=x');
  assert.equal(route(dynamic, outputs, '/data/x'), 'catchall /data/x');
  assert.equal(route(dynamic, ['wrong'], '/data/x'), '404 NOT_FOUND', 'the last word');
  const overriding: Rule[] = [{ handle: 'filesystem' }, { src: '^/blog/(.*)$', dest: '/override', check: true }];
  assert.equal(route([...overriding, ...dynamic], outputs, '/blog/x'), 'override /blog/x');
});

test('rewrite rules that restore a path come before it is looked for', () => {
  const hasData = [{ type: 'header', key: 'x-nextjs-data' }] as const;
  const rules: Rule[] = [
    { src: '^/_next/data/ID/(.*)\\.json$', dest: '/$1', continue: true },
    { src: '^/(?!_next)(.*)$', dest: '/_next/data/ID/$1.json', has: hasData, continue: true },
    { handle: 'filesystem' },
    { src: '^/_next/data/ID/(.*)\\.json$', dest: '/$1', continue: true },
    { src: '^/old$', dest: '/about', check: true },
    { handle: 'rewrite' },
    { src: '^/(?!_next)(.*)$', dest: '/_next/data/ID/$1.json', has: hasData, continue: true },
    { src: '^/_next/data/ID/(.*)\\.json$', headers: { 'x-nextjs-matched-path': '/$1' }, continue: true },
    { src: '^/_next/data/ID/(.*)\\.json$', dest: '__next_data_catchall' },
  ];
  const outputs = ['about', '_next/data/ID/about.json', '__next_data_catchall'];
  const headers = { 'x-nextjs-data': '1' };
  const data = (name: string): string => route(rules, outputs, `/_next/data/ID/${name}.json`, { headers });
  assert.equal(data('about'), '_next/data/ID/about.json /_next/data/ID/about.json');
  assert.equal(data('old'), '_next/data/ID/about.json /_next/data/ID/old.json', 'not the page');
  assert.equal(data('none'), '__next_data_catchall /_next/data/ID/none.json');
  assert.equal(route(rules, outputs, '/old'), 'about /old');
});

test('miss rules before those of rewrite', () => {
  const rules: Rule[] = [
    { handle: 'miss' },
    { src: '^/(?<path>.+)\\.part$', dest: '/$path.all', check: true },
    { handle: 'rewrite' },
    { src: '^/(.*)$', dest: '/dynamic', check: true },
  ];
  assert.equal(route(rules, ['a.all', 'dynamic'], '/a.part'), 'a.all /a.part');
  assert.equal(route(rules, ['a.all', 'dynamic'], '/b.part'), 'dynamic /b.part');
});

test('rules see a path without needless encoding, functions as it was asked', () => {
  const rules: Rule[] = [{ src: '^/ab$', dest: '/c', methods: ['GET'] }];
  assert.equal(route(rules, ['c', 'ab'], '/%61b'), 'c /%61b');
  assert.equal(route(rules, ['a+b'], '/a%2bb'), 'a+b /a%2bb');
});

test('resource: the last rewrites, then the verdict', () => {
  const rules: Rule[] = [
    { handle: 'resource' },
    { src: '^/legacy/(.*)$', dest: 'https://old.example/$1?k=1', respectOriginCacheControl: true, check: true },
    { src: '^/.*$', status: 404 },
    { handle: 'rewrite' },
    { src: '^/legacy/(known)$', dest: '/known', check: true },
    { handle: 'error' },
    { src: '^/.*$', dest: '/500', status: 500 },
    { src: '^/.*$', dest: '/gone', status: 404 },
    { src: '^/.*$', dest: '/404', status: 404 },
  ];
  const external = step(rules, [], '/legacy/a?x=1');
  assert.equal(told(external), 'external https://old.example/a?x=1&k=1');
  assert.ok(external.kind === 'external');
  assert.equal(route(rules, ['known'], '/legacy/known'), 'known /legacy/known');
  assert.equal(route(rules, ['404', '500'], '/x'), '404 rule 404');
});

test('hit: headers for what was found, which override none; it says nothing of the status', () => {
  const rules: Rule[] = [
    { src: '^/a$', headers: { 'cache-control': 'mine' }, continue: true },
    { handle: 'hit' },
    { src: '^/.*$', headers: { 'cache-control': 'theirs', 'x-hit': '1' }, continue: true, important: true },
    { src: '^/b$', status: 500 },
    { src: '^/b$', headers: { 'x-never': '1' }, continue: true },
  ];
  const a = step(rules, ['a', 'b'], '/a');
  assert.ok(a.kind === 'output');
  assert.deepEqual(a.effects.responseHeaders, ['cache-control', 'mine']);
  assert.deepEqual(a.effects.importantHeaders, ['x-hit', '1']);
  const b = step(rules, ['a', 'b'], '/b');
  assert.equal(told(b), 'b /b');
  assert.equal(headerOf(b, 'x-never'), null);
  assert.equal(headerOf(step(rules, [], '/c'), 'x-hit'), null);
});

test('redirects: the query of the request goes along, a client does not choose the host', () => {
  const rules: Rule[] = [
    { src: '^/(?<path>.+)/$', headers: { Location: '/$path' }, status: 308, continue: true },
    { src: '^/go/(.*)$', headers: { location: '/$1/' }, status: 307 },
    { src: '^/out$', dest: 'https://other.example/x?y=1', status: 302 },
    { src: '^/in$', dest: '/there', status: 302 },
    { src: '^/q$', headers: { Location: '/r?s=1' }, status: 307 },
    { src: '^/.*$', headers: { 'x-later': '1' }, continue: true },
  ];
  const pending = step(rules, ['a'], '/a/?b=1');
  assert.equal(told(pending), '308 -> /a?b=1');
  assert.equal(headerOf(pending, 'x-later'), '1', 'rules after a redirect that continues');
  assert.equal(route(rules, [], '/go/'), '307 -> /');
  assert.equal(route(rules, [], '/go/%2Fevil.example'), '307 -> /%2Fevil.example/');
  assert.equal(route(rules, [], '/out?z=1'), '302 -> https://other.example/x?z=1&y=1');
  assert.equal(route(rules, [], '/in?z=1'), '302 -> /there?z=1');
  assert.equal(route(rules, [], '/q?z=1'), '307 -> /r?s=1');
  assert.equal(route([{ src: '^/n$', status: 304 }], ['n'], '/n'), '304 rule', 'no redirect without a place');
});

test('a status set on the way: of what is found, or the answer', () => {
  const rules: Rule[] = [
    { src: '^/404$', status: 404, continue: true },
    { handle: 'error' },
    { src: '^/.*$', dest: '/_not-found', status: 404 },
  ];
  assert.equal(route(rules, ['404', '_not-found'], '/404'), '404 404 /404');
  assert.equal(route(rules, ['_not-found'], '/404'), '404 rule _not-found');
  assert.equal(route([{ src: '^/ok$', status: 204 }], ['ok'], '/ok'), '204 rule');
});

test('methods, has, missing', () => {
  const rules: Rule[] = [
    { src: '^/a$', methods: ['post', 'PUT'], dest: '/write' },
    { src: '^/a$', has: [{ type: 'host', value: '(?<tenant>.+)\\.example\\.com' }], dest: '/tenant?name=$tenant' },
    { src: '^/a$', missing: [{ type: 'cookie', key: 'session' }], dest: '/login' },
  ];
  const outputs = ['a', 'write', 'tenant', 'login'];
  assert.equal(route(rules, outputs, '/a', { method: 'POST' }), 'write /a');
  assert.equal(route(rules, outputs, '/a', { host: 'One.Example.com:3000' }), 'tenant /a?name=one');
  assert.equal(route(rules, outputs, '/a'), 'login /a');
  assert.equal(route(rules, outputs, '/a', { headers: { cookie: 'session=1' } }), 'a /a');
});

test('wildcard: by the host', () => {
  const rules: Rule[] = [{ src: '^/(?!_next)(.*)$', dest: '$wildcard/$1', continue: true }];
  const wildcard = [{ domain: 'example.de', value: '/de' }];
  assert.equal(route(rules, ['de/a', 'a'], '/a', { host: 'EXAMPLE.de:80', wildcard }), 'de/a /a');
  assert.equal(route(rules, ['de/a', 'a'], '/a', { wildcard }), 'a /a');
});

test('locale: a redirect by language, and rules go on', () => {
  const rules: Rule[] = [
    { src: '^/$', locale: { redirect: { en: '/', de: '/de' }, cookie: 'NEXT_LOCALE' }, continue: true },
    { src: '^/$', dest: '/en', continue: true },
  ];
  const german = { 'accept-language': 'de' };
  assert.equal(route(rules, ['en', 'de'], '/?a=1', { headers: german }), '307 -> /de?a=1');
  assert.equal(route(rules, ['en', 'de'], '/', { headers: { ...german, cookie: 'NEXT_LOCALE=en' } }), 'en /');
  assert.equal(route(rules, ['en', 'de'], '/'), 'en /');
  const both: Rule[] = [{ src: '^/$', locale: { redirect: { de: 'https://example.de/' } }, continue: true }, ...rules];
  assert.equal(route(both, ['en', 'de'], '/', { headers: german }), '307 -> https://example.de/', 'the first one');
});

test('mitigate', () => {
  assert.equal(route([{ src: '^/a$', mitigate: { action: 'deny' } }], ['a'], '/a'), '403 deny');
  assert.equal(route([{ src: '^/a$', mitigate: { action: 'challenge' } }], ['a'], '/%61'), '403 challenge');
});

test('transforms: of headers, query and path, with what the pattern and the environment have', () => {
  const rules: Rule[] = [
    {
      src: '^/svc/(?<rest>.*)$',
      continue: true,
      transforms: [
        { type: 'request.headers', op: 'set', target: { key: 'Authorization' }, args: 'Bearer $TOKEN', env: ['TOKEN'] },
        { type: 'request.headers', op: 'append', target: { key: 'x-list' }, args: ['a', '$rest'] },
        { type: 'request.headers', op: 'delete', target: { key: { pre: 'x-internal-' } } },
        { type: 'request.headers', op: 'set', target: { key: 'content-length' }, args: '0' },
        { type: 'response.headers', op: 'set', target: { key: 'x-via' }, args: 'svc' },
        { type: 'request.query', op: 'set', target: { key: 'q' }, args: 'a b' },
        { type: 'request.query', op: 'delete', target: { key: { inc: ['utm', 'ref'] } } },
        { type: 'request.path', op: 'set', args: '/$rest' },
      ],
    },
    { src: '^/svc/.*$', has: [{ type: 'header', key: 'authorization', value: 'Bearer s3' }], dest: '/backend' },
  ];
  const found = step(rules, ['backend'], '/svc/a/b?utm=1&x=2&ref=3', { environment: { TOKEN: 's3' } });
  assert.equal(told(found), 'backend /a/b?x=2&q=a%20b');
  assert.ok(found.kind === 'output');
  const before = ['X-Internal-A', '1', 'authorization', 'mine', 'content-length', '5'];
  assert.deepEqual(applyEdits(before, found.effects.requestEdits), [
    'content-length',
    '5',
    'authorization',
    'Bearer s3',
    'x-list',
    'a',
    'x-list',
    'a/b',
  ]);
  assert.deepEqual(found.effects.responseEdits, [{ op: 'set', target: 'x-via', values: ['svc'] }]);
});

test('fail: the page for a status, without what was said of the output that failed', () => {
  const rules: Rule[] = [
    { src: '^/.*$', headers: { 'x-all': '1' }, continue: true },
    { handle: 'hit' },
    {
      src: '^/(.*)$',
      headers: { 'x-matched-path': '/$1', 'cache-control': 'immutable' },
      continue: true,
      important: true,
    },
    { handle: 'error' },
    { src: '^/.*$', dest: '/500', status: 500, headers: { 'x-error': '1' } },
  ];
  const walk = walkOf(rules, ['a', '500'], '/a');
  assert.equal(told(walk.next()), 'a /a');
  const failed = walk.fail(500);
  assert.equal(told(failed), '500 failed 500');
  assert.ok(failed.kind === 'status');
  assert.equal(failed.page?.matchedPath, '/500');
  assert.equal(headerOf(failed, 'x-matched-path'), '/500');
  assert.equal(headerOf(failed, 'x-all'), '1');
  assert.equal(told(walkOf(rules, ['a', '500'], '/a').fail(405)), '405 failed');
});

test('what leads to no place ends, and says so', () => {
  const long = 'a'.repeat(5000);
  const rules: Rule[] = [
    { src: '^/(a+)$', dest: `/${'$1'.repeat(100)}` },
    { src: '^/host$', has: [{ type: 'query', key: 'h' }], dest: 'https://$h.example.com/' },
    { src: '^/port$', dest: 'https://example.com:99999/' },
  ];
  assert.equal(route(rules, [], `/${long}`), '502 ROUTER_CANNOT_MATCH');
  assert.equal(route(rules, [], '/host?h=evil.com%2F'), '502 ROUTER_CANNOT_MATCH');
  assert.equal(route(rules, [], '/host?h=one'), 'external https://one.example.com/?h=one');
  assert.equal(route(rules, [], '/port'), '502 ROUTER_CANNOT_MATCH');
});

test('a table that tries without end is stopped', () => {
  const many = (count: number, rule: (at: number) => Rule): Rule[] =>
    Array.from({ length: count }, (_, at) => rule(at));
  const forks: Rule[] = [
    { handle: 'filesystem' },
    ...many(limits.routingForks, (at) => ({ src: '^/.*$', dest: `/f${at}`, check: true })),
    { handle: 'miss' },
    { src: '^/never$', dest: '/a', check: true },
  ];
  assert.equal(route(forks, ['a'], '/x'), '502 TOO_MANY_FORKS');
  const lookups: Rule[] = [
    { handle: 'filesystem' },
    ...many(30, (at) => ({ src: '^/.*$', dest: `/f${at}`, check: true })),
    { handle: 'miss' },
    ...many(40, (at) => ({ src: '^/.*$', dest: `/m${at}`, check: true })),
  ];
  assert.equal(route(lookups, ['a'], '/x'), '502 TOO_MANY_FILESYSTEM_CHECKS');
});
