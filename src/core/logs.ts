import { limits } from '../base/limits.ts';
import type { LogLevel, LogSource } from '../tunnel/payload.ts';
import type { Session } from '../tunnel/session.ts';

interface Line {
  readonly stream: number;
  readonly level: LogLevel;
  readonly source: LogSource;
  readonly text: string;
}

type Sink =
  /** No session yet: kept, up to the limit. */
  | { readonly kind: 'kept'; readonly lines: Line[] }
  | { readonly kind: 'session'; readonly session: Session; readonly written: () => void }
  | { readonly kind: 'gone' };

/**
 * The way of log lines to the router: LOG frames, in order with the answers they belong to. What the router is too slow
 * to take is bounded; lines beyond are dropped, and a line says how many.
 */
export class Logs {
  #sink: Sink = { kind: 'kept', lines: [] };
  /** Given, and not known to have left. */
  #backlogBytes = 0;
  #dropped = 0;

  /** `stream`: the invocation it belongs to, or 0. Text beyond limits.logLineBytes is cut, and says so. */
  write(line: Line): void {
    const bytes = Math.min(line.text.length, limits.logLineBytes);
    if (this.#dropped > 0 || this.#backlogBytes + bytes > limits.logBacklogBytes) {
      this.#dropped += 1;
      // A session that has room again says so; what is only kept is told at its opening.
      if (this.#sink.kind === 'session') this.#settle(this.#sink.session);
      return;
    }
    this.#backlogBytes += bytes;
    if (this.#sink.kind === 'kept') this.#sink.lines.push(line);
    else if (this.#sink.kind === 'session') this.#send(this.#sink.session, line);
  }

  /** Sends what was kept. `written`: something is to be flushed. */
  open(session: Session, written: () => void): void {
    const kept = this.#sink.kind === 'kept' ? this.#sink.lines : [];
    this.#sink = { kind: 'session', session, written };
    for (const line of kept) this.#send(session, line);
    this.#report(session);
  }

  /** All that was given to the connection has left. */
  drained(): void {
    this.#backlogBytes = 0;
    if (this.#sink.kind === 'session') this.#report(this.#sink.session);
  }

  close(): void {
    this.#sink = { kind: 'gone' };
  }

  #send(session: Session, line: Line): void {
    session.writer.log(line.stream, line.level, line.source, line.text);
    this.#settle(session);
    if (this.#sink.kind === 'session') this.#sink.written();
  }

  /** Whether the backlog has left is looked at when it has grown enough to matter. */
  #settle(session: Session): void {
    if (this.#backlogBytes < limits.slabBytes && this.#dropped === 0) return;
    session.writer.flush();
    if (session.connection.bufferedBytes === 0) this.drained();
  }

  #report(session: Session): void {
    if (this.#dropped === 0) return;
    const text = `${this.#dropped} log lines were dropped: the router did not take them in time`;
    this.#dropped = 0;
    session.writer.log(0, 'warn', 'platform', text);
    if (this.#sink.kind === 'session') this.#sink.written();
  }
}
