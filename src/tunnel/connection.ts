/** A byte stream, real or simulated. What the tunnel runs over. */
export interface Connection {
  /** Set by the owner right after it gets the connection, before it returns to the loop. */
  events: ConnectionEvents;
  /**
   * Bytes given to write or writeAll that the connection still refers to. 0: everything was copied or has left, so that
   * the memory of what was written may be used again.
   */
  readonly bufferedBytes: number;
  /**
   * Takes the bytes at once and refers to them until `bufferedBytes` says otherwise. False: the peer is slow (more than
   * `limits.connectionHighWaterBytes` buffered); `events.drained()` follows. After the end: does nothing.
   */
  write(bytes: Buffer): boolean;
  /** Several pieces in order, one system call where possible. */
  writeAll(pieces: readonly Buffer[]): boolean;
  /**
   * Calls back once when all that was written before this call has left, whatever was written since: at once if it has.
   * Never, when the connection ends before. Costs a write: for when `bufferedBytes` is not 0.
   */
  whenSent(sent: () => void): void;
  /** Within `events.data`: its chunk is referred to after the call, so its memory must not be used again. */
  keep(): void;
  /** Stops reading; what was read already may still arrive. */
  pause(): void;
  resume(): void;
  /** Flushes, then closes. */
  end(): void;
  /** Closes at once; what is buffered is lost. Idempotent. */
  destroy(reason?: string): void;
}

export interface ConnectionEvents {
  /** Valid during the call only, unless `keep` is called in it. */
  data(chunk: Buffer): void;
  /** All that was buffered has left. Only after a write that returned false. */
  drained(): void;
  /** Once, last. */
  closed(reason: string): void;
}

/**
 * The reason `closed` gives when the peer has ended and everything it ever wrote was read, also when it ended while
 * bytes were on their way to it. With any other reason, bytes that were on their way from it may be lost.
 */
export const peerClosed = 'the peer closed the connection';

const ignore = (): void => undefined;
/** Before the owner has set its own, and after it has let go. */
export const noConnectionEvents: ConnectionEvents = { data: ignore, drained: ignore, closed: ignore };
