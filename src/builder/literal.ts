import { limits } from '../base/limits.ts';

/** A value that a source states without running it; `undefined` in place of any that it does not. */
export type Literal =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly Literal[]
  | { readonly [name: string]: Literal };

interface Token {
  readonly kind: 'text' | 'number' | 'name' | 'pattern' | 'sign' | 'end';
  readonly text: string;
}

const shapes: readonly (readonly [Token['kind'], RegExp])[] = [
  ['text', /"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*'/y],
  ['number', /0[xob][\da-f]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?/iy],
  ['name', /[\p{L}_$][\p{L}\p{N}_$]*/uy],
  ['pattern', /\/(?![*/])(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y],
  ['sign', /\S/y],
];

/**
 * Reads the value that begins at `start` of printed JavaScript (no comments, no template literals, as esbuild prints it).
 * Nothing is evaluated, save the product of numbers: people write `60 * 5`.
 */
export function literalAt(source: string, start: number): Literal {
  return new Reader(source, start).value(0);
}

class Reader {
  readonly #source: string;
  #at: number;
  #token: Token = { kind: 'end', text: '' };

  constructor(source: string, start: number) {
    this.#source = source;
    this.#at = start;
    this.#next();
  }

  /** Goes over what is no literal as well, up to what ends it: `,`, a closing bracket, or `;`. */
  value(depth: number): Literal {
    const found = depth > limits.literalDepth ? undefined : this.#literal(depth);
    const isWhole = this.#isOneOf(',', ';', ')', ']', '}') || this.#token.kind === 'end';
    if (!isWhole) this.#skip();
    return isWhole ? found : undefined;
  }

  #literal(depth: number): Literal {
    const { kind, text } = this.#token;
    if (kind === 'text') return this.#took(unquoted(text));
    if (kind === 'number') return this.#product(1);
    if (kind === 'name' && Object.hasOwn(words, text)) return this.#took(words[text]);
    if (this.#take('-')) return this.#token.kind === 'number' ? this.#product(-1) : undefined;
    if (this.#take('[')) return this.#list(depth);
    if (this.#take('{')) return this.#object(depth);
    return undefined;
  }

  #product(sign: number): number | undefined {
    let product = sign;
    do {
      if (this.#token.kind !== 'number') return undefined;
      product *= Number(this.#token.text);
      this.#next();
    } while (this.#take('*'));
    return product;
  }

  #list(depth: number): Literal {
    const items: Literal[] = [];
    while (!this.#take(']')) {
      if (this.#token.kind === 'end') return undefined;
      items.push(this.value(depth + 1));
      if (!this.#take(',') && !this.#isOneOf(']')) return undefined;
    }
    return items;
  }

  #object(depth: number): Literal {
    const fields: [string, Literal][] = [];
    while (!this.#take('}')) {
      const { kind, text } = this.#token;
      if (kind === 'end') return undefined;
      const isNamed = kind === 'text' || kind === 'name' || kind === 'number';
      if (isNamed) this.#next();
      if (isNamed && this.#take(':')) {
        fields.push([kind === 'text' ? unquoted(text) : text, this.value(depth + 1)]);
      } else {
        // A shorthand, a method, an accessor, a spread or a computed name: no literal.
        if (kind === 'name' && !/^(?:async|get|set)$/.test(text)) fields.push([text, undefined]);
        this.#skip();
      }
      if (!this.#take(',') && !this.#isOneOf('}')) return undefined;
    }
    return Object.fromEntries(fields);
  }

  #skip(): void {
    let open = 0;
    while (this.#token.kind !== 'end') {
      if (open === 0 && this.#isOneOf(',', ';', ')', ']', '}')) return;
      if (this.#isOneOf('(', '[', '{')) open += 1;
      if (this.#isOneOf(')', ']', '}')) open -= 1;
      this.#next();
    }
  }

  #took<Value>(value: Value): Value {
    this.#next();
    return value;
  }

  #take(sign: string): boolean {
    if (!this.#isOneOf(sign)) return false;
    this.#next();
    return true;
  }

  #isOneOf(...signs: readonly string[]): boolean {
    return this.#token.kind === 'sign' && signs.includes(this.#token.text);
  }

  #next(): void {
    const space = /\s*/y;
    space.lastIndex = this.#at;
    space.exec(this.#source);
    this.#at = space.lastIndex;
    const before = this.#token;
    for (const [kind, shape] of shapes) {
      if (kind === 'pattern' && !mayPrecedePattern(before)) continue;
      shape.lastIndex = this.#at;
      const text = shape.exec(this.#source)?.[0];
      if (text === undefined) continue;
      this.#at += text.length;
      this.#token = { kind, text };
      return;
    }
    this.#token = { kind: 'end', text: '' };
  }
}

const words: Readonly<Record<string, Literal>> = { true: true, false: false, null: null };

/** After a value a slash divides. */
const mayPrecedePattern = ({ kind, text }: Token): boolean =>
  kind === 'end' ||
  (kind === 'sign' && !/[)\]}]/.test(text)) ||
  /^(?:return|typeof|case|in|of|void|delete)$/.test(text);

/** A string as printed; its escapes are those of JSON and a few more. */
function unquoted(text: string): string {
  return text.slice(1, -1).replaceAll(/\\(?:u\{([\da-f]+)\}|u([\da-f]{4})|x([\da-f]{2})|(.))/gi, (_, ...found) => {
    const [long, short, byte, letter] = found as (string | undefined)[];
    if (letter !== undefined) return escapes[letter] ?? letter;
    return String.fromCodePoint(Number.parseInt(long ?? short ?? byte ?? '', 16));
  });
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', v: '\v', 0: '\0' };
