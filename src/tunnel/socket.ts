// Hot path: every byte of the tunnel passes through here.
import type { Socket } from 'node:net';
import { limits } from '../base/limits.ts';
import { type Connection, type ConnectionEvents, noConnectionEvents, peerClosed } from './connection.ts';

/** A Connection over a connected socket (TCP, TLS, Unix). The socket belongs to the connection from here on. */
export function overSocket(socket: Socket): Connection {
  const connection = new SocketConnection(socket);
  socket.on('data', (chunk: Buffer) => connection.events.data(chunk));
  return connection;
}

export class SocketConnection implements Connection {
  events: ConnectionEvents = noConnectionEvents;
  readonly #socket: Socket;
  /** A write returned false, and drained() was not called since. */
  #slow = false;
  #closed = false;
  #reason: string = peerClosed;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('drain', () => this.#drained());
    // A Unix socket (it has no remote address) reports that its peer left bytes unread only after all that the peer wrote was read.
    const isUnix = socket.remoteAddress === undefined;
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (isUnix && error.syscall === 'read' && error.code === 'ECONNRESET') return;
      this.#reason = error.message;
    });
    socket.once('close', () => {
      this.#closed = true;
      this.events.closed(this.#reason);
    });
  }

  /** libuv writes at once what the kernel takes; the length counts what is left, by reference, until it has left too. */
  get bufferedBytes(): number {
    return this.#closed ? 0 : this.#socket.writableLength;
  }

  write(bytes: Buffer): boolean {
    const socket = this.#socket;
    if (!socket.writable) return true;
    return socket.write(bytes) || this.#roomLeft();
  }

  writeAll(pieces: readonly Buffer[]): boolean {
    const socket = this.#socket;
    if (!socket.writable) return true;
    socket.cork();
    let room = true;
    for (const piece of pieces) {
      if (!socket.write(piece)) room = false;
    }
    socket.uncork();
    return room || this.#roomLeft();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    // A paused socket never sees the peer's end, and so would never close.
    this.#socket.resume();
    this.#socket.end();
  }

  destroy(reason?: string): void {
    if (this.#closed || this.#socket.destroyed) return;
    if (reason !== undefined) this.#reason = reason;
    this.#socket.destroy();
  }

  /** Node's own mark is far lower than ours, and counts what the kernel took at once. Its 'drain' follows in any case. */
  #roomLeft(): boolean {
    if (this.#socket.writableLength <= limits.connectionHighWaterBytes) return true;
    this.#slow = true;
    return false;
  }

  #drained(): void {
    if (!this.#slow) return;
    this.#slow = false;
    this.events.drained();
  }
}
