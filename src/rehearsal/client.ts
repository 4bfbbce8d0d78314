import { connect, type Socket } from 'node:net';

/** As little of a client as there can be: what it is made of, nobody needs later. */
export class Client {
  #socket: Socket | null = null;
  #host = '';
  #text = '';
  #asked: PromiseWithResolvers<void> | null = null;

  /** A new connection, in place of the one before. */
  async connect({ port, host }: { port: number; host: string }): Promise<void> {
    this.close();
    const opened = Promise.withResolvers<void>();
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, opened.resolve);
    const ended = (): void => {
      const error = new Error('the connection has ended');
      opened.reject(error);
      if (this.#socket === socket) this.#asked?.reject(error);
    };
    socket.on('error', ended);
    socket.on('close', ended);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#socket = socket;
    this.#host = host;
    await opened.promise;
  }

  /** Resolves when the answer is complete. */
  async ask(method: 'GET' | 'POST', target: string): Promise<void> {
    const body = method === 'POST' ? 'Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nok' : '\r\n';
    this.#text = '';
    this.#asked = Promise.withResolvers();
    this.#socket?.write(`${method} ${target} HTTP/1.1\r\nHost: ${this.#host}\r\n${usual}${body}`);
    await this.#asked.promise;
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.destroy();
  }

  /** A whole answer ends in its body, one in pieces in the last chunk. */
  #take(chunk: Buffer): void {
    this.#text += chunk.toString('latin1');
    if (!this.#text.startsWith('HTTP/1.1 200 ')) this.#asked?.reject(new Error(this.#text.slice(0, 100)));
    else if (this.#text.endsWith('\r\n\r\nok') || this.#text.endsWith('\r\n0\r\n\r\n')) this.#asked?.resolve();
  }
}

const usual = 'Accept: */*\r\nAccept-Encoding: gzip, deflate\r\nUser-Agent: weir\r\nConnection: keep-alive\r\n';
