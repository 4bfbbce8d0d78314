// Hot path: one take and one give per invocation of a program. As http.Agent, without its tables by name.
import type { Agent, ClientRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { systemClock, type Timer } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';

interface Kept {
  readonly socket: Socket;
  /** Who uses it; null: nobody. */
  request: ClientRequest | null;
  idleSinceMs: number;
}

/** Where a program listens. */
export interface ProgramPlace {
  readonly host: string;
  readonly port: number;
}

/** How often to look for connections that nobody has used for long. */
const lookMs = 1_000;

/** Connections to one program: the one that was used last is used next, and what is idle for long is closed before the program does so. */
export class ProgramPool {
  /** What http.request looks at. */
  readonly protocol = 'http:';
  readonly keepAlive = true;
  readonly defaultPort = 80;
  readonly maxSockets: number = Infinity;
  #place: ProgramPlace;
  readonly #sockets = new Set<Socket>();
  readonly #idle: Kept[] = [];
  #timer: Timer | null = null;
  #closed = false;

  constructor(place: ProgramPlace) {
    this.#place = place;
  }

  get place(): ProgramPlace {
    return this.#place;
  }

  /** What leads to the former place is not used again. */
  set place(place: ProgramPlace) {
    this.#place = place;
    for (const { socket } of this.#idle.splice(0)) socket.destroy();
  }

  /** For http.request, which asks for no more of an agent than this. */
  get agent(): Agent {
    return this as unknown as Agent;
  }

  addRequest(request: ClientRequest): void {
    for (let kept = this.#idle.pop(); kept !== undefined; kept = this.#idle.pop()) {
      if (kept.socket.destroyed || kept.socket.readableEnded) continue;
      kept.request = request;
      request.reusedSocket = true;
      request.onSocket(kept.socket);
      return;
    }
    const kept = this.#open();
    kept.request = request;
    request.onSocket(kept.socket);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#idle.length = 0;
    for (const socket of this.#sockets) socket.destroy();
  }

  #open(): Kept {
    const socket = connect({ ...this.#place, noDelay: true, allowHalfOpen: true });
    const kept: Kept = { socket, request: null, idleSinceMs: 0 };
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    // Whoever uses it hears of its errors, and nobody else need to.
    socket.on('error', () => undefined);
    socket.on('end', () => kept.request === null && socket.destroy());
    // What answers no request would be taken for the answer to the next one.
    socket.on('data', () => kept.request === null && socket.destroy());
    // Node says so when an answer is complete.
    socket.on('free', () => this.#give(kept));
    return kept;
  }

  #give(kept: Kept): void {
    const { socket, request } = kept;
    kept.request = null;
    if (this.#closed || socket.destroyed || request?.shouldKeepAlive !== true || socket.readableEnded) {
      socket.destroy();
      return;
    }
    kept.idleSinceMs = systemClock.nowMs();
    this.#idle.push(kept);
    this.#timer ??= systemClock.after(lookMs, this.#look);
  }

  readonly #look = (): void => {
    const nowMs = systemClock.nowMs();
    // The ones that have been idle for longest come first.
    const fresh = this.#idle.findIndex(({ idleSinceMs }) => nowMs - idleSinceMs < limits.programIdleMs);
    const old = this.#idle.splice(0, fresh === -1 ? this.#idle.length : fresh);
    for (const { socket } of old) socket.destroy();
    this.#timer = this.#idle.length > 0 ? systemClock.after(lookMs, this.#look) : null;
  };
}
