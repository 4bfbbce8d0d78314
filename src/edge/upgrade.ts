import type { Socket } from 'node:net';
import type { Timer } from '../base/clock.ts';
import type { Failure } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Exchange, GoAway, Invocation } from '../model/invoke.ts';
import { serverName, withAdded } from './answer.ts';
import type { ClientConnection, LiveExchange } from './connection.ts';
import { headerLines } from './inform.ts';
import { http } from './node-http.ts';
import type { EdgeRequest } from './request.ts';
import { HttpExchange } from './respond.ts';
import type { Responder } from './respond.ts';
import { closeCodes, closeFrame, FrameTracker } from './websocket-frames.ts';

export type UpgradePhase =
  /** The function has not answered; what the client sends already is kept. */
  | 'asked'
  /** 101: bytes both ways. */
  | 'open'
  /** It is to end, and both ends are told: the client by a close frame, the function by the client's answer to it. */
  | 'closing'
  /** The function answered something else: an ordinary answer, then the connection ends. */
  | 'declined'
  | 'closed';

export const upgradeTransitions: Readonly<Record<UpgradePhase, readonly UpgradePhase[]>> = {
  asked: ['open', 'declined', 'closed'],
  open: ['closing', 'closed'],
  closing: ['closed'],
  declined: ['closed'],
  closed: [],
};

/** The edge writes these itself, or they mean nothing after a 101. */
const skipped = new Set([
  'connection',
  'keep-alive',
  'upgrade',
  'content-length',
  'transfer-encoding',
  'trailer',
  'te',
  'server',
  'x-vercel-id',
]);

/** What the close frame says. All but the last are for the client to try again: it will find another instance. */
const goodbyes: Readonly<Record<GoAway | 'failed', { code: number; reason: string }>> = {
  maxDuration: { code: closeCodes.goingAway, reason: 'maxDuration is up' },
  replaced: { code: closeCodes.serviceRestart, reason: 'replaced by a newer instance' },
  shutdown: { code: closeCodes.goingAway, reason: 'the platform shuts down' },
  failed: { code: closeCodes.internalError, reason: 'the function failed' },
};

interface Asked {
  readonly req: EdgeRequest;
  /** What came behind the head. */
  readonly early: Buffer;
  /** Upgrade's value. */
  readonly protocol: string;
  readonly vercelId: string;
  /** What the answer has besides its own headers: name, value, … */
  readonly added: readonly string[];
}

/** An invocation that may turn its connection into a pipe. */
export class UpgradeExchange implements Exchange, LiveExchange {
  phase: UpgradePhase = 'asked';
  private readonly connection: ClientConnection;
  private readonly socket: Socket;
  private readonly asked: Omit<Asked, 'req' | 'early'>;
  private behindHead: Buffer | null;
  private readonly responder: Responder;
  /** Answers what is not a 101. Null after one: an idle connection is to hold nothing that it does not need. */
  private plain: HttpExchange | null;
  /** Of what the function sends, where that is a WebSocket. */
  private frames: FrameTracker | null = null;
  /** The goodbye that waits for the end of a frame. */
  private goodbye: Buffer | null = null;
  private timer: Timer | null = null;
  /** The router gives nothing more. */
  private functionEnded = false;
  private invocation: Invocation | null = null;
  private early: Buffer[] = [];
  private earlyBytes = 0;
  private clientEnded = false;
  /** The client has not taken all that the router gave. */
  private slow = false;

  constructor(responder: Responder, connection: ClientConnection, asked: Asked) {
    this.connection = connection;
    this.socket = connection.socket;
    const { req, early, ...rest } = asked;
    this.behindHead = early.length > 0 ? early : null;
    this.asked = rest;
    this.responder = responder;
    const res = new http.ServerResponse(req);
    res.assignSocket(this.socket);
    res.shouldKeepAlive = false;
    res.on('finish', () => this.socket.destroySoon());
    this.plain = new HttpExchange(responder, connection, { req, res, vercelId: rest.vercelId });
    this.plain.added = rest.added;
    // One exchange, one entry: this one speaks for it.
    connection.settled(this.plain);
    connection.began(this);
    this.listen();
  }

  get received(): boolean {
    return true;
  }

  get written(): boolean {
    return this.phase === 'closed';
  }

  whenWritten(then: () => void): void {
    this.socket.once('finish', then);
  }

  /** What `Invoker.invoke` returned. */
  start(invocation: Invocation): void {
    this.invocation = invocation;
    this.plain?.start(invocation);
    if (this.behindHead !== null) this.fromClient(this.behindHead);
    this.behindHead = null;
    if (this.phase === 'open') this.sendEarly();
    this.socket.resume();
  }

  /** Something is asked before the function is (middleware). What the client sends waits. */
  hold(invocation: Invocation): void {
    this.plain!.hold(invocation);
  }

  refuse(failure: Failure): void {
    this.fail(failure);
    this.socket.resume();
  }

  inform(status: number, headers: readonly string[]): void {
    if (this.phase === 'asked') this.plain?.inform(status, headers);
  }

  reply(status: number, headers: readonly string[], body: Buffer | null): boolean {
    if (this.phase !== 'asked') return true;
    this.decline();
    return this.plain!.reply(status, headers, body);
  }

  head(status: number, headers: readonly string[]): void {
    if (this.phase !== 'asked') return;
    if (status === 101) {
      this.open(headers);
    } else {
      this.decline();
      this.plain!.head(status, headers);
    }
  }

  body(chunk: Buffer): boolean {
    if (this.phase === 'declined') return this.plain!.body(chunk);
    if (this.phase === 'closing') return this.lastBody(chunk);
    if (this.phase !== 'open') return true;
    this.frames?.pass(chunk);
    return this.send(chunk);
  }

  end(): void {
    if (this.phase === 'declined') {
      this.plain!.end();
    } else if (this.phase === 'open' || this.phase === 'closing') {
      this.functionEnded = true;
      this.sayGoodbye();
      this.endSocket();
      if (this.clientEnded) this.close();
    }
  }

  /** A client that does not end its side, or takes nothing any more, does not keep the connection for ever. */
  private endSocket(): void {
    const { socket } = this;
    socket.end();
    if (this.timer !== null || this.clientEnded) return;
    this.cutAfter(this.responder.stallMs);
    socket.once('finish', () => this.phase !== 'closed' && this.cutAfter(limits.socketCloseMs));
  }

  private cutAfter(delayMs: number): void {
    this.timer?.cancel();
    this.timer = this.responder.clock.after(delayMs, () => this.socket.destroy());
  }

  fail(failure: Failure): void {
    if (this.phase === 'open' || this.phase === 'closing') {
      if (this.phase === 'open' && this.frames !== null) this.startClosing('failed');
      this.functionEnded = true;
      // A message that was begun cannot be completed: only a cut says so.
      const complete = this.frames !== null && this.frames.atBoundary;
      this.close();
      if (complete) this.socket.end().resume();
      else this.socket.destroy();
    } else if (this.phase !== 'closed') {
      if (this.phase === 'asked') this.decline();
      this.plain!.fail(failure);
    }
  }

  goAway(why: GoAway): void {
    if (this.phase !== 'open') return;
    this.startClosing(why);
    // What is no WebSocket has no words for it: there is the end of the stream alone.
    if (this.frames === null) this.socket.end();
  }

  drained(): void {
    this.socket.resume();
  }

  clientLeft(): void {
    if (this.phase === 'closed') return;
    const finished = this.functionEnded && this.clientEnded && this.socket.writableFinished;
    this.close();
    if (finished) return;
    if (this.plain === null) this.invocation?.cancel();
    else this.plain.clientLeft();
  }

  requestBroke(): void {
    this.socket.destroy();
  }

  private open(headers: readonly string[]): void {
    const lines = headerLines(withAdded([...headers], this.asked.added), skipped);
    if (lines === null) {
      this.decline();
      // The same headers are refused there for the same reason, and the function hears of it.
      this.plain!.head(502, headers);
      return;
    }
    this.enter('open');
    this.plain!.res.detachSocket(this.socket);
    this.plain = null;
    const protocol = this.protocolOf(headers);
    if (protocol.trim().toLowerCase() === 'websocket') this.frames = new FrameTracker();
    this.socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n` +
        `${lines}Server: ${serverName}\r\nX-Vercel-Id: ${this.asked.vercelId}\r\n\r\n`,
      'latin1',
    );
    if (this.invocation !== null) this.sendEarly();
    if (this.responder.draining) this.goAway('shutdown');
  }

  private protocolOf(headers: readonly string[]): string {
    for (let at = 0; at + 1 < headers.length; at += 2) {
      if (headers[at]!.toLowerCase() === 'upgrade') return headers[at + 1]!;
    }
    return this.asked.protocol;
  }

  /** Node took its own listeners off the socket when it handed it over; without one for errors a reset would end the process. */
  private listen(): void {
    const { socket } = this;
    socket.setTimeout(0);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => this.fromClient(chunk));
    socket.on('end', () => this.clientEnd());
    socket.on('close', () => this.timer?.cancel());
    socket.on('drain', () => this.phase === 'declined' && this.plain!.res.emit('drain'));
    socket.pause();
  }

  private fromClient(chunk: Buffer): void {
    if (this.phase === 'asked') {
      this.early.push(chunk);
      this.earlyBytes += chunk.length;
      if (this.earlyBytes >= limits.chunkBytes) this.socket.pause();
    } else if (this.isUpgraded && !this.invocation!.write(chunk)) {
      this.socket.pause();
    }
  }

  private sendEarly(): void {
    const { early } = this;
    this.early = [];
    let room = true;
    for (const chunk of early) room = this.invocation!.write(chunk);
    if (this.clientEnded) this.invocation!.endBody();
    if (room) this.socket.resume();
    else this.socket.pause();
  }

  private clientEnd(): void {
    this.clientEnded = true;
    if (this.isUpgraded) {
      this.invocation!.endBody();
      if (this.functionEnded) this.close();
    } else if (this.phase === 'asked') {
      // Half a connection is no use to whoever asked for a whole one.
      this.socket.destroy();
    }
  }

  /** Called back for every piece that the function sent. */
  private readonly taken = (): void => {
    if (!this.slow || this.socket.writableLength > 0) return;
    this.slow = false;
    if (this.isUpgraded) this.invocation!.resume();
  };

  private get isUpgraded(): boolean {
    return this.phase === 'open' || this.phase === 'closing';
  }

  private send(chunk: Buffer): boolean {
    this.socket.write(chunk, this.taken);
    this.slow = this.socket.writableLength > 0;
    return !this.slow;
  }

  private startClosing(why: GoAway | 'failed'): void {
    this.enter('closing');
    this.cutAfter(limits.socketCloseMs);
    const { code, reason } = goodbyes[why];
    // After the function's own goodbye nothing may be said.
    if (this.frames !== null && !this.frames.closed) this.goodbye = closeFrame(code, reason);
    this.sayGoodbye();
  }

  /** Of what the function still sends, only the frame that it had begun goes to the client. */
  private lastBody(chunk: Buffer): boolean {
    if (this.goodbye === null || this.frames === null) return true;
    const bytes = this.frames.passFrame(chunk);
    const room = this.send(chunk.subarray(0, bytes));
    if (this.frames.closed) this.goodbye = null;
    this.sayGoodbye();
    return room;
  }

  private sayGoodbye(): void {
    const { goodbye } = this;
    if (goodbye === null || this.frames === null || !this.frames.atBoundary) return;
    this.goodbye = null;
    this.socket.write(goodbye);
  }

  private enter(next: UpgradePhase): void {
    if (!upgradeTransitions[this.phase].includes(next))
      throw new TypeError(`an upgrade cannot go from ${this.phase} to ${next}`);
    this.phase = next;
  }

  private decline(): void {
    this.enter('declined');
    this.early = [];
    this.socket.resume();
  }

  /** Both sides may end in one moment. */
  private close(): void {
    if (this.phase === 'closed') return;
    this.enter('closed');
    this.early = [];
    this.connection.settled(this);
  }
}
