import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Connection } from '../tunnel/connection.ts';
import type { Hello } from '../tunnel/greeting.ts';
import { acceptSession, type Admission, type Session, type SessionEnd } from '../tunnel/session.ts';
import type { AskServing } from './asks.ts';
import { InstanceFrames } from './frames.ts';
import type { Instance } from './instance.ts';
import type { Tokens } from './tokens.ts';

export interface DoormanOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly tokens: Tokens<Instance>;
  /** What functions may ask; null: nothing. */
  readonly serving: AskServing | null;
}

/** Lets in who has a token (I7), and nobody else. */
export class Doorman {
  readonly #options: DoormanOptions;
  /** Connections that have not been let in. */
  readonly #greeting = new Set<Connection>();
  /** Of instances that are on their way out: no news. */
  readonly #late = new WeakSet<Connection>();

  constructor(options: DoormanOptions) {
    this.#options = options;
  }

  accept(connection: Connection): void {
    if (this.#greeting.size >= limits.greetingConnections) {
      connection.destroy('too many connections that have not said who they are');
      return;
    }
    this.#greeting.add(connection);
    acceptSession(connection, {
      clock: this.#options.clock,
      admit: (hello, session) => this.#admit(hello, session),
      refused: (end) => this.#refused(connection, end),
    });
  }

  close(): void {
    for (const connection of this.#greeting) connection.destroy('the router was stopped');
  }

  #admit(hello: Hello, session: Session): Admission {
    const { tokens, clock, serving } = this.#options;
    const nowMs = clock.nowMs();
    const instance = tokens.redeem(hello.token, hello.role, nowMs);
    if (instance === null || !instance.mayConnect(hello.role)) {
      if (instance !== null) this.#late.add(session.connection);
      return { kind: 'refuse', code: 'TOKEN', detail: 'the token is unknown, used or expired' };
    }
    this.#greeting.delete(session.connection);
    const welcome = { instance: instance.id, maxStreams: limits.streamsPerTunnel, windowBytes: limits.windowBytes };
    const events = new InstanceFrames(instance, hello.role, serving);
    if (hello.role === 'control') return { kind: 'welcome', welcome, events };
    if (hello.pid > 0) instance.pid ??= hello.pid;
    const controlToken = tokens.issue(instance, 'control', nowMs);
    const offered = serving === null ? {} : { services: true as const };
    return { kind: 'welcome', welcome: { ...welcome, controlToken, ...offered }, events };
  }

  #refused(connection: Connection, end: SessionEnd): void {
    this.#greeting.delete(connection);
    // One that said nothing only looked whether anybody is here: a sentinel does, when its connection has broken.
    const level = end.code === 'LOST' || this.#late.has(connection) ? 'debug' : 'warn';
    this.#options.log[level]('a connection was not let in', { code: end.code, detail: end.detail });
  }
}
