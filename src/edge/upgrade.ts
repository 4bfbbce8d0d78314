import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Failure } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Exchange, Invocation } from '../model/invoke.ts';
import { serverName } from './answer.ts';
import type { ClientConnection, LiveExchange } from './connection.ts';
import { headerLines } from './inform.ts';
import type { EdgeRequest } from './request.ts';
import { HttpExchange } from './respond.ts';
import type { Responder } from './respond.ts';

export type UpgradePhase =
  /** The function has not answered; what the client sends already is kept. */
  | 'asked'
  /** 101: bytes both ways. */
  | 'open'
  /** The function answered something else: an ordinary answer, then the connection ends. */
  | 'declined'
  | 'closed';

export const upgradeTransitions: Readonly<Record<UpgradePhase, readonly UpgradePhase[]>> = {
  asked: ['open', 'declined', 'closed'],
  open: ['closed'],
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

interface Asked {
  readonly req: EdgeRequest;
  /** What came behind the head. */
  readonly early: Buffer;
  /** Upgrade's value. */
  readonly protocol: string;
  readonly vercelId: string;
}

/** An invocation that may turn its connection into a pipe. */
export class UpgradeExchange implements Exchange, LiveExchange {
  phase: UpgradePhase = 'asked';
  private readonly connection: ClientConnection;
  private readonly socket: Socket;
  private readonly asked: Asked;
  /** Answers what is not a 101. */
  private readonly plain: HttpExchange;
  private invocation: Invocation | null = null;
  private early: Buffer[] = [];
  private earlyBytes = 0;
  private clientEnded = false;
  /** The client has not taken all that the router gave. */
  private slow = false;

  constructor(responder: Responder, connection: ClientConnection, asked: Asked) {
    this.connection = connection;
    this.socket = connection.socket;
    this.asked = asked;
    const { req, vercelId } = asked;
    const res = new ServerResponse(req);
    res.assignSocket(this.socket);
    res.shouldKeepAlive = false;
    res.on('finish', () => this.socket.destroySoon());
    this.plain = new HttpExchange(responder, connection, { req, res, vercelId });
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
    this.plain.start(invocation);
    if (this.asked.early.length > 0) this.fromClient(this.asked.early);
    if (this.phase === 'open') this.sendEarly();
    this.socket.resume();
  }

  /** Something is asked before the function is (middleware). What the client sends waits. */
  hold(invocation: Invocation): void {
    this.plain.hold(invocation);
  }

  refuse(failure: Failure): void {
    this.fail(failure);
    this.socket.resume();
  }

  inform(status: number, headers: readonly string[]): void {
    if (this.phase === 'asked') this.plain.inform(status, headers);
  }

  reply(status: number, headers: readonly string[], body: Buffer | null): boolean {
    if (this.phase !== 'asked') return true;
    this.decline();
    return this.plain.reply(status, headers, body);
  }

  head(status: number, headers: readonly string[]): void {
    if (this.phase !== 'asked') return;
    if (status === 101) {
      this.open(headers);
    } else {
      this.decline();
      this.plain.head(status, headers);
    }
  }

  body(chunk: Buffer): boolean {
    if (this.phase === 'declined') return this.plain.body(chunk);
    if (this.phase !== 'open') return true;
    this.socket.write(chunk, this.taken);
    this.slow = this.socket.writableLength > 0;
    return !this.slow;
  }

  end(): void {
    if (this.phase === 'declined') {
      this.plain.end();
    } else if (this.phase === 'open') {
      this.socket.end();
      if (this.clientEnded) this.close();
    }
  }

  fail(failure: Failure): void {
    if (this.phase === 'open') {
      this.close();
      this.socket.destroy();
    } else if (this.phase !== 'closed') {
      if (this.phase === 'asked') this.decline();
      this.plain.fail(failure);
    }
  }

  drained(): void {
    this.socket.resume();
  }

  clientLeft(): void {
    if (this.phase === 'closed') return;
    const finished = this.phase === 'open' && this.clientEnded && this.socket.writableFinished;
    this.close();
    if (!finished) this.plain.clientLeft();
  }

  requestBroke(): void {
    this.socket.destroy();
  }

  private open(headers: readonly string[]): void {
    const lines = headerLines(headers, skipped);
    if (lines === null) {
      this.decline();
      // The same headers are refused there for the same reason, and the function hears of it.
      this.plain.head(502, headers);
      return;
    }
    this.enter('open');
    this.socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${this.protocolOf(headers)}\r\n` +
        `${lines}Server: ${serverName}\r\nX-Vercel-Id: ${this.asked.vercelId}\r\n\r\n`,
      'latin1',
    );
    if (this.invocation !== null) this.sendEarly();
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
    socket.on('drain', () => this.phase === 'declined' && this.plain.res.emit('drain'));
    socket.pause();
  }

  private fromClient(chunk: Buffer): void {
    if (this.phase === 'asked') {
      this.early.push(chunk);
      this.earlyBytes += chunk.length;
      if (this.earlyBytes >= limits.chunkBytes) this.socket.pause();
    } else if (this.phase === 'open' && !this.invocation!.write(chunk)) {
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
    if (this.phase === 'open') {
      this.invocation!.endBody();
      if (this.socket.writableEnded) this.close();
    } else if (this.phase === 'asked') {
      // Half a connection is no use to whoever asked for a whole one.
      this.socket.destroy();
    }
  }

  /** Called back for every piece that the function sent. */
  private readonly taken = (): void => {
    if (!this.slow || this.socket.writableLength > 0) return;
    this.slow = false;
    if (this.phase === 'open') this.invocation!.resume();
  };

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
