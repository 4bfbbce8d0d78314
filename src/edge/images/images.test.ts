import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { limits } from '../../base/limits.ts';
import { silentLog } from '../../base/log.ts';
import type { Images } from '../../model/routing.ts';
import { FakeClient, HandClock, temporaryDirectory } from '../prerender/prerender.fixture.ts';
import { PageStore } from '../prerender/store.ts';
import { imageTag } from './image-request.ts';
import { ImagePages } from './image-pages.ts';
import type { ImageAsk } from './image-pages.ts';
import type { Sourced } from './source.ts';

const images: Images = {
  sizes: [16, 640],
  qualities: null,
  domains: ['cdn.test'],
  remotePatterns: [],
  localPatterns: null,
  minimumCacheTtlS: 60,
  formats: ['image/avif', 'image/webp'],
  dangerouslyAllowSvg: false,
  contentSecurityPolicy: null,
  contentDisposition: 'attachment',
};

const plain = (width: number, background: string): ReturnType<typeof sharp> =>
  sharp({ create: { width, height: Math.ceil(width / 2), channels: 3, background } });

function picture(format: 'png' | 'gif', width = 100, background = '#a50'): Promise<Buffer> {
  const image = plain(width, background);
  return (format === 'png' ? image.png() : image.gif()).toBuffer();
}

let directory: { path: string; remove(): Promise<void> };
let store: PageStore;
let pages: ImagePages;
const clock = new HandClock();
/** Paths and URLs that were asked for. */
let asked: string[] = [];
let sources = new Map<string, () => Promise<Sourced>>();

beforeEach(async () => {
  directory = await temporaryDirectory();
  store = await PageStore.open({ directory: directory.path, clock, log: silentLog });
  pages = new ImagePages({ clock, log: silentLog });
  asked = [];
  sources = new Map();
});
afterEach(async () => {
  await store.settled();
  await directory.remove();
});

function put(name: string, bytes: Buffer, cacheControl = ''): void {
  sources.set(name, () => Promise.resolve({ kind: 'image', image: { bytes, cacheControl } }));
}

function find(name: string): Promise<Sourced> {
  asked.push(name);
  const source = sources.get(name);
  const failure = { code: 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED', detail: 'none' } as const;
  return source?.() ?? Promise.resolve({ kind: 'failed', failure });
}

interface Asking {
  readonly url?: string;
  readonly w?: number;
  readonly q?: number;
  readonly accept?: string;
  readonly headers?: readonly string[];
  readonly method?: string;
  readonly config?: Partial<Images>;
}

const askOf = ({
  url = '/a.png',
  w = 16,
  q = 75,
  accept = '',
  headers = [],
  method = 'GET',
  config = {},
}: Asking): ImageAsk => ({
  shelf: store.shelf('n', 'project'),
  images: { ...images, ...config },
  head: {
    id: 'inv',
    method,
    target: `/_vercel/image?${new URLSearchParams({ url, w: String(w), q: String(q) }).toString()}`,
    headers: ['Accept', accept, ...headers],
    hasBody: false,
    upgrade: false,
    route: '/_vercel/image',
  },
  local: (path) => ({ key: path, address: path, load: () => find(path) }),
  fetch: (from) => find(from.href),
});

/** A client that keeps the bytes. */
class ImageClient extends FakeClient {
  bytes = Buffer.alloc(0);
  override reply(status: number, headers: readonly string[], body: Buffer | null): boolean {
    this.bytes = Buffer.from(body ?? []);
    return super.reply(status, headers, null);
  }
}

function begin(asking: Asking = {}): ImageClient {
  const client = new ImageClient();
  pages.answer(askOf(asking), client);
  return client;
}

async function fetch(asking: Asking = {}): Promise<ImageClient> {
  const client = begin(asking);
  await client.done;
  return client;
}

test('smaller, in the first form that the client names', async () => {
  put('/a.png', await picture('png'));
  for (const [accept, format] of [
    ['image/avif,image/webp,*/*', 'heif'],
    ['image/webp', 'webp'],
    ['image/avif;q=0, image/webp;q=0.5', 'webp'],
    ['*/*', 'png'],
    ['', 'png'],
  ] as const) {
    const client = await fetch({ accept });
    const seen = await sharp(client.bytes).metadata();
    assert.deepEqual([client.status, seen.format, seen.width, seen.height], [200, format, 16, 8], accept);
    assert.equal(client.header('vary'), 'Accept');
  }
  const large = await fetch({ w: 640 });
  assert.equal((await sharp(large.bytes).metadata()).width, 100, 'never larger');
});

test('kept by address, width, quality and form; made once for all who ask', async () => {
  put('/a.png', await picture('png'));
  const clients = await Promise.all(Array.from({ length: 20 }, () => fetch({ accept: 'image/webp' })));
  assert.deepEqual(new Set(clients.map(({ word }) => word)), new Set(['MISS']));
  assert.equal(asked.length, 1);
  assert.equal((await fetch({ accept: 'image/webp,x/y' })).word, 'HIT');
  for (const other of [{ w: 640 }, { q: 50 }, { accept: 'image/avif' }]) {
    assert.equal((await fetch({ accept: 'image/webp', ...other })).word, 'MISS');
  }
  assert.equal(asked.length, 4);
  const tag = (await fetch({ accept: 'image/webp' })).header('etag')!;
  const same = await fetch({ accept: 'image/webp', headers: ['If-None-Match', tag] });
  assert.deepEqual([same.status, same.bytes.length], [304, 0]);
  await store.settled();
  store = await PageStore.open({ directory: directory.path, clock, log: silentLog });
  assert.equal((await fetch({ accept: 'image/webp' })).word, 'HIT');
});

test('fresh as long as the deployment says at least, or the image’s own answer; then stale once', async () => {
  put('/a.png', await picture('png'), 'public, max-age=5');
  put('/long.png', await picture('png'), 'max-age=5, s-maxage=100');
  await fetch();
  await fetch({ url: '/long.png' });
  clock.ms += 59_000;
  assert.equal((await fetch()).word, 'HIT');
  clock.ms += 1_000;
  put('/a.png', await picture('png', 10));
  assert.equal((await fetch({ url: '/long.png' })).word, 'HIT');
  const stale = await fetch();
  assert.deepEqual([stale.word, stale.header('age')], ['STALE', '60']);
  let anew = stale;
  while (anew.word === 'STALE') {
    await new Promise((resolve) => void setImmediate(resolve));
    anew = await fetch();
  }
  assert.deepEqual([anew.word, (await sharp(anew.bytes).metadata()).width], ['HIT', 10]);
});

test('an origin that fails keeps the old image, and is left in peace for a while', async () => {
  put('/a.png', await picture('png'));
  await fetch();
  clock.ms += 60_000;
  sources.clear();
  for (let count = 0; count < 3; count += 1) {
    assert.equal((await fetch()).word, 'STALE');
    await new Promise((resolve) => void setImmediate(resolve));
  }
  assert.equal(asked.length, 2);
  clock.ms += limits.pageRetryMs;
  assert.equal((await fetch()).word, 'STALE');
  assert.equal(asked.length, 3);
});

test('called back by the address of the image', async () => {
  put('https://cdn.test/a.png?v=1', await picture('png'));
  const url = 'https://cdn.test/a.png?v=1';
  await fetch({ url });
  await store.deleteByTags('project', [imageTag(url)]);
  assert.equal((await fetch({ url })).word, 'REVALIDATED');
  assert.equal(asked.length, 2);
});

test('what is passed on as it is: animations, and vector images where they are allowed', async () => {
  const still = await picture('gif', 20);
  const frames = [still, await picture('gif', 20, '#05a')];
  const animated = await sharp(frames, { join: { animated: true } })
    .gif()
    .toBuffer();
  put('/a.gif', animated);
  const moving = await fetch({ url: '/a.gif', accept: 'image/webp' });
  assert.ok(moving.bytes.equals(animated));
  assert.equal(moving.header('content-type'), 'image/gif');
  put('/still.gif', still);
  assert.equal((await fetch({ url: '/still.gif', accept: '' })).header('content-type'), 'image/jpeg');

  const svg = Buffer.from('\uFEFF<?xml version="1.0"?><!-- x --><svg xmlns="http://www.w3.org/2000/svg"></svg>');
  put('/a.svg', svg);
  const refused = await fetch({ url: '/a.svg' });
  assert.equal(refused.failure?.code, 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_INVALID');
  const config = { dangerouslyAllowSvg: true, contentSecurityPolicy: 'sandbox', contentDisposition: 'inline' } as const;
  const shown = await fetch({ url: '/a.svg', config });
  assert.ok(shown.bytes.equals(svg));
  assert.equal(shown.header('content-security-policy'), 'sandbox');
  assert.equal(shown.header('content-disposition'), 'inline; filename="a.svg"');
});

test('headers of an image', async () => {
  put('/pics/a%20b;".png?x', await picture('png'), 'public, max-age=31536000, immutable');
  const client = await fetch({ url: '/pics/a%20b;%22.png?x' });
  assert.equal(client.failure?.code, 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED');
  put('/pics/a%20b;%22.png?x', await picture('png'), 'public, max-age=31536000, immutable');
  const found = await fetch({ url: '/pics/a%20b;%22.png?x' });
  assert.equal(found.header('content-disposition'), 'attachment; filename="a_20b_22.png"');
  assert.equal(found.header('content-security-policy'), "script-src 'none'; frame-src 'none'; sandbox;");
  assert.equal(found.header('cache-control'), 'public, max-age=31536000, immutable');
});

test('what is no image, is broken, or has too many pixels', async () => {
  put('/text.png', Buffer.from('<html>hello</html>'));
  put('/broken.png', (await picture('png')).subarray(0, 40));
  // It says that it has 400 million pixels.
  const bomb = Buffer.from(await picture('png'));
  bomb.writeUInt32BE(20_000, 16);
  bomb.writeUInt32BE(20_000, 20);
  bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29);
  put('/bomb.png', bomb);
  for (const url of ['/text.png', '/broken.png', '/bomb.png']) {
    const client = await fetch({ url });
    assert.equal(client.failure?.code, 'OPTIMIZED_EXTERNAL_IMAGE_REQUEST_INVALID', url);
    if (url === '/bomb.png') assert.match(client.failure.detail, /pixel limit/);
  }
  assert.equal(store.usage.pages, 0);
});

test('bad requests, and methods', async () => {
  assert.equal((await fetch({ w: 17 })).failure?.code, 'INVALID_IMAGE_OPTIMIZE_REQUEST');
  assert.equal((await fetch({ method: 'POST' })).failure?.code, 'INVALID_REQUEST_METHOD');
  put('/a.png', await picture('png'));
  assert.equal((await fetch({ method: 'HEAD' })).status, 200);
  assert.deepEqual(asked, ['/a.png']);
});

test('only so many wait', async () => {
  const held = Promise.withResolvers<Sourced>();
  const all = Array.from({ length: limits.imageSourcesOfOne + limits.imagesWaitingOfOne + 3 }, (_, at) => {
    sources.set(`/${at}.png`, () => held.promise);
    return begin({ url: `/${at}.png` });
  });
  const [refused] = all.slice(-1);
  await refused!.done;
  assert.equal(refused!.failure?.code, 'INTERNAL_OPTIMIZED_IMAGE_REQUEST_FAILED');
  assert.equal(refused!.failure.retryAfterS, 1);
  assert.equal(asked.length, limits.imageSourcesOfOne);
  held.resolve({ kind: 'image', image: { bytes: await picture('png'), cacheControl: '' } });
  await Promise.all(all.map(({ done }) => done));
  assert.equal(all.filter(({ status }) => status === 200).length, limits.imageSourcesOfOne + limits.imagesWaitingOfOne);
});
