// The sentinel's promise: while user code blocks the loop, vitals still arrive, and what waits behind it moves on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dev, project } from './weir.ts';

const server = `
import { createServer } from 'node:http';
const ran = [];
createServer((req, res) => {
  const url = new URL(req.url, 'http://x');
  if (url.pathname === '/block') {
    console.log('blocking');
    const until = performance.now() + 2000;
    while (performance.now() < until);
    return res.end(String(process.pid));
  }
  console.log('ran ' + url.searchParams.get('n'));
  res.end(String(process.pid));
}).listen(3000);`;

test('waiting invocations leave a blocked instance, and none runs twice', async (t) => {
  const weir = await dev(t, project(t, { 'server.js': server }));
  const { text: blockedPid } = await weir.get('/run?n=first');
  let unblocked = false;
  const blocking = weir.get('/block').then((answer) => {
    unblocked = true;
    return answer;
  });
  await weir.printed(/blocking/);
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => weir.get(`/run?n=${n}`)));
  assert.equal(unblocked, false, 'the invocations that waited were answered only after the loop was free again');
  assert.ok(answers.every(({ status, text }) => status === 200 && text !== blockedPid));
  const [ofServer] = (await weir.status()).functions;
  const blocked = ofServer.instances.find(({ pid }: { pid: number }) => String(pid) === blockedPid);
  assert.ok(blocked.vitals.loopStuckMs > 0, 'vitals go on while the loop is blocked');
  assert.equal((await blocking).text, blockedPid);
  for (let n = 0; n < 20; n += 1) {
    assert.equal(weir.output().match(new RegExp(`ran ${n}$`, 'gm'))?.length, 1, `invocation ${n} ran once`);
  }
  assert.equal(await weir.stop(), 0);
});
