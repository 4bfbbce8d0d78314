/** A request's headers by name, for conditions: put together only when a condition asks. */
export class HeaderFields {
  readonly #raw: readonly string[];
  #fields: Map<string, string> | null = null;

  /** `raw`: name, value, name, value, … */
  constructor(raw: readonly string[]) {
    this.#raw = raw;
  }

  /** `name` in lower case. Several of one name are joined as HTTP has it (RFC 9110, 5.3), cookies by `; `. */
  get(name: string): string | undefined {
    this.#fields ??= this.#read();
    return this.#fields.get(name);
  }

  #read(): Map<string, string> {
    const fields = new Map<string, string>();
    for (let at = 0; at < this.#raw.length; at += 2) {
      const name = this.#raw[at]!.toLowerCase();
      const before = fields.get(name);
      const value = this.#raw[at + 1]!;
      fields.set(name, before === undefined ? value : `${before}${name === 'cookie' ? '; ' : ', '}${value}`);
    }
    return fields;
  }
}
