// What the rehearsal's router starts in place of processes: instances in this one, over a socket as the real ones.
import type { Clock } from '../base/clock.ts';
import { noVitals } from '../model/vitals.ts';
import type { Provider, ProviderEvents, Started, StartOrder } from '../provider/provider.ts';
import { dial } from '../tunnel/dial.ts';
import { FrameType } from '../tunnel/frame.ts';
import { headersText } from '../tunnel/head.ts';
import { readRequest, requestFlags } from '../tunnel/payload.ts';
import { openSession, type Session, type SessionEvents } from '../tunnel/session.ts';

export interface StandInOptions {
  /** Of the tunnel's listener. */
  readonly address: string;
  readonly clock: Clock;
  readonly failed: (error: unknown) => void;
}

const plainHead = headersText(['content-type', 'text/plain', 'content-length', '2']);
const streamedHead = headersText(['content-type', 'text/plain']);
const plainBody = Buffer.from('ok');
const piece = Buffer.alloc(8 * 1024, 'a');

export class StandIns implements Provider {
  readonly kind = 'process';
  readonly #options: StandInOptions;
  readonly #running = new Set<StandIn>();

  constructor(options: StandInOptions) {
    this.#options = options;
  }

  describe(): string {
    return 'in this process';
  }

  start(order: StartOrder, events: ProviderEvents): Started {
    const standIn = new StandIn(order, events, this.#options);
    this.#running.add(standIn);
    standIn.dial().catch(this.#options.failed);
    return standIn;
  }

  async close(): Promise<void> {
    for (const standIn of this.#running) standIn.kill();
  }
}

/** Answers at once: `/streamed` in pieces, all else whole. */
class StandIn implements Started {
  readonly pid = null;
  readonly #order: StartOrder;
  readonly #events: ProviderEvents;
  readonly #options: StandInOptions;
  readonly #sessions: Session[] = [];
  /** Streams whose request's body has not ended, with what was asked for. */
  readonly #receiving = new Map<number, string>();
  #ended = false;

  constructor(order: StartOrder, events: ProviderEvents, options: StandInOptions) {
    this.#order = order;
    this.#events = events;
    this.#options = options;
  }

  dial(): Promise<void> {
    return this.#open('data', this.#order.token, {
      opened: (session) => {
        const { controlToken } = session.welcome;
        if (controlToken === undefined) return;
        this.#open('control', controlToken, quiet(this.#reporting)).catch(this.#options.failed);
      },
      drained: () => undefined,
      frame: (type, stream, payload) => this.#frame(type, stream, payload),
      body: (stream, chunk) => this.#sessions[0]?.writer.credit(stream, chunk.length),
      closed: () => this.kill(),
    });
  }

  async #open(role: 'data' | 'control', token: string, events: SessionEvents): Promise<void> {
    const { address, clock } = this.#options;
    const connection = await dial(address);
    if (this.#ended) {
      connection.destroy();
      return;
    }
    const hello = { token, role, pid: 0, runtime: this.#order.release };
    this.#sessions.push(openSession(connection, { clock, hello, events }));
  }

  readonly #reporting = (session: Session): void => {
    session.writer.vitals(1, noVitals, { ...noVitals, rssBytes: 1 });
    session.writer.flush();
  };

  #frame(type: number, stream: number, payload: Buffer): void {
    if (type === FrameType.LOAD) this.#sessions[0]?.writer.loaded({ ok: true, initMs: 1 });
    else if (type === FrameType.DRAIN) this.kill();
    else if (type === FrameType.REQUEST) {
      const { flags, target } = readRequest(payload);
      if ((flags & requestFlags.noBody) !== 0) this.#answer(stream, target);
      else this.#receiving.set(stream, target);
    } else if (type === FrameType.BODY_END) {
      this.#answer(stream, this.#receiving.get(stream) ?? '');
      this.#receiving.delete(stream);
    }
  }

  #answer(stream: number, target: string): void {
    const writer = this.#sessions[0]!.writer;
    writer.begun(stream);
    if (target !== '/streamed') {
      writer.response(stream, { complete: true, status: 200, cpuUs: 1, head: plainHead, body: plainBody });
      return;
    }
    writer.response(stream, { complete: false, status: 200, cpuUs: 0, head: streamedHead, body: null });
    writer.body(stream, plainBody);
    for (let pieces = 0; pieces < 4; pieces += 1) writer.body(stream, piece);
    writer.bodyEnd(stream, 1);
  }

  terminate(): void {
    this.kill();
  }

  kill(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const session of this.#sessions) session.destroy('the rehearsal is over');
    this.#events.exited({ kind: 'exited', code: 0 });
  }

  usage(): null {
    return null;
  }
}

const quiet = (opened: (session: Session) => void): SessionEvents => ({
  opened,
  drained: () => undefined,
  frame: () => undefined,
  body: () => undefined,
  closed: () => undefined,
});
