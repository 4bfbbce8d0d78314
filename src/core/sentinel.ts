/**
 * The sentinel: a worker thread with a control connection of its own, which goes on when the main loop is blocked. It
 * reports vitals, says how long the loop has been stuck, and answers recalls from the claim table. It shares no
 * JavaScript object with user code. A loop that is blocked does not see that its platform is gone, either: then the
 * sentinel ends the process.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock, type Timer } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { dial } from '../tunnel/dial.ts';
import { FrameType } from '../tunnel/frame.ts';
import { readNothing } from '../tunnel/payload.ts';
import { openSession, type Session, type SessionEnd, type SessionEvents } from '../tunnel/session.ts';
import { boardBytes, boardCells, Cell, clockOriginMs, Wake } from './board.ts';
import { Claims } from './claims.ts';
import { notLetIn } from './sentinel-thread.ts';
import { MainThread } from './starvation.ts';
import { VitalsReporter } from './vitals.ts';
import { LoopWatch } from './watch.ts';

/** What the main thread starts it with. */
export interface SentinelOrder {
  readonly address: string;
  readonly token: string;
  readonly runtime: string;
  readonly memory: SharedArrayBuffer;
  /** clockOriginMs of the main thread. */
  readonly originMs: number;
  readonly slots: number;
}

class Sentinel implements SessionEvents {
  readonly #address: string;
  readonly #cells: Int32Array;
  readonly #claims: Claims;
  /** Marks are in the main thread's time: what to add to this one's. */
  readonly #aheadMs: number;
  readonly #watch: LoopWatch;
  readonly #main: MainThread;
  #session: Session | null = null;
  #reporter: VitalsReporter | null = null;
  #timer: Timer | null = null;

  constructor(order: SentinelOrder) {
    this.#address = order.address;
    this.#cells = boardCells(order.memory);
    this.#claims = new Claims(order.memory, boardBytes, order.slots);
    this.#aheadMs = clockOriginMs() - order.originMs;
    this.#watch = new LoopWatch(this.#nowMs());
    this.#main = new MainThread(this.#nowMs());
  }

  opened(session: Session): void {
    this.#session = session;
    this.#reporter = new VitalsReporter(this.#cells, session.writer, this.#nowMs());
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

  closed(end: SessionEnd): void {
    // The main thread hears of this thread's end, and reports its vitals itself.
    Atomics.store(this.#cells, Cell.reporting, 0);
    this.#timer?.cancel();
    const wasOpen = this.#session !== null;
    this.#session = null;
    if (!wasOpen) process.exit(notLetIn);
    if (end.kind === 'goodbye') process.exit();
    void this.#outlive();
  }

  /** Looks at the marks, reports if there is something to, and says when it will look again. */
  readonly look = (): void => {
    if (this.#session === null) return;
    this.#timer?.cancel();
    const nowMs = this.#nowMs();
    const turn = Atomics.load(this.#cells, Cell.turn);
    const turnMs = this.#turnMs(turn, nowMs);
    const seen = this.#watch.look({ turn, turnMs, nowMs, usedMs: this.#main.usedMs(nowMs) });
    if (seen.report) {
      this.#reporter?.report(nowMs, turnMs, seen.stuckMs);
      this.#session.writer.flush();
    }
    Atomics.store(this.#cells, Cell.wake, seen.wake);
    // A turn that began or ended in between has not seen that somebody wants to be woken.
    const missed = seen.wake !== Wake.none && Atomics.load(this.#cells, Cell.turn) !== turn;
    this.#timer = systemClock.after(missed ? 0 : seen.nextMs, this.look);
  };

  /**
   * The connection broke. If only that, the router still listens, and the main thread goes on without a sentinel. If the
   * platform is gone, the main thread's connection has ended too, and it has this long to see that and to end the process.
   */
  async #outlive(): Promise<never> {
    try {
      (await dial(this.#address)).destroy();
    } catch {
      await sleep(limits.lingerMs + limits.terminateGraceMs);
      const turn = Atomics.load(this.#cells, Cell.turn);
      // process.exit() here would end this thread alone.
      if (this.#turnMs(turn, this.#nowMs()) >= limits.terminateGraceMs) process.kill(process.pid, 'SIGKILL');
    }
    process.exit();
  }

  #nowMs(): number {
    return performance.now() + this.#aheadMs;
  }

  /** How long the turn that goes on has lasted. The cell wraps, so the difference does. */
  #turnMs(turn: number, nowMs: number): number {
    if ((turn & 1) === 0) return 0;
    return Math.max(0, (Math.trunc(nowMs) - Atomics.load(this.#cells, Cell.turnStartMs)) | 0);
  }
}

async function watch(order: SentinelOrder): Promise<void> {
  const sentinel = new Sentinel(order);
  const connection = await dial(order.address).catch(() => process.exit(notLetIn));
  parentPort?.on('message', sentinel.look);
  openSession(connection, {
    clock: systemClock,
    hello: { token: order.token, role: 'control', pid: process.pid, runtime: order.runtime },
    events: sentinel,
  });
}

await watch(workerData as SentinelOrder);
