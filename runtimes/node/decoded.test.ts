// A Response of fetch() that is sent on: through fetch, the handler and the sender, against a server that compresses.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Transform } from 'node:stream';
import { after, before, test } from 'node:test';
import * as zlib from 'node:zlib';
import { FakeCall, FakeHost } from './fake-call.fixture.ts';
import type { FakeOptions } from './fake-call.fixture.ts';
import { codings } from './decoded.ts';
import { webInvoker } from './web.ts';
import type { WebHandler } from './web.ts';

const compressors: Readonly<Record<string, () => Transform & Pick<zlib.Gzip, 'flush'>>> = {
  gzip: () => zlib.createGzip(),
  deflate: () => zlib.createDeflate(),
  br: () => zlib.createBrotliCompress(),
  zstd: () => zlib.createZstdCompress(),
};
const whole: Readonly<Record<string, (text: string) => Buffer>> = {
  gzip: (text) => zlib.gzipSync(text),
  deflate: (text) => zlib.deflateSync(text),
  br: (text) => zlib.brotliCompressSync(text),
  zstd: (text) => zlib.zstdCompressSync(text),
  'br, gzip': (text) => zlib.gzipSync(zlib.brotliCompressSync(text)),
  dcb: (text) => Buffer.from(text),
};
const text = 'data: token\n\n'.repeat(20);
/** Sends the next token of the stream that is open. */
let more: (chunk: string | null) => void = () => undefined;
let origin = '';

/** `/CODING/`: a whole body with its length; `/CODING/304`: none; `/CODING/stream`: chunks when the test says so. */
const upstream = http.createServer((req, res) => {
  const [, coding = '', how] = decodeURIComponent(req.url ?? '').split('/');
  res.setHeader('content-encoding', coding);
  res.setHeader('x-from', 'upstream');
  if (how === 'stream') sendLater(res, coding);
  else if (how === '304') res.writeHead(304).end();
  else {
    const body = whole[coding]!(text);
    res.setHeader('content-length', body.length).end(body);
  }
});
function sendLater(res: http.ServerResponse, coding: string): void {
  const stream = compressors[coding]!();
  stream.pipe(res);
  res.flushHeaders();
  more = (chunk) => {
    if (chunk === null) stream.end();
    else stream.write(chunk, () => stream.flush(() => undefined));
  };
}
before(async () => {
  await once(upstream.listen(0, '127.0.0.1'), 'listening');
  origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});
after(() => upstream.close());

const host = new FakeHost();
const start = (handler: WebHandler, options?: FakeOptions): FakeCall =>
  new FakeCall(options).begin(webInvoker({ self: {}, methods: {}, fetch: handler }, host));
const url = (coding: string, how = ''): string => `${origin}/${encodeURIComponent(coding)}/${how}`;
const described = (call: FakeCall): unknown[] => [
  call.header('content-encoding'),
  call.header('content-length'),
  call.header('x-from'),
];
const plain = [undefined, undefined, 'upstream'];

/** An older Node's fetch() does not know all of them. */
const isKnown = (name: string): boolean => name.split(', ').every((each) => codings.has(each));

for (const coding of Object.keys(whole).filter(isKnown)) {
  test(`${coding}: what fetch() answers is sent on decoded, and says so`, async () => {
    const call = await start(async () => fetch(url(coding))).settled();
    assert.deepEqual([call.status, call.text, ...described(call)], [200, text, ...plain]);
  });
}

for (const coding of Object.keys(compressors).filter(isKnown)) {
  test(`${coding}: tokens leave one by one`, async () => {
    const call = start(() => fetch(url(coding, 'stream')));
    await call.until('head');
    assert.deepEqual(described(call), plain);
    for (const token of ['one ', 'two ', 'three ']) {
      const chunk = call.until('chunk');
      more(token);
      await chunk;
    }
    more(null);
    await call.settled();
    assert.equal(call.text, 'one two three ');
    assert.equal(call.chunks.length, 3);
  });
}

test('whatever is made of the Response is decoded, too', async () => {
  const upper = (): TransformStream<string, string> =>
    new TransformStream({ transform: (chunk, controller) => controller.enqueue(chunk.toUpperCase()) });
  const ways: Readonly<Record<string, (from: Response) => Response | Promise<Response>>> = {
    'body and init': (from) => new Response(from.body, from),
    'body and headers': (from) => new Response(from.body, { headers: from.headers }),
    'body and copied headers': (from) => new Response(from.body, { headers: new Headers(from.headers) }),
    'body and entries': (from) => new Response(from.body, { headers: Object.fromEntries(from.headers) }),
    'twice over': (from) => {
      const first = new Response(from.body, from);
      return new Response(first.body, { headers: new Headers(first.headers) });
    },
    clone: (from) => from.clone(),
    'the original of a clone': (from) => {
      void from.clone().text();
      return new Response(from.body, { headers: new Headers(from.headers) });
    },
    'a clone of what was made': (from) => new Response(from.body, from).clone(),
    transformed: (from) =>
      new Response(
        from
          .body!.pipeThrough(new TextDecoderStream())
          .pipeThrough(upper())
          .pipeThrough(new TextEncoderStream()) as ReadableStream,
        { headers: new Headers(from.headers) },
      ),
    'one branch of two': (from) => {
      const [ours, theirs] = from.body!.tee();
      void theirs.cancel();
      return new Response(ours, { headers: new Headers(from.headers) });
    },
    text: async (from) => new Response(await from.text(), from),
    bytes: async (from) => new Response(await from.bytes(), from),
    'bytes and copied headers': async (from) =>
      new Response(await from.bytes(), { headers: new Headers(from.headers) }),
    'an ArrayBuffer': async (from) => new Response(await from.arrayBuffer(), { headers: new Headers(from.headers) }),
    'a view of an ArrayBuffer': async (from) =>
      new Response(Buffer.from(await from.arrayBuffer()), { headers: new Headers(from.headers) }),
    'a Blob': async (from) => new Response(await from.blob(), from),
    'other bytes, not compressed': async (from) => new Response(Buffer.from(await from.text()), from),
    'a subclass': (from) => new (class extends Response {})(from.body, from),
  };
  for (const [name, make] of Object.entries(ways)) {
    const call = await start(async () => make(await fetch(url('gzip')))).settled();
    assert.deepEqual([call.text.toLowerCase(), ...described(call)], [text, ...plain], name);
  }
  const json = start(async () => Response.json(await (await fetch(url('gzip'))).text(), await fetch(url('br'))));
  assert.deepEqual(described(await json.settled()), plain);
});

test('the Response of another implementation of fetch', async () => {
  const body = new ReadableStream({
    start: (controller) => (controller.enqueue(Buffer.from('x')), controller.close()),
  });
  const headers = new Headers({ 'content-encoding': 'gzip', 'x-from': 'upstream' });
  const call = start(() => ({ status: 200, url: 'http://else/', headers, body, bodyUsed: false }));
  assert.deepEqual(described(await call.settled()), plain);
});

test('what is compressed, or may be, goes on saying so', async () => {
  const squeezed = new Response(text).body!.pipeThrough(new CompressionStream('gzip'));
  const own = await start(() => new Response(squeezed, { headers: { 'content-encoding': 'gzip' } })).settled();
  assert.equal(own.header('content-encoding'), 'gzip');
  assert.equal(zlib.gunzipSync(Buffer.concat(own.chunks)).toString(), text);
  const again = await start(async () => {
    const from = await fetch(url('gzip'));
    return new Response(from.body!.pipeThrough(new CompressionStream('gzip')), { headers: from.headers });
  }).settled();
  assert.deepEqual(described(again), ['gzip', undefined, 'upstream']);
  assert.equal(zlib.gunzipSync(Buffer.concat(again.chunks)).toString(), text);
  // fetch() does not know the coding, and leaves the body alone.
  for (const coding of Object.keys(whole).filter((name) => !isKnown(name))) {
    const unknown = await start(() => fetch(url(coding))).settled();
    const sent = Buffer.concat(unknown.chunks);
    assert.deepEqual([sent, unknown.header('content-encoding')], [Buffer.from(whole[coding]!(text)), coding]);
  }
  // Without a body the headers are those of the answer that a GET would have.
  const head = await start(() => fetch(url('gzip'), { method: 'HEAD' }), { method: 'HEAD' }).settled();
  assert.deepEqual([head.text, head.header('content-encoding')], ['', 'gzip']);
  const unchanged = await start(() => fetch(url('gzip', '304'))).settled();
  assert.deepEqual([unchanged.status, unchanged.header('content-encoding')], [304, 'gzip']);
});

test('what is compressed at once with the headers of what was decoded goes on saying so', async () => {
  const bodies: Readonly<
    Record<string, (bytes: Buffer<ArrayBuffer>) => Buffer<ArrayBuffer> | ArrayBuffer | DataView<ArrayBuffer> | Blob>
  > = {
    bytes: (bytes) => bytes,
    'an ArrayBuffer': (bytes) => new Uint8Array(bytes).buffer,
    'a view': (bytes) => new DataView(new Uint8Array(bytes).buffer),
    'a Blob': (bytes) => new Blob([bytes]),
  };
  for (const coding of Object.keys(whole).filter(isKnown)) {
    for (const [name, body] of Object.entries(bodies)) {
      const bytes = Buffer.from(whole[coding]!(text));
      const call = start(async () => new Response(body(bytes), { headers: (await fetch(url(coding))).headers }));
      await call.settled();
      assert.deepEqual(described(call), [coding, undefined, 'upstream'], `${coding}, ${name}: its length is its own`);
      assert.ok(Buffer.concat(call.chunks).equals(bytes));
    }
  }
});
