import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { limits } from '../../base/limits.ts';
import { MessageError, MessageReader, type RuntimeMessage } from './messages.ts';

export interface MessageSocketEvents {
  /** `isFirst`: by the first connection of all. */
  message(message: RuntimeMessage, isFirst: boolean): void;
  /** Of the program, for its function's log. */
  warn(text: string): void;
}

/** What VERCEL_IPC_PATH leads to: of one process, for as long as that lives. */
export class MessageSocket {
  readonly path: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #first: Socket | null = null;

  /** Resolves when it listens. Rejects when it cannot. */
  static async listen(path: string, events: MessageSocketEvents): Promise<MessageSocket> {
    const socket = new MessageSocket(path, events);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.#server.once('error', reject);
    socket.#server.listen(path, resolve);
    await promise;
    return socket;
  }

  private constructor(path: string, events: MessageSocketEvents) {
    this.path = path;
    this.#server = createServer((socket) => this.#accept(socket, events));
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    rmSync(this.path, { force: true });
  }

  #accept(socket: Socket, events: MessageSocketEvents): void {
    if (this.#sockets.size >= limits.ipcConnections) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    this.#first ??= socket;
    const isFirst = this.#first === socket;
    const reader = new MessageReader((message) => events.message(message, isFirst));
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        // Whatever it is, it came of what this program said: it must not end the others of this host.
        const detail = error instanceof MessageError ? error.message : String(error);
        socket.destroy();
        events.warn(`The program's messages are not read any more: ${detail}.`);
      }
    });
    // A program that is gone has nothing more to say.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
