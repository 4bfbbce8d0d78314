// Hot path: one entry per invocation in batched mode.
import { systemClock } from '../base/clock.ts';
import type { FrameWriter } from '../tunnel/writer.ts';
import type { StreamCall } from './stream.ts';

/** In batched mode: what has begun and has no BEGUN. It leaves at the end of the turn, or `waitsMs` later (Ward.begunWaitsMs). */
export class Announcements {
  readonly #writer: FrameWriter;
  readonly #waitsMs: number;
  #begun: StreamCall[] = [];
  #isTimed = false;

  constructor(writer: FrameWriter, waitsMs: number) {
    this.#writer = writer;
    this.#waitsMs = waitsMs;
  }

  add(call: StreamCall): void {
    this.#begun.push(call);
  }

  /** Whether the end of a turn has something to write. */
  get pending(): boolean {
    return this.#waitsMs === 0 && this.#begun.length > 0;
  }

  /** All of them, by the next flush. Those that were answered need none. */
  write(): void {
    if (this.#begun.length === 0) return;
    for (const call of this.#begun) {
      if (!call.over && !call.announced) this.#writer.begun(call.stream);
      call.announced = true;
    }
    this.#begun = [];
  }

  /** The turn ends. A frame of its own, where the answer is not far, would wake the router for nothing. */
  turnEnds(): void {
    if (this.#waitsMs === 0) this.write();
    else if (this.#begun.length > 0 && !this.#isTimed) {
      this.#isTimed = true;
      systemClock.after(this.#waitsMs, this.#late);
    }
  }

  readonly #late = (): void => {
    this.#isTimed = false;
    this.write();
    this.#writer.flush();
  };
}
