// The entry of the function that is a Next.js project's development server: `next dev`, in an instance. Its server is
// captured like any other, so that HMR's WebSocket comes through the tunnel. Plain JavaScript: an instance may be of an
// older Node.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const dir = process.cwd();
const packageFile = join(dir, 'package.json');
const next = createRequire(packageFile)('next');

/** The flag that the project's own script for this gives. */
const { scripts = {} } = JSON.parse(readFileSync(packageFile, 'utf8'));
const flag = /\bnext dev\b.*?--(webpack|turbopack|turbo)\b/.exec(Object.values(scripts).join('\n'))?.[1];
const bundler = flag === undefined ? {} : { [flag === 'webpack' ? 'webpack' : 'turbopack']: true };

let handle = null;
const httpServer = createServer((request, response) => handle(request, response));
// Next answers the origin http://localhost, and that of its own host name, with what only developers may see. This is
// where `weir dev` listens unless it is told otherwise.
const app = next({ dev: true, dir, hostname: '127.0.0.1', port: 3000, httpServer, ...bundler });
handle = app.getRequestHandler();
await app.prepare();
httpServer.listen(3000);
