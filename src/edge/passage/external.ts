// A rewrite to another origin: the request goes there, and the answer comes from there.
import type * as http from 'node:http';
import type { Duplex } from 'node:stream';
import { limits } from '../../base/limits.ts';
import type { Exchange, Invocation, RequestHead } from '../../model/invoke.ts';
import { clientOf } from '../node-http.ts';

/** Headers that belong to one connection (RFC 9110, 7.6.1), and what names the host that was asked before. */
const ours = new Set(['host', 'connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'expect']);

/** Connections to other origins are used again. */
const agents = new Map<string, http.Agent>();

function agentOf(protocol: string): http.Agent {
  let agent = agents.get(protocol);
  if (agent === undefined) {
    agent = new (clientOf(protocol).Agent)({ keepAlive: true });
    agents.set(protocol, agent);
  }
  return agent;
}

/** Methods of which a second request does what the first did (RFC 9110, 9.2.2), and that mostly come without a body. */
const repeatable = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE']);
/** Without a body these say so (RFC 9110, 8.6). */
const expectsBody = new Set(['POST', 'PUT', 'PATCH']);

/**
 * Passes a request on to another origin, in the form of an invocation: whoever has the client's exchange sees no difference.
 * `url`: http or https.
 */
export const invokeExternal = (url: URL, head: RequestHead, exchange: Exchange): Invocation =>
  new ExternalInvocation(url, head, exchange);

class ExternalInvocation implements Invocation {
  readonly #url: URL;
  readonly #head: RequestHead;
  readonly #exchange: Exchange;
  #request: http.ClientRequest;
  #incoming: http.IncomingMessage | Duplex | null = null;
  #pipe: Duplex | null = null;
  /** The other origin has said something, if only a 1xx. */
  #heard = false;
  #over = false;

  constructor(url: URL, head: RequestHead, exchange: Exchange) {
    this.#url = url;
    this.#head = head;
    this.#exchange = exchange;
    // Node's own agent would give an upgrade a connection that others had before.
    this.#request = this.#send(head.upgrade ? false : agentOf(url.protocol));
  }

  /** `agent`: false for a connection of its own. */
  #send(agent: http.Agent | false): http.ClientRequest {
    const head = this.#head;
    const request = clientOf(this.#url.protocol).request(this.#url, {
      method: head.method,
      headers: externalHeaders(head, this.#url.host),
      agent,
      setHost: false,
      timeout: limits.externalTimeoutMs,
    });
    request.on('response', (response) => this.#answered(response));
    request.on('upgrade', (response, socket, early) => this.#upgraded(response, socket, early));
    request.on('information', ({ statusCode, rawHeaders }) => {
      this.#heard = true;
      if (!this.#over) this.#exchange.inform(statusCode, rawHeaders);
    });
    request.on('timeout', () => request.destroy(new Error('it did not answer in time')));
    request.on('error', (error) => this.#failed(request, error));
    request.on('drain', () => this.#exchange.drained());
    if (!head.hasBody) request.end();
    return request;
  }

  /** A connection that was kept may have been closed on the other side just when it was used again: then a new one is tried. */
  #failed(request: http.ClientRequest, error: NodeJS.ErrnoException): void {
    const { method, hasBody } = this.#head;
    const stale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
    if (stale && !this.#over && !this.#heard && !hasBody && repeatable.has(method)) this.#request = this.#send(false);
    else this.#broke(error);
  }

  write(chunk: Buffer): boolean {
    return this.#over || (this.#pipe ?? this.#request).write(chunk);
  }

  endBody(): void {
    if (!this.#over) (this.#pipe ?? this.#request).end();
  }

  resume(): void {
    this.#incoming?.resume();
  }

  cancel(): void {
    this.#over = true;
    this.#request.destroy();
    this.#pipe?.destroy();
  }

  #answered(response: http.IncomingMessage): void {
    this.#heard = true;
    if (this.#over) return;
    this.#incoming = response;
    this.#exchange.head(response.statusCode!, response.rawHeaders);
    this.#passOn(response);
    response.on('end', () => {
      if (this.#over) return;
      this.#over = true;
      this.#exchange.end();
    });
  }

  /** `early`: what came with the head. */
  #upgraded(response: http.IncomingMessage, socket: Duplex, early: Buffer): void {
    if (this.#over) return void socket.destroy();
    if (!this.#head.upgrade) {
      socket.destroy();
      this.#broke(new Error('it changed the protocol without being asked to'));
      return;
    }
    if (early.length > 0) socket.unshift(early);
    this.#incoming = this.#pipe = socket;
    this.#exchange.head(101, response.rawHeaders);
    this.#passOn(socket);
    socket.on('drain', () => this.#exchange.drained());
    socket.on('end', () => {
      if (this.#over) return;
      this.#over = true;
      this.#exchange.end();
    });
  }

  #passOn(source: http.IncomingMessage | Duplex): void {
    source.on('data', (chunk: Buffer) => {
      if (!this.#over && !this.#exchange.body(chunk)) source.pause();
    });
    source.on('error', (error: Error) => this.#broke(error));
    source.on('close', () => this.#broke(new Error('the connection ended early')));
  }

  #broke(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#exchange.fail({ code: 'ROUTER_EXTERNAL_TARGET_ERROR', detail: `The other origin: ${error.message}.` });
  }
}

/**
 * Raw: name, value, name, value, … How the body is framed is said here, always: of raw headers Node takes it that whoever
 * wrote them has thought of it, and a body without framing would be the next request on the connection.
 */
function externalHeaders({ method, headers, hasBody, upgrade }: RequestHead, host: string): string[] {
  const sent = ['Host', host];
  let isFramed = false;
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!.toLowerCase();
    const isLength = name === 'content-length';
    if (ours.has(name) || (isLength && (isFramed || !hasBody))) continue;
    isFramed ||= isLength;
    sent.push(headers[at]!, headers[at + 1]!);
  }
  if (hasBody && !isFramed) sent.push('Transfer-Encoding', 'chunked');
  if (!hasBody && expectsBody.has(method)) sent.push('Content-Length', '0');
  if (!upgrade) return sent;
  const at = headers.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === 'upgrade');
  return [...sent, 'Connection', 'Upgrade', 'Upgrade', headers[at + 1]!];
}
