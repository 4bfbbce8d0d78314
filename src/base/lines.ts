import { StringDecoder } from 'node:string_decoder';

const cutMark = ' … (line cut)';

/**
 * Cuts a byte stream of unknown origin into lines without their newline (LF or CRLF). No line is longer than
 * `maxChars` (plus a mark that says so): what is beyond is dropped, so that memory stays bounded whatever comes.
 */
export class LineSplitter {
  readonly #line: (text: string) => void;
  readonly #maxChars: number;
  readonly #decoder = new StringDecoder('utf8');
  #partial = '';
  #cut = false;

  constructor(maxChars: number, line: (text: string) => void) {
    this.#maxChars = maxChars;
    this.#line = line;
  }

  push(chunk: Buffer): void {
    const text = this.#decoder.write(chunk);
    let from = 0;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', from)) {
      this.#append(text.slice(from, at));
      this.#emit();
      from = at + 1;
    }
    this.#append(text.slice(from));
  }

  /** The stream has ended: what has no newline is a line too. */
  end(): void {
    this.#append(this.#decoder.end());
    if (this.#partial !== '') this.#emit();
  }

  #append(text: string): void {
    const room = this.#maxChars - this.#partial.length;
    if (text.length > room) this.#cut = true;
    this.#partial += text.slice(0, room);
  }

  #emit(): void {
    const text = this.#cut ? this.#partial + cutMark : this.#partial.replace(/\r$/, '');
    this.#partial = '';
    this.#cut = false;
    this.#line(text);
  }
}
