// `npm run bench -- --only python`
// How many at once an instance in Python takes: what computes holds the interpreter's lock, what waits does not.
import { get } from 'node:http';
import { inTurn, latencyOf } from './fluid/generator.ts';
import { explanationOf } from './fluid/platform.ts';
import { ended, interruption, sleep } from './fluid/processes.ts';
import { section } from './report.ts';
import type { Row, Section } from './report.ts';
import { weir, type Target } from './targets.ts';

/** CPU of one request, where it computes, as its thread counts it. */
const burnMs = 50;
/** Threads of an instance (runtimes/python/weir_runtime/limits.py). */
const threads = 512;

const sources = {
  burn: `
import os, time
def app(environ, start_response):
    until = time.thread_time() + ${burnMs / 1000}
    while time.thread_time() < until:
        sum(range(100))
    start_response("200 OK", [])
    return [b"%d" % os.getpid()]
`,
  wait: `
import asyncio, os
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await asyncio.sleep(1)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % os.getpid()})
`,
  block: `
import os, time
def app(environ, start_response):
    time.sleep(1)
    start_response("200 OK", [])
    return [b"%d" % os.getpid()]
`,
} as const;

type Part = keyof typeof sources;

export async function python(seconds: number): Promise<Section[]> {
  return [await computing(seconds), await waiting()];
}

const started = (part: Part): Promise<Target> =>
  weir({
    name: `Weir python ${part}`,
    files: {
      [`api/${part}.py`]: sources[part],
      'weir.json': JSON.stringify({ functions: { [`api/${part}.py`]: { memory: 512 } } }),
    },
    probe: '/_weir/status',
  });

async function computing(seconds: number): Promise<Section> {
  const signal = interruption();
  const rows: Row[] = [];
  for (const connections of [1, 4, 12]) {
    const target = await started('burn');
    const enough = new AbortController();
    try {
      await sleep(2_000, signal);
      const looking = limitsOf(target.origin, 'api/burn', enough.signal);
      const answers = await inTurn(target.origin, { path: '/api/burn' }, { connections, seconds, signal });
      enough.abort();
      const looks = await looking;
      const latency = latencyOf(answers);
      const last = looks.slice(looks.length >> 1).flat();
      rows.push({
        connections: String(connections),
        'limits, second half': last.length === 0 ? '–' : `${Math.min(...last)} to ${Math.max(...last)}`,
        'instances, most': String(Math.max(0, ...looks.map((look) => look.length))),
        'requests/s': (latency.count - latency.failed) / seconds,
        'p50 ms': latency.p50Ms,
        'p99 ms': latency.p99Ms,
        failed: String(latency.failed),
      });
    } finally {
      enough.abort();
      await ended(target);
    }
  }
  return section(
    `WSGI that computes for ${burnMs} ms`,
    rows,
    `${seconds} s of a closed loop each, from nothing. The limits are those of instances that have work, looked at five times a second.`,
  );
}

/** Of the instances that have work, over and over. */
async function limitsOf(origin: string, name: string, enough: AbortSignal): Promise<number[][]> {
  const all: number[][] = [];
  while (!enough.aborted) {
    const explained = await explanationOf(origin, name);
    const limits = (explained?.instances ?? []).filter(({ inFlight }) => inFlight > 0).map(({ limit }) => limit);
    if (limits.length > 0) all.push(limits);
    await sleep(200);
  }
  return all;
}

async function waiting(): Promise<Section> {
  const rows: Row[] = [];
  for (const [part, title, count] of [
    ['wait', 'ASGI, 1 s of asyncio.sleep', 300],
    ['block', 'WSGI, 1 s of time.sleep', 64],
    ['block', 'WSGI, 1 s of time.sleep', 300],
  ] as const) {
    const target = await started(part);
    try {
      for (const state of ['from nothing', 'again']) {
        rows.push({ function: title, 'at once': String(count), state, ...(await atOnce(target.origin, part, count)) });
      }
    } finally {
      await ended(target);
    }
  }
  return section(
    'Python that waits',
    rows,
    `All are sent at once. WSGI: an instance has ${threads} threads, each of which waits for one.`,
  );
}

async function atOnce(origin: string, part: Part, count: number): Promise<Row> {
  const startedMs = performance.now();
  const pids = new Map<string, number>();
  const times: number[] = [];
  let failed = 0;
  const one = async (): Promise<void> => {
    const { status, text } = await asked(`${origin}/api/${part}`);
    times.push(performance.now() - startedMs);
    if (status === 200) pids.set(text, (pids.get(text) ?? 0) + 1);
    else failed += 1;
  };
  await Promise.all(Array.from({ length: count }, one));
  return {
    'first answered, ms': Math.min(...times),
    'last answered, ms': Math.max(...times),
    instances: String(pids.size),
    'in one instance, most': String(Math.max(0, ...pids.values())),
    failed: String(failed),
  };
}

const asked = (url: string): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    }).on('error', reject);
  });
