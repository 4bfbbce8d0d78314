/** LOAD: the environment, the working directory, the import, and what invocations are handed to from then on. */
import { pathToFileURL } from 'node:url';
import { limits } from '../../src/base/limits.ts';
import type { Call, LoadOrder } from '../../src/core/call.ts';
import { type Capture, captureServers, isHttp2, type ListeningServer } from './capture.ts';
import { carryChain } from './chain.ts';
import type { EventHandler } from './event.ts';
import { captureOutput } from './console.ts';
import { installContext } from './context.ts';
import { detect, detectWeb, exportedFunction, type Handler } from './detect.ts';
import { replaceGlobals } from './globals.ts';
import type { Host } from './host.ts';
import { resolveLocalhost } from './localhost.ts';
import { withholdWarnings } from './warnings.ts';

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
    // Any port would do: the function's server opens none, and whoever keeps a server of its own says which (capture.ts).
    PORT: '3000',
  };
}

/** What user code finds replaced. Idempotent: a stem does it ahead of the function. */
export function prepare(host: Host): Capture {
  if (prepared === null) {
    installContext(host);
    captureOutput(host);
    withholdWarnings();
    replaceGlobals();
    resolveLocalhost();
    carryChain(host);
    prepared = captureServers(host);
  }
  return prepared;
}

let prepared: Capture | null = null;

/** Rejects with what the module threw, or with an Error that says what was expected of it. */
export async function load(order: LoadOrder, host: Host, times: LoadTimes = limits): Promise<Invoker> {
  Object.assign(process.env, platformEnvironment(order), order.environment);
  process.chdir(order.root);
  // Node has been started with them on, for all. Who has them reads and decodes those of all modules: a third of requiring Next's.
  if (!usesSourceMaps(order)) process.setSourceMapsEnabled(false);
  const capture = prepare(host);
  capture.launch = order.launch;
  const module = await importEntry(order);
  if (order.launch === 'web' || order.launch === 'edge' || order.launch === 'event') {
    capture.decide(null);
    return invokerOf(await webLaunch(module, order), host, order);
  }
  const handler = detect(module);
  const made: Made = { order, host, times, capture };
  return order.launch === 'server' ? loadServer(handler, made) : loadModule(handler, made);
}

/** As Node would be told by a function's own NODE_OPTIONS, too. */
const usesSourceMaps = ({ sourceMaps, environment }: LoadOrder): boolean =>
  sourceMaps !== false || /(^|\s)--enable-source-maps(\s|$)/.test(environment['NODE_OPTIONS'] ?? '');

async function importEntry(order: LoadOrder): Promise<unknown> {
  if (order.launch !== 'edge') return import(pathToFileURL(order.entry).href);
  const { importEdge } = await import('./edge.ts');
  return importEdge(order);
}

/** What is called with a Request, or through one with an event. */
async function webLaunch(module: unknown, order: LoadOrder): Promise<Handler> {
  if (order.launch !== 'event') {
    const handler = detectWeb(module);
    if (handler === null) throw new TypeError(unfitWeb(order));
    return handler;
  }
  const name = order.eventExport ?? 'handler';
  const handle = exportedFunction(module, name);
  if (handle === null)
    throw new TypeError(`Module "${order.entry}" exports no function named ${name} (awsLambdaHandler).`);
  const { eventHandler } = await import('./event.ts');
  const fetch = eventHandler(handle as EventHandler, order.function);
  return { kind: 'web', handlers: { self: {}, methods: {}, fetch } };
}

interface Made {
  readonly order: LoadOrder;
  readonly host: Host;
  readonly times: LoadTimes;
  readonly capture: Capture;
}

/**
 * A server's entry file: the server that listens is the function, also where the file exports its app for tests and
 * tools; only the server has the listeners that were put onto it (WebSockets). Until it listens, when its database is
 * there perhaps, what is exported answers.
 */
async function loadServer(handler: Handler | null, { order, host, times, capture }: Made): Promise<Invoker> {
  let chosen = capture.server;
  if (handler === null) chosen ??= await lateServer(capture, order, times.serverListenMs, times.lateListenMs);
  let invoke = await invokerOf(chosen === undefined ? handler! : { kind: 'server', server: chosen }, host, order);
  const change = async (server: ListeningServer): Promise<void> => {
    invoke = await invokerOf({ kind: 'server', server }, host, order);
  };
  capture.changed = (server) => void change(server);
  if (capture.server !== undefined && capture.server !== chosen) await change(capture.server);
  return (call) => invoke(call);
}

/** An API file: its exports first, a server that it has listen if there are none. */
async function loadModule(handler: Handler | null, { order, host, times, capture }: Made): Promise<Invoker> {
  if (handler === null) {
    const server = await lateServer(capture, order, times.lateListenMs, times.lateListenMs);
    capture.decide(server);
    return invokerOf({ kind: 'server', server }, host, order);
  }
  if (handler.kind !== 'server') {
    capture.decide(null);
    return invokerOf(handler, host, order);
  }
  const { Server } = process.getBuiltinModule('node:http');
  // What only looks like a server is a framework's object around the one that listens.
  const server = handler.server instanceof Server ? handler.server : (capture.server ?? handler.server);
  const invoke = await invokerOf({ kind: 'server', server }, host, order);
  capture.decide(server);
  return invoke;
}

const unfit = (order: LoadOrder, waitMs: number): string =>
  `Invalid export found in module "${order.entry}". The default export must be a function or server.\n` +
  'Expected one of: functions named GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS; a default export that is a function ' +
  `(req, res), has a fetch(request) method, or is an http.Server; or a server that calls listen() within ${waitMs} ms.`;

const unfitWeb = (order: LoadOrder): string =>
  `Module "${order.entry}" exports nothing that takes a Request. Expected: a default export (request, context) => Response, ` +
  'or functions named GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS.';

const unfitHttp2 = (order: LoadOrder): string =>
  `The server in module "${order.entry}" takes HTTP/2 alone, and requests reach a function as HTTP/1.1.\n` +
  'Expected: http.createServer instead of http2.createServer. Clients may still speak HTTP/2 to whatever ends TLS in front.';

/** Rejects when none listens in time. Beside a server for HTTP/2 (gRPC, say) the function's own may come a little later. */
function lateServer(capture: Capture, order: LoadOrder, waitMs: number, graceMs: number): Promise<ListeningServer> {
  if (capture.server !== undefined) return Promise.resolve(capture.server);
  return new Promise((resolve, reject) => {
    const fail = (text: string): void => reject(new TypeError(text));
    const timer = setTimeout(() => fail(unfit(order, waitMs)), waitMs);
    let grace: NodeJS.Timeout | undefined;
    void capture.http2.then(() => {
      grace = setTimeout(() => fail(unfitHttp2(order)), Math.min(graceMs, waitMs));
    });
    void capture.first.then((server) => {
      clearTimeout(timer);
      clearTimeout(grace);
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
  if (handler.kind === 'server' && isHttp2(handler.server)) throw new TypeError(unfitHttp2(order));
  if (handler.kind === 'server') return serverInvoker(handler.server, host);
  const helpers =
    handler.helpers &&
    order.helpers !== false &&
    (order.environment['NODEJS_HELPERS'] ?? process.env['NODEJS_HELPERS']) !== '0';
  return functionInvoker(handler.handle, host, helpers);
}
