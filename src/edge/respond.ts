// Hot path: the answer of one invocation, from the router's calls to the client's socket.
import type { ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import { errors } from '../base/errors.ts';
import type { Failure } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Exchange, Invocation } from '../model/invoke.ts';
import { AnswerScan, addPlatformHeaders, withAdded } from './answer.ts';
import type { ClientConnection, LiveExchange } from './connection.ts';
import { informText } from './inform.ts';
import { http } from './node-http.ts';
import { errorHeaders, errorPage } from './page.ts';
import type { EdgeRequest } from './request.ts';

export type Phase =
  /** Nothing of the final answer was written. */
  | 'waiting'
  /** The head was written; the body is coming. */
  | 'streaming'
  /** The router calls nothing more, or the edge listens no longer. */
  | 'settled';

export const transitions: Readonly<Record<Phase, readonly Phase[]>> = {
  waiting: ['streaming', 'settled'],
  streaming: ['settled'],
  settled: [],
};

/** What all exchanges of one edge share. */
export class Responder {
  readonly clock: Clock;
  readonly log: Log;
  readonly stallMs: number;
  /** Connections are to end: every answer says so. */
  draining = false;
  readonly scan = new AnswerScan();
  private heads: HttpExchange[] = [];

  constructor(clock: Clock, log: Log, stallMs: number) {
    this.clock = clock;
    this.log = log;
    this.stallMs = stallMs;
  }

  /** A head goes out at the end of this callback of the loop: with the first body bytes if they came along, else alone. */
  flushSoon(exchange: HttpExchange): void {
    if (this.heads.push(exchange) === 1) process.nextTick(this.flush);
  }

  private readonly flush = (): void => {
    const { heads } = this;
    this.heads = [];
    for (const exchange of heads) exchange.flushHead();
  };
}

const nothing: readonly string[] = [];

/** Bodies up to this length are written as one latin-1 string with the head: one system call without a gather list. */
const oneWriteBytes = 16 * 1024;

export class HttpExchange implements Exchange, LiveExchange {
  phase: Phase = 'waiting';
  readonly vercelId: string;
  readonly connection: ClientConnection;
  readonly req: EdgeRequest;
  readonly res: ServerResponse;
  /** A request body was announced. */
  hasBody = false;
  /** What the answer has besides its own headers: name, value, … */
  added: readonly string[] = nothing;
  private readonly responder: Responder;
  private invocation: Invocation | null = null;
  /** The edge gave up an invocation that the router has not settled. */
  private abandoned = false;
  private reading = false;
  /** The client has not taken all that the router gave: the router waits to hear that it has. */
  private slow = false;
  private taken: (() => void) | null = null;
  private headFlushed = false;
  /** HEAD, 204, 304: what the function sends as a body goes nowhere, and nothing is waited for. */
  private bodiless = false;
  /** It will be looked at when its turn in a pipeline comes. */
  private behind = false;
  /** Body bytes still to come as announced by Content-Length; −1: not announced, or no body is sent. */
  private bodyLeft = -1;
  private discarded = 0;

  constructor(
    responder: Responder,
    connection: ClientConnection,
    request: { req: EdgeRequest; res: ServerResponse; vercelId: string },
  ) {
    this.responder = responder;
    this.connection = connection;
    this.req = request.req;
    this.res = request.res;
    this.vercelId = request.vercelId;
    connection.began(this);
  }

  get received(): boolean {
    return this.req.complete;
  }

  get written(): boolean {
    return this.res.writableFinished;
  }

  whenWritten(then: () => void): void {
    this.res.once('finish', then);
  }

  /** What `Invoker.invoke` returned. Starts reading the request body. */
  start(invocation: Invocation): void {
    this.invocation = invocation;
    if (this.abandoned) {
      invocation.cancel();
    } else if (this.hasBody && this.phase !== 'settled') {
      this.read();
      this.req.on('end', () => {
        if (this.phase !== 'settled') invocation.endBody();
      });
    }
  }

  /**
   * Something is asked before the request goes where it goes to (middleware): it is cancelled when the client leaves, and
   * the request's body waits.
   */
  hold(invocation: Invocation): void {
    this.invocation = invocation;
    if (this.abandoned) invocation.cancel();
  }

  reply(status: number, headers: readonly string[], body: Buffer | null): boolean {
    if (this.phase !== 'waiting') return true;
    const length = body === null ? 0 : body.length;
    if (!this.writeHead(status, headers, length)) return true;
    this.settle();
    if (length === 0) this.res.end();
    else if (length <= oneWriteBytes) this.res.end(body!.toString('latin1'), 'latin1');
    else this.res.end(body);
    return !this.watchRest();
  }

  head(status: number, headers: readonly string[]): void {
    if (this.phase !== 'waiting' || !this.writeHead(status, headers, -1)) return;
    this.enter('streaming');
    this.responder.flushSoon(this);
  }

  flushHead(): void {
    if (this.headFlushed || this.phase !== 'streaming') return;
    // flushHeaders() writes the bytes of a head as UTF-8 characters. Where there is no body, write() does nothing.
    if (this.bodiless) this.res.flushHeaders();
    else this.res.write('', 'latin1');
  }

  body(chunk: Buffer): boolean {
    if (this.phase !== 'streaming' || this.bodiless) return true;
    if (this.bodyLeft >= 0) {
      if (chunk.length > this.bodyLeft) {
        this.abandon();
        this.cut('The function sent more than its Content-Length.');
        return true;
      }
      this.bodyLeft -= chunk.length;
    }
    this.headFlushed = true;
    const { res } = this;
    const { socket } = res;
    // At once, not at the end of this callback: what the kernel takes now need not be kept.
    socket?.cork();
    res.write(chunk, (this.taken ??= () => this.drainedByClient()));
    socket?.uncork();
    if (socket !== null && socket.writableLength === 0) return true;
    this.slow = true;
    this.watchStall();
    return false;
  }

  end(): void {
    if (this.phase !== 'streaming') return;
    if (this.bodyLeft > 0) {
      this.cut('The function sent less than its Content-Length.');
      return;
    }
    this.settle();
    this.res.end();
    this.watchRest();
  }

  fail(failure: Failure): void {
    if (this.phase === 'waiting') this.sendError(failure, false);
    else if (this.phase === 'streaming') this.cut(failure.detail);
  }

  inform(status: number, headers: readonly string[]): void {
    // Behind another answer in a pipeline there is nowhere to write it to; a 1xx may always be left out (RFC 9110, 15.2).
    const { socket } = this.res;
    if (this.phase !== 'waiting' || socket === null || this.req.httpVersionMinor === 0) return;
    const text = informText(status, headers);
    if (text !== null) socket.write(text, 'latin1');
  }

  drained(): void {
    this.req.resume();
  }

  clientLeft(): void {
    if (this.phase === 'settled') return;
    this.enter('settled');
    this.abandon();
  }

  requestBroke(failure: Failure): void {
    if (this.phase === 'settled') {
      this.connection.socket.destroySoon();
      return;
    }
    this.abandon();
    this.res.shouldKeepAlive = false;
    this.fail(failure);
  }

  /** The edge answers by itself. `close`: what follows on this connection cannot be trusted. */
  refuse(failure: Failure, close: boolean): void {
    if (close) this.res.shouldKeepAlive = false;
    this.fail(failure);
  }

  /** A complete answer of the edge's own. `headers` lack the platform's fields and Content-Length. */
  answer(status: number, headers: string[], body: string | Buffer | null): void {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    if (bytes !== null) headers.push('Content-Length', String(bytes.length));
    this.openHead(status, headers);
    this.settle();
    if (bytes === null) this.res.end();
    else this.res.end(bytes);
    this.watchRest();
  }

  private enter(next: Phase): void {
    if (!transitions[this.phase].includes(next))
      throw new TypeError(`an exchange cannot go from ${this.phase} to ${next}`);
    this.phase = next;
  }

  /** Writes the head of an answer of the edge's own; whoever calls it writes the body to `res`. */
  openHead(status: number, headers: string[]): void {
    addPlatformHeaders(headers, this.vercelId);
    if (this.responder.draining) this.res.shouldKeepAlive = false;
    this.res.writeHead(status, http.STATUS_CODES[status] ?? 'Unknown', withAdded(headers, this.added));
  }

  /** A body follows that somebody else writes to `res`: the client must take some of it now and then. */
  watchStream(): void {
    const watch = (): void => void this.connection.socket.setTimeout(this.responder.stallMs);
    if (this.res.socket === null) this.res.once('socket', watch);
    else watch();
    this.res.prependOnceListener('finish', () => this.connection.socket.setTimeout(0));
  }

  /** The edge took the exchange over: nobody is told when the client leaves. */
  settle(): void {
    this.enter('settled');
    this.connection.settled(this);
    if (this.hasBody && !this.req.complete) this.discardRest();
  }

  /** False: what the function answered is not HTTP, and the client was told so. `length` −1: streamed. */
  private writeHead(status: number, headers: readonly string[], length: number): boolean {
    const { scan, draining } = this.responder;
    let wrong = scan.scan(headers, this.vercelId);
    if (wrong === null && (status < 200 || status > 999)) wrong = `Status ${status} is no final answer here.`;
    const silent = status === 204 || status === 304;
    if (wrong === null) {
      const announce = this.lengthToAnnounce(status, length, scan.announced);
      if (announce >= 0) scan.headers.push('Content-Length', String(announce));
      this.bodiless = silent || this.req.method === 'HEAD';
      if (length < 0 && !this.bodiless) this.bodyLeft = announce;
      if (draining) this.res.shouldKeepAlive = false;
      wrong = this.tryHead(status, withAdded(scan.headers, this.added));
    }
    if (wrong === null) return true;
    this.bodyLeft = -1;
    this.abandon();
    this.sendError({ code: 'FUNCTION_RESPONSE_INVALID', detail: wrong }, silent);
    return false;
  }

  /** −1: no Content-Length. RFC 9110, 8.6: none with 204; with 304 and HEAD it is what a GET would have got. */
  private lengthToAnnounce(status: number, length: number, announced: number): number {
    if (status === 204) return -1;
    if (status === 304 || this.req.method === 'HEAD') return announced >= 0 || length <= 0 ? announced : length;
    return length >= 0 ? length : announced;
  }

  private tryHead(status: number, headers: string[]): string | null {
    try {
      this.res.writeHead(status, headers);
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** `silent`: Node has marked the response as one without a body, before the answer turned out to be invalid. */
  private sendError(failure: Failure, silent: boolean): void {
    const { status } = errors[failure.code];
    if (status >= 500)
      this.responder.log.warn('invocation failed', { id: this.vercelId, code: failure.code, detail: failure.detail });
    const { type, text } = errorPage(failure, this.vercelId, this.req.fields.accept);
    this.answer(status, errorHeaders(failure, type), silent ? '' : text);
  }

  /** Called back for every piece of a body. */
  private drainedByClient(): void {
    if (!this.slow || this.connection.socket.writableLength > 0) return;
    this.slow = false;
    this.connection.socket.setTimeout(0);
    if (this.phase === 'streaming') this.invocation?.resume();
  }

  /**
   * Cuts a client that stops taking what is written. An answer behind another in a pipeline is watched from its turn on:
   * until then it is not the client that it waits for, or the answer in front is watched.
   */
  private watchStall(): boolean {
    const { socket } = this.res;
    if (socket === null) return this.watchLater();
    if (socket.writableLength === 0) return false;
    socket.setTimeout(this.responder.stallMs);
    return true;
  }

  /** False: all of it was written. */
  private watchLater(): boolean {
    if (this.res.writableFinished) return false;
    if (!this.behind) {
      this.behind = true;
      // Node hands the socket what was kept right after this event.
      this.res.once('socket', () => process.nextTick(() => this.watchRest()));
    }
    return true;
  }

  /** As before, until the complete answer is out. Node's own listener comes second: it sets the idle timer. True: it is not out. */
  private watchRest(): boolean {
    if (!this.watchStall()) return false;
    if (this.res.socket !== null) this.res.prependOnceListener('finish', () => this.connection.socket.setTimeout(0));
    return true;
  }

  /** The answer cannot be completed, and the client must be able to tell: its connection ends without the proper end. */
  private cut(why: string): void {
    this.responder.log.warn('answer cut short', { id: this.vercelId, why });
    const delimited = this.res.chunkedEncoding || this.bodyLeft >= 0;
    this.settle();
    const { socket } = this.res;
    if (socket === null) this.res.once('socket', (later) => later.destroy());
    else if (delimited) {
      // What the function sent before still goes out, while the client takes it; the proper end is what is missing.
      socket.setTimeout(this.responder.stallMs);
      socket.destroySoon();
    } else socket.resetAndDestroy();
  }

  private abandon(): void {
    this.abandoned = true;
    this.invocation?.cancel();
  }

  private read(): void {
    this.reading = true;
    this.req.on('data', (chunk: Buffer) => {
      if (this.phase === 'settled') this.discard(chunk);
      else if (!this.invocation!.write(chunk)) this.req.pause();
    });
  }

  /** The answer is complete before the request: the rest is read and dropped, within limits, so that the client reads the answer. */
  private discardRest(): void {
    if (!this.reading) this.read();
    this.req.resume();
    const { socket } = this.connection;
    this.responder.clock.after(limits.discardedBodyMs, () => {
      if (!this.req.complete) socket.destroySoon();
    });
  }

  private discard(chunk: Buffer): void {
    this.discarded += chunk.length;
    if (this.discarded > limits.discardedBodyBytes) this.connection.socket.destroySoon();
  }
}
