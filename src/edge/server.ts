// Hot path: `serve` runs once per request.
import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { ErrorCode, Failure } from '../base/errors.ts';
import { invocationIds } from '../base/id.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { explainHeader } from '../model/explain.ts';
import type { Explained } from '../model/explain.ts';
import type { Invoker } from '../model/invoke.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { Admitter } from './admit.ts';
import type { Admission } from './admit.ts';
import { ClientConnection } from './connection.ts';
import { explainPage, localTime } from './explain.ts';
import { http } from './node-http.ts';
import { KeptAnswers } from './passage/kept-answers.ts';
import { Passage } from './passage/passage.ts';
import type { PassageParts, Passing } from './passage/passage.ts';
import type { PageStore } from './prerender/store.ts';
import { EdgeRequest } from './request.ts';
import { HttpExchange, Responder } from './respond.ts';
import { buildSites, noSites } from './site.ts';
import { serveFile } from './static.ts';
import { statusPage } from './status.ts';
import type { StatusReport } from './status.ts';
import { traceOf } from './trace-context.ts';
import type { Traces } from './trace-context.ts';
import { TracedInvoker } from './traced.ts';
import { UpgradeExchange } from './upgrade.ts';

export interface EdgeOptions {
  readonly invoker: Invoker;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** For the status page. */
  status(): StatusReport;
  /** Why a function is scheduled as it is. `name`: as a person wrote it; null: what there is. Without it there is no such page. */
  explain?(name: string | null): Explained;
  /** Where answers are kept. Without it none are, and no images optimised. */
  readonly pages?: PageStore;
  /** First part of x-vercel-id, and what `geolocation` calls the region. */
  readonly region?: string;
  /** Which traces are kept. Null, left out: nobody asks for traces, and a client's headers go to functions as they are. */
  readonly traces?: Traces | null;
  /** What chains of calls are signed with (chain.ts): the same for edges that share functions. Left out: one of its own. */
  readonly chainKey?: string;
  /** By which the platform's own crons are known (cron.ts); secret, without spaces. Left out: what says it is one is not. */
  readonly cronKey?: string;
  /** Milliseconds; what is left out is as in limits. */
  readonly timeouts?: {
    readonly headMs?: number;
    readonly idleMs?: number;
    readonly stallMs?: number;
    readonly checkMs?: number;
  };
}

/** The HTTP front: HTTP/1.1 on node:http, whose parser has been hardened by many. */
export class Edge {
  private readonly options: EdgeOptions;
  private readonly invoker: Invoker;
  private readonly server: Server;
  private readonly responder: Responder;
  private readonly admitter: Admitter;
  private readonly nextId: () => string;
  private readonly parts: PassageParts;
  private readonly region: string;
  /** Touched once per connection, not per request. */
  private readonly connections = new Set<ClientConnection>();
  private stopping: Promise<void> | null = null;

  constructor(options: EdgeOptions) {
    this.options = options;
    this.region = options.region ?? 'dev1';
    const { invoker, random, traces = null } = options;
    this.invoker = traces === null ? invoker : new TracedInvoker(invoker, random);
    const keys = { chain: options.chainKey ?? random.hex(32), cron: options.cronKey ?? null };
    this.admitter = new Admitter(noSites, keys, options.clock);
    if (traces !== null) this.admitter.traceOf = (headers) => traceOf(headers, traces, (bytes) => random.hex(bytes));
    this.nextId = invocationIds(options.random);
    this.responder = new Responder(options.clock, options.log, options.timeouts?.stallMs ?? limits.clientStallMs);
    this.parts = this.passageParts();
    this.server = this.createServer();
  }

  private passageParts(): PassageParts {
    const { clock, log, pages: store = null } = this.options;
    const { invoker } = this;
    const { chains } = this.admitter;
    const kept = store === null ? null : new KeptAnswers({ invoker, clock, log, store, chains, nextId: this.nextId });
    return { invoker, clock, log, chains, kept };
  }

  /** Takes effect between two requests, whole. Walks the deployments' public directories. */
  publish(snapshot: Snapshot): void {
    this.admitter.sites = buildSites(snapshot, this.admitter.sites, this.options.log);
    // What was kept for those that are yet to come stays.
    if (!this.admitter.sites.incomplete) this.parts.kept?.retain(this.admitter.sites.all);
  }

  /** Port 0: any free one. Rejects with Node's error: `code` EADDRINUSE when the port is taken, EACCES when it is not allowed. */
  listen(port: number, host: string): Promise<{ port: number }> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, host, () => {
        this.server.off('error', reject);
        this.server.on('error', (error) => this.options.log.error('edge', { why: error.message }));
        resolve({ port: (this.server.address() as AddressInfo).port });
      });
    });
  }

  /** Takes no new connections, ends idle ones, and resolves when all are gone: at the latest after `graceMs`, when they are cut. */
  async drain(graceMs: number): Promise<void> {
    this.responder.draining = true;
    const stopped = this.stop();
    for (const connection of this.connections) connection.endSoon();
    const timer = this.options.clock.after(graceMs, () => this.cutAll());
    await stopped;
    timer.cancel();
  }

  /** At once. */
  async close(): Promise<void> {
    const stopped = this.stop();
    this.cutAll();
    await stopped;
    // Node looks over a server's connections every second, and holds the server, until its own close is called.
    this.server.close();
  }

  private stop(): Promise<void> {
    // Not http.Server's own: it takes a connection for idle whose answer is written but not yet taken, and cuts it. The
    // callback's error says that it was not listening: then there is nothing to stop.
    this.stopping ??= new Promise((resolve) => NetServer.prototype.close.call(this.server, () => resolve()));
    return this.stopping;
  }

  private cutAll(): void {
    for (const connection of this.connections) connection.socket.destroy();
  }

  private createServer(): Server {
    const { timeouts } = this.options;
    const server = http.createServer({
      maxHeaderSize: limits.requestHeadBytes,
      headersTimeout: timeouts?.headMs ?? limits.requestHeadTimeoutMs,
      // Bodies may stream for as long as their function runs.
      requestTimeout: 0,
      connectionsCheckingInterval: timeouts?.checkMs ?? limits.connectionCheckMs,
      keepAliveTimeout: timeouts?.idleMs ?? limits.clientIdleTimeoutMs,
      highWaterMark: limits.clientBufferBytes,
      optimizeEmptyRequests: true,
      // HeadScan says what is wrong with it.
      requireHostHeader: false,
      // Whatever the process was started with: the router relies on what the parser lets through.
      insecureHTTPParser: false,
      shouldUpgradeCallback: mayUpgrade,
      IncomingMessage: EdgeRequest,
    });
    server.maxConnections = limits.clientConnections;
    // HeadScan counts; Node would leave out what is too much, and say nothing.
    server.maxHeadersCount = 0;
    server.on('connection', (socket: Socket) => this.connected(socket));
    server.on('drop', () =>
      this.options.log.warn('too many connections: one was dropped', { limit: limits.clientConnections }),
    );
    server.on('request', (req: EdgeRequest, res: ServerResponse) => this.serve(req, res, false));
    server.on('checkContinue', (req: EdgeRequest, res: ServerResponse) => this.serve(req, res, true));
    server.on('checkExpectation', (req: EdgeRequest, res: ServerResponse) => this.refuseExpectation(req, res));
    server.on('upgrade', (req: EdgeRequest, socket: Socket, early: Buffer) => this.upgrade(req, socket, early));
    server.on('connect', (req: EdgeRequest) => {
      ClientConnection.of(req.socket).refuse(
        { code: 'INVALID_REQUEST_METHOD', detail: 'CONNECT is not served.' },
        this.vercelId(),
      );
    });
    server.on('clientError', (error: Error & { code?: string }, socket: Socket) => {
      ClientConnection.of(socket).refuse(clientFailure(error), this.vercelId());
    });
    return server;
  }

  private connected(socket: Socket): void {
    const connection = new ClientConnection(socket);
    this.connections.add(connection);
    socket.on('close', () => this.connections.delete(connection));
  }

  private vercelId(id: string = this.nextId()): string {
    return `${this.region}::${id}`;
  }

  /** `expects`: the client waits for 100 before it sends the body. It gets it when a function has been found that takes it. */
  private serve(req: EdgeRequest, res: ServerResponse, expects: boolean): void {
    const receivedMs = this.options.clock.nowMs();
    const connection = ClientConnection.of(req.socket);
    const id = this.nextId();
    const vercelId = this.vercelId(id);
    const exchange = new HttpExchange(this.responder, connection, { req, res, vercelId });
    const admission = this.admitter.admit({ req, connection, id, vercelId, upgrade: false, receivedMs });
    if (admission.kind === 'refused' && admission.close) {
      exchange.refuse(admission.refusal, true);
      return;
    }
    exchange.hasBody = this.admitter.scan.hasBody;
    exchange.added = this.admitter.added;
    switch (admission.kind) {
      case 'function':
        if (expects && exchange.hasBody) res.writeContinue();
        this.invoke(admission, exchange);
        return;
      case 'routed':
        this.pass(admission.passing, exchange, expects && exchange.hasBody);
        return;
      case 'file':
        void serveFile(exchange, admission.file);
        return;
      case 'status':
        this.answerStatus(exchange);
        return;
      case 'explain':
        this.answerExplain(exchange, admission.name);
        return;
      case 'options':
        exchange.answer(204, ['Allow', 'GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS'], null);
        return;
      case 'refused':
        exchange.refuse(admission.refusal, false);
    }
  }

  /** A mistake in what is behind the invoker costs one client an error page, not all of them the server. */
  private invoke({ spec, head }: Admission & { kind: 'function' }, exchange: HttpExchange | UpgradeExchange): void {
    try {
      exchange.start(this.invoker.invoke(spec, head, exchange));
    } catch (error) {
      const why = error instanceof Error ? error.stack : String(error);
      this.options.log.error('invoke failed', { id: head.id, function: spec.label, why });
      exchange.fail({ code: 'INTERNAL_UNEXPECTED_ERROR', detail: 'The invocation could not be handed over.' });
    }
  }

  /** `expects`: the client waits for 100 before it sends the body. */
  private pass(passing: Passing, exchange: HttpExchange | UpgradeExchange, expects: boolean): void {
    if (expects && exchange instanceof HttpExchange) exchange.res.writeContinue();
    new Passage(this.parts, passing, exchange).run();
  }

  private answerStatus(exchange: HttpExchange): void {
    const port = exchange.connection.localPort;
    const links = this.admitter.sites.all.map((site) => `http://${site.url ?? 'localhost'}:${port}`);
    const page = statusPage(this.options.status(), links, exchange.req.fields.accept);
    exchange.answer(200, ['Content-Type', page.type, 'Cache-Control', 'no-store'], page.text);
  }

  private answerExplain(exchange: HttpExchange, name: string | null): void {
    const explained = this.options.explain?.(name);
    if (explained === undefined) {
      exchange.refuse({ code: 'NOT_FOUND', detail: 'Nothing is explained here.' }, false);
      return;
    }
    const reading = { nowMs: this.options.clock.wallMs(), timeOfDay: localTime };
    const { status, type, text } = explainPage(explained, reading, exchange.req.fields.accept);
    // So that who asks knows a Weir's answer from that of any other server.
    const headers = ['Content-Type', type, 'Cache-Control', 'no-store', explainHeader, explained.kind];
    exchange.answer(status, headers, text);
  }

  private refuseExpectation(req: EdgeRequest, res: ServerResponse): void {
    const exchange = new HttpExchange(this.responder, ClientConnection.of(req.socket), {
      req,
      res,
      vercelId: this.vercelId(),
    });
    exchange.refuse({ code: 'EXPECTATION_FAILED', detail: 'Expect was something else.' }, true);
  }

  private upgrade(req: EdgeRequest, socket: Socket, early: Buffer): void {
    const receivedMs = this.options.clock.nowMs();
    const connection = ClientConnection.of(socket);
    const id = this.nextId();
    const vercelId = this.vercelId(id);
    const admission = this.admitter.admit({ req, connection, id, vercelId, upgrade: true, receivedMs });
    const protocol = req.fields.upgrade ?? '';
    const { added } = this.admitter;
    const exchange = new UpgradeExchange(this.responder, connection, { req, early, protocol, vercelId, added });
    if (admission.kind === 'function') this.invoke(admission, exchange);
    else if (admission.kind === 'routed') this.pass(admission.passing, exchange, false);
    else if (admission.kind === 'refused') exchange.refuse(admission.refusal);
    else exchange.refuse({ code: 'MALFORMED_REQUEST_HEADER', detail: 'There is nothing here to upgrade to.' });
  }
}

/** Otherwise Upgrade is ignored, as a server may (RFC 9110, 7.8): h2c, with a body, or while another answer is on its way. */
function mayUpgrade(req: EdgeRequest): boolean {
  const { fields: headers } = req;
  if (req.method !== 'GET' || req.httpVersionMajor !== 1 || req.httpVersionMinor !== 1) return false;
  if (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0') return false;
  return headers.upgrade !== undefined && !/\bh2c?\b/i.test(headers.upgrade) && ClientConnection.of(req.socket).quiet;
}

const clientErrors: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'REQUEST_HEADER_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
};

/** Node's parser names what it did not like; the client is told in our words. */
function clientFailure(error: Error & { code?: string }): Failure {
  const wrongVersion = error.message.includes('Invalid HTTP version');
  const code = wrongVersion
    ? 'HTTP_VERSION_NOT_SUPPORTED'
    : (clientErrors[error.code ?? ''] ?? 'MALFORMED_REQUEST_HEADER');
  return {
    code,
    detail: code === 'MALFORMED_REQUEST_HEADER' ? `Not HTTP/1.1: ${error.message.replace(/^Parse Error: /, '')}.` : '',
  };
}
