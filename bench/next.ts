// A real Next.js application (frameworks/next), built by `weir build`: its own production server, that behind nginx, and Weir.
import { get } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare } from '../test/frameworks/application.ts';
import { hasNginx, load } from './load.ts';
import { compare, rows } from './paths.ts';
import type { Effort } from './paths.ts';
import { median, quantile, section } from './report.ts';
import type { Row, Section } from './report.ts';
import { nginx, server, wattNext, weir } from './targets.ts';
import type { Target } from './targets.ts';

const dir = fileURLToPath(new URL('../frameworks/next', import.meta.url));
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A route handler, a page that is rendered for each request, and one that is kept. */
const paths = [
  ['a route handler', '/api/hello'],
  ['a page that is rendered', '/users/7'],
  ['a page that is kept', '/'],
] as const;

export async function nextApplication(effort: Effort): Promise<Section[]> {
  await prepare('next');
  const sections: Section[] = [];
  const started: Target[] = [];
  try {
    const next = join(dir, 'node_modules/next/dist/bin/next');
    const own = await server('next start', dir, [process.execPath, next, 'start'], '/api/hello');
    started.push(own);
    if (hasNginx) started.push(await nginx([own], 'nginx → next start'));
    started.push(await weir({ name: 'Weir', dir }));
    if (effort.wattpm) started.push(await wattNext(dir));
    for (const target of started) for (const [, path] of paths) await load(target.origin + path, 16, 3);
    for (const [what, path] of paths) {
      for (const connections of [8, 64]) {
        const measured = await compare(started, path, connections, effort);
        sections.push(section(`Next.js: ${what}, ${connections} connections`, rows(started, measured)));
      }
    }
  } finally {
    for (const target of started.toReversed()) await target.stop();
  }
  return sections;
}

/** From the request's first byte to the answer's first, milliseconds. */
export function firstByte(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedMs = performance.now();
    get(url, { agent: false }, (response) => {
      response.once('data', () => resolve(performance.now() - startedMs));
      response.once('end', () => reject(new Error(`${url} answered ${response.statusCode} with nothing`)));
    }).on('error', reject);
  });
}

/** Samples are taken in turn: what else the machine does is the same for all rows. */
export async function nextCold(samples: number): Promise<Section[]> {
  await prepare('next');
  const ways = [true, false].flatMap((stems) =>
    [true, false].map((bytecode) => ({ stems, bytecode, tookMs: [] as number[] })),
  );
  for (let sample = 0; sample < samples; sample += 1) {
    for (const { stems, bytecode, tookMs } of ways) tookMs.push(await coldStart(stems, bytecode));
  }
  const neitherMs = median(ways.at(-1)!.tookMs);
  const found: Row[] = ways.map(({ stems, bytecode, tookMs }) => ({
    'first request': `${stems ? 'with' : 'without'} a stem, ${bytecode ? 'bytecode made ahead' : 'no bytecode'}`,
    'p50 ms': median(tookMs),
    'of neither': median(tookMs) / neitherMs,
    'min ms': Math.min(...tookMs),
    'p90 ms': quantile(tookMs, 0.9),
    samples,
  }));
  const note =
    'To the first byte of a page that is rendered for the request. Each sample is of a platform that was just started.';
  return [section('Next.js: cold starts', found, note)];
}

async function coldStart(stems: boolean, bytecode: boolean): Promise<number> {
  const target = await weir({
    name: `next cold ${stems} ${bytecode}`,
    dir,
    args: stems ? [] : ['--stems', '0'],
    probe: '/_weir/status',
    environment: { WEIR_BYTECODE: bytecode ? '1' : '0' },
  });
  try {
    // Long enough for a stem to be there.
    await sleep(1500);
    return await firstByte(`${target.origin}/users/7`);
  } finally {
    await target.stop();
  }
}
