// Hot path: once per tunnel and turn of the loop, however many invocations were sent on it.
import type { Clock } from '../base/clock.ts';
import type { Session } from '../tunnel/session.ts';

/** Flushes every tunnel that was written to, once per turn, after all sockets that were ready have been read. */
export class Flusher {
  readonly #clock: Clock;
  #dirty: Session[] = [];
  #spare: Session[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Call before writing. A tunnel that has something pending is on the list already. */
  add(session: Session): void {
    if (session.writer.pendingBytes > 0) return;
    if (this.#dirty.length === 0) this.#clock.soon(this.#flush);
    this.#dirty.push(session);
  }

  readonly #flush = (): void => {
    const dirty = this.#dirty;
    this.#dirty = this.#spare;
    this.#spare = dirty;
    for (let index = 0; index < dirty.length; index += 1) dirty[index]!.writer.flush();
    dirty.length = 0;
  };
}
