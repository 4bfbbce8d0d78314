// Hot path: every byte of the tunnel passes through here.
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { systemClock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { type Connection, type ConnectionEvents, noConnectionEvents, peerClosed } from './connection.ts';
import { TunnelSocket } from './tunnel-socket.ts';

/**
 * What a connection reads into: one piece of memory, used over and over. Memory of its own for every read would be garbage
 * at the rate of the traffic, and collecting it costs more than moving the bytes (docs/decisions/0008-read-memory.md). It
 * is small at first, larger when a read has filled it, and smaller again when nothing needs it any more, so that an idle
 * tunnel owns next to nothing.
 */
export class ReadMemory {
  kept = false;
  #step = 0;
  #memory: Buffer = Buffer.allocUnsafeSlow(steps[0]);
  #filled = false;
  /** Reads in a row that would have fitted the next smaller size. */
  #calm = 0;

  /** For net.Socket: `connection` is asked for after the first read. */
  into(connection: () => SocketConnection | null): OnReadOpts {
    return {
      buffer: () => this.#next(),
      callback: (bytes) => {
        const memory = this.#memory;
        this.#filled = bytes === memory.length;
        this.#calm = bytes < (steps[this.#step - 1] ?? 0) ? this.#calm + 1 : 0;
        connection()?.events.data(this.#filled ? memory : memory.subarray(0, bytes));
        return true;
      },
    };
  }

  #next(): Buffer {
    const step = this.#filled
      ? Math.min(this.#step + 1, steps.length - 1)
      : this.#step - (this.#calm > calmReads ? 1 : 0);
    if (this.kept || step !== this.#step) {
      this.#step = step;
      this.#memory = Buffer.allocUnsafeSlow(steps[step]!);
      this.kept = false;
      this.#calm = 0;
    }
    return this.#memory;
  }
}

const steps = [4096, 65_536, limits.readBufferBytes] as const;
const calmReads = 256;

/**
 * A Connection over a socket that a server with `pauseOnConnect` accepted. Its handle moves to a socket of ours, for which
 * net.Server has no option: one that reads into memory of ours, and outlives a write that fails. `_handle` is not
 * documented, though it has been there since Node 0.10: where there is none, the accepted socket is read as it is, which
 * costs memory for every read and what a dying peer wrote last.
 */
export function overAccepted(accepted: Socket): Connection {
  const from = accepted as Socket & { _handle?: object | null };
  const handle = from._handle;
  const memory = new ReadMemory();
  if (handle === undefined || handle === null) {
    const plain = new SocketConnection(accepted, memory);
    accepted.on('data', (chunk: Buffer) => plain.events.data(chunk));
    accepted.resume();
    return plain;
  }
  from._handle = null;
  from.destroy();
  let connection: SocketConnection | null = null;
  const options = { handle, readable: true, writable: true, onread: memory.into(() => connection) };
  connection = new SocketConnection(new TunnelSocket(options as SocketConstructorOpts), memory);
  return connection;
}

const nothing = Buffer.alloc(0);

export class SocketConnection implements Connection {
  events: ConnectionEvents = noConnectionEvents;
  readonly #socket: Socket;
  /** The same, unless it is a plain one. */
  readonly #tunnel: TunnelSocket | null;
  readonly #memory: ReadMemory;
  /** A write returned false, and drained() was not called since. */
  #slow = false;
  #closed = false;
  #reason: string = peerClosed;

  /** `memory`: what the socket was made to read into. The socket belongs to the connection from here on. */
  constructor(socket: Socket, memory: ReadMemory) {
    this.#socket = socket;
    this.#tunnel = socket instanceof TunnelSocket ? socket : null;
    this.#memory = memory;
    socket.on('drain', () => this.#drained());
    // A Unix socket (it has no remote address) reports that its peer left bytes unread only after all that the peer wrote was read.
    const isUnix = socket.remoteAddress === undefined;
    if (this.#tunnel !== null) {
      this.#tunnel.failed = (error) => {
        // On TCP a reset may have overtaken what the peer wrote.
        if (!isUnix) this.#reason = error.message;
        systemClock.after(limits.lingerMs, () => this.destroy(error.message));
      };
    }
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

  whenSent(sent: () => void): void {
    const socket = this.#socket;
    if (!socket.writable || (this.#tunnel !== null && this.#tunnel.failure !== null)) return;
    if (socket.writableLength === 0) sent();
    else if (this.#tunnel !== null) this.#tunnel.whenSent(sent);
    else socket.write(nothing, (error) => (error ? undefined : sent()));
  }

  keep(): void {
    this.#memory.kept = true;
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
