// For tests: a real connection, both ends in this process.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { Connection, ConnectionEvents } from './connection.ts';
import { dial, listen, type Listener } from './dial.ts';

const directory = mkdtempSync(join(tmpdir(), 'weir-dial-'));
after(() => rmSync(directory, { recursive: true, force: true }));
let sockets = 0;
export const unixAddress = (): string => `unix:${join(directory, `${(sockets += 1)}.sock`)}`;

/** Connection events as promises. */
export class Watch implements ConnectionEvents {
  readonly chunks: Buffer[] = [];
  bytes = 0;
  /** Undefined: keep what comes. */
  onData: ((chunk: Buffer) => void) | undefined;
  readonly #drained = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<string>();
  readonly whenDrained = this.#drained.promise;
  readonly whenClosed = this.#closed.promise;

  constructor(connection: Connection) {
    connection.events = this;
  }
  data(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.onData === undefined) this.chunks.push(Buffer.from(chunk));
    else this.onData(chunk);
  }
  drained(): void {
    this.#drained.resolve();
  }
  closed(reason: string): void {
    this.#closed.resolve(reason);
  }
}

interface Link {
  readonly listener: Listener;
  readonly near: Connection;
  readonly far: Connection;
  readonly nearWatch: Watch;
  readonly farWatch: Watch;
}

/** A real connection: near dialled, far was accepted. */
export async function link(address: string): Promise<Link> {
  const accepted = Promise.withResolvers<{ far: Connection; farWatch: Watch }>();
  const listener = await listen(address, (far) => accepted.resolve({ far, farWatch: new Watch(far) }));
  const near = await dial(listener.address);
  const nearWatch = new Watch(near);
  return { listener, near, nearWatch, ...(await accepted.promise) };
}

export async function close({ listener, near, far, nearWatch, farWatch }: Link): Promise<void> {
  near.destroy();
  far.destroy();
  await Promise.all([nearWatch.whenClosed, farWatch.whenClosed, listener.close()]);
}

export const kinds: [string, () => string][] = [
  ['unix', unixAddress],
  ['tcp', () => 'tcp:127.0.0.1:0'],
];
