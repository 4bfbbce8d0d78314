/** The health an instance reports several times a second. Totals, not deltas; the wire encodes what changed. */
export interface Vitals {
  /** CPU time of the process since its start, microseconds. */
  readonly cpuUs: number;
  /** Time the kernel held the process back for its CPU quota, microseconds (0 where unknown). */
  readonly throttledUs: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** Event-loop utilisation of the last period, 0–1000. */
  readonly loopPermille: number;
  /** How long the loop has not come round as of now, milliseconds; without the time in which it waited for a CPU. */
  readonly loopStuckMs: number;
  readonly fds: number;
  /** Begun and not yet answered. */
  readonly inFlight: number;
  /** Received and not begun. */
  readonly waiting: number;
  /** Promises handed to waitUntil that have not settled. */
  readonly background: number;
  /** Uncaught errors and timeouts since the start. */
  readonly errors: number;
  /** CPU attributed to invocations that have ended, microseconds since the start. */
  readonly attributedUs: number;
  /**
   * What ails the process by the core's verdict, which knows limits that nobody else does: 0 well, otherwise 1 + the index
   * in nackReasons. A larger one is a reason that this version does not know.
   */
  readonly ailment: number;
  /**
   * The longest turn of the loop in the last period, whole milliseconds, with all the time it took, also that in which the
   * thread waited for a CPU. A turn that goes on counts as far as it has come.
   */
  readonly loopDelayMs: number;
}

/** In wire order: protocol/tunnel.md, VITALS. */
export const vitalFields = [
  'cpuUs',
  'throttledUs',
  'rssBytes',
  'heapBytes',
  'loopPermille',
  'loopStuckMs',
  'fds',
  'inFlight',
  'waiting',
  'background',
  'errors',
  'attributedUs',
  'ailment',
  'loopDelayMs',
] as const satisfies readonly (keyof Vitals)[];

export const noVitals: Vitals = {
  cpuUs: 0,
  throttledUs: 0,
  rssBytes: 0,
  heapBytes: 0,
  loopPermille: 0,
  loopStuckMs: 0,
  fds: 0,
  inFlight: 0,
  waiting: 0,
  background: 0,
  errors: 0,
  attributedUs: 0,
  ailment: 0,
  loopDelayMs: 0,
};

/** Why a core refused an invocation that had not begun. Wire order: protocol/tunnel.md, NACK. */
export const nackReasons = [
  'recalled',
  'cpu',
  'memory',
  'fds',
  'loop',
  'lifetime',
  'draining',
  'limit',
  'errors',
  'unloaded',
] as const;
export type NackReason = (typeof nackReasons)[number];
