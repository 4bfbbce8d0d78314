// Node's HTTP without what an `import` of it brings along. As an ECMAScript module it names everything that it exports, and so
// fetches what it would load when asked: undici, HTTP/2, TLS, web streams. Those are 14 MiB and 25 ms that the edge has no use
// for (docs/decisions/0017-memory-of-the-platform.md).
import type * as Http from 'node:http';

export const http: typeof Http = process.getBuiltinModule('node:http');

/** What speaks to an origin of this kind. TLS is loaded with the first of its origins. */
export const clientOf = (protocol: string): Pick<typeof Http, 'request' | 'Agent'> =>
  protocol === 'https:' ? process.getBuiltinModule('node:https') : http;
