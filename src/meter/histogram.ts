// Hot path while usage is collected: `record` runs twice per invocation.

/** So many buckets per power of two: each is as wide as a 32nd of what is in it, at most. */
const perOctave = 32;
const octaveBits = 5;
/** Up to here every whole number has its own bucket. */
const exactBelow = 2 * perOctave;
/** Twelve days; what is longer counts as so long. */
const mostUs = 2 ** 40;

/**
 * How long things took, in buckets that grow with what is in them: a quantile is off by 1/64 of itself at most. Histograms
 * that are merged are the histogram of both.
 */
export class Histogram {
  #count = 0;
  #sumUs = 0;
  readonly #buckets = new Map<number, number>();

  get count(): number {
    return this.#count;
  }

  /** Of what was recorded, exactly. */
  get sumUs(): number {
    return this.#sumUs;
  }

  record(us: number): void {
    const whole = Math.min(mostUs, Math.max(0, Math.round(us)));
    const index = bucketOf(whole);
    this.#count += 1;
    this.#sumUs += whole;
    this.#buckets.set(index, (this.#buckets.get(index) ?? 0) + 1);
  }

  /** Adds the other one to this one. */
  merge(other: Histogram): this {
    this.#count += other.#count;
    this.#sumUs += other.#sumUs;
    for (const [index, count] of other.#buckets) this.#buckets.set(index, (this.#buckets.get(index) ?? 0) + count);
    return this;
  }

  /** Of those recorded, ordered, the one at `share` (0–1) of their number; the middle of its bucket. Null: there is none. */
  quantile(share: number): number | null {
    let left = Math.max(1, Math.ceil(share * this.#count));
    for (const index of this.#ordered()) {
      left -= this.#buckets.get(index)!;
      if (left <= 0) return middleOf(index);
    }
    return null;
  }

  /** Compact: numbers of seven bits a byte. Format 1, the sum, then for each bucket how far it is from the last, and its count. */
  encode(): Uint8Array {
    const bytes: number[] = [format];
    pushNumber(bytes, this.#sumUs);
    let last = 0;
    for (const index of this.#ordered()) {
      pushNumber(bytes, index - last);
      pushNumber(bytes, this.#buckets.get(index)!);
      last = index;
    }
    return Uint8Array.from(bytes);
  }

  /** Throws RangeError when it is not what `encode` makes. */
  static decode(bytes: Uint8Array): Histogram {
    if (bytes[0] !== format) throw new RangeError(`a histogram of format ${bytes[0]}`);
    const numbers = numbersOf(bytes.subarray(1));
    if (numbers.length % 2 === 0) throw new RangeError('a histogram that is cut off');
    const made = new Histogram();
    made.#sumUs = numbers[0]!;
    let index = 0;
    for (let at = 1; at < numbers.length; at += 2) {
      index += numbers[at]!;
      const count = numbers[at + 1]!;
      if (index > bucketOf(mostUs) || count === 0 || made.#buckets.has(index))
        throw new RangeError('a histogram with buckets that there are not');
      made.#buckets.set(index, count);
      made.#count += count;
    }
    return made;
  }

  #ordered(): number[] {
    return [...this.#buckets.keys()].toSorted((one, other) => one - other);
  }
}

const format = 1;

function bucketOf(us: number): number {
  if (us < exactBelow) return us;
  const octave = us < 2 ** 31 ? 31 - Math.clz32(us) : 31 + (31 - Math.clz32(us / 2 ** 31));
  const shift = octave - octaveBits;
  return shift * perOctave + Math.floor(us / 2 ** shift);
}

function middleOf(index: number): number {
  if (index < exactBelow) return index;
  const shift = Math.floor(index / perOctave) - 1;
  const width = 2 ** shift;
  return (index - shift * perOctave) * width + (width - 1) / 2;
}

function pushNumber(bytes: number[], value: number): void {
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) + 128);
  bytes.push(left);
}

function numbersOf(bytes: Uint8Array): number[] {
  const numbers: number[] = [];
  let value = 0;
  let scale = 1;
  for (const byte of bytes) {
    value += (byte % 128) * scale;
    if (!Number.isSafeInteger(value)) throw new RangeError('a histogram with a number that is too large');
    scale *= 128;
    if (byte >= 128) continue;
    numbers.push(value);
    value = 0;
    scale = 1;
  }
  if (scale !== 1) throw new RangeError('a histogram that is cut off');
  return numbers;
}
