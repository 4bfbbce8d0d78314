/** What is in memory for no other reason than that clients are still to get it (I4): bounded for all of them together. */
export class HeldBytes {
  readonly #most: number;
  #bytes = 0;
  /** How many are being sent each of them. */
  readonly #bodies = new Map<Buffer, number>();

  constructor(mostBytes: number) {
    this.#most = mostBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** False: there is no room. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#most) return false;
    this.#bytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** The same for a body, which is there once for all who are sent it. As often as it returned true, `letGo` is called. */
  hold(body: Buffer): boolean {
    const holders = this.#bodies.get(body) ?? 0;
    if (holders === 0 && !this.take(body.length)) return false;
    this.#bodies.set(body, holders + 1);
    return true;
  }

  letGo(body: Buffer): void {
    const holders = this.#bodies.get(body)! - 1;
    if (holders > 0) {
      this.#bodies.set(body, holders);
      return;
    }
    this.#bodies.delete(body);
    this.giveBack(body.length);
  }
}
