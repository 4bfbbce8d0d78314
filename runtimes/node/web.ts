// Hot path: every invocation of a web handler.
/**
 * Web handlers: `export function GET(request)`, `export default { fetch }`. A method's own export answers it; `fetch`
 * answers the rest (the hosted platform's two launchers disagree on which goes first; this is the production one's
 * order). HEAD falls back to GET, OPTIONS to a list of what there is, anything else is a 405.
 */
import type { Call, CallListener } from '../../src/core/call.ts';
import { webMethods } from './detect.ts';
import { invocationContext, type InvocationContext, provideUpgrades } from './context.ts';
import { installGlobals } from './globals.ts';
import { describe, type Host, kindOf } from './host.ts';
import { createRequest, type RequestSource } from './lazy-request.ts';
import { RequestBody } from './request-body.ts';
import { requestUrl } from './request-url.ts';
import { InvalidAnswer, Sender } from './web-response.ts';

export type WebHandler = (request: Request, context: InvocationContext) => unknown;

/** What answers which method. `self` is what the handlers are called on: a Hono app's fetch needs its app. */
export interface WebHandlers {
  readonly self: object;
  readonly methods: Readonly<Record<string, WebHandler>>;
  readonly fetch: WebHandler | null;
}

/** What handles web invocations from now on. */
export function webInvoker(handlers: WebHandlers, host: Host): (call: Call) => void {
  installGlobals();
  const { methods, fetch, self } = handlers;
  const allow = allowed(methods);
  return (call) => {
    const handler = methods[call.method] ?? (call.method === 'HEAD' ? methods['GET'] : undefined) ?? fetch;
    if (handler !== undefined && handler !== null) {
      const web = new WebCall(call, host);
      if (!call.upgrade) web.run(handler, self);
      // The context may have to hand out the raw connection, which takes more of Node than a web handler does.
      else void loadUpgrades().then(() => web.run(handler, self));
      return;
    }
    call.listener = ignore;
    if (call.method === 'OPTIONS') call.reply(204, ['allow', allow], null);
    else call.reply(405, ['allow', allow, 'content-type', 'text/plain;charset=UTF-8'], 'Method Not Allowed\n');
  };
}

async function loadUpgrades(): Promise<void> {
  const { openUpgrade } = await import('./upgrade.ts');
  provideUpgrades(openUpgrade);
}

/** The Allow header's value for a set of method exports. */
function allowed(methods: Readonly<Record<string, unknown>>): string {
  const names = new Set(Object.keys(methods));
  if (names.has('GET')) names.add('HEAD');
  names.add('OPTIONS');
  return webMethods.filter((name) => names.has(name)).join(', ');
}

/** For what is answered at once. */
const ignore: CallListener = {
  body: () => undefined,
  bodyEnd: () => undefined,
  writable: () => undefined,
  cancelled: () => undefined,
};

/** One invocation; also what its Request is made from. */
class WebCall implements CallListener, RequestSource {
  readonly call: Call;
  readonly requestBody: RequestBody | null;
  readonly #host: Host;
  readonly #sender: Sender;
  #controller: AbortController | null = null;
  #gone: DOMException | null = null;
  #url: string | null = null;

  constructor(call: Call, host: Host) {
    this.call = call;
    this.#host = host;
    this.#sender = new Sender(call);
    // The Fetch standard has no body on a GET or a HEAD.
    const readable = call.hasBody && call.method !== 'GET' && call.method !== 'HEAD';
    this.requestBody = readable ? new RequestBody((bytes) => call.consumed(bytes)) : null;
    call.listener = this;
  }

  get method(): string {
    return this.call.method;
  }
  get fields(): readonly string[] {
    return this.call.headers;
  }
  get url(): string {
    this.#url ??= requestUrl(this.call.headers, this.call.target);
    return this.#url;
  }
  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#gone !== null) this.#controller.abort(this.#gone);
    }
    return this.#controller.signal;
  }

  run(handler: WebHandler, self: object): void {
    try {
      const result = handler.call(self, createRequest(this), invocationContext(this.call, this.#host));
      if (isPromise(result)) {
        this.call.handling = result;
        result.then((value) => this.#answer(value), this.#failed);
      } else this.#answer(result);
    } catch (error) {
      this.#failed(error);
    }
  }

  #answer(value: unknown): void {
    // It was upgraded, and the answer went the raw way.
    if (this.call.listener !== this) return;
    try {
      this.#sender.send(value)?.catch(this.#failed);
    } catch (error) {
      this.#failed(error);
    }
  }

  readonly #failed = (error: unknown): void => {
    // What a handler throws because its client has left is no news.
    if (this.#gone !== null && error === this.#gone) return;
    this.#host.log('error', 'stderr', describe(error), this.call);
    this.call.fail('FUNCTION_INVOCATION_FAILED', error instanceof InvalidAnswer ? error.message : kindOf(error));
  };

  body(chunk: Buffer): void {
    if (this.requestBody === null) this.call.consumed(chunk.length);
    else this.requestBody.push(chunk);
  }
  bodyEnd(): void {
    this.requestBody?.end();
  }
  writable(): void {
    this.#sender.writable();
  }

  cancelled(reason: Parameters<CallListener['cancelled']>[0]): void {
    this.#gone =
      reason === 'timeout'
        ? new DOMException('The invocation took longer than its maxDuration', 'TimeoutError')
        : new DOMException('The client left before the answer was complete', 'AbortError');
    this.requestBody?.fail(this.#gone);
    this.#controller?.abort(this.#gone);
    this.#sender.cancel(this.#gone).catch(this.#failed);
  }
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
