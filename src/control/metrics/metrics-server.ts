import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { contentType } from './exposition.ts';

export interface MetricsServerOptions {
  /** 0: any free one. */
  readonly port: number;
  readonly host: string;
  /** The page, as it is now. */
  text(): string;
}

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Whoever scrapes is not to be waited for. */
const slowMs = 5_000;
const connections = 32;
/** Names of this very machine. */
const isLocal = /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/i;

/**
 * Serves `/metrics`, and nothing else, on a port of its own: it asks for no token, so who may reach it is a matter of its address.
 * Rejects with Node's error where it cannot listen.
 */
export function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  // As src/edge/node-http.ts has it: an import would bring along what is not needed.
  const http = process.getBuiltinModule('node:http');
  const server = http.createServer({ headersTimeout: slowMs, requestTimeout: slowMs, keepAliveTimeout: 75_000 });
  server.maxConnections = connections;
  server.on('request', ({ method, url = '', headers }, response) => {
    response.setTimeout(slowMs, () => response.destroy());
    if (isLocal.test(options.host) && !isLocal.test((headers.host ?? '').replace(/:\d+$/, ''))) {
      // A page of another site whose name was pointed at this machine.
      response.writeHead(421, { 'Content-Type': 'text/plain; charset=utf-8' }).end('Ask for localhost\n');
    } else if (url.replace(/\?.*$/s, '') !== '/metrics') {
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('GET /metrics\n');
    } else if (method !== 'GET' && method !== 'HEAD') {
      response.writeHead(405, { Allow: 'GET, HEAD' }).end();
    } else {
      const body = Buffer.from(options.text());
      const headers = { 'Content-Type': contentType, 'Content-Length': body.length, 'Cache-Control': 'no-store' };
      response.writeHead(200, headers).end(method === 'HEAD' ? undefined : body);
    }
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve({ port: (server.address() as AddressInfo).port, close: () => closed(server) });
    });
  });
}

function closed(server: Server): Promise<void> {
  const done = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  return done;
}
