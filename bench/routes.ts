import { Routes } from '../src/scheduler/routes.ts';

/**
 * What it costs to find the kind of a request, beside 31 × 16 kinds, for paths that came before and paths that never did.
 * Target: at most 0.3 µs whatever the path. Run: `npm run bench -- --only routes`.
 */
export function routesBench(): { paths: string; nsPerRequest: number }[] {
  return Object.entries(targets).map(([paths, targetOf]) => {
    // Flat, as what comes from a socket is.
    const all = Array.from({ length: 50_000 }, (_, at) => Buffer.from(targetOf(at)).toString('latin1'));
    return { paths, nsPerRequest: Math.min(...[1, 2, 3, 4].map(() => measure(all))) };
  });
}

const targets: Readonly<Record<string, (at: number) => string>> = {
  'one page': () => '/blog/news',
  'ids, each once': (at) => `/users/${at}?page=1`,
  'slugs, each once': (at) => `/blog/${word(at)}`,
  'first segments, each once': (at) => `/${word(at)}/${word(at)}`,
  'long ones': (at) => `/files/${at}/${'x'.repeat(2000)}`,
};

/** A word of letters for each number. */
function word(at: number): string {
  let text = 'w';
  for (let left = at; left > 0; left = Math.floor(left / 26)) text += String.fromCharCode(0x61 + (left % 26));
  return text;
}

function measure(all: readonly string[]): number {
  const routes = new Routes();
  for (let at = 0; at < 31 * 16; at += 1) {
    const profile = routes.of(any, 'GET', `/${word(at % 31)}/${word(at % 16)}`);
    for (let count = 0; count < 10; count += 1) profile.settled(10, 1);
  }
  let lanes = 0;
  const startMs = performance.now();
  for (const target of all) lanes += routes.of(any, 'GET', target).lane;
  const ns = ((performance.now() - startMs) * 1e6) / all.length;
  return lanes < 0 ? 0 : ns;
}

const any = '/[...path]';

if (import.meta.main) {
  for (const { paths, nsPerRequest } of routesBench()) console.log(`${paths}: ${nsPerRequest.toFixed(0)} ns`);
}
