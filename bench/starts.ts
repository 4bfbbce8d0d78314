// How long the first request to a function takes: with a stem, without one, and to an instance that idles.
import { spawnSync } from 'node:child_process';
import { get } from 'node:http';
import { join } from 'node:path';
import { rssMiB } from './cpu.ts';
import { median, quantile, section } from './report.ts';
import type { Row, Section } from './report.ts';
import { direct, projectDir, weir } from './targets.ts';
import type { Target } from './targets.ts';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** From the request's first byte to the answer's last, milliseconds, on a connection of its own. */
function timed(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const startedMs = performance.now();
    get(url, { agent: false }, (response) => {
      response.resume();
      response.on('end', () =>
        response.statusCode === 200
          ? resolve(performance.now() - startedMs)
          : reject(new Error(`${url} answered ${response.statusCode}`)),
      );
    }).on('error', reject);
  });
}

function row(name: string, tookMs: readonly number[]): Row {
  return {
    'first request': name,
    'p50 ms': median(tookMs),
    'min ms': Math.min(...tookMs),
    'p95 ms': quantile(tookMs, 0.95),
    samples: tookMs.length,
  };
}

async function firstRequests(target: Target, count: number, from: number): Promise<number[]> {
  const tookMs: number[] = [];
  for (let index = 0; index < count; index += 1) {
    // Long enough for the pool of stems to be refilled and for the machine to be quiet.
    await sleep(400);
    tookMs.push(await timed(`${target.origin}/api/f${from + index}`));
  }
  return tookMs;
}

/** What the client itself, a new connection and this machine take: the same measurement of a bare server that idles. */
async function floor(count: number): Promise<Row> {
  const target = await direct();
  try {
    await timed(target.origin);
    const tookMs: number[] = [];
    for (let index = 0; index < count; index += 1) {
      await sleep(50);
      tookMs.push(await timed(target.origin));
    }
    return row('for comparison: to a bare node:http that idles', tookMs);
  } finally {
    await target.stop();
  }
}

/** What of a cold start is Node's: a process that loads what every HTTP server needs, and ends. */
function bareStart(count: number): Row {
  const file = join(projectDir('bare', { 'http.js': "import 'node:http';\n" }), 'http.js');
  const tookMs = Array.from({ length: count }, () => {
    const startedMs = performance.now();
    spawnSync(process.execPath, [file]);
    return performance.now() - startedMs;
  });
  return row('for comparison: a Node process that imports node:http and ends', tookMs);
}

export async function starts(count: number): Promise<Section[]> {
  const hello = 'export function GET() { return new Response("hello\\n"); }\n';
  const files = { 'weir.json': '{ "functions": { "api/*.js": { "maxConcurrency": 1 } } }' } as Record<string, string>;
  for (let index = 0; index < count + 3; index += 1) files[`api/f${index}.js`] = hello;
  const rows: Row[] = [await floor(count), bareStart(count)];
  let rss = Number.NaN;
  for (const [name, args] of [
    ['with a stem', []],
    ['without a stem', ['--stems', '0']],
  ] as const) {
    const target = await weir({ name: `starts ${name}`, args, files, probe: '/_weir/status' });
    try {
      await firstRequests(target, 3, count);
      rows.push(row(`cold, ${name}`, await firstRequests(target, count, 0)));
      const idle: number[] = [];
      for (let index = 0; index < count; index += 1) {
        await sleep(50);
        idle.push(await timed(`${target.origin}/api/f${index}`));
      }
      rows.push(row(`to a loaded, idle instance (${name})`, idle));
      await sleep(1000);
      const status = (await (
        await fetch(`${target.origin}/_weir/status`, { headers: { accept: 'application/json' } })
      ).json()) as {
        functions: { instances: { pid: number }[] }[];
      };
      rss = median(status.functions.flatMap(({ instances }) => instances.map(({ pid }) => rssMiB(pid))));
    } finally {
      await target.stop();
    }
  }
  return [section('Starts', rows, `An idle instance has ${rss.toFixed(0)} MiB resident (median).`)];
}
