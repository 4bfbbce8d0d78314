// Hot path: one per request.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { http } from './node-http.ts';

/** What Node's server itself looks for, at every request. By their lengths most headers are passed over. */
const asked: readonly (string | undefined)[] = Object.assign([], {
  6: 'expect',
  14: 'content-length',
  17: 'transfer-encoding',
});

function askedOf(raw: readonly string[]): IncomingHttpHeaders {
  const found: IncomingHttpHeaders = {};
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!;
    const wanted = asked[name.length];
    if (wanted !== undefined && name.toLowerCase() === wanted) found[wanted] = raw[at + 1];
  }
  return found;
}

/**
 * A request of which Node does not put together an object of all headers that nobody looks at: it asks each request
 * whether it expects 100-continue and whether it has a body, and for that the object would cost as much as all that the
 * edge itself does with a request's head.
 */
export class EdgeRequest extends http.IncomingMessage {
  few: IncomingHttpHeaders | null = null;

  /** All headers, by their lower-case names. */
  get fields(): IncomingHttpHeaders {
    return Reflect.get<IncomingMessage, 'headers'>(http.IncomingMessage.prototype, 'headers', this);
  }
}

// `headers` is an accessor in Node, and a property in TypeScript's types of it: a method of the class cannot replace it.
Object.defineProperty(EdgeRequest.prototype, 'headers', {
  get(this: { few: IncomingHttpHeaders | null; rawHeaders: readonly string[] }): IncomingHttpHeaders {
    this.few ??= askedOf(this.rawHeaders);
    return this.few;
  },
});
