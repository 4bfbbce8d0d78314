import { nextOutputs, nextRules } from '../src/edge/routing/next.fixture.ts';
import { compileRouting } from '../src/edge/routing/compile.ts';
import { OutputPaths } from '../src/edge/routing/outputs.ts';
import type { RoutedRequest } from '../src/edge/routing/position.ts';
import { Walk } from '../src/edge/routing/walk.ts';

/**
 * What it costs to walk through a routing table of 70 rules, of the form that Next.js' adapter emits.
 * Target: at most 10 µs whatever the path. Run: `npm run bench -- --only routing`.
 */
export function routingBench(): { paths: string; usPerRequest: number }[] {
  return Object.entries(requests).map(([paths, asked]) => {
    measure(asked, 10_000);
    return { paths, usPerRequest: Math.min(...Array.from({ length: 50 }, () => measure(asked, 1_000))) };
  });
}

const none: Readonly<Record<string, string>> = {};
const asked = (path: string, headers: Readonly<Record<string, string>> = none): RoutedRequest => ({
  method: 'GET',
  host: 'app.example.com',
  // Flat, as what comes from a socket is.
  path: Buffer.from(path).toString('latin1'),
  query: '',
  header: (name) => headers[name],
});

const requests: Readonly<Record<string, (at: number) => RoutedRequest>> = {
  'a page': () => asked('/about'),
  'a dynamic page': (at) => asked(`/blog/post-${at}`),
  'data of a dynamic page': (at) => asked(`/blog/post-${at}`, { rsc: '1' }),
  'a static file': () => asked('/_next/static/chunks/main.js'),
  'an old page, redirected': (at) => asked(`/old-11/${at}`),
  'a rewrite to a dynamic page': (at) => asked(`/after/${at}`),
  'nothing there': (at) => asked(`/nothing/${at}/here`),
};

const table = compileRouting({
  rules: nextRules({ extra: 18 }),
  wildcard: [],
  images: null,
  afterCacheBypass: [],
});
const outputs = new OutputPaths(nextOutputs);

function measure(request: (at: number) => RoutedRequest, count: number): number {
  const all = Array.from({ length: count }, (_, at) => request(at));
  let answers = 0;
  const startMs = performance.now();
  for (const each of all) answers += new Walk(table, each, outputs, none).next().kind.length;
  const us = ((performance.now() - startMs) * 1e3) / count;
  return answers < 0 ? 0 : us;
}

if (import.meta.main) {
  for (const { paths, usPerRequest } of routingBench()) console.log(`${paths}: ${usPerRequest.toFixed(2)} µs`);
}
