// For tests: sessions over connections that the test made, and owners that write down what they are told.
import type { Clock } from '../base/clock.ts';
import type { Connection } from './connection.ts';
import { frameName, type Role } from './frame.ts';
import type { Hello } from './greeting.ts';
import { FrameReader } from './reader.ts';
import {
  acceptSession,
  type Admission,
  openSession,
  type Session,
  type SessionEnd,
  type SessionEvents,
} from './session.ts';
import { FrameWriter } from './writer.ts';

/** Two ends of one stream, and the clock they run by. */
export interface Wire<C extends Connection, T extends Clock> {
  readonly clock: T;
  readonly near: C;
  readonly far: C;
}

export const S = 0x1_0000;
export const welcome = { instance: 'ins_1', maxStreams: 64, windowBytes: 100 };
export const hello = { token: 'issued', role: 'data' as Role, pid: 7, runtime: 'nodejs24.x' };

/** An owner that writes down what it is told. */
export class Owner implements SessionEvents {
  readonly told: string[] = [];
  ends: SessionEnd[] = [];
  session: Session | null = null;
  throwing: Error | null = null;
  /** What it says when the peer does not answer. */
  knowsItLives = false;

  opened(session: Session): void {
    this.session = session;
    this.told.push('opened');
  }
  frame(type: number, stream: number): void {
    if (this.throwing !== null) throw this.throwing;
    this.told.push(`${frameName(type)} ${stream}`);
  }
  body(stream: number, chunk: Buffer): void {
    this.told.push(`BODY ${stream} ${chunk.length}`);
  }
  readDone(): void {
    this.told.push('readDone');
  }
  drained(): void {
    this.told.push('drained');
  }
  unanswered(): boolean {
    return this.knowsItLives;
  }
  closed(end: SessionEnd): void {
    this.ends.push(end);
  }
}

export interface Pair<C extends Connection, T extends Clock> extends Wire<C, T> {
  readonly router: Owner;
  readonly instance: Owner;
  readonly refusals: SessionEnd[];
}

/** The router at the near end, an instance at the far one. They greet as soon as the clock runs. */
export function pairOver<C extends Connection, T extends Clock>(
  wire: Wire<C, T>,
  role: Role = 'data',
  admit?: (hello: Hello) => Admission,
): Pair<C, T> {
  const { clock, near, far } = wire;
  const [router, instance, refusals] = [new Owner(), new Owner(), [] as SessionEnd[]];
  const admitAll = (): Admission => ({ kind: 'welcome', welcome, events: router });
  acceptSession(near, { clock, admit: admit ?? admitAll, refused: (end) => refusals.push(end) });
  openSession(far, { clock, hello: { ...hello, role }, events: instance });
  return { ...wire, router, instance, refusals };
}

export interface Bare<C extends Connection, T extends Clock> extends Wire<C, T> {
  readonly peer: FrameWriter;
  /** `TYPE payload`, and `closed`. */
  readonly heard: string[];
  readonly router: Owner;
  readonly refusals: SessionEnd[];
}

/** The router at the near end; its peer is the test itself. */
export function bareOver<C extends Connection, T extends Clock>(wire: Wire<C, T>): Bare<C, T> {
  const { clock, near, far } = wire;
  const [router, refusals, heard] = [new Owner(), [] as SessionEnd[], [] as string[]];
  acceptSession(near, {
    clock,
    admit: () => ({ kind: 'welcome', welcome, events: router }),
    refused: (end) => refusals.push(end),
  });
  const reader = new FrameReader({
    frame: (type, _, payload) => heard.push(`${frameName(type)} ${payload.toString('latin1')}`),
    body: () => undefined,
  });
  far.events = { data: (chunk) => reader.push(chunk), drained: () => undefined, closed: () => heard.push('closed') };
  return { ...wire, peer: new FrameWriter(far), heard, router, refusals };
}

export function sayHello(peer: FrameWriter, lowestVersion = 1, highestVersion = 1): void {
  peer.hello({ lowestVersion, highestVersion, ...hello });
  peer.flush();
}
