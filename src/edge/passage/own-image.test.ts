// Images of the deployment's own, over real sockets: who is asked for them, as whom, and for how long.
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { TestContext } from 'node:test';
import sharp from 'sharp';
import { systemClock } from '../../base/clock.ts';
import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { silentLog } from '../../base/log.ts';
import type { Output } from '../../model/output.ts';
import type { Images, Rule } from '../../model/routing.ts';
import { client, deployment, spec, startEdge } from '../edge.fixture.ts';
import type { Handler, Started } from '../edge.fixture.ts';
import { fakePrerender } from '../prerender/prerender.fixture.ts';
import { PageStore } from '../prerender/store.ts';

const images: Images = {
  sizes: [16, 32],
  qualities: null,
  domains: [],
  remotePatterns: [],
  localPatterns: null,
  minimumCacheTtlS: 60,
  formats: [],
  dangerouslyAllowSvg: false,
  contentSecurityPolicy: null,
  contentDisposition: 'attachment',
};

const rules: readonly Rule[] = [
  { src: '^/private/.*$', middlewarePath: '/gate', continue: true },
  { src: '^/denied/.*$', mitigate: { action: 'deny' } },
  { src: '^/logo.png$', has: [{ type: 'host', value: 'a.test' }], dest: '/tenants/a.png' },
  { src: '^/logo.png$', has: [{ type: 'host', value: 'b.test' }], dest: '/tenants/b.png' },
];

let red: Buffer;
let blue: Buffer;
before(async () => {
  const png = (background: string): Promise<Buffer> =>
    sharp({ create: { width: 20, height: 20, channels: 3, background } })
      .png()
      .toBuffer();
  [red, blue] = await Promise.all([png('#f00'), png('#00f')]);
});

/** Functions `draw`, `gate`, and `page`, whose answers are kept; files at tenants/, private/, denied/ and still.png. */
async function start(context: TestContext, handler: Handler, clock: Clock = systemClock): Promise<Started> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'weir-images-')));
  writeFileSync(join(dir, 'red.png'), red);
  writeFileSync(join(dir, 'blue.png'), blue);
  const store = await PageStore.open({ directory: join(dir, 'kept'), clock, log: silentLog });
  context.after(async () => {
    await store.settled();
    rmSync(dir, { recursive: true, force: true });
  });
  const file = (name: string): Output => ({ kind: 'file', file: join(dir, name), contentType: null });
  const prerender = fakePrerender();
  const outputs = new Map<string, Output>([
    ['tenants/a.png', file('red.png')],
    ['tenants/b.png', file('blue.png')],
    ['private/x.png', file('red.png')],
    ['denied/x.png', file('red.png')],
    ['still.png', file('red.png')],
    ['draw', { kind: 'function', functionId: 'dpl_1/draw' }],
    ['page', { kind: 'prerender', functionId: 'dpl_1/page', prerender }],
    ['gate', { kind: 'function', functionId: 'dpl_1/gate' }],
  ]);
  const built = deployment({
    functions: [spec('draw'), spec('gate'), spec('page')],
    routes: [],
    outputs,
    routing: { rules, wildcard: [], images, afterCacheBypass: [] },
  });
  return startEdge(context, handler, { deployments: [built], edge: { pages: store, clock } });
}

interface Answer {
  readonly status: number;
  readonly text: string;
  header(name: string): string | undefined;
}

interface Client {
  readonly host?: string;
  /** Each with CRLF. */
  readonly headers?: string;
}

/** `url`: of the image. */
async function get(context: TestContext, port: number, url: string, from: Client = {}): Promise<Answer> {
  const { host = 'a.test', headers = '' } = from;
  const asked = client(context, port);
  asked.send(
    `GET /_vercel/image?w=16&q=75&url=${encodeURIComponent(url)} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${headers}\r\n`,
  );
  const text = await asked.untilClosed();
  return {
    status: Number(text.slice(9, 12)),
    text,
    header: (name) => new RegExp(`^${name}: (.*)\r$`, 'im').exec(text)?.[1],
  };
}

test('what middleware or the firewall keeps from clients without a name is no image', async (context) => {
  const { port, invoker } = await start(context, (seen) => {
    const known = seen.header('cookie') !== undefined;
    seen.exchange.reply(known ? 200 : 401, known ? ['x-middleware-next', '1'] : [], null);
  });
  const refused = await get(context, port, '/private/x.png', { headers: 'Cookie: session=1\r\n' });
  assert.equal(refused.header('x-weir-error'), 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_UNAUTHORIZED');
  assert.deepEqual(
    invoker.all.map((seen) => [seen.target.name, seen.header('cookie')]),
    [['gate', undefined]],
  );
  const denied = await get(context, port, '/denied/x.png');
  assert.equal(denied.header('x-weir-error'), 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED');
});

test('what middleware lets through is shown, and where it leads elsewhere, what is there', async (context) => {
  const { port } = await start(context, (seen) => {
    const elsewhere = seen.head.target.endsWith('?b') ? ['x-middleware-rewrite', '/tenants/b.png'] : [];
    seen.exchange.reply(200, elsewhere.length > 0 ? elsewhere : ['x-middleware-next', '1'], null);
  });
  const shown = await get(context, port, '/private/x.png');
  assert.equal(shown.status, 200);
  const other = await get(context, port, '/private/x.png?b');
  assert.equal(other.status, 200);
  assert.notEqual(other.header('etag'), shown.header('etag'));
});

test('an image that depends on the host is kept for its host; a file once, whatever the query', async (context) => {
  const { port } = await start(context, () => undefined);
  const [one, other] = [
    await get(context, port, '/logo.png', { host: 'a.test' }),
    await get(context, port, '/logo.png', { host: 'b.test' }),
  ];
  assert.deepEqual([one.status, other.status, other.header('x-vercel-cache')], [200, 200, 'MISS']);
  assert.notEqual(one.header('etag'), other.header('etag'));
  assert.equal((await get(context, port, '/still.png?v=1')).header('x-vercel-cache'), 'MISS');
  assert.equal((await get(context, port, '/still.png?v=2', { host: 'b.test' })).header('x-vercel-cache'), 'HIT');
});

test('a function draws for everybody: nothing of the client goes along but its host', async (context) => {
  const { port, invoker } = await start(context, (seen) => seen.exchange.reply(200, [], red));
  const own = 'X-Api-Key: mine\r\nAccept-Language: de\r\nCookie: a=b\r\nX-Tenant: evil\r\n';
  assert.equal((await get(context, port, '/draw?x=1', { headers: own })).status, 200);
  const [seen] = invoker.all;
  assert.equal(seen!.head.target, '/draw?x=1');
  const names = seen!.head.headers.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  assert.deepEqual(
    names.filter((name) => !name.startsWith('x-forwarded-') && !name.startsWith('x-vercel-')),
    ['host', 'x-matched-path'],
  );
  assert.equal(seen!.header('host'), 'a.test');
  assert.equal((await get(context, port, '/draw?x=1', { host: 'b.test' })).header('x-vercel-cache'), 'MISS');
  assert.equal((await get(context, port, '/draw?x=1')).header('x-vercel-cache'), 'HIT');
});

test('who does not answer in time, or with too much, is cancelled: others have their turn', async (context) => {
  const deadlines: (() => void)[] = [];
  const clock: Clock = {
    ...systemClock,
    after: (delayMs, fire) => {
      if (delayMs !== limits.imageFetchMs) return systemClock.after(delayMs, fire);
      deadlines.push(fire);
      return { cancel: () => undefined };
    },
  };
  const { port, invoker } = await start(
    context,
    (seen) => {
      seen.exchange.head(200, ['Content-Type', 'image/png']);
      if (!seen.head.target.endsWith('large')) seen.exchange.body(Buffer.from('x'));
    },
    clock,
  );
  const slow = Array.from({ length: limits.imageSources }, (_, at) =>
    get(context, port, `/${at % 2 === 0 ? 'draw' : 'page'}?${at}`),
  );
  // A page that is kept is made on, once for all who ask; the others are cancelled.
  await invoker.nth(2);
  let fired = 0;
  const answers = Promise.all(slow);
  const drawn = (): number => invoker.all.filter(({ target }) => target.name === 'draw').length;
  while (fired < limits.imageSources) {
    while (deadlines.length === 0) await new Promise((resolve) => void setImmediate(resolve));
    fired += 1;
    deadlines.shift()!();
  }
  for (const { status } of await answers) assert.equal(status, 502);
  assert.equal(drawn(), limits.imageSources / 2);
  for (const seen of invoker.all) assert.equal(seen.cancelled > 0, seen.target.name === 'draw');

  const large = get(context, port, '/draw?large');
  const seen = await invoker.nth(invoker.all.length + 1);
  const piece = Buffer.alloc(limits.imageBytes / 4);
  for (let at = 0; at < 4; at += 1) seen.exchange.body(piece);
  assert.equal(seen.cancelled, 0);
  seen.exchange.body(piece);
  assert.equal(seen.cancelled, 1);
  assert.match((await large).text, /more than \d+ bytes/);
});

test('chains of calls go on through images, and end', async (context) => {
  const { port, invoker } = await start(context, (seen) => seen.exchange.reply(200, [], red));
  await get(context, port, '/draw?1');
  assert.equal(invoker.all[0]!.header('x-weir-chain'), undefined);
  let chain = 'start';
  let last: Answer | null = null;
  for (let at = 0; at <= limits.chainRecursions; at += 1) {
    last = await get(context, port, `/draw?again${at}`, { headers: `X-Weir-Chain: ${chain}\r\n` });
    chain = invoker.all.at(-1)!.header('x-weir-chain')!;
    assert.ok(chain.length > 10);
  }
  assert.equal(last!.header('x-weir-error'), 'INFINITE_LOOP_DETECTED');
  assert.equal(invoker.all.length, 1 + limits.chainRecursions);
});
