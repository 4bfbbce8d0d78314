// Hot path: every invocation of a (req, res) function, an app or a server.
import { channel } from 'node:diagnostics_channel';
import type * as Http from 'node:http';
import type { Call } from '../../src/core/call.ts';
import { provideUpgrades } from './context.ts';
import type { NodeHandler } from './detect.ts';
import { Exchange, plainMessages } from './exchange.ts';
import { ApiError, helperMessages, withBody } from './helpers.ts';
import { describe, type Host, kindOf } from './host.ts';
import { messageClasses } from './internals.ts';
import { openUpgrade } from './upgrade.ts';
import { isAnswer } from './web-response.ts';

/** As node:http does for every request: what tracing and error-reporting libraries hook into. */
const requestStarts = channel('http.server.request.start');

provideUpgrades(openUpgrade);

/** A (req, res) function or an app; the function's own promise, when it returns one, is watched. */
export function functionInvoker(handle: NodeHandler, host: Host, helpers: boolean): (call: Call) => void {
  const classes = helpers ? helperMessages : plainMessages;
  const run = (exchange: Exchange): void => {
    try {
      const result = handle(exchange.req, exchange.res);
      if (!isPromise(result)) {
        returned(exchange, result, host);
        return;
      }
      exchange.call.handling = result;
      result.then(
        (value) => returned(exchange, value, host),
        (error: unknown) => failed(exchange, error, host),
      );
    } catch (error) {
      failed(exchange, error, host);
    }
  };
  if (!helpers) return (call) => run(new Exchange(call, classes));
  return (call) => {
    const exchange = new Exchange(call, classes);
    if (!call.hasBody) run(exchange);
    else withBody(exchange, run);
  };
}

/** A server's listeners: 'upgrade' where the client asks and someone listens, else 'request' (as Node 24 does). */
export function serverInvoker(server: Http.Server, host: Host): (call: Call) => void {
  const classes = messageClasses(server);
  return (call) => {
    if (call.upgrade && server.listenerCount('upgrade') > 0) return upgrade(server, call, host);
    const exchange = new Exchange(call, classes);
    exchange.socket.server = server;
    if (requestStarts.hasSubscribers) {
      const { req: request, res: response, socket } = exchange;
      requestStarts.publish({ request, response, socket, server });
    }
    try {
      server.emit('request', exchange.req, exchange.res);
    } catch (error) {
      failed(exchange, error, host);
    }
  };
}

function upgrade(server: Http.Server, call: Call, host: Host): void {
  const { req, socket, head } = openUpgrade(call);
  Object.assign(socket, { server });
  try {
    server.emit('upgrade', req, socket, head);
  } catch (error) {
    host.log('error', 'stderr', describe(error), call);
    call.fail('FUNCTION_INVOCATION_FAILED', kindOf(error));
    socket.destroy();
  }
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';

const unheard =
  'The function returned a Response, but a default export that is a function is called as (req, res), and it wrote ' +
  'nothing to res. Expected: export it as GET (or another method), or as `export default { fetch }`.';

/** Nobody would answer, until maxDuration is up: a Response means that the function was written for another call. */
function returned(exchange: Exchange, value: unknown, host: Host): void {
  if (value === undefined || exchange.phase !== 'waiting' || exchange.head !== null || !isAnswer(value)) return;
  host.log('error', 'stderr', unheard, exchange.call);
  exchange.fail('FUNCTION_INVOCATION_FAILED', unheard);
}

/** What the helpers throw is the client's mistake; everything else is the function's. */
function failed(exchange: Exchange, error: unknown, host: Host): void {
  if (error instanceof ApiError && exchange.phase === 'waiting' && exchange.head === null) {
    const { res } = exchange;
    res.statusCode = error.statusCode;
    res.setHeader('content-type', 'text/plain; charset=utf-8');
    (res.end as (text: string) => void)(`${error.message}\n`);
    return;
  }
  host.log('error', 'stderr', describe(error), exchange.call);
  exchange.fail('FUNCTION_INVOCATION_FAILED', kindOf(error));
}
