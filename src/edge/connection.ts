import type { Socket } from 'node:net';
import { errors } from '../base/errors.ts';
import type { Failure } from '../base/errors.ts';
import { serverName } from './answer.ts';
import type { Peer } from './head.ts';
import { http } from './node-http.ts';
import { errorPage } from './page.ts';

/** What a connection has to know of an exchange on it. */
export interface LiveExchange {
  /** All of the request has arrived. */
  readonly received: boolean;
  /** All of the answer was handed to the operating system. */
  readonly written: boolean;
  /** The client's connection is gone. */
  clientLeft(): void;
  /** The rest of the request cannot be read. */
  requestBroke(failure: Failure): void;
  /** Calls back when the answer is written; never, when the connection ends first. */
  whenWritten(then: () => void): void;
  /** It does not end by itself: both ends are to be told that the platform does. */
  goAway?(why: 'shutdown'): void;
}

const connectionKey = Symbol('weir.connection');
interface TrackedSocket extends Socket {
  [connectionKey]?: ClientConnection;
}

const plainAddress = (address: string): string => (address.startsWith('::ffff:') ? address.slice(7) : address);
const isLoopbackAddress = (address: string): boolean => address === '::1' || address.startsWith('127.');

/** A client's connection: who is at the other end, and which exchanges are under way (several when it pipelines). */
export class ClientConnection implements Peer {
  readonly socket: Socket;
  readonly address: string;
  readonly localPort: string;
  readonly protocol = 'http';
  readonly loopback: boolean;
  private readonly live: LiveExchange[] = [];
  private latest: LiveExchange | null = null;

  constructor(socket: Socket) {
    this.socket = socket;
    this.address = plainAddress(socket.remoteAddress ?? '');
    this.localPort = String(socket.localPort ?? '');
    this.loopback = isLoopbackAddress(this.address);
    (socket as TrackedSocket)[connectionKey] = this;
    socket.on('close', () => this.closed());
  }

  /** The connection of a socket that `Edge` has seen. */
  static of(socket: Socket): ClientConnection {
    return (socket as TrackedSocket)[connectionKey] ?? new ClientConnection(socket);
  }

  /** Nothing is under way, and nothing waits to be written. */
  get quiet(): boolean {
    return this.live.length === 0 && (this.latest === null || this.latest.written);
  }

  /** Ends when what is under way has been answered, and the client has taken it: that answer may not say that it is the last. */
  endSoon(): void {
    if (this.quiet) this.socket.destroySoon();
    else {
      this.latest?.whenWritten(() => this.endSoon());
      this.latest?.goAway?.('shutdown');
    }
  }

  began(exchange: LiveExchange): void {
    this.live.push(exchange);
    this.latest = exchange;
  }

  settled(exchange: LiveExchange): void {
    if (this.live.length === 1 && this.live[0] === exchange) {
      this.live.pop();
      return;
    }
    const at = this.live.indexOf(exchange);
    if (at !== -1) this.live.splice(at, 1);
  }

  /**
   * Bytes came that are no HTTP, or a head came too slowly. Answers that are under way are finished first: they belong to
   * requests that came before, and what is written out of turn would be taken for the answer to one of them.
   */
  refuse(failure: Failure, id: string): void {
    const { socket, latest } = this;
    if (!socket.writable) {
      socket.destroy();
    } else if (latest !== null && !latest.received) {
      latest.requestBroke(failure);
    } else if (latest !== null && !latest.written) {
      latest.whenWritten(() => this.writeRefusal(failure, id));
    } else {
      this.writeRefusal(failure, id);
    }
  }

  private writeRefusal(failure: Failure, id: string): void {
    if (this.socket.writable) this.socket.write(rawRefusal(failure, id));
    this.socket.destroySoon();
  }

  private closed(): void {
    for (const exchange of this.live.splice(0)) exchange.clientLeft();
  }
}

/** An answer for a client that we have no request of: nothing is known of what it accepts. */
function rawRefusal(failure: Failure, id: string): string {
  const { status } = errors[failure.code];
  const { type, text } = errorPage(failure, id, undefined);
  return (
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n` +
    `X-Weir-Error: ${failure.code}\r\nX-Vercel-Error: ${failure.code}\r\nServer: ${serverName}\r\nX-Vercel-Id: ${id}\r\n` +
    `Connection: close\r\n\r\n${text}`
  );
}
