import type { Rule } from '../../model/routing.ts';

/** Two pages as a Next.js application with the App Router has them, static and dynamic, and what goes with each. */
export const nextOutputs: readonly string[] = [
  'index',
  'index.rsc',
  'about',
  'about.rsc',
  'about.segments/_tree.segment.rsc',
  'blog/first',
  'blog/first.rsc',
  'blog/[slug]',
  'blog/[slug].rsc',
  'shop/[...path]',
  'shop/[...path].rsc',
  'api/hello',
  '_not-found',
  '404',
  'favicon.ico',
  '_next/static/chunks/main.js',
  '_next/static/not-found.txt',
];

const rscHeaders = { vary: 'rsc, next-router-state-tree, next-router-prefetch, next-router-segment-prefetch' };
const hasRsc = { type: 'header', key: 'rsc', value: '1' } as const;
const prefetch = [
  hasRsc,
  { type: 'header', key: 'next-router-prefetch', value: '1' },
  { type: 'header', key: 'next-router-segment-prefetch', value: '/(?<segmentPath>.+)' },
] as const;

const dynamicRule = (src: string, dest: string): Rule => ({ src, dest, check: true });

const laterPhases: readonly Rule[] = [
  { handle: 'filesystem' },
  { src: '^/_next/data/(.*)$', dest: '/_next/data/$1', check: true },
  { src: '^/index(\\.action|\\.rsc)$', dest: '/', continue: true },
  {
    src: '^/after/([^/]+?)(?:/)?(?<rscsuff>\\.rsc|\\.segments/.+\\.segment\\.rsc)?$',
    dest: '/blog/$1$rscsuff?via=after',
    check: true,
  },
  { src: '^/\\.rsc$', dest: '/index.rsc', check: true },
  { src: '^(.+)/\\.rsc$', dest: '$1.rsc', check: true },
  { handle: 'resource' },
  { src: '^/elsewhere/(.*)$', dest: 'https://other.example/$1', check: true },
  { src: '^/.*$', status: 404 },
  { handle: 'miss' },
  {
    src: '^/_next/static/.+$',
    dest: '/_next/static/not-found.txt',
    status: 404,
    check: true,
    headers: { 'content-type': 'text/plain; charset=utf-8' },
  },
  { src: '^/(?<path>.+)(?<rscSuffix>\\.segments/.+\\.segment\\.rsc)(?:/)?$', dest: '/$path.rsc', check: true },
  { handle: 'rewrite' },
  dynamicRule(
    '^/blog/(?<nxtPslug>[^/]+?)(?<rscSuffix>\\.rsc|\\.segments/.+\\.segment\\.rsc)(?:/)?$',
    '/blog/[slug]$rscSuffix?nxtPslug=$nxtPslug',
  ),
  dynamicRule('^/blog/(?<nxtPslug>[^/]+?)(?:/)?$', '/blog/[slug]?nxtPslug=$nxtPslug'),
  dynamicRule(
    '^/shop/(?<nxtPpath>.+?)(?<rscSuffix>\\.rsc|\\.segments/.+\\.segment\\.rsc)(?:/)?$',
    '/shop/[...path]$rscSuffix?nxtPpath=$nxtPpath',
  ),
  dynamicRule('^/shop/(?<nxtPpath>.+?)(?:/)?$', '/shop/[...path]?nxtPpath=$nxtPpath'),
  { handle: 'hit' },
  {
    src: '^/_next/static/(?:[^/]+/pages|pages|chunks|runtime|css|image|media)/.+$',
    headers: { 'cache-control': 'public,max-age=31536000,immutable' },
    continue: true,
    important: true,
  },
  { src: '^/(?:index)?(?:/)?$', headers: { 'x-matched-path': '/' }, continue: true, important: true },
  { src: '^/((?!index$).*?)(?:/)?$', headers: { 'x-matched-path': '/$1' }, continue: true, important: true },
  { handle: 'error' },
  { src: '^/.*$', dest: '/_not-found', status: 404 },
  { src: '^/.*$', dest: '/500', status: 500 },
];

/**
 * A table of the form that Next.js' adapter emits for the App Router, with `extra` redirects and headers as of a
 * next.config.js.
 */
export function nextRules({ extra = 0, middleware = false } = {}): Rule[] {
  return [
    { src: '^(?:/((?:[^/]+?)(?:/(?:[^/]+?))*))/$', headers: { Location: '/$1' }, status: 308, continue: true },
    ...numbered(extra, (at) => ({
      src: `^/section-${at}(?:/([^/]+?))(?:/)?$`,
      headers: { [`x-section-${at}`]: '$1' },
      continue: true,
    })),
    ...numbered(extra, (at) => ({
      src: `^(?!/_next)/old-${at}(?:/([^/]+?))(?:/)?$`,
      headers: { Location: `/section-${at}/$1` },
      status: 308,
    })),
    ...(middleware
      ? [
          {
            src: '^(?:\\/(_next\\/data\\/[^/]{1,}))?(?:\\/((?!_next\\/static|favicon\\.ico).*))(\\.json|\\.rsc|\\.segments\\/.+\\.segment\\.rsc)?[\\/#\\?]?$',
            middlewareRawSrc: ['/((?!_next/static|favicon.ico).*)'],
            middlewarePath: 'middleware',
            continue: true,
            override: true,
          },
        ]
      : []),
    { src: '^/before/(?<rest>.+)$', dest: '/about?from=$rest', continue: true, override: true },
    {
      src: '^/404/?$',
      status: 404,
      continue: true,
      missing: [{ type: 'header', key: 'x-prerender-revalidate' }],
    },
    { src: '^/500/?$', status: 500, continue: true },
    {
      src: '^/(?<path>.+?)(?:/)?$',
      dest: '/$path.segments/$segmentPath.segment.rsc',
      has: prefetch,
      continue: true,
      override: true,
    },
    { src: '^/?$', dest: '/index.segments/$segmentPath.segment.rsc', has: prefetch, continue: true, override: true },
    { src: '^/?$', dest: '/index.rsc', has: [hasRsc], headers: rscHeaders, continue: true, override: true },
    {
      src: '^/((?!.+\\.rsc).+?)(?:/)?$',
      dest: '/$1.rsc',
      has: [hasRsc],
      headers: rscHeaders,
      continue: true,
      override: true,
    },
    ...laterPhases,
  ];
}

const numbered = (count: number, rule: (at: number) => Rule): Rule[] =>
  Array.from({ length: count }, (_, at) => rule(at));
