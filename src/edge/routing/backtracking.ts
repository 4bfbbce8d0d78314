// What makes a regular expression take exponential time: a repetition within a repetition, with nothing that says where one ends.

/** Bit n: the character with code n; bit 128: all beyond ASCII. */
type Characters = bigint;

interface Item {
  /** All characters that may occur in it. */
  readonly characters: Characters;
  /** It may match nothing. */
  readonly isEmpty: boolean;
  /** By its quantifier: any number of times. */
  readonly repeats: boolean;
  /** Of a group: sequences, of which one matches. Empty: it is no group. */
  readonly alternatives: readonly (readonly Item[])[];
}

const beyond = 1n << 128n;
const every: Characters = (beyond << 1n) - 1n;

/**
 * Whether a repetition in `source` repeats what repeats itself and is not kept apart by what has to be between: `(a+)+`,
 * `(\w+\s?)*`. `([^/]+/)*` is kept apart: no `/` is one of `[^/]`. `source`: a regular expression that JavaScript has taken.
 *
 * A mistake that blocks the server is refused so, not every slow pattern: `(a|a)*` and a power of the path's length pass.
 */
export const repeatsRepetition = (source: string): boolean =>
  /\)(?:[*+]|\{\d+,\})/.test(source) &&
  new PatternReader(source).alternatives().some((sequence) => sequence.some(isNested));

/** What a deployment has written. Throws an Error that says what is wrong with it. */
export function regularExpression(source: string, flags: string): RegExp {
  const regexp = new RegExp(source, flags);
  if (!repeatsRepetition(source)) return regexp;
  throw new Error(
    'a repetition within a repetition, as in (a+)+, can take for ever: say what is between, as in (a+/)+',
  );
}

function isNested(item: Item): boolean {
  const { repeats, alternatives } = item;
  if (repeats && alternatives.some((sequence) => isLoose(sequence, []))) return true;
  return alternatives.some((sequence) => sequence.some(isNested));
}

/** `around`: what has to match along with the sequence in every turn of the repetition that it is in. */
function isLoose(sequence: readonly Item[], around: readonly Characters[]): boolean {
  return sequence.some((item, at) => {
    const others = sequence.filter((other, index) => index !== at && !other.isEmpty && other.characters !== 0n);
    const between = [...around, ...others.map(({ characters }) => characters)];
    if (item.repeats && between.every((characters) => (characters & item.characters) !== 0n)) return true;
    return item.alternatives.some((inner) => isLoose(inner, between));
  });
}

/** As much of the grammar as says which characters can be where. */
class PatternReader {
  readonly #source: string;
  readonly #known = new Map<string, Characters>();
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** Up to the end, or the end of the group. */
  alternatives(): Item[][] {
    const found: Item[][] = [[]];
    while (this.#at < this.#source.length) {
      const character = this.#source[this.#at]!;
      if (character === ')') break;
      if (character === '|') {
        this.#at += 1;
        found.push([]);
      } else {
        found.at(-1)!.push(this.#quantified(character === '(' ? this.#group() : this.#single()));
      }
    }
    return found;
  }

  #take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }

  #group(): Item {
    const opened = this.#take(/\((?:\?(?:[:=!]|<[=!]|<[^>]*>))?/y)!;
    const alternatives = this.alternatives();
    this.#at += 1;
    const looks = /[=!]$/.test(opened);
    let characters = 0n;
    for (const item of looks ? [] : alternatives.flat()) characters |= item.characters;
    const isEmpty = looks || alternatives.some((sequence) => sequence.every((item) => item.isEmpty));
    return { characters, isEmpty, repeats: false, alternatives };
  }

  #single(): Item {
    const written = this.#take(
      /\[(?:[^\]\\]|\\[^])*\]|\\k<[^>]*>|\\\d+|\\u[\da-f]{4}|\\x[\da-f]{2}|\\c[a-z]|\\[^]|[^]/iy,
    )!;
    const isEmpty = /^(?:[$^]|\\[bB])$/.test(written);
    const characters = isEmpty ? 0n : (this.#known.get(written) ?? charactersOf(written));
    this.#known.set(written, characters);
    return { characters, isEmpty, repeats: false, alternatives: [] };
  }

  #quantified(item: Item): Item {
    const quantifier = this.#take(/(?:[*+?]|\{\d+(?:,\d*)?\})\??/y);
    if (quantifier === null) return item;
    const repeats = /^(?:[*+]|\{\d+,\})/.test(quantifier);
    return { ...item, repeats, isEmpty: item.isEmpty || /^(?:[*?]|\{0)/.test(quantifier) };
  }
}

/** Of one character, class or escape; more rather than less. */
function charactersOf(written: string): Characters {
  if (/^[^\\.]$/.test(written)) return plainCharacter(written);
  // What refers to a group.
  if (/^\\(?:[1-9]|k<)/.test(written)) return every;
  const one = new RegExp(`^${written}$`, 'is');
  let characters = one.test('\u00e9') || one.test('\u65e5') ? beyond : 0n;
  for (let code = 0; code < 128; code += 1) {
    if (one.test(String.fromCharCode(code))) characters |= 1n << BigInt(code);
  }
  return characters;
}

/** In either case. */
function plainCharacter(written: string): Characters {
  let characters = 0n;
  for (const text of [written.toLowerCase(), written.toUpperCase()]) {
    const code = text.charCodeAt(0);
    characters |= code < 128 ? 1n << BigInt(code) : beyond;
  }
  return characters;
}
