// Hot path: every write of a tunnel passes through here.
import { Socket } from 'node:net';

type Done = (error?: NodeJS.ErrnoException | null) => void;
interface Piece {
  readonly chunk: Buffer;
  readonly encoding: BufferEncoding;
}

const ignore = (): void => undefined;
/** Stands in the stream's buffer where a mark was set. */
const mark = Buffer.alloc(0);

/**
 * A socket that differs from Node's in two ways.
 *
 * A write that fails does not close it. Node destroys a socket then, and with it what the peer wrote before it died and
 * is still in the kernel: answers, and every BEGUN that says what ran. Here a write that fails counts as done, nothing is
 * written after it, and reading goes on to the peer's end.
 *
 * And it says when the bytes up to a mark have left. Node sends all that has gathered by one system call, and calls back
 * when all of it has left, which on a busy tunnel is much later.
 */
export class TunnelSocket extends Socket {
  /** The first write that failed. */
  failure: Error | null = null;
  /** Told of it, once. */
  failed: (error: Error) => void = ignore;
  /** A stream has one write under way at a time: one callback for all of them costs none of its own. */
  #done: Done = ignore;
  #marks: (() => void)[] = [];
  /** What is to follow the mark that the write under way leads up to. */
  #rest: Piece[] | null = null;

  /** Calls back when all that was written before has left; never, if it does not. Only while something is waiting. */
  whenSent(sent: () => void): void {
    this.#marks.push(sent);
    this.write(mark);
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: Done): void {
    if (this.#marks.length > 0) {
      this._writev([{ chunk, encoding }], done);
    } else if (this.failure === null) {
      this.#done = done;
      super._write(chunk, encoding, this.#wrote);
    } else done();
  }

  override _writev(pieces: Piece[], done: Done): void {
    if (this.failure !== null) {
      done();
      return;
    }
    this.#done = done;
    if (this.#marks.length === 0) super._writev?.(pieces, this.#wrote);
    else this.#toMark(pieces);
  }

  #toMark(pieces: Piece[]): void {
    const at = pieces.findIndex(({ chunk }) => chunk === mark);
    this.#rest = at === -1 ? null : pieces.slice(at + 1);
    if (at === 0) this.#wrote();
    else super._writev?.(at === -1 ? pieces : pieces.slice(0, at), this.#wrote);
  }

  readonly #wrote: Done = (error) => {
    const done = this.#done;
    const rest = this.#rest;
    this.#rest = null;
    if (error?.syscall === 'write') {
      this.failure = error;
      this.#marks = [];
      this.failed(error);
      done();
    } else if (error || rest === null || this.destroyed) {
      done(error);
    } else {
      this.#marks.shift()?.();
      if (rest.length > 0) this.#toMark(rest);
      else done();
    }
  };
}
