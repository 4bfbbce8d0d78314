// Hot path: one head each way per invocation, one join or split and one scan each.
import { ProtocolError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/** RFC 9110 tokens for names and the method; no control characters but TAB elsewhere, and nothing beyond latin-1. */
const requestShape =
  /^[\x20-\x7e]+\n[!#$%&'*+\-.^_`|~0-9A-Za-z]+\n[\t\x20-\x7e\x80-\xff]+(?:\n[!#$%&'*+\-.^_`|~0-9A-Za-z]+\n[\t\x20-\x7e\x80-\xff]*)*$/;
const headersShape = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+\n[\t\x20-\x7e\x80-\xff]*(?:\n(?=[^])|$))+$/;

export interface Head {
  readonly id: string;
  readonly method: string;
  readonly target: string;
  /** Name, value, name, value, … */
  readonly headers: string[];
}

/** The text of a REQUEST's head. Throws ProtocolError BAD_HEAD. */
export function headText(id: string, method: string, target: string, headers: readonly string[]): string {
  const start = `${id}\n${method}\n${target}`;
  const text = headers.length === 0 ? start : `${start}\n${headers.join('\n')}`;
  check(text, headers.length + 3, requestShape);
  return text;
}

/** The text of a RESPONSE's or INFORM's head. Throws ProtocolError BAD_HEAD. */
export function headersText(headers: readonly string[]): string {
  if (headers.length === 0) return '';
  const text = headers.join('\n');
  check(text, headers.length, headersShape);
  return text;
}

/** Throws ProtocolError BAD_HEAD. */
export function readHead(text: string): Head {
  const fields = split(text);
  check(text, fields.length, requestShape);
  const [id, method, target] = fields as [string, string, string];
  return { id, method, target, headers: fields.slice(3) };
}

/** Name, value, name, value, … Throws ProtocolError BAD_HEAD. */
export function readHeaders(text: string): string[] {
  if (text === '') return [];
  const fields = split(text);
  check(text, fields.length, headersShape);
  return fields;
}

/** Twice as fast as String.split, which builds its list in C++. */
function split(text: string): string[] {
  const fields: string[] = [];
  let from = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', from)) {
    fields.push(text.slice(from, at));
    from = at + 1;
  }
  fields.push(text.slice(from));
  return fields;
}

/** `fields`: how many there are meant to be, so that none can smuggle in another. */
function check(text: string, fields: number, shape: RegExp): void {
  if (text.length > limits.headBytes) throw bad(`a head of ${text.length} bytes, ${limits.headBytes} are allowed`);
  if (fields > 2 * limits.headFields + 3) throw bad(`more than ${limits.headFields} header fields`);
  let breaks = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) breaks += 1;
  if (breaks !== fields - 1 || !shape.test(text)) throw bad(explain(text, fields, shape === requestShape));
}

const bad = (detail: string): ProtocolError => new ProtocolError('BAD_HEAD', detail);

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** What is wrong, without the values: they may be secrets. */
function explain(text: string, fields: number, isRequest: boolean): string {
  const found = text.split('\n');
  if (found.length !== fields) return 'a line feed within a field';
  const names = isRequest ? 3 : 0;
  if (found.length < names || (found.length - names) % 2 !== 0) return `${found.length} fields: a name without a value`;
  if (isRequest && !token.test(found[1] ?? '')) return 'the method is not a token';
  if (isRequest && (found[0] === '' || found[2] === '')) return 'an empty id or target';
  for (let at = names; at < found.length; at += 2) {
    const name = found[at] ?? '';
    if (!token.test(name)) return `the header name ${JSON.stringify(name.slice(0, 64))} is not a token`;
  }
  return 'a control character, or one beyond latin-1';
}
