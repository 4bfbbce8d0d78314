import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSource as load, root } from './load-source.fixture.ts';

test('modules of either kind, in the directory of their project', () => {
  const esm = load('esm.mjs', 'export default (req, res) => res.send(process.cwd());');
  assert.deepEqual(esm.answers, [[200, root, '']]);
  const cjs = load('cjs.cjs', 'module.exports = (req, res) => res.json(require("node:path").sep);');
  assert.equal(cjs.answers[0]?.[1], '"/"');
  const web = load('web.mjs', 'export const GET = (request) => new Response(new URL(request.url).pathname);');
  assert.equal(web.answers[0]?.[1], '/');
  const typed = load('typed.ts', 'export const GET = (request: Request): Response => Response.json(request.method);');
  assert.equal(typed.answers[0]?.[1], '"GET"');
});

test('the environment is there before the import; the user has the last word', () => {
  const source = 'const { env } = process; const seen = { ...env }; export const GET = () => Response.json(seen);';
  const { answers } = load('env.mjs', source, { environment: { MINE: 'yes', VERCEL_ENV: 'preview' } });
  const seen = JSON.parse(answers[0]![1]) as Record<string, string>;
  assert.equal(seen['MINE'], 'yes');
  assert.equal(seen['VERCEL'], '1');
  assert.equal(seen['VERCEL_ENV'], 'preview');
  assert.equal(seen['VERCEL_REGION'], 'dev1');
  assert.equal(seen['VERCEL_DEPLOYMENT_ID'], 'dpl_1');
  assert.equal(seen['VERCEL_URL'], 'shop.localhost');
  assert.equal(seen['NODE_ENV'], 'production');
});

test('helpers can be switched off', () => {
  const source = 'export default (req, res) => res.end(typeof res.json);';
  assert.equal(load('helped.mjs', source).answers[0]?.[1], 'function');
  const { answers } = load('bare.mjs', source, { environment: { NODEJS_HELPERS: '0' } });
  assert.equal(answers[0]?.[1], 'undefined');
  assert.equal(load('bare.mjs', source, { besides: { helpers: false } }).answers[0]?.[1], 'undefined');
});

test('stack traces name the sources where that was asked for', () => {
  // Its line 2 is line 8 of what it was made from.
  const map = { version: 3, sources: ['whence.ts'], names: [], mappings: ';AAOA' };
  const url = `data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}`;
  const source = `exports.GET = () => new Response(\nnew Error('x').stack);\n//# sourceMappingURL=${url}`;
  const tells = (besides: { sourceMaps?: boolean }, options = ''): boolean =>
    load('mapped.cjs', source, { besides, environment: { NODE_OPTIONS: options } }).answers[0]![1].includes(
      'whence.ts:8',
    );
  assert.ok(tells({}));
  assert.ok(tells({ sourceMaps: true }));
  assert.ok(!tells({ sourceMaps: false }));
  assert.ok(tells({ sourceMaps: false }, '--max-http-header-size=99999 --enable-source-maps'));
});

test('a server that listens is captured, and believes that it does', () => {
  const source = `
import { createServer } from 'node:http';
import { connect } from 'node:net';
const seen = [];
const server = createServer(async (req, res) => {
  const refused = await new Promise((resolve) => {
    connect(server.address().port, '127.0.0.1').on('connect', () => resolve('open')).on('error', (error) => resolve(error.code));
  });
  res.end(JSON.stringify([...seen, server.listening, server.address().port, refused]));
});
server.on('listening', () => seen.push('event'));
server.listen({ port: 54321, host: '127.0.0.1' }, () => seen.push('callback'));
seen.push('returned');`;
  const { answers } = load('server.mjs', source, { launch: 'server' });
  assert.deepEqual(JSON.parse(answers[0]![1]), ['returned', 'event', 'callback', true, 54321, 'ECONNREFUSED']);
});

test('a server that listens late, or is only exported; the first of several', () => {
  const late = `
import { createServer } from 'node:http';
setTimeout(() => createServer((req, res) => res.end('late')).listen(3000), 50);`;
  assert.equal(load('late.mjs', late).answers[0]?.[1], 'late');
  const exported = `
import { createServer } from 'node:http';
export default createServer((req, res) => res.end('exported'));`;
  assert.equal(load('exported.mjs', exported).answers[0]?.[1], 'exported');
  const two = `
import { createServer } from 'node:http';
import { createServer as secure } from 'node:https';
secure((req, res) => res.end('first')).listen(3000);
createServer((req, res) => res.end('second')).listen(3001);`;
  assert.equal(load('two.mjs', two, { launch: 'server' }).answers[0]?.[1], 'first');
});

test('close() ends the pretence', () => {
  const source = `
import { createServer } from 'node:http';
const seen = [];
const server = createServer((req, res) => {
  server.close(() => {
    seen.push('closed', server.listening, server.address());
    server.close((error) => res.end(JSON.stringify([...seen, error.code])));
  });
}).listen(3000);`;
  const { answers } = load('close.mjs', source);
  assert.deepEqual(JSON.parse(answers[0]![1]), ['closed', false, null, 'ERR_SERVER_NOT_RUNNING']);
});

test('a server that is no HTTP server listens', () => {
  const source = `
import { createServer, connect } from 'node:net';
const plain = createServer((socket) => socket.end('raw'));
await new Promise((resolve) => plain.listen(0, '127.0.0.1', resolve));
export const GET = async () => {
  let text = '';
  for await (const chunk of connect(plain.address().port, '127.0.0.1')) text += chunk;
  plain.close();
  return new Response(text);
};`;
  assert.equal(load('plain.mjs', source).answers[0]?.[1], 'raw');
});

test('what does not fit is a clear error, and what a module throws is its own', () => {
  const unfit = load('unfit.mjs', 'export const config = {};');
  assert.match(
    unfit.error,
    /Invalid export found in module ".*unfit\.mjs"\. The default export must be a function or server\./,
  );
  assert.match(unfit.error, /Expected one of: functions named GET/);
  assert.match(load('throws.mjs', 'throw new RangeError("no database");').error, /RangeError: no database/);
});

test('globals: user code that replaces them keeps its own', () => {
  const source = `
const mine = async () => new Response('mocked');
globalThis.fetch = mine;
export const GET = () => fetch('http://nowhere.invalid');`;
  assert.equal(load('mock.mjs', source).answers[0]?.[1], 'mocked');
});

test('a name below .localhost is this machine', () => {
  const source = `
import { createServer } from 'node:net';
const plain = createServer((socket) => socket.end('HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\nconnection: close\\r\\n\\r\\nok'));
await new Promise((resolve) => plain.listen(0, '127.0.0.1', resolve));
export const GET = async () => {
  const answer = await fetch('http://shop.localhost:' + plain.address().port);
  plain.close();
  return new Response(await answer.text());
};`;
  assert.equal(load('named.mjs', source).answers[0]?.[1], 'ok');
});
