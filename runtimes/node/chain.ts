/**
 * What requests that user code makes say of the invocation that they are made for: its `x-vercel-id`, and the chain of
 * functions that led to it (src/edge/chain.ts), by which the edge finds a function that calls itself without an end.
 *
 * Node's own HTTP client (http, https and what is built on them) and undici (fetch) publish every request before it is
 * sent; so nothing is replaced, and a function that makes no requests pays for nothing. The headers go to every host,
 * because an instance does not know which of them lead back here, and they hold nothing that would be a secret. Requests
 * outside of an invocation have neither, and nor have raw sockets and HTTP/2.
 */
import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import type { Call } from '../../src/core/call.ts';
import type { Host } from './host.ts';

const idHeader = 'x-vercel-id';
const chainHeader = 'x-weir-chain';
/** An invocation without a chain was begun by a client: with what it calls, one starts. */
const start = 'start';

/** `request.headers`: name, value, …; lines of text in older versions from npm. */
interface UndiciRequest {
  readonly headers: string | readonly unknown[];
  addHeader(name: string, value: string): unknown;
}

/** Where headers were given as a list, or 100 is expected, the head is written when the request is told of; it may wait. */
type Written = ClientRequest & { _header: string | null; outputData?: { data: unknown }[] } & Record<
    'outputSize',
    number
  >;

/** Starts giving requests the headers of the invocation they are made for. Once. */
export function carryChain(host: Host): void {
  subscribe('http.client.request.created', (message) => {
    const call = host.currentCall();
    if (call !== undefined) carryByNode((message as { request: Written }).request, call);
  });
  subscribe('undici:request:create', (message) => {
    const call = host.currentCall();
    if (call !== undefined) carryByUndici((message as { request: UndiciRequest }).request, call);
  });
}

function carryByNode(request: Written, call: Call): void {
  for (const [name, value] of carried(call)) {
    if (typeof request._header === 'string') {
      if (!hasLine(request._header, name)) addLine(request, request._header, `${name}: ${value}\r\n`);
    } else if (!request.hasHeader(name)) {
      request.setHeader(name, value);
    }
  }
}

function addLine(request: Written, head: string, line: string): void {
  request._header = `${head.slice(0, -2)}${line}\r\n`;
  const waiting = request.outputData?.[0];
  if (waiting?.data !== head) return;
  waiting.data = request._header;
  request.outputSize += line.length;
}

function carryByUndici(request: UndiciRequest, call: Call): void {
  const { headers } = request;
  for (const [name, value] of carried(call)) {
    const has = typeof headers === 'string' ? hasLine(headers, name) : hasName(headers, name);
    if (!has) request.addHeader(name, value);
  }
}

/** The edge writes both in lower case, and lets nobody else. */
function carried({ headers }: Call): [string, string][] {
  const fields: [string, string][] = [];
  const id = headers.indexOf(idHeader);
  if (id >= 0) fields.push([idHeader, headers[id + 1]!]);
  const chain = headers.indexOf(chainHeader);
  fields.push([chainHeader, chain < 0 ? start : headers[chain + 1]!]);
  return fields;
}

const hasLine = (lines: string, name: string): boolean => new RegExp(`^${name}:`, 'im').test(lines);

const hasName = (headers: readonly unknown[], name: string): boolean =>
  headers.some((text, index) => index % 2 === 0 && String(text).toLowerCase() === name);
