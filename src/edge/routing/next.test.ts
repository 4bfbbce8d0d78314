// A table of the form that Next.js' adapter emits: what pages, data of the App Router and files are found by.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rule } from '../../model/routing.ts';
import { nextOutputs, nextRules } from './next.fixture.ts';
import { headerOf, route, told, walkOf } from './routing.fixture.ts';

const rsc = { rsc: '1' };
const segment = (path: string): Readonly<Record<string, string>> => ({
  ...rsc,
  'next-router-prefetch': '1',
  'next-router-segment-prefetch': path,
});
const next = (target: string, headers: Readonly<Record<string, string>> = {}): string =>
  route(nextRules(), nextOutputs, target, { headers });

test('pages, static and dynamic', () => {
  assert.equal(next('/'), 'index /');
  assert.equal(next('/about?x=1'), 'about /about?x=1');
  assert.equal(next('/about/?x=1'), '308 -> /about?x=1');
  assert.equal(next('/blog/first'), 'blog/first /blog/first', 'rendered at build');
  assert.equal(next('/blog/second'), 'blog/[slug] /blog/second?nxtPslug=second');
  assert.equal(next('/blog/a%20b'), 'blog/[slug] /blog/a%20b?nxtPslug=a%2520b', 'Next.js decodes it twice');
  assert.equal(next('/shop/a/b'), 'shop/[...path] /shop/a/b?nxtPpath=a%2Fb');
  assert.equal(next('/api/hello'), 'api/hello /api/hello');
});

test('x-matched-path is the page, in answers too; x-now-route-matches has its parameters', () => {
  const found = walkOf(nextRules(), nextOutputs, '/blog/a%20b').next();
  assert.ok(found.kind === 'output');
  assert.equal(found.matchedPath, '/blog/[slug]');
  assert.equal(headerOf(found, 'x-matched-path'), '/blog/[slug]');
  assert.deepEqual(Object.fromEntries(new URLSearchParams(found.routeMatches!)), {
    '1': 'a%20b',
    nxtPslug: 'a%20b',
  });
  const home = walkOf(nextRules(), nextOutputs, '/').next();
  assert.equal(headerOf(home, 'x-matched-path'), '/');
});

test('a client does not say which page it is', () => {
  assert.equal(next('/blog/second?nxtPslug=first&y=1'), 'blog/[slug] /blog/second?y=1&nxtPslug=second');
});

test('server components, and their segments where there are any', () => {
  assert.equal(next('/', rsc), 'index.rsc /');
  assert.equal(next('/about', rsc), 'about.rsc /about');
  assert.equal(next('/blog/second', rsc), 'blog/[slug].rsc /blog/second?nxtPslug=second');
  assert.equal(next('/about', segment('/_tree')), 'about.segments/_tree.segment.rsc /about');
  assert.equal(next('/blog/first', segment('/_tree')), 'blog/first.rsc /blog/first', 'as a whole');
  assert.equal(next('/blog/second', segment('/_tree')), 'blog/[slug].rsc /blog/second?nxtPslug=second');
  assert.match(headerOf(walkOf(nextRules(), nextOutputs, '/about', { headers: rsc }).next(), 'vary') ?? '', /^rsc, /);
});

test('a segment of a dynamic page is preferred to the page', () => {
  const outputs = [...nextOutputs, 'blog/[slug].segments/_tree.segment.rsc'];
  assert.equal(
    route(nextRules(), outputs, '/blog/second', { headers: segment('/_tree') }),
    'blog/[slug].segments/_tree.segment.rsc /blog/second?nxtPslug=second',
  );
});

test('rewrites before, after and last', () => {
  assert.equal(next('/before/x'), 'about /before/x?from=x');
  assert.equal(next('/after/second'), 'blog/[slug] /after/second?via=after&nxtPslug=second');
  assert.equal(next('/after/first'), 'blog/first /after/first?via=after');
  assert.equal(next('/after/second', rsc), 'blog/[slug].rsc /after/second?via=after&nxtPslug=second');
  assert.equal(next('/elsewhere/a/b?c=1'), 'external https://other.example/a/b?c=1');
});

test('redirects and headers of next.config.js', () => {
  assert.equal(route(nextRules({ extra: 3 }), nextOutputs, '/old-2/x'), '308 -> /section-2/x');
  const found = walkOf(nextRules({ extra: 3 }), [...nextOutputs, 'section-1/x'], '/section-1/x').next();
  assert.equal(headerOf(found, 'x-section-1'), 'x');
});

test('what is not there: the page for it, and plain text among the static files', () => {
  assert.equal(next('/nope'), '404 rule _not-found');
  assert.equal(next('/404'), '404 404 /404');
  assert.equal(next('/_next/static/chunks/gone.js'), '404 _next/static/not-found.txt /_next/static/chunks/gone.js');
  assert.equal(next('/_next/data/ID/nope.json'), '404 rule _not-found');
  const file = walkOf(nextRules(), nextOutputs, '/_next/static/chunks/main.js').next();
  assert.equal(headerOf(file, 'cache-control'), 'public,max-age=31536000,immutable');
});

test('middleware: before everything but headers and redirects, not for static files', () => {
  const rules = nextRules({ middleware: true });
  assert.equal(route(rules, nextOutputs, '/_next/static/chunks/main.js').split(' ')[0], '_next/static/chunks/main.js');
  assert.equal(route(rules, nextOutputs, '/favicon.ico'), 'favicon.ico /favicon.ico');
  const walk = walkOf(rules, nextOutputs, '/dashboard?tab=1');
  assert.equal(told(walk.next()), 'middleware middleware /dashboard?tab=1');
  const step = walk.resume({ status: 200, headers: ['x-middleware-rewrite', '/blog/second?tab=1', 'x-user', 'ada'] });
  assert.equal(told(step), 'blog/[slug] /dashboard?tab=1&nxtPslug=second');
  assert.ok(step.kind === 'output');
  assert.equal(step.matchedPath, '/blog/[slug]');
  assert.equal(headerOf(step, 'x-user'), 'ada');
});

test('a page that fails has the page for that, if there is one', () => {
  const walk = walkOf(nextRules(), [...nextOutputs, '500'], '/about');
  walk.next();
  const failed = walk.fail(500);
  assert.equal(told(failed), '500 failed 500');
  assert.equal(headerOf(failed, 'x-matched-path'), '/500');
});

/** As for `i18n: { locales: ['en', 'fr'], defaultLocale: 'en' }`, with a page, a dynamic page and an API route. */
const localeRules: readonly Rule[] = [
  { src: '^/$', locale: { redirect: { en: '/', fr: '/fr' }, cookie: 'NEXT_LOCALE' }, continue: true },
  { src: '^/$', dest: '/en', continue: true },
  { src: '^/(?!(?:_next/.*|en|fr)(?:/.*|$))(.*)$', dest: '/en/$1', continue: true },
  { src: '^/(?:en|fr)?[/]?404/?$', status: 404, continue: true },
  { handle: 'filesystem' },
  { handle: 'resource' },
  { src: '^/.*$', status: 404 },
  { handle: 'miss' },
  { src: '^/en$', dest: '/', check: true },
  { src: '^//?(?:en|fr)/(.*)$', dest: '/$1', check: true },
  { handle: 'rewrite' },
  {
    src: '^[/]?(?<nextLocale>en|fr)?/posts/(?<nxtPslug>[^/]+?)(?:/)?$',
    dest: '/$nextLocale/posts/[slug]?nxtPslug=$nxtPslug',
    check: true,
  },
  { handle: 'error' },
  { src: '^/(?<nextLocale>en|fr)(/.*|$)$', dest: '/$nextLocale/404', status: 404, caseSensitive: true },
  { src: '^/.*$', dest: '/en/404', status: 404 },
];

test('locales: of the path, of the domain, of the browser; what has none is found without', () => {
  const outputs = ['en', 'fr', 'en/posts/[slug]', 'fr/posts/[slug]', 'api/hello', 'favicon.ico', 'en/404', 'fr/404'];
  const locale = (target: string, headers: Readonly<Record<string, string>> = {}): string =>
    route(localeRules, outputs, target, { headers });
  assert.equal(locale('/'), 'en /');
  assert.equal(locale('/', { 'accept-language': 'fr-FR,fr;q=0.9,en;q=0.8' }), '307 -> /fr');
  assert.equal(locale('/fr', { 'accept-language': 'en' }), 'fr /fr');
  assert.equal(locale('/posts/a'), 'en/posts/[slug] /posts/a?nxtPslug=a');
  assert.equal(locale('/fr/posts/a'), 'fr/posts/[slug] /fr/posts/a?nxtPslug=a');
  assert.equal(locale('/api/hello'), 'api/hello /api/hello');
  assert.equal(locale('/fr/api/hello'), 'api/hello /fr/api/hello');
  assert.equal(locale('/favicon.ico'), 'favicon.ico /favicon.ico');
  assert.equal(locale('/nope'), '404 rule en/404');
  assert.equal(locale('/fr/nope'), '404 rule fr/404');
  assert.equal(locale('/404'), '404 en/404 /404');
  const found = walkOf(localeRules, outputs, '/posts/a').next();
  assert.ok(found.kind === 'output');
  assert.equal(new URLSearchParams(found.routeMatches!).get('nextLocale'), 'en');
});
