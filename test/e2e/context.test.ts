// The request context, as unmodified packages read it; logs that carry their invocation; the meter that adds up.
import assert from 'node:assert/strict';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dev, project, repository, run } from './weir.ts';

test('the unmodified @vercel/functions package', async (t) => {
  const dir = project(t, {
    'weir.json': '{ "functions": { "api/*.js": { "maxDuration": 20 } } }',
    'api/context.js': `
import { geolocation, getDeadline, getEnv, ipAddress, waitUntil } from '@vercel/functions';
export function GET(request) {
  waitUntil(Promise.reject(new Error('background trouble')));
  let refusal;
  try { waitUntil(() => {}); } catch (error) { refusal = error.name; }
  return Response.json({
    refusal, ip: ipAddress(request), geo: geolocation(request), env: getEnv(),
    leftMs: getDeadline() - Date.now(),
    next: typeof globalThis[Symbol.for('@next/request-context')].get().waitUntil,
    header: globalThis[Symbol.for('@vercel/request-context')].get().headers['x-mine'],
  });
}`,
  });
  symlinkSync(join(repository, 'node_modules'), join(dir, 'node_modules'));
  const weir = await dev(t, dir);
  const answer = (await weir.get('/api/context', { 'x-mine': 'yes', 'x-forwarded-for': '9.9.9.9' })).json();
  assert.equal(answer.refusal, 'TypeError');
  assert.equal(answer.ip, '127.0.0.1', 'a forwarding header of the client is not believed');
  assert.equal(answer.geo.region, 'dev1');
  assert.equal(answer.env.VERCEL, '1');
  assert.ok(answer.env.VERCEL_URL && answer.env.VERCEL_REGION && answer.env.VERCEL_DEPLOYMENT_ID);
  assert.ok(answer.leftMs > 10_000 && answer.leftMs <= 20_000, `${answer.leftMs} ms left of 20 s`);
  assert.equal(answer.next, 'function');
  assert.equal(answer.header, 'yes');
  await weir.printed(/background trouble/);
  assert.equal(await weir.stop(), 0);
});

test('console lines, stdout and what loggers write to its descriptor carry the id of their invocation', async (t) => {
  const dir = project(t, {
    'api/log.js': `
import { writeSync } from 'node:fs';
export async function GET(request) {
  const n = new URL(request.url).searchParams.get('n');
  await new Promise((resolve) => setTimeout(resolve, 20));
  console.log('console', n);
  process.stdout.write('stdout ' + n + '\\n');
  writeSync(1, 'descriptor ' + n + '\\n');
  return new Response(request.headers.get('x-vercel-id'));
}`,
  });
  const weir = await dev(t, dir);
  const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => weir.get(`/api/log?n=${n}`)));
  for (let n = 0; n < 10; n += 1) {
    const [, ofConsole] = await weir.printed(new RegExp(`(inv_[0-9a-f]+).*console ${n}$`, 'm'));
    const [, ofStdout] = await weir.printed(new RegExp(`(inv_[0-9a-f]+).*stdout ${n}$`, 'm'));
    const [, ofDescriptor] = await weir.printed(new RegExp(`(inv_[0-9a-f]+).*descriptor ${n}$`, 'm'));
    assert.deepEqual([ofStdout, ofDescriptor], [ofConsole, ofConsole]);
    assert.match(answers[n]!.text, new RegExp(`${ofConsole}$`));
  }
  assert.equal(await weir.stop(), 0);
});

test('I8: attributed and unattributed CPU are what the operating system says the instance used', async (t) => {
  const dir = project(t, {
    'server.js': `
import { createServer } from 'node:http';
createServer((req, res) => {
  if (req.url === '/pid') return res.end(String(process.pid));
  if (req.url === '/wait') return setTimeout(() => res.end(), 200);
  const before = process.cpuUsage();
  for (;;) {
    const { user, system } = process.cpuUsage(before);
    if (user + system >= 100_000) return res.end();
  }
}).listen(0);`,
  });
  const weir = await dev(t, dir);
  await weir.get('/pid');
  for (let round = 0; round < 10; round += 1)
    await Promise.all([weir.get('/burn'), weir.get('/wait'), weir.get('/wait')]);
  // The next vitals bring the meter up to date; the loop is idle, so the process uses no more.
  const systemUs = (pid: number): number => {
    const [, rest] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
    const fields = rest!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  };
  for (;;) {
    const [server] = (await weir.status()).functions;
    const { attributedMs, totalMs, bootMs } = server.activeCpu;
    const metered = totalMs + bootMs;
    // What waited behind a burn may have been recalled to a second instance.
    const pids: number[] = server.instances.map((instance: { pid: number }) => instance.pid);
    const system = pids.reduce((sum, pid) => sum + systemUs(pid), 0) / 1000;
    // 1 %, and the operating system's own step of 10 ms twice over for each process (user and system time are rounded).
    const roundingMs = 20 * pids.length;
    if (Math.abs(metered - system) <= system * 0.01 + roundingMs) {
      assert.ok(attributedMs >= 0.7 * 1000, `ten burns of 100 ms are attributed ${attributedMs} ms`);
      assert.ok(attributedMs <= totalMs);
      break;
    }
    assert.ok(metered < system * 1.02 + roundingMs, `the meter says ${metered} ms, the system ${system} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(await weir.stop(), 0);
});

test('background work keeps a drained instance alive until it settles', async (t) => {
  const dir = project(t, {
    'api/later.js': `
import { waitUntil } from '@vercel/functions';
export function GET() {
  waitUntil(new Promise((resolve) => setTimeout(resolve, 1000)).then(() => console.log('settled after the drain')));
  return new Response('now');
}`,
  });
  symlinkSync(join(repository, 'node_modules'), join(dir, 'node_modules'));
  const weir = await dev(t, dir);
  assert.equal((await weir.get('/api/later')).text, 'now');
  assert.equal(await weir.stop(), 0);
  assert.match(weir.output(), /settled after the drain/);
});

test('VERCEL_URL is where a project answers, under every name', async (t) => {
  const files = {
    'one/package.json': '{ "type": "module" }',
    'one/api/self.js': `
export async function GET() {
  const answer = await fetch('http://' + process.env.VERCEL_URL + '/api/name');
  return new Response(answer.status + ' ' + (await answer.text()));
}`,
    'one/api/name.js': `export const GET = () => new Response('one');`,
    'two/package.json': '{ "type": "module" }',
    'two/api/name.js': `export const GET = () => new Response('two');`,
  };
  const dir = project(t, files);
  const weir = await run(t, ['start', dir, '--port', '0']);
  assert.equal((await weir.get('/api/self', { host: `one.localhost:${weir.port}` })).text, '200 one');
  assert.equal(await weir.stop(), 0);
  const all = await dev(t, `${dir}/one`, ['--host', '0.0.0.0']);
  assert.equal((await all.get('/api/self')).text, '200 one');
  assert.equal(await all.stop(), 0);
});
