// Hot path: one per (req, res) invocation.
/**
 * A (req, res) invocation: real http.IncomingMessage and http.ServerResponse objects on one side, a Call on the other.
 * The response stays Node's own object with Node's own methods, because middleware swaps its prototype (Express), wraps
 * its methods and reads its fields. Only where Node would turn it into bytes do the functions of response.ts take over.
 */
import type { Call, CallListener } from '../../src/core/call.ts';
import { detachedCall } from './detached-call.ts';
import {
  type Callback,
  http,
  type Incoming,
  needDrain,
  type Outgoing,
  type RequestClass,
  type ResponseClass,
} from './internals.ts';
import { InvocationSocket } from './invocation-socket.ts';
import { hook } from './response.ts';

export interface MessageClasses {
  readonly request: RequestClass;
  readonly response: ResponseClass;
}
export const plainMessages: MessageClasses = { request: http.IncomingMessage, response: http.ServerResponse };

export type Phase =
  /** Nothing of an answer has left. */
  | 'waiting'
  /** The head has left. */
  | 'streaming'
  /** Terminal: nothing more is called on the Call. */
  | 'settled';

export const transitions: Readonly<Record<Phase, readonly Phase[]>> = {
  waiting: ['streaming', 'settled'],
  streaming: ['settled'],
  settled: [],
};

const responseOptions = { highWaterMark: 65_536 };

/** What Node puts into 'error' of a request whose client has left. */
const abortError = (): Error => Object.assign(new Error('aborted'), { code: 'ECONNRESET' });

export class Exchange implements CallListener {
  call: Call;
  readonly socket: InvocationSocket;
  readonly req: Incoming;
  readonly res: Outgoing;
  phase: Phase = 'waiting';
  /** The finished head, from writeHead() until it leaves. */
  head: string[] | null = null;
  /** Inside res.end(): a chunk that comes now is the last one. */
  ending = false;
  /** The whole body of an answer that leaves in one piece. */
  whole: string | Uint8Array | null = null;
  /** Bytes given to the core since it said that the credit is used up. */
  blockedBytes = 0;
  blocked = false;
  /** Callbacks of writes that wait for credit. */
  private waiting: Callback[] | null = null;
  /** Node's own: marks the response as finished and emits 'finish'. */
  private finished: Callback | null = null;
  /** Request body bytes that were pushed and not yet granted again. */
  private held = 0;
  /** There is no body, and its end has not been pushed: that costs a few stream events, so it waits for a reader. */
  private endless: boolean;
  /** Takes the request's body before the request does: what has to be read whole first (helpers.ts). */
  intercept: Pick<CallListener, 'body' | 'bodyEnd'> | null = null;

  constructor(call: Call, classes: MessageClasses) {
    this.call = call;
    this.socket = new InvocationSocket(this);
    const req = new classes.request(this.socket as never) as Incoming;
    req.httpVersionMajor = 1;
    req.httpVersionMinor = 1;
    req.httpVersion = '1.1';
    req.method = call.method;
    req.url = call.target;
    req.upgrade = false;
    req._addHeaderLines(call.headers, call.headers.length);
    this.endless = !call.hasBody;
    req.complete = !call.hasBody;
    this.req = req;
    const res = new classes.response(req as never, responseOptions) as unknown as Outgoing;
    this.res = res;
    hook(res, this);
    this.socket._httpMessage = res;
    res.socket = this.socket;
    call.listener = this;
  }

  // --- the request's body

  body(chunk: Buffer): void {
    this.socket.active();
    if (this.intercept !== null) this.intercept.body(chunk);
    else if (this.req.push(chunk)) this.call.consumed(chunk.length);
    else this.held += chunk.length;
  }

  bodyEnd(): void {
    if (this.intercept !== null) return this.intercept.bodyEnd();
    this.req.complete = true;
    this.req.push(null);
  }

  /** The request's reader has room. */
  wanted(): void {
    if (this.endless) {
      this.endless = false;
      this.req.push(null);
    }
    if (this.held === 0) return;
    const bytes = this.held;
    this.held = 0;
    if (this.phase !== 'settled') this.call.consumed(bytes);
  }

  // --- the answer, called by response.ts

  /** False: too much is under way; 'drain' follows. `callback` runs once the bytes are the platform's. */
  write(bytes: Uint8Array, callback: Callback | null): boolean {
    this.socket.active();
    if (bytes.length > 0 && !this.call.write(bytes)) this.blocked = true;
    if (!this.blocked) {
      if (callback !== null) process.nextTick(callback, null);
      return true;
    }
    this.blockedBytes += bytes.length;
    if (callback !== null) (this.waiting ??= []).push(callback);
    return false;
  }

  /** The callback of what came last; the one before it has nothing to wait for. */
  finishWith(callback: Callback): void {
    if (this.finished !== null) process.nextTick(this.finished, null);
    this.finished = callback;
  }

  /** The user's answer is complete. */
  complete(): void {
    if (this.phase === 'waiting') this.reply();
    else if (this.phase === 'streaming') this.endStream();
  }

  private enter(next: Phase): void {
    if (!transitions[this.phase].includes(next))
      throw new TypeError(`an exchange cannot go from ${this.phase} to ${next}`);
    this.phase = next;
  }

  private reply(): void {
    this.enter('settled');
    const { statusCode } = this.res;
    if (statusCode < 200) {
      this.call.fail(
        'FUNCTION_RESPONSE_INVALID',
        `The function ended its answer with the interim status ${statusCode}.`,
      );
    } else {
      this.call.reply(statusCode, this.head!, this.whole);
    }
    this.whole = null;
    process.nextTick(finish, this);
  }

  /** What waits for credit is the core's to send: to user code the answer is complete. */
  private endStream(): void {
    this.enter('settled');
    this.unblock();
    this.call.end();
    process.nextTick(finish, this);
  }

  /** The head leaves before the body is complete. */
  start(): void {
    if (this.phase !== 'waiting') return;
    const { statusCode } = this.res;
    if (statusCode < 200) return this.fail('FUNCTION_RESPONSE_INVALID', `The function answered with ${statusCode}.`);
    this.enter('streaming');
    this.call.head(statusCode, this.head!);
  }

  // --- what happens to it

  private unblock(): void {
    this.blocked = false;
    this.blockedBytes = 0;
    const { waiting } = this;
    this.waiting = null;
    if (waiting !== null) for (const callback of waiting) process.nextTick(callback, null);
  }

  writable(): void {
    this.unblock();
    const flags = this.res as unknown as Record<symbol, boolean>;
    if (flags[needDrain] && this.phase === 'streaming') {
      flags[needDrain] = false;
      this.res.emit('drain');
    }
  }

  cancelled(): void {
    if (this.phase === 'settled') return;
    this.enter('settled');
    this.shut();
  }

  /** A framework still answers (204, say) when its route has upgraded the connection: that goes nowhere. */
  detached(): void {
    this.call = detachedCall(this.call);
  }

  destroyedByUser(): void {
    if (this.phase === 'settled') return this.shut();
    const when = this.phase === 'waiting' ? 'before it answered' : 'before its answer was complete';
    this.fail('FUNCTION_INVOCATION_FAILED', `The function closed the connection ${when}.`);
  }

  /** The function cannot answer (any more). */
  fail(code: string, detail: string): void {
    if (this.phase === 'settled') return;
    this.enter('settled');
    this.call.fail(code, detail);
    this.socket.shut();
    process.nextTick(shutLater, this);
  }

  timedOut(): void {
    const { req, res, socket } = this;
    const heard = [req.emit('timeout', socket), res.emit('timeout', socket), socket.emit('timeout')];
    if (!heard.includes(true)) socket.destroy();
  }

  /** The connection is no more: what Node tells request, response and socket when a client has left. */
  shut(): void {
    const { waiting, finished } = this;
    this.waiting = null;
    this.finished = null;
    this.socket.shut();
    if (waiting !== null) for (const callback of waiting) callback(abortError());
    finished?.(abortError());
    this.req.destroy(abortError());
    closeResponse(this.res);
    this.socket.emit('close', this.socket.errored !== null);
  }

  /** The answer has left: 'finish', and the ends that Node gives a request and a response then. */
  settle(): void {
    const { req, res, finished } = this;
    this.finished = null;
    this.socket._httpMessage = null;
    this.socket.setTimeout(0);
    res.socket = null;
    if (!req._consuming) {
      this.endless ||= !req.complete;
      req.complete = true;
      if (hasEndListener(req)) req._dump();
    } else if (!req.complete) {
      // Someone still reads; the rest of the body will not come any more.
      this.socket.shut();
      req.destroy(abortError());
    }
    finished?.(null);
    // A tick after 'finish', as Node does, where anyone could tell.
    if (res.listenerCount('close') > 0 || res.listenerCount('error') > 0) process.nextTick(closeResponse, res);
    else closeResponse(res);
  }
}

const finish = (exchange: Exchange): void => exchange.settle();
const shutLater = (exchange: Exchange): void => exchange.shut();

/** Whether anyone would notice that a request without a reader ends. */
const hasEndListener = (req: Incoming): boolean => req.listenerCount('close') > 0 || req.listenerCount('end') > 0;

function closeResponse(res: Outgoing): void {
  if (res._closed) return;
  res.destroyed = true;
  res._closed = true;
  res.emit('close');
}
