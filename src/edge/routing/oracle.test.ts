// Next.js' own route resolver and this walk, on the same random rules and requests: they lead to the same place.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import nextRouting from '@next/routing';
import fc from 'fast-check';
import type { Rule } from '../../model/routing.ts';
import { compileRouting } from './compile.ts';
import { OutputPaths } from './outputs.ts';
import { headerOf, request, routing } from './routing.fixture.ts';
import type { Step } from './step.ts';
import { Walk } from './walk.ts';

type NextRoute = Parameters<typeof nextRouting.resolveRoutes>[0]['routes']['beforeFiles'][number];
type Condition = NonNullable<NextRoute['has']>[number];
type Answer = { readonly headers: Readonly<Record<string, string>>; readonly status: number };

interface Case {
  readonly pages: readonly string[];
  readonly redirects: readonly NextRoute[];
  readonly headers: readonly NextRoute[];
  readonly beforeFiles: readonly NextRoute[];
  readonly afterFiles: readonly NextRoute[];
  readonly fallback: readonly NextRoute[];
  readonly onMatch: readonly NextRoute[];
  readonly middleware: Answer | null;
  readonly path: string;
  readonly query: string;
  readonly request: Readonly<Record<string, string>>;
}

const origin = 'http://example.com';

const dynamicRoutes: readonly NextRoute[] = [
  { sourceRegex: '^/d/(?<nxtPslug>[^/]+?)(?:/)?$', destination: '/d/[slug]?nxtPslug=$nxtPslug' },
  { sourceRegex: '^/e/(?<nxtPpath>.+?)(?:/)?$', destination: '/e/[...path]?nxtPpath=$nxtPpath' },
  {
    sourceRegex: '^/f/(?<nxtPx>[^/]+?)/(?<nxtPy>[^/]+?)(?:/)?$',
    destination: '/f/[x]/[y]?nxtPx=$nxtPx&nxtPy=$nxtPy',
  },
];
const dynamicPages = ['/d/[slug]', '/e/[...path]', '/f/[x]/[y]'];

const segment = fc.constantFrom('a', 'b', 'd', 'e');
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => `/${segments.join('/')}`);
/** No page where a dynamic route would lead: Next.js' server and its resolver disagree on which is first. */
const page = path.filter((found) => !/^\/[de]\//.test(found));

const has = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Condition>(
      { type: 'header', key: 'x-tier', value: 'gold' },
      { type: 'header', key: 'x-tier', value: '(?<tier>go.d|silver)' },
      { type: 'query', key: 'q' },
      { type: 'cookie', key: 'c', value: '1' },
      { type: 'host', value: 'example.com' },
      { type: 'host', value: 'other.com' },
    ),
  },
);

/** None that can leave a slash at the end of a destination: the resolver finds no page there, we do. */
const source = fc.oneof(
  path.map((found) => `^${found}(?:/)?$`),
  segment.map((found) => `^/${found}(?:/([^/]+?))(?:/)?$`),
  segment.map((found) => `^/${found}(?:/((?:[^/]+?)(?:/(?:[^/]+?))*))(?:/)?$`),
);

const withConditions = ([rule, one, other]: [NextRoute, Condition | undefined, Condition | undefined]): NextRoute => ({
  ...rule,
  ...(one === undefined ? {} : { has: [one] }),
  ...(other === undefined ? {} : { missing: [other] }),
});
const conditioned = (rule: fc.Arbitrary<NextRoute>): fc.Arbitrary<NextRoute> =>
  fc.tuple(rule, has, has).map(withConditions);

/** A reference to what the rule does not have is text to both, but an encoded one to the resolver. */
function withOwnReferences(rule: NextRoute): NextRoute {
  const tier = rule.has?.some(({ value }) => value?.includes('?<tier>') ?? false) ?? false;
  const one = rule.sourceRegex.includes('([^') || rule.sourceRegex.includes('((');
  const known = rule.destination!.replaceAll('$tier', tier ? '$tier' : 'none');
  return { ...rule, destination: known.replaceAll('$1', one ? '$1' : 'none') };
}

const rewrite = conditioned(
  fc.record({
    sourceRegex: source,
    destination: fc.oneof(
      path,
      fc.tuple(segment, segment).map(([first, name]) => `/${first}/$1?from-${name}=$1`),
      segment.map((first) => `/${first}?tier=$tier`),
      segment.map((first) => `https://other.example/${first}`),
    ),
  }),
).map(withOwnReferences);

const redirect = conditioned(
  fc.record({
    sourceRegex: source,
    headers: path.map((location) => ({ Location: location })),
    status: fc.constantFrom(307, 308),
  }),
);
const header = (name: string): fc.Arbitrary<NextRoute> =>
  conditioned(fc.record({ sourceRegex: source, headers: segment.map((value) => ({ [name]: value })) }));

/** After dynamic routes a table has the output's path, `/d/[slug]`, and the resolver the one that was asked. */
const forPage = ([rule, found]: [NextRoute, string]): NextRoute => ({ ...rule, sourceRegex: `^${found}$` });
const onMatch = fc.tuple(header('x-on-match'), page).map(forPage);

const answers: fc.Arbitrary<Answer> = fc.oneof(
  fc.constant<Answer>({ headers: { 'x-middleware-next': '1', 'x-said': 'yes' }, status: 200 }),
  fc.constantFrom('gold', 'silver').map((tier): Answer => ({
    headers: {
      'x-middleware-next': '1',
      'x-middleware-override-headers': 'x-tier',
      'x-middleware-request-x-tier': tier,
    },
    status: 200,
  })),
  path.map((found): Answer => ({ headers: { 'x-middleware-rewrite': `${found}?m=1` }, status: 200 })),
  path.map((found): Answer => ({ headers: { 'x-middleware-rewrite': `https://far.example${found}` }, status: 200 })),
  fc.constant<Answer>({ headers: { location: '/login' }, status: 307 }),
  fc.constant<Answer>({ headers: { 'content-type': 'text/plain' }, status: 401 }),
);

const few = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(one, { maxLength: 3 });

/** The resolver asks its middleware before it redirects; a table does what comes first. */
const oneOfBoth = (found: Case): Case => ({ ...found, redirects: found.middleware === null ? found.redirects : [] });

const cases: fc.Arbitrary<Case> = fc
  .record({
    pages: fc.uniqueArray(page, { maxLength: 5 }),
    redirects: fc.array(redirect, { minLength: 1, maxLength: 3 }),
    headers: few(header('x-rule')),
    beforeFiles: few(rewrite),
    afterFiles: few(rewrite),
    fallback: few(rewrite),
    onMatch: few(onMatch),
    middleware: fc.tuple(fc.boolean(), answers).map(([asked, answer]) => (asked ? answer : null)),
    path,
    query: fc.constantFrom('', 'q=1', 'q=1&z=2'),
    request: fc.constantFrom<Record<string, string>>(
      {},
      { 'x-tier': 'gold' },
      { 'x-tier': 'silver', cookie: 'a=2; c=1' },
    ),
  })
  .map(oneOfBoth);

const ruleOf =
  (more: Partial<Extract<Rule, { src: string }>>) =>
  ({ sourceRegex, destination, headers, status, has, missing }: NextRoute): Rule => ({
    src: sourceRegex,
    ...(destination === undefined ? {} : { dest: destination }),
    ...(headers === undefined ? {} : { headers }),
    ...(status === undefined ? {} : { status }),
    ...(has === undefined ? {} : { has }),
    ...(missing === undefined ? {} : { missing }),
    ...more,
  });

/** As Next.js' adapter puts them together. */
const tableOf = (found: Case): Rule[] => [
  ...found.headers.map(ruleOf({ continue: true })),
  ...found.redirects.map(ruleOf({})),
  ...(found.middleware === null ? [] : [{ src: '^/.*$', middlewarePath: 'middleware', continue: true }]),
  ...found.beforeFiles.map(ruleOf({ continue: true, override: true })),
  { handle: 'filesystem' },
  ...found.afterFiles.map(ruleOf({ check: true })),
  { handle: 'resource' },
  ...found.fallback.map(ruleOf({ check: true })),
  { src: '^/.*$', status: 404 },
  { handle: 'rewrite' },
  ...dynamicRoutes.map(ruleOf({ check: true })),
  { handle: 'hit' },
  ...found.onMatch.map(ruleOf({ continue: true })),
];

const sortedQuery = (search: string): string =>
  [...new URLSearchParams(search)]
    .map(([k, v]) => `${k}=${v}`)
    .sort()
    .join('&');

function ours(found: Case): string {
  const target = found.query === '' ? found.path : `${found.path}?${found.query}`;
  const outputs = new OutputPaths([...found.pages, ...dynamicPages].map((name) => name.slice(1)));
  const walk = new Walk(
    compileRouting(routing(tableOf(found))),
    request(target, { headers: found.request }),
    outputs,
    {},
  );
  let step: Step = walk.next();
  if (step.kind === 'middleware') {
    step = walk.resume({ status: found.middleware!.status, headers: Object.entries(found.middleware!.headers).flat() });
  }
  if (step.kind === 'external') return `external ${step.url.split('?')[0]}`;
  if (step.kind === 'answer') return 'middleware';
  if (step.kind === 'redirect') return `redirect ${step.status} ${headerOf(step, 'location')}`;
  if (step.kind !== 'output') return 'nothing';
  const names = ['x-rule', 'x-on-match', 'x-said'].map((name) => `${name}:${headerOf(step, name) ?? ''}`);
  return [`page /${step.output}`, sortedQuery(step.target.split('?')[1] ?? ''), ...names].join(' ');
}

async function theirs(found: Case): Promise<string> {
  const url = new URL(found.query === '' ? found.path : `${found.path}?${found.query}`, origin);
  const result = await nextRouting.resolveRoutes({
    url,
    buildId: 'ID',
    basePath: '',
    requestBody: new ReadableStream(),
    headers: new Headers(found.request),
    pathnames: [...found.pages, ...dynamicPages],
    routes: {
      beforeMiddleware: [...found.headers, ...found.redirects],
      beforeFiles: [...found.beforeFiles],
      afterFiles: [...found.afterFiles],
      dynamicRoutes: [...dynamicRoutes],
      fallback: [...found.fallback],
      onMatch: [...found.onMatch],
      ...(found.middleware === null ? { middlewareMatchers: [] } : {}),
    },
    invokeMiddleware: async ({ headers }) =>
      nextRouting.responseToMiddlewareResult(new Response(null, found.middleware!), headers, url),
  });
  if (result.externalRewrite !== undefined) return `external ${result.externalRewrite.href.split('?')[0]}`;
  const location = result.resolvedHeaders?.get('location');
  const { status } = result;
  if (result.middlewareResponded === true || (found.middleware !== null && location === '/login')) return 'middleware';
  if (typeof location === 'string') return `redirect ${status} ${location}`;
  if (result.resolvedPathname === undefined) return 'nothing';
  const query = Object.entries(result.resolvedQuery ?? {}).map(([name, value]) => `${name}=${String(value)}`);
  const names = ['x-rule', 'x-on-match', 'x-said'].map((name) => `${name}:${result.resolvedHeaders?.get(name) ?? ''}`);
  return [`page ${result.resolvedPathname}`, query.sort().join('&'), ...names].join(' ');
}

test('random rules of a next.config.js, with and without middleware, lead where Next.js says', async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(cases, async (found) => {
      const expected = await theirs(found);
      const kind = expected.split(' ', 1)[0]!;
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      assert.equal(ours(found), expected);
    }),
    { numRuns: 800, seed: 4 },
  );
  for (const kind of ['page', 'redirect', 'external', 'middleware', 'nothing']) {
    assert.ok((seen.get(kind) ?? 0) > 15, `${kind}: ${seen.get(kind)}`);
  }
});
