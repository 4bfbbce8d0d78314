import { http } from './node-http.ts';

const { STATUS_CODES, validateHeaderName, validateHeaderValue } = http;

const dropped = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'te',
  'trailer',
  'upgrade',
]);

/** `name: value` lines. Null: one of them is not HTTP. `skip`: lower-case names to leave out. */
export function headerLines(headers: readonly string[], skip: ReadonlySet<string>): string | null {
  let text = '';
  try {
    for (let at = 0; at + 1 < headers.length; at += 2) {
      const name = headers[at]!;
      if (skip.has(name.toLowerCase())) continue;
      validateHeaderName(name);
      validateHeaderValue(name, headers[at + 1]!);
      text += `${name}: ${headers[at + 1]!}\r\n`;
    }
  } catch {
    return null;
  }
  return text;
}

/** The bytes (latin-1) of a 1xx answer. Null: nothing is to be sent, because it is no HTTP or the edge has done it itself (100). */
export function informText(status: number, headers: readonly string[]): string | null {
  if (status <= 101 || status > 199) return null;
  const lines = headerLines(headers, dropped);
  return lines === null ? null : `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Informational'}\r\n${lines}\r\n`;
}
