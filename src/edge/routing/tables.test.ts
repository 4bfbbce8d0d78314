// Tables that @vercel/routing-utils makes of what people write in vercel.json, and tables that nobody would write.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getTransformedRoutes, normalizeRoutes } from '@vercel/routing-utils';
import fc from 'fast-check';
import { limits } from '../../base/limits.ts';
import type { Phase, Rule, SourceRule } from '../../model/routing.ts';
import { compileRouting, routingFaults } from './compile.ts';
import { OutputPaths } from './outputs.ts';
import { headerOf, request, route, routing, told, walkOf } from './routing.fixture.ts';
import { Walk } from './walk.ts';

type Config = Parameters<typeof getTransformedRoutes>[0];

function lowered(config: Config): Rule[] {
  const { routes, error } = getTransformedRoutes(config);
  assert.equal(error, null);
  return routes as Rule[];
}

const outputs = ['index.html', 'about', 'blog/post', 'api/user', 'api/proxy', 'old', '404.html'];

test('cleanUrls and trailingSlash: false', () => {
  const rules = lowered({ cleanUrls: true, trailingSlash: false });
  assert.equal(route(rules, outputs, '/about.html?x=1'), '308 -> /about?x=1');
  assert.equal(route(rules, outputs, '/about/'), '308 -> /about');
  assert.equal(route(rules, outputs, '/index'), '308 -> /');
  assert.equal(route(rules, outputs, '/blog/index.html'), '308 -> /blog');
  assert.equal(route(rules, outputs, '/about'), 'about /about');
  assert.equal(route(rules, outputs, '/'), 'index.html /');
});

test('trailingSlash: true', () => {
  const rules = lowered({ trailingSlash: true });
  assert.equal(route(rules, outputs, '/about'), '308 -> /about/');
  assert.equal(route(rules, outputs, '/about/'), 'about /about/');
  assert.equal(route(rules, [...outputs, 'a.png'], '/a.png'), 'a.png /a.png');
  assert.equal(route(rules, [...outputs, 'a.png'], '/a.png/'), '308 -> /a.png');
  assert.equal(route(rules, [...outputs, '.well-known/x'], '/.well-known/x'), '.well-known/x /.well-known/x');
});

test('redirects with parameters, conditions and queries', () => {
  const rules = lowered({
    redirects: [
      { source: '/user/:id', destination: '/api/user?id=:id', permanent: false },
      { source: '/docs/:path*', destination: 'https://docs.example/:path*' },
      { source: '/who', has: [{ type: 'header', key: 'x-name', value: '(?<name>.*)' }], destination: '/me/:name' },
    ],
  });
  assert.equal(route(rules, outputs, '/user/7?x=1'), '307 -> /api/user?id=7');
  assert.equal(route(rules, outputs, '/docs/a/b'), '308 -> https://docs.example/a/b');
  assert.equal(route(rules, outputs, '/docs'), '308 -> https://docs.example/');
  assert.equal(route(rules, outputs, '/who', { headers: { 'x-name': 'ada' } }), '308 -> /me/ada');
  assert.equal(route(rules, outputs, '/who'), '404 NOT_FOUND');
});

test('rewrites: only where nothing is, parameters in the query where the destination does not have them', () => {
  const rules = lowered({
    rewrites: [
      { source: '/about', destination: '/api/proxy' },
      { source: '/u/:id', destination: '/api/user' },
      { source: '/v/:id', destination: '/api/user?who=:id' },
      { source: '/ext/:path*', destination: 'https://other.example/:path*' },
      { source: '/(.*)', destination: '/index.html' },
    ],
  });
  assert.equal(route(rules, outputs, '/about'), 'about /about');
  assert.equal(route(rules, outputs, '/u/7?x=1'), 'api/user /u/7?x=1&id=7');
  assert.equal(route(rules, outputs, '/v/a%26b'), 'api/user /v/a%26b?who=a%26b&id=a%26b');
  assert.equal(route(rules, outputs, '/ext/a/b?x=1'), 'external https://other.example/a/b?x=1');
  assert.equal(route(rules, outputs, '/any/thing'), 'index.html /any/thing');
});

test('headers', () => {
  const rules = lowered({
    headers: [
      { source: '/blog/:slug', headers: [{ key: 'X-Slug', value: ':slug' }] },
      {
        source: '/(.*)',
        has: [{ type: 'query', key: 'dl' }],
        headers: [{ key: 'content-disposition', value: 'attachment' }],
      },
    ],
  });
  const found = walkOf(rules, outputs, '/blog/post?dl').next();
  assert.equal(told(found), 'blog/post /blog/post?dl');
  assert.equal(headerOf(found, 'x-slug'), 'post');
  assert.equal(headerOf(found, 'content-disposition'), 'attachment');
});

test('routes as @vercel/static-build and Nitro emit them', () => {
  const { routes, error } = normalizeRoutes([
    { src: '/_nuxt/(.*)', headers: { 'cache-control': 'public,max-age=31536000,immutable' }, continue: true },
    { handle: 'filesystem' },
    { src: '(?<__isr_route>/isr/[^/]*)', dest: '/isr/[...]-isr?__isr_route=$__isr_route' },
    { src: '/(.*)', dest: '/__server' },
    { handle: 'error' },
    { status: 404, src: '^(?!/api).*$', dest: '/404.html' },
  ]);
  assert.equal(error, null);
  const rules = routes as Rule[];
  const nitro = [...outputs, 'isr/[...]-isr', '__server'];
  const found = walkOf(rules, nitro, '/isr/a').next();
  assert.equal(told(found), 'isr/[...]-isr /isr/a?__isr_route=%2Fisr%2Fa');
  assert.ok(found.kind === 'output');
  assert.equal(new URLSearchParams(found.routeMatches!).get('__isr_route'), '/isr/a');
  assert.equal(route(rules, nitro, '/x/y'), '__server /x/y');
  assert.equal(route(rules, outputs, '/x/y'), '404 NOT_FOUND 404.html');
  assert.equal(route(rules, outputs, '/api/x'), '404 NOT_FOUND');
});

const phases: readonly Phase[] = ['filesystem', 'resource', 'miss', 'rewrite', 'hit', 'error'];
const rule: fc.Arbitrary<SourceRule> = fc
  .record({
    src: fc.constantFrom('^/(.*)$', '^/a(?<rest>.*)$', '^/(a|b)/?$', '^(.+)$', '^/x/(?<n>\\d+)$', 'a', '^/?$'),
    dest: fc.option(
      fc.constantFrom('/$1', '/a/$1', '/$1/$1?x=$1', '$1', 'b', '/x/1', 'https://h.example/$1', '/$rest?nxtPn=$n', ''),
      { nil: undefined },
    ),
    continue: fc.boolean(),
    check: fc.boolean(),
    status: fc.option(fc.constantFrom(200, 308, 404, 500), { nil: undefined }),
    headers: fc.option(fc.constantFrom({ Location: '/$1' }, { 'x-a': '$1$1' }, { Vary: 'x' }), { nil: undefined }),
    middlewarePath: fc.option(fc.constant('m'), { nil: undefined, freq: 8 }),
  })
  .map((found) => JSON.parse(JSON.stringify(found)) as SourceRule);

function tableOf([first, others]: [SourceRule[], SourceRule[][]]): Rule[] {
  const rules: Rule[] = [...first];
  phases.forEach((handle, at) => {
    rules.push({ handle });
    for (const { middlewarePath, ...rest } of others[at]!) {
      const asks = middlewarePath !== undefined && (handle === 'filesystem' || handle === 'resource');
      rules.push(asks ? { ...rest, middlewarePath } : rest);
    }
  });
  return rules;
}

const table = fc
  .tuple(fc.array(rule, { maxLength: 6 }), fc.array(fc.array(rule, { maxLength: 4 }), { minLength: 6, maxLength: 6 }))
  .map(tableOf);

test('whatever the table: every walk ends after few steps and looks, with a place that is one', () => {
  const answers = fc.array(
    fc.constantFrom(
      ['x-middleware-next', '1'],
      ['x-middleware-rewrite', '/a/b?c=1'],
      ['x-middleware-rewrite', 'nonsense:'],
    ),
    { maxLength: 4 },
  );
  const target = fc.tuple(
    fc.constantFrom('/', '/a', '/b/', '//a//b', '/x/12', '/%61%2Fb', '/é%zz'),
    fc.constantFrom('', '?x=1&&nxtPn=2'),
  );
  fc.assert(
    fc.property(table, answers, target, fc.constantFrom('GET', 'POST'), (rules, given, [path, query], method) => {
      assert.deepEqual(routingFaults(routing(rules)), []);
      let looks = 0;
      const known = new OutputPaths(['a', 'b/index.html', '404', 'x/1']);
      const counting = { find: (asked: string) => ((looks += 1), known.find(asked)) };
      const walk = new Walk(compileRouting(routing(rules)), request(path + query, { method }), counting, {});
      let step = walk.next();
      let steps = 1;
      for (; step.kind === 'middleware'; steps += 1)
        step = walk.resume({ status: 200, headers: given[steps - 1] ?? [] });
      assert.ok(steps <= 2, 'one middleware is asked once');
      assert.ok(looks <= 2 * (limits.routingLookups + 4), `${looks} looks`);
      if (step.kind === 'output') assert.match(step.target, /^\/(?!\/)/);
      if (step.kind === 'external') assert.ok(URL.canParse(step.url));
      if (step.kind === 'redirect') assert.ok(headerOf(step, 'location') !== null);
      assert.match(told(walk.fail(404)), /^404 failed/, 'and there is a page for what goes wrong after it');
    }),
    { numRuns: 400, seed: 7 },
  );
});
