// Bodies both ways: as they come, with back-pressure from end to end, in flat memory.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { dev, project, read } from './weir.ts';

const MiB = 1024 * 1024;
const rssMiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

const server = `
import { createServer } from 'node:http';
const gates = new Map();
createServer((req, res) => {
  const url = new URL(req.url, 'http://x');
  switch (url.pathname) {
    case '/count': { let bytes = 0; req.on('data', (c) => { bytes += c.length; }); return req.on('end', () => res.end(String(bytes))); }
    case '/echo': return req.pipe(res);
    case '/big': {
      const block = Buffer.alloc(65536, 97);
      let left = Number(url.searchParams.get('mib')) * 16, written = 0;
      const more = () => { while (left > 0) { left -= 1; written += block.length; if (!res.write(block)) return res.once('drain', more); } res.end(); };
      gates.set(url.searchParams.get('id'), () => written);
      return more();
    }
    case '/written': return res.end(String(gates.get(url.searchParams.get('id'))?.()));
    case '/flush': res.writeHead(200, { 'x-early': '1' }); res.flushHeaders(); return gates.set('go', () => res.end('done'));
    case '/go': gates.get('go')(); return res.end();
    case '/cookies': res.setHeader('set-cookie', ['a=1', 'b=2; Path=/']); return res.end();
    case '/hints': res.writeEarlyHints({ link: '</a.css>; rel=preload; as=style' }); return res.end('hinted');
    case '/204': res.writeHead(204); return res.end();
    case '/304': res.writeHead(304, { etag: '"x"' }); return res.end();
    case '/large': res.setHeader('x-large', 'v'.repeat(12000)); return res.end(String(req.headers['x-large']?.length));
    case '/trailers': res.setHeader('trailer', 'x-sum'); res.write('body'); res.addTrailers({ 'x-sum': '1' }); return res.end();
    case '/length': res.setHeader('content-length', '5'); return res.end('12345');
    default: res.end('home');
  }
}).listen(0);`;

test('large bodies both ways in flat memory', async (t) => {
  const weir = await dev(t, project(t, { 'server.js': server }));
  await weir.get('/');
  const before = rssMiB(weir.process.pid!);
  const asked = request({ host: '127.0.0.1', port: weir.port, method: 'POST', path: '/count', agent: false });
  const block = Buffer.alloc(MiB, 98);
  for (let sent = 0; sent < 100; sent += 1) if (!asked.write(block)) await once(asked, 'drain');
  asked.end();
  const [response] = await once(asked, 'response');
  assert.equal((await read(response)).text, String(100 * MiB));

  let bytes = 0;
  for await (const chunk of await weir.open('GET', '/big?mib=100')) bytes += (chunk as Buffer).length;
  assert.equal(bytes, 100 * MiB);
  const grown = rssMiB(weir.process.pid!) - before;
  assert.ok(grown < 64, `the platform grew by ${grown.toFixed(0)} MiB`);
  assert.equal(await weir.stop(), 0);
});

test('a slow reader stops the function, not the router', async (t) => {
  const weir = await dev(t, project(t, { 'server.js': server }));
  const response = await weir.open('GET', '/big?mib=100&id=slow');
  response.pause();
  // The function is stopped once every buffer on the way is full: what it has written no longer changes.
  let written = -1;
  for (;;) {
    const now = Number((await weir.get('/written?id=slow')).text);
    if (now === written && now > 0) break;
    written = now;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(written < 24 * MiB, `${written} bytes left the function for a reader that reads nothing`);
  let bytes = 0;
  response.on('data', (chunk: Buffer) => (bytes += chunk.length));
  response.resume();
  await once(response, 'end');
  assert.equal(bytes, 100 * MiB);
  assert.equal(await weir.stop(), 0);
});

test('what is written leaves at once: heads, chunks, request bodies', async (t) => {
  const weir = await dev(t, project(t, { 'server.js': server }));
  const flushed = await weir.open('GET', '/flush');
  assert.equal(flushed.headers['x-early'], '1');
  await weir.get('/go');
  assert.equal((await read(flushed)).text, 'done');

  // A chunk at a time, there and back, each only after the one before it has come back.
  const asked = request({ host: '127.0.0.1', port: weir.port, method: 'POST', path: '/echo', agent: false });
  asked.write('0');
  const [echo] = await once(asked, 'response');
  for (let count = 0; count < 5; count += 1) {
    const [chunk] = await once(echo, 'data');
    assert.equal(String(chunk), String(count));
    asked.write(String(count + 1));
  }
  asked.end();
  echo.resume();
  await once(echo, 'end');
  assert.equal(await weir.stop(), 0);
});

test('heads: cookies, early hints, 204, 304, HEAD, large fields, trailers, keep-alive', async (t) => {
  const weir = await dev(t, project(t, { 'server.js': server }));
  assert.deepEqual((await weir.get('/cookies')).headers['set-cookie'], ['a=1', 'b=2; Path=/']);
  const hinted = request({ host: '127.0.0.1', port: weir.port, path: '/hints', agent: false }).end();
  // Both may come in one read: whoever waits for one after the other misses the second.
  const [[information], [response]] = await Promise.all([once(hinted, 'information'), once(hinted, 'response')]);
  assert.equal(information.statusCode, 103);
  assert.equal(information.headers.link, '</a.css>; rel=preload; as=style');
  assert.equal((await read(response)).text, 'hinted');
  for (const status of [204, 304]) {
    const answer = await weir.get(`/${status}`);
    assert.deepEqual([answer.status, answer.text, answer.headers['transfer-encoding']], [status, '', undefined]);
  }
  const head = await weir.send('HEAD', '/length');
  assert.deepEqual([head.status, head.headers['content-length'], head.text], [200, '5', '']);
  const large = await weir.get('/large', { 'x-large': 'r'.repeat(12000) });
  assert.deepEqual([large.text, large.headers['x-large']?.length], ['12000', 12000]);
  assert.equal((await weir.get('/trailers')).text, 'body');

  const socket = connect(weir.port, '127.0.0.1');
  socket.setEncoding('utf8');
  let heard = '';
  socket.on('data', (chunk: string) => (heard += chunk));
  for (let count = 1; count <= 3; count += 1) {
    socket.write(`GET /length HTTP/1.1\r\nhost: x\r\n\r\n`);
    while ((heard.match(/12345/g)?.length ?? 0) < count) await once(socket, 'data');
  }
  socket.destroy();
  assert.equal(await weir.stop(), 0);
});
