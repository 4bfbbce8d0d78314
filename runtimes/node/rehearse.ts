/**
 * A stem's time is free: what the first invocation would wait for (modules, lazily compiled functions, caches of the
 * engine) is brought about by invocations of our own that go nowhere. Measured: the first answer of a small function
 * comes 3 ms sooner; more than one round of it brings nothing but memory.
 */
import type { Call, CallListener } from '../../src/core/call.ts';
import { functionInvoker, serverInvoker } from './node-invoker.ts';
import { noHost as host } from './host.ts';
import { http } from './internals.ts';
import { webInvoker } from './web.ts';

const ignore = (): void => undefined;
const fields = ['host', 'localhost', 'x-forwarded-proto', 'http', 'x-forwarded-host', 'localhost', 'accept', '*/*'];

/** Nobody asked, and nobody hears the answer. */
class Rehearsal implements Call {
  readonly id = 'inv_rehearsal';
  readonly method: string;
  readonly target = '/rehearsal?name=value';
  readonly headers = fields;
  readonly hasBody: boolean;
  readonly upgrade = false;
  readonly deadlineWallMs = 0;
  listener: CallListener = { body: ignore, bodyEnd: ignore, writable: ignore, cancelled: ignore };
  context: unknown = null;
  handling: PromiseLike<unknown> | null = null;
  answered = false;
  readonly inform = ignore;
  readonly head = ignore;
  readonly fail = ignore;
  readonly consumed = ignore;

  constructor(method: 'GET' | 'POST') {
    this.method = method;
    this.hasBody = method === 'POST';
  }

  reply(): void {
    this.answered = true;
  }
  write(): boolean {
    return true;
  }
  addCacheTags(): 'added' {
    return 'added';
  }
  end(): void {
    this.answered = true;
  }
}

interface Helped {
  readonly query: unknown;
  status(code: number): { json(value: unknown): void };
}

/** Resolves when all of it has run, with how many invocations there were and how many of them were answered. */
export async function rehearse(): Promise<{ invocations: number; answered: number }> {
  const GET = (request: Request): Response => Response.json({ name: new URL(request.url).searchParams.get('name') });
  const POST = async (request: Request): Promise<Response> => new Response(await request.text());
  const invokers = [
    webInvoker({ self: {}, methods: { GET, POST }, fetch: null }, host),
    functionInvoker((_, res) => (res as Helped).status(200).json({ name: 'value' }), host, true),
    functionInvoker((_, res) => (res as { end(text: string): void }).end('value'), host, false),
    serverInvoker(
      http.createServer((req, res) => {
        res.writeHead(200, { 'content-type': 'text/plain', 'x-host': req.headers.host });
        res.write('value');
        res.end();
      }),
      host,
    ),
  ];
  const calls: Rehearsal[] = [];
  for (const invoke of invokers) {
    for (const method of ['GET', 'POST'] as const) {
      const call = new Rehearsal(method);
      calls.push(call);
      invoke(call);
      if (!call.hasBody) continue;
      call.listener.body(Buffer.from('body'));
      call.listener.bodyEnd();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await rehearseNode();
  // The module loader's own first time.
  const nothing = 'data:text/javascript,export{}';
  await import(nothing);
  return { invocations: calls.length, answered: calls.filter(({ answered }) => answered).length };
}

/** Of Node's own what servers of frameworks go through at their first request, and small functions do not. */
async function rehearseNode(): Promise<void> {
  const { PassThrough, Readable, finished } = process.getBuiltinModule('node:stream');
  const { setImmediate: soon } = process.getBuiltinModule('node:timers/promises');
  process.getBuiltinModule('node:vm').runInThisContext('0');
  globalThis.crypto.getRandomValues(new Uint8Array(1));
  const made = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await soon();
      controller.enqueue(new Uint8Array(1));
      controller.close();
    },
  });
  const [one, other] = made.pipeThrough(new TransformStream()).tee();
  const plain = Readable.fromWeb(one).pipe(new PassThrough());
  finished(plain, ignore);
  for await (const _ of plain);
  const reader = other.getReader();
  while (!(await reader.read()).done);
  await new Response(Readable.toWeb(Readable.from([Buffer.from('value')]))).text();
}
