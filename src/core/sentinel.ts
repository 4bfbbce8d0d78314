/**
 * The sentinel: a worker thread with a control connection of its own, which goes on when the main loop is blocked. It
 * reports vitals, says how long the loop has been stuck, and answers recalls from the claim table. It shares no
 * JavaScript object with user code.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock, type Timer } from '../base/clock.ts';
import { dial } from '../tunnel/dial.ts';
import { FrameType } from '../tunnel/frame.ts';
import { readNothing } from '../tunnel/payload.ts';
import { openSession, type Session, type SessionEvents } from '../tunnel/session.ts';
import { boardBytes, boardCells, Cell } from './board.ts';
import { Claims } from './claims.ts';
import { VitalsReporter } from './vitals.ts';
import { LoopWatch } from './watch.ts';

/** What the main thread starts it with. */
export interface SentinelOrder {
  readonly address: string;
  readonly token: string;
  readonly runtime: string;
  readonly memory: SharedArrayBuffer;
  readonly slots: number;
}

class Sentinel implements SessionEvents {
  readonly #cells: Int32Array;
  readonly #claims: Claims;
  readonly #watch = new LoopWatch(performance.now());
  #session: Session | null = null;
  #reporter: VitalsReporter | null = null;
  #timer: Timer | null = null;

  constructor(order: SentinelOrder) {
    this.#cells = boardCells(order.memory);
    this.#claims = new Claims(order.memory, boardBytes, order.slots);
  }

  opened(session: Session): void {
    this.#session = session;
    this.#reporter = new VitalsReporter(this.#cells, session.writer);
    this.look();
    Atomics.store(this.#cells, Cell.reporting, 1);
  }

  frame(type: number, stream: number, payload: Buffer): void {
    if (type !== FrameType.RECALL) return;
    readNothing(payload);
    const found = this.#claims.recall(stream);
    if (found === 'revoked') this.#session?.writer.nack(stream, 'recalled');
    else if (found === 'begun') this.#session?.writer.begun(stream);
  }

  body(): void {
    // No BODY on a control connection: the session sees to that.
  }

  drained(): void {
    // What is written here is small, and due again soon.
  }

  closed(): void {
    // The thread ends with its connection; the main thread hears of that and reports its vitals itself.
    Atomics.store(this.#cells, Cell.reporting, 0);
    this.#timer?.cancel();
    process.exit();
  }

  /** Looks at the marks, reports if there is something to, and says when it will look again. */
  readonly look = (): void => {
    this.#timer?.cancel();
    const nowMs = performance.now();
    const turn = Atomics.load(this.#cells, Cell.turn);
    const seen = this.#watch.look(turn, nowMs);
    if (seen.report) {
      this.#reporter?.report(nowMs, seen.turnMs, seen.stuckMs);
      this.#session?.writer.flush();
    }
    Atomics.store(this.#cells, Cell.asleep, seen.doze ? 1 : 0);
    // A turn that began in between has not seen that somebody wants to be woken.
    const missed = seen.doze && Atomics.load(this.#cells, Cell.turn) !== turn;
    this.#timer = systemClock.after(missed ? 0 : seen.nextMs, this.look);
  };
}

async function watch(order: SentinelOrder): Promise<void> {
  const sentinel = new Sentinel(order);
  const connection = await dial(order.address);
  parentPort?.on('message', sentinel.look);
  openSession(connection, {
    clock: systemClock,
    hello: { token: order.token, role: 'control', pid: process.pid, runtime: order.runtime },
    events: sentinel,
  });
}

await watch(workerData as SentinelOrder);
