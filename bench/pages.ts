import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/base/clock.ts';
import { silentLog } from '../src/base/log.ts';
import type { FunctionSpec } from '../src/model/function.ts';
import type { Exchange } from '../src/model/invoke.ts';
import type { Prerender } from '../src/model/output.ts';
import { Chains } from '../src/edge/chain.ts';
import type { PageAsk } from '../src/edge/prerender/ask.ts';
import { Pages } from '../src/edge/prerender/pages.ts';
import { PageStore } from '../src/edge/prerender/store.ts';

/**
 * What a page costs that is in memory, beside 1,000 others: from the request's head to the answer's, without the socket.
 * Target: at most 5 µs. Run: `npm run bench -- --only pages`.
 */
export async function pagesBench(): Promise<{ page: string; nsPerRequest: number }[]> {
  const directory = await mkdtemp(join(tmpdir(), 'weir-bench-pages-'));
  try {
    const store = await PageStore.open({ directory, clock: systemClock, log: silentLog });
    const rows = [];
    for (const [page, make] of Object.entries(kinds)) rows.push({ page, nsPerRequest: await measure(store, make) });
    await store.settled();
    return rows;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const others = 1_000;
const requests = 200_000;

const headers = Object.entries({
  Host: 'site.test',
  'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36',
  Accept: 'text/html,*/*',
  'Accept-Encoding': 'gzip, br',
  'Accept-Language': 'en',
  Cookie: 'theme=dark; session=0123456789abcdef',
  'X-Forwarded-For': '192.0.2.1',
  'X-Forwarded-Proto': 'https',
  'X-Vercel-Id': 'dev1::inv_0',
}).flat();

const prerender: Prerender = {
  expirationS: 3600,
  staleExpirationS: null,
  group: 1,
  bypassToken: '0123456789abcdef0123456789abcdef',
  fallback: null,
  allowQuery: [],
  allowHeader: ['host', 'x-matched-path'],
  passQuery: true,
  initialHeaders: {},
  initialStatus: 200,
  exposeErrorBody: false,
  bypassFor: [{ type: 'header', key: 'next-action' }],
  sourcePath: null,
  chain: null,
};

const kinds: Readonly<Record<string, (at: number) => { page: Prerender; output: string; target: string }>> = {
  'without parameters': (at) => ({ page: prerender, output: `docs/page-${at}`, target: `/docs/page-${at}` }),
  'one parameter': (at) => ({
    page: { ...prerender, allowQuery: ['slug'] },
    output: 'blog/[slug]',
    target: `/blog/post-${at}?slug=post-${at}`,
  }),
};

async function measure(store: PageStore, make: (at: number) => Pick<PageAsk, 'page' | 'output'> & { target: string }) {
  const body = Buffer.alloc(2000, 'x');
  const pages = new Pages({
    // Answers at once, as the function that makes the pages.
    invoker: {
      invoke: (_spec, _head, exchange) => {
        exchange.reply(200, ['Content-Type', 'text/html', 'X-Next-Cache-Tags', '_N_T_/layout,_N_T_/page,posts'], body);
        return { write: () => true, endBody: () => undefined, resume: () => undefined, cancel: () => undefined };
      },
    },
    clock: systemClock,
    log: silentLog,
    chains: new Chains('bench'),
    nextId: () => 'inv_1',
    matches: () => false,
  });
  const asks = Array.from({ length: others }, (_, at): PageAsk => {
    const { target, ...rest } = make(at);
    const head = { id: 'inv_0', method: 'GET', target, headers, hasBody: false, upgrade: false, route: '/' };
    const spec = { label: 'bench' } as FunctionSpec;
    return { ...rest, shelf: store.shelf('bench', 'bench'), spec, chain: null, head, unfit: null, host: 'site.test' };
  });
  for (const ask of asks) {
    await new Promise<void>((resolve) => void pages.answer(ask, sink(resolve)));
  }
  await store.settled();
  const rounds = [1, 2, 3, 4].map(() => {
    // CPU, not wall time: it is the steadier figure.
    const before = process.threadCpuUsage();
    for (let at = 0; at < requests; at += 1) pages.answer(asks[(at * 7919) % others]!, counter);
    const { user, system } = process.threadCpuUsage(before);
    return ((user + system) * 1000) / requests;
  });
  return Math.min(...rounds);
}

let answered = 0;
const sink = (done: () => void): Exchange => ({
  inform: () => undefined,
  reply: (_status, answer) => {
    answered += answer.length;
    done();
    return true;
  },
  head: () => undefined,
  body: () => true,
  end: done,
  fail: ({ detail }) => {
    throw new Error(detail);
  },
  drained: () => undefined,
});
const counter = sink(() => undefined);

if (import.meta.main) {
  for (const { page, nsPerRequest } of await pagesBench()) console.log(`${page}: ${nsPerRequest.toFixed(0)} ns`);
  if (answered === 0) process.exitCode = 1;
}
