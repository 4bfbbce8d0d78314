/** LOAD: the environment, the working directory, the import, and what invocations are handed to from then on. */
import { pathToFileURL } from 'node:url';
import { limits } from '../../src/base/limits.ts';
import type { Call, LoadOrder } from '../../src/core/call.ts';
import { type Capture, captureServers, type ListeningServer } from './capture.ts';
import { captureOutput } from './console.ts';
import { installContext } from './context.ts';
import { detect, type Handler } from './detect.ts';
import { replaceGlobals } from './globals.ts';
import type { Host } from './host.ts';
import { resolveLocalhost } from './localhost.ts';

export type Invoker = (call: Call) => void;

/** Times that tests shorten; milliseconds. */
export interface LoadTimes {
  readonly lateListenMs: number;
  readonly serverListenMs: number;
}

/** What user code finds in process.env besides its own variables, which win. */
function platformEnvironment(order: LoadOrder): Record<string, string> {
  return {
    VERCEL: '1',
    VERCEL_ENV: 'production',
    VERCEL_URL: `${order.project}.localhost`,
    VERCEL_REGION: 'dev1',
    VERCEL_DEPLOYMENT_ID: order.deployment,
    NODE_ENV: 'production',
    PORT: '3000',
  };
}

/** What user code finds replaced. Idempotent: a stem does it ahead of the function. */
export function prepare(host: Host): Capture {
  if (prepared === null) {
    installContext(host);
    captureOutput(host);
    replaceGlobals();
    resolveLocalhost();
    prepared = captureServers();
  }
  return prepared;
}

let prepared: Capture | null = null;

/** Rejects with what the module threw, or with an Error that says what was expected of it. */
export async function load(order: LoadOrder, host: Host, times: LoadTimes = limits): Promise<Invoker> {
  Object.assign(process.env, platformEnvironment(order), order.environment);
  process.chdir(order.root);
  const capture = prepare(host);
  const module: unknown = await import(pathToFileURL(order.entry).href);
  const handler = detect(module);
  // A server's entry file may export its app or itself, and listens at once or when its database is there.
  if (handler !== null && handler.kind !== 'server') return invokerOf(handler, host, order);
  if (handler !== null) return invokerOf({ kind: 'server', server: capture.server ?? handler.server }, host, order);
  const waitMs = order.launch === 'server' ? times.serverListenMs : times.lateListenMs;
  const server = await lateServer(capture, waitMs);
  if (server === null) throw new TypeError(unfit(order, waitMs));
  return invokerOf({ kind: 'server', server }, host, order);
}

const unfit = (order: LoadOrder, waitMs: number): string =>
  `Invalid export found in module "${order.entry}". The default export must be a function or server.\n` +
  'Expected one of: functions named GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS; a default export that is a function ' +
  `(req, res), has a fetch(request) method, or is an http.Server; or a server that calls listen() within ${waitMs} ms.`;

function lateServer(capture: Capture, waitMs: number): Promise<ListeningServer | null> {
  if (capture.server !== undefined) return Promise.resolve(capture.server);
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), waitMs);
    void capture.first.then((server) => {
      clearTimeout(timer);
      resolve(server);
    });
  });
}

async function invokerOf(handler: Handler, host: Host, order: LoadOrder): Promise<Invoker> {
  if (handler.kind === 'web') {
    const { webInvoker } = await import('./web.ts');
    return webInvoker(handler.handlers, host);
  }
  const { functionInvoker, serverInvoker } = await import('./node-invoker.ts');
  if (handler.kind === 'server') return serverInvoker(handler.server, host);
  const helpers = handler.helpers && (order.environment['NODEJS_HELPERS'] ?? process.env['NODEJS_HELPERS']) !== '0';
  return functionInvoker(handler.handle, host, helpers);
}
