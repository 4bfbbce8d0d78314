// Hot path: one head each way per invocation of a program.
import type { StreamCall } from '../stream.ts';

/** Between platform and runtime: user code and clients see nothing of it (protocol/runtime.md, Messages). */
const internalPrefix = 'x-vercel-internal-';
const bodyMethods = new Set(['POST', 'PUT', 'PATCH']);

/** The request as the program gets it. `internal`: name, value, …, of a program that takes them away again. */
export function requestFields(call: StreamCall, internal: readonly string[]): string[] {
  const fields: string[] = [];
  let hasLength = false;
  const { headers } = call;
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    const lower = name.length < 10 ? '' : name.toLowerCase();
    if (lower.startsWith(internalPrefix) || lower === 'connection') continue;
    if (call.upgrade && name.length === 7 && name.toLowerCase() === 'upgrade') continue;
    if (lower === 'content-length') hasLength = true;
    fields.push(name, headers[at + 1]!);
  }
  if (call.upgrade) fields.push('Connection', 'Upgrade', 'Upgrade', upgradeOf(headers));
  else if (call.hasBody) {
    if (!hasLength) fields.push('Transfer-Encoding', 'chunked');
  } else if (!hasLength && bodyMethods.has(call.method)) fields.push('Content-Length', '0');
  for (const text of internal) fields.push(text);
  return fields;
}

function upgradeOf(headers: readonly string[]): string {
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at]!.toLowerCase() === 'upgrade') return headers[at + 1]!;
  }
  return 'websocket';
}

/** Of this connection only (RFC 9110, 7.6.1), whatever Connection says besides. */
const hops = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** Without them the answer would mean something else, whatever Connection says of them. */
const endToEnd = new Set(['content-length', 'content-type', 'content-encoding', 'set-cookie', 'cache-control', 'date']);

/** What goes on of an answer's fields. */
export function answerFields(raw: readonly string[]): string[] {
  const fields: string[] = [];
  let nominated: Set<string> | null = null;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!;
    const lower = name.toLowerCase();
    if (!hops.has(lower)) {
      // What runtimes made for the hosted platform tell it of themselves (how long they took to start).
      if (lower.startsWith(internalPrefix)) continue;
      fields.push(name, raw[at + 1]!);
      continue;
    }
    if (lower !== 'connection') continue;
    for (const option of raw[at + 1]!.toLowerCase().split(/[\s,]+/)) {
      if (option !== '' && option !== 'keep-alive' && option !== 'close' && !endToEnd.has(option)) {
        nominated ??= new Set();
        nominated.add(option);
      }
    }
  }
  return nominated === null ? fields : fields.filter((_, at) => !nominated.has(fields[at - (at % 2)]!.toLowerCase()));
}

/** What goes on of the fields of a 101: what it switches to is of this connection, and of the client's. */
export function upgradeFields(raw: readonly string[]): string[] {
  return [...answerFields(raw), 'Connection', 'Upgrade', 'Upgrade', upgradeOf(raw)];
}
