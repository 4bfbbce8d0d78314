// A rewrite to another origin: the request goes there, and the answer comes from there.
import * as http from 'node:http';
import * as https from 'node:https';
import type { Duplex } from 'node:stream';
import { limits } from '../../base/limits.ts';
import type { Exchange, Invocation, RequestHead } from '../../model/invoke.ts';

/** Headers that belong to one connection (RFC 9110, 7.6.1), and what names the host that was asked before. */
const ours = new Set(['host', 'connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'expect']);

/** Connections to other origins are used again. */
const agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) };

/**
 * Passes a request on to another origin, in the form of an invocation: whoever has the client's exchange sees no difference.
 * `url`: http or https.
 */
export const invokeExternal = (url: URL, head: RequestHead, exchange: Exchange): Invocation =>
  new ExternalInvocation(url, head, exchange);

class ExternalInvocation implements Invocation {
  readonly #request: http.ClientRequest;
  readonly #exchange: Exchange;
  #incoming: http.IncomingMessage | Duplex | null = null;
  #pipe: Duplex | null = null;
  #over = false;

  constructor(url: URL, head: RequestHead, exchange: Exchange) {
    this.#exchange = exchange;
    const secure = url.protocol === 'https:';
    this.#request = (secure ? https : http).request(url, {
      method: head.method,
      headers: externalHeaders(head, url.host),
      agent: head.upgrade ? undefined : agents[secure ? 'https:' : 'http:'],
      setHost: false,
      timeout: limits.externalTimeoutMs,
    });
    this.#request.on('response', (response) => this.#answered(response));
    this.#request.on('upgrade', (response, socket) => this.#upgraded(response, socket));
    this.#request.on('information', ({ statusCode, rawHeaders }) => {
      if (!this.#over) exchange.inform(statusCode, rawHeaders);
    });
    this.#request.on('timeout', () => this.#request.destroy(new Error('it did not answer in time')));
    this.#request.on('error', (error) => this.#broke(error));
    this.#request.on('drain', () => exchange.drained());
    if (!head.hasBody) this.#request.end();
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

  #upgraded(response: http.IncomingMessage, socket: Duplex): void {
    if (this.#over) return void socket.destroy();
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

/** Raw: name, value, name, value, … */
function externalHeaders({ headers, upgrade }: RequestHead, host: string): string[] {
  const sent = ['Host', host];
  for (let at = 0; at < headers.length; at += 2) {
    if (!ours.has(headers[at]!.toLowerCase())) sent.push(headers[at]!, headers[at + 1]!);
  }
  if (!upgrade) return sent;
  const at = headers.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === 'upgrade');
  return [...sent, 'Connection', 'Upgrade', 'Upgrade', headers[at + 1]!];
}
