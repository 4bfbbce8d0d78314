import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { dev, run, writeFiles } from '../e2e/weir.ts';
import type { Weir } from '../e2e/weir.ts';
import { applicationDir, prepare } from './application.ts';

const page = (text: string): string => `export default function Page() { return <h1>${text}</h1>; }\n`;

/** A Next.js project that was never built. What it depends on is installed above it. */
async function project(context: TestContext): Promise<string> {
  await prepare('next');
  const dir = mkdtempSync(join(applicationDir('next'), '.try-'));
  context.after(() => rmSync(dir, { recursive: true, force: true }));
  writeFiles(dir, {
    'package.json': '{ "private": true, "dependencies": { "next": "*", "react": "*", "react-dom": "*" } }',
    'weir.json': '{ "environment": { "NEXT_TELEMETRY_DISABLED": "1", "GREETING": "from weir.json" } }',
    '.env.development': 'STAGE=from .env.development\n',
    '.env': 'STAGE=from .env\n',
    'app/layout.js': 'export default function Layout({ children }) { return <html><body>{children}</body></html>; }\n',
    'app/page.js': page('first'),
    'app/api/env/route.js':
      'export const GET = () => Response.json([process.env.NODE_ENV, process.env.STAGE, process.env.GREETING]);\n',
  });
  return dir;
}

/** What the browser's half of hot reloading is told, by type. */
function hotReloading(
  context: TestContext,
  { port }: Weir,
): {
  told(type: string): Promise<void>;
  /** The code of its end. */
  readonly closed: Promise<number>;
  leave(): void;
} {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/_next/hmr?id=test`, { origin: `http://127.0.0.1:${port}` });
  context.after(() => socket.terminate());
  const heard = new Set<string>();
  const closed = new Promise<number>((resolve) => socket.once('close', resolve));
  socket.on('message', (data: Buffer) => {
    // Some messages are binary.
    const type = /^\{"type":"([^"]+)"/.exec(data.toString())?.[1];
    if (type !== undefined) heard.add(type);
  });
  return {
    async told(type) {
      while (!heard.has(type)) await once(socket, 'message');
    },
    closed,
    leave: () => socket.terminate(),
  };
}

test('weir dev on a Next.js project: its own development server, with hot reloading', async (t) => {
  const dir = await project(t);
  const weir = await dev(t, dir);
  assert.match((await weir.get('/')).text, /<h1>first<\/h1>/);
  assert.deepEqual((await weir.get('/api/env')).json(), ['development', 'from .env.development', 'from weir.json']);
  assert.equal((await weir.get('/nowhere')).status, 404);

  const hot = hotReloading(t, weir);
  await hot.told('turbopack-connected');
  const from = weir.output().length;
  writeFiles(dir, { 'app/page.js': page('second') });
  await hot.told('serverComponentChanges');
  assert.match((await weir.get('/')).text, /<h1>second<\/h1>/);
  assert.ok(!weir.output().slice(from).includes('new version'), 'a change is the development server’s business');

  const [{ instances }] = (await weir.status()).functions;
  assert.equal(instances.length, 1);
  process.kill(instances[0].pid, 'SIGKILL');
  assert.match((await weir.get('/')).text, /<h1>second<\/h1>/);
  assert.equal((await weir.status()).functions[0].instances.length, 1);
  hot.leave();
  assert.equal(await weir.stop(), 0);
});

test('settings of the project change while a browser listens: the old server ends, and then the new one starts', async (t) => {
  const dir = await project(t);
  const weir = await dev(t, dir);
  assert.match((await weir.get('/')).text, /<h1>first<\/h1>/);
  const hot = hotReloading(t, weir);
  await hot.told('turbopack-connected');
  const [{ instances: before }] = (await weir.status()).functions;
  // Its own server reads this one. What is saved after it shows that it was seen.
  writeFiles(dir, { '.env.local': 'STAGE=from .env.local\n' });
  const settings = '{ "environment": { "NEXT_TELEMETRY_DISABLED": "1", "GREETING": "changed" } }';
  writeFiles(dir, { 'weir.json': settings });
  const [line] = await weir.printed(/.*new version.*/);
  assert.match(line, /: weir\.json changed/);
  // 1012: replaced.
  assert.equal(await hot.closed, 1012);
  assert.deepEqual((await weir.get('/api/env')).json(), ['development', 'from .env.local', 'changed']);
  assert.match((await weir.get('/')).text, /<h1>first<\/h1>/);
  const { functions } = await weir.status();
  const pids = functions.flatMap(({ instances }: { instances: { pid: number }[] }) => instances.map(({ pid }) => pid));
  assert.equal(pids.length, 1);
  assert.notEqual(pids[0], before[0].pid);
  assert.throws(() => process.kill(before[0].pid, 0), 'the old server is gone');
  assert.equal(await weir.stop(), 0);
});

test('weir start says that a Next.js project has to be built first', async (t) => {
  const dir = await project(t);
  const shop = join(dir, 'projects/shop');
  writeFiles(shop, { 'package.json': '{ "dependencies": { "next": "*" } }', 'app/page.js': page('shop') });
  await assert.rejects(
    run(t, ['start', join(dir, 'projects'), '--port', '0']),
    /has not been built: weir build .*shop first/,
  );
});
