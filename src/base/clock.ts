/** Time as an argument: whoever needs it is handed a Clock, so that the simulator can drive the same code. */
export interface Clock {
  /** Monotonic milliseconds, fractional. Only differences mean anything. */
  nowMs(): number;
  /** Milliseconds since the Unix epoch. */
  wallMs(): number;
  /** Calls `fire` once, no sooner than `delayMs` from now. Does not keep the process alive. */
  after(delayMs: number, fire: () => void): Timer;
  /** Calls `fire` after every socket that is ready in this turn of the loop has been read (setImmediate). */
  soon(fire: () => void): void;
}

export interface Timer {
  /** Idempotent. */
  cancel(): void;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (fire) => void setImmediate(fire),
};
