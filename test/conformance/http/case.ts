// What a row of the corpus is. The rules are those of RFC 9110 and RFC 9112; where they leave a choice, all choices are listed.
export interface Case {
  readonly name: string;
  /** Latin-1. */
  readonly raw: string;
  readonly expect: Expectation;
}

type Expectation =
  /** One answer with one of these statuses (none at all, where `silent`), then the connection ends. No function runs. */
  | { readonly kind: 'refused'; readonly statuses: readonly number[]; readonly silent: boolean }
  /** One answer by the edge itself; the connection goes on, unless it `closes`. No function runs. */
  | { readonly kind: 'answered'; readonly statuses: readonly number[]; readonly closes: boolean }
  /** A function runs once and sees exactly this; the connection goes on, unless it `closes`. */
  | { readonly kind: 'served'; readonly sees: Sees; readonly closes: boolean };

export interface Sees {
  readonly method?: string;
  readonly target?: string;
  readonly body?: string;
  /** Lower-case name → value; null: not there. */
  readonly headers?: Readonly<Record<string, string | null>>;
}

export const refused = (name: string, raw: string, statuses: readonly number[] = [400]): Case => ({
  name,
  raw,
  expect: { kind: 'refused', statuses, silent: false },
});

/** So broken that ending the connection without a word is an answer too. */
export const refusedOrCut = (name: string, raw: string, statuses: readonly number[] = [400]): Case => ({
  name,
  raw,
  expect: { kind: 'refused', statuses, silent: true },
});

export const answered = (name: string, raw: string, statuses: readonly number[]): Case => ({
  name,
  raw,
  expect: { kind: 'answered', statuses, closes: false },
});

export const served = (name: string, raw: string, sees: Sees = {}): Case => ({
  name,
  raw,
  expect: { kind: 'served', sees, closes: false },
});

export const servedThenClosed = (name: string, raw: string, sees: Sees = {}): Case => ({
  name,
  raw,
  expect: { kind: 'served', sees, closes: true },
});

/** A request line, these lines, and the empty one; Host is not added. */
export const lines = (...all: readonly string[]): string => `${all.join('\r\n')}\r\n\r\n`;
export const get = (...fields: readonly string[]): string => lines('GET / HTTP/1.1', 'Host: localhost', ...fields);
export const post = (fields: readonly string[], body: string): string =>
  `${lines('POST /post HTTP/1.1', 'Host: localhost', ...fields)}${body}`;
export const chunked = (body: string, ...fields: readonly string[]): string =>
  post(['Transfer-Encoding: chunked', ...fields], body);
