// What a handler does to Node's own server and to an invocation must come to the same, so every case runs on both.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { finished, pipeline, Readable } from 'node:stream';
import { after, test } from 'node:test';
import { FakeCall, FakeHost } from './fake-call.fixture.ts';
import { serverInvoker } from './node-invoker.ts';

type Req = http.IncomingMessage;
type Res = http.ServerResponse;
type Note = (what: string) => void;
interface Case {
  readonly handle: (req: Req, res: Res, note: Note) => unknown;
  readonly method?: string;
  readonly target?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const done = (res: Res, note: Note): void => {
  res.on('finish', () => note('finish'));
  res.on('close', () => note(`close ${res.writableFinished} ${res.destroyed} ${res.socket === null}`));
  res.on('prefinish', () => note('prefinish'));
};
const code = (act: () => unknown): string => {
  try {
    act();
    return 'fine';
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
};

const cases: Readonly<Record<string, Case>> = {
  'end with text': { handle: (_, res) => res.end('hello') },
  'end with nothing': { handle: (_, res) => res.end() },
  'end with bytes and a type': {
    handle: (_, res) => res.writeHead(201, { 'content-type': 'x/y' }).end(Buffer.from('abc')),
  },
  'end in latin1': { handle: (_, res) => res.end('é', 'latin1') },
  'end in base64': { handle: (_, res) => res.end('aGVsbG8=', 'base64') },
  'end with characters beyond ASCII': { handle: (_, res) => res.end('žluťoučký €') },
  'events of a small answer, in order': {
    handle: (_, res, note) => {
      done(res, note);
      note(`sent ${res.headersSent} ended ${res.writableEnded} finished ${res.writableFinished}`);
      res.end('x', () => note('end callback'));
      note(`sent ${res.headersSent} ended ${res.writableEnded} finished ${res.writableFinished}`);
    },
  },
  'events of a streamed answer, in order': {
    handle: (_, res, note) => {
      done(res, note);
      note(String(res.write('a', () => note('first callback'))));
      note(`sent ${res.headersSent} needs drain ${res.writableNeedDrain}`);
      setImmediate(() => {
        res.write(Buffer.from('b'), () => note('second callback'));
        res.end('c', () => note('end callback'));
      });
    },
  },
  'write, then end without a chunk': {
    handle: (_, res) => {
      res.write('all of it');
      res.end();
    },
  },
  'a length set by hand': {
    handle: (_, res) => {
      res.setHeader('Content-Length', 5);
      res.write('ab');
      res.end('cde');
    },
  },
  'headers set, replaced, appended, removed': {
    handle: (_, res, note) => {
      res.setHeader('X-One', '1');
      res.setHeader('x-one', 2);
      res.appendHeader('x-two', 'a');
      res.appendHeader('X-Two', ['b', 'c']);
      res.setHeader('x-gone', 'x');
      res.removeHeader('X-Gone');
      note(JSON.stringify([res.getHeaders(), res.getHeaderNames(), res.hasHeader('x-ONE')]));
      res.end();
    },
  },
  'setHeader and writeHead together': {
    handle: (_, res) => {
      res.setHeader('x-a', '1');
      res.writeHead(202, 'Fine', { 'X-A': '2', 'x-b': ['3', '4'] });
      res.end('ok');
    },
  },
  'writeHead with a flat list': { handle: (_, res) => res.writeHead(200, ['x-a', '1', 'x-a', '2']).end() },
  'writeHead with pairs': {
    handle: (_, res) =>
      res
        .writeHead(200, [
          ['x-a', '1'],
          ['x-b', '2'],
        ] as never)
        .end(),
  },
  cookies: {
    handle: (_, res) => {
      res.setHeader('Set-Cookie', ['a=1', 'b=2; Path=/']);
      res.end();
    },
  },
  'the length removed by the user': {
    handle: (_, res) => {
      res.removeHeader('content-length');
      res.end('x');
    },
  },
  'no body with 204': {
    handle: (_, res) => {
      res.writeHead(204);
      res.end('dropped');
    },
  },
  'no body with 304': { handle: (_, res) => res.writeHead(304, { etag: '"x"' }).end('dropped') },
  'HEAD with a body': { method: 'HEAD', handle: (_, res) => res.end('dropped') },
  'HEAD with a length': {
    method: 'HEAD',
    handle: (_, res) => {
      res.setHeader('content-length', '7');
      res.write('dropped');
      res.end();
    },
  },
  'mistakes have the codes that Node gives them': {
    handle: (_, res, note) => {
      note(code(() => res.setHeader('bad name', 'x')));
      note(code(() => res.setHeader('x-a', 'a\r\nb')));
      note(code(() => res.setHeader('x-a', undefined as never)));
      note(code(() => res.writeHead(99)));
      note(code(() => res.writeHead(200, { 'bad name': 'x' })));
      note(code(() => res.write(null)));
      note(code(() => res.write(5)));
      res.on('error', (error) => note((error as NodeJS.ErrnoException).code ?? ''));
      res.end('x');
      note(code(() => res.setHeader('x-a', 'late')));
      note(code(() => res.writeHead(200)));
      note(code(() => res.flushHeaders()));
      note(
        code(() => res.write('late', (error) => note(`late write ${(error as NodeJS.ErrnoException | null)?.code}`))),
      );
    },
  },
  strictContentLength: {
    handle: (_, res, note) => {
      res.strictContentLength = true;
      res.writeHead(200, { 'content-length': 3 });
      note(code(() => res.end('toolong')));
      res.end('abc');
    },
  },
  'flushHeaders first': {
    handle: (_, res, note) => {
      res.setHeader('x-early', '1');
      res.flushHeaders();
      note(String(res.headersSent));
      setImmediate(() => res.end('late'));
    },
  },
  'the request as it is read': {
    method: 'POST',
    target: '/path?q=1',
    body: 'some bytes',
    headers: { 'x-twice': 'a', cookie: 'a=1; b=2', accept: 'x/y' },
    handle: (req, res, note) => {
      note([req.method, req.url, req.httpVersion, req.headers['x-twice'], req.headers.cookie].join(' '));
      note(JSON.stringify(req.headersDistinct['accept']));
      note(`instance ${req instanceof http.IncomingMessage} ${res instanceof http.ServerResponse} ${res.req === req}`);
      let text = '';
      req.setEncoding('utf8');
      req.on('data', (chunk: string) => (text += chunk));
      req.on('close', () => note(`request closed ${req.readableEnded} ${req.destroyed} ${req.aborted}`));
      req.on('end', () => {
        note(`complete ${req.complete}`);
        res.end(text);
      });
    },
  },
  'a request without a body ends at once': {
    handle: (req, res, note) => {
      req.on('end', () => {
        note(`end ${req.complete} ${req.readableEnded}`);
        res.end();
      });
      req.resume();
    },
  },
  'a body that nobody reads': {
    method: 'POST',
    body: 'ignored',
    handle: (req, res, note) => {
      req.on('close', () => note(`request closed ${req.aborted}`));
      res.end('ok');
    },
  },
  'for await over the request': {
    method: 'PUT',
    body: 'piece',
    handle: async (req, res) => {
      let text = '';
      for await (const chunk of req) text += String(chunk);
      res.end(text.toUpperCase());
    },
  },
  'pipeline from the request to the response': {
    method: 'POST',
    body: 'through',
    handle: (req, res, note) => pipeline(req, res, (error) => note(`pipeline ${error?.message}`)),
  },
  'stream.finished of both': {
    method: 'POST',
    body: 'x',
    handle: (req, res, note) => {
      finished(req, (error) => note(`request ${error?.message}`));
      finished(res, (error) => note(`response ${error?.message}`));
      req.resume();
      req.on('end', () => res.end('x'));
    },
  },
  'Readable.from piped into the response': {
    handle: (_, res) => void Readable.from(['a', 'b', 'c']).pipe(res),
  },
  'cork and uncork': {
    handle: (_, res, note) => {
      res.cork();
      res.write('a');
      res.write('b');
      note(String(res.writableCorked));
      process.nextTick(() => {
        res.uncork();
        res.end('c');
      });
    },
  },
  'a wrapped writeHead is called for an implicit head': {
    handle: (_, res, note) => {
      const original = res.writeHead.bind(res) as (...args: unknown[]) => Res;
      res.writeHead = (...args: unknown[]) => {
        note(`writeHead ${String(args[0])}`);
        res.setHeader('x-late', '1');
        return original(...args);
      };
      res.end('x');
    },
  },
  'a wrapped end and write': {
    handle: (_, res, note) => {
      const write = Reflect.get(res, 'write') as (...args: unknown[]) => boolean;
      const end = Reflect.get(res, 'end') as (...args: unknown[]) => Res;
      res.write = function (this: Res, ...args: unknown[]) {
        note('write');
        return Reflect.apply(write, this, args);
      };
      res.end = function (this: Res, ...args: unknown[]) {
        note('end');
        return Reflect.apply(end, this, args);
      };
      res.write('a');
      res.end('b');
    },
  },
  'prototypes replaced, as Express does': {
    handle: (req, res, note) => {
      const request = Object.create(http.IncomingMessage.prototype) as { hello(): string };
      request.hello = () => 'hello';
      const response = Object.create(http.ServerResponse.prototype) as { send(this: Res, text: string): void };
      response.send = function (text) {
        this.setHeader('x-sent', 'yes');
        this.end(text);
      };
      Object.setPrototypeOf(req, request);
      Object.setPrototypeOf(res, response);
      done(res, note);
      (res as unknown as typeof response).send.call(res, (req as unknown as typeof request).hello());
    },
  },
  'end twice': {
    handle: (_, res, note) => {
      res.end('once');
      res.end((error?: Error) => note(`again ${error?.message}`));
    },
  },
};

let handle: (req: Req, res: Res) => void = () => undefined;
const real = http.createServer((req, res) => handle(req, res));
after(() => {
  real.close();
  real.closeAllConnections();
});
const invoke = serverInvoker(
  http.createServer((req, res) => handle(req, res)),
  new FakeHost(),
);
await once(real.listen(0, '127.0.0.1'), 'listening');

/** What is the connection's and not the answer's, and the order in which headers of different names come. */
const skipped = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding']);
const sorted = (fields: readonly string[]): string[] =>
  fields.flatMap((name, at) =>
    at % 2 === 0 && !skipped.has(name.toLowerCase()) ? [`${name}: ${fields[at + 1]}`] : [],
  );

interface Outcome {
  readonly status: number;
  readonly fields: readonly string[];
  readonly text: string;
  readonly notes: readonly string[];
}

/** Both sides' last events come a turn or two after the answer. */
const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 5; turns += 1) await new Promise((resolve) => setImmediate(resolve));
};

async function onNode(given: Case): Promise<Outcome> {
  const notes: string[] = [];
  const closed = new Promise((resolve) => {
    handle = (req, res) => {
      res.on('close', resolve);
      void given.handle(req, res, (what) => notes.push(what));
    };
  });
  const { port } = real.address() as AddressInfo;
  const asked = http.request({
    port,
    host: '127.0.0.1',
    agent: false,
    method: given.method ?? 'GET',
    path: given.target ?? '/',
  });
  for (const [name, value] of Object.entries(given.headers ?? {})) asked.setHeader(name, value);
  asked.end(given.body);
  const [response] = (await once(asked, 'response')) as [Req];
  const chunks = await response.toArray();
  await closed;
  await settle();
  const text = Buffer.concat(chunks as Buffer[]).toString('latin1');
  return { status: response.statusCode ?? 0, fields: sorted(response.rawHeaders), text, notes };
}

async function onWeir(given: Case): Promise<Outcome> {
  const notes: string[] = [];
  const headers = ['host', 'x', ...Object.entries(given.headers ?? {}).flat()];
  const { method = 'GET', target = '/', body } = given;
  const call = new FakeCall({ method, target, headers, ...(body === undefined ? {} : { body: [body] }) });
  handle = (req, res) => void given.handle(req, res, (what) => notes.push(what));
  await call.begin(invoke).settled();
  await settle();
  return {
    status: call.status,
    fields: sorted(call.fields),
    text: Buffer.concat(call.chunks).toString('latin1'),
    notes,
  };
}

for (const [name, given] of Object.entries(cases)) {
  test(`as node:http: ${name}`, { timeout: 5000 }, async () => {
    assert.deepEqual(await onWeir(given), await onNode(given));
  });
}
