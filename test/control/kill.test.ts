// kill -9 at any moment loses nothing that was acknowledged: a real `weir serve`, killed in a loop.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { ApiClient } from '../../src/api/client.ts';
import { seededRandom } from '../../src/base/random.ts';
import { weirCommand } from '../e2e/weir.ts';
import { deploy, get, sha256, temporary } from './rig.ts';

const rounds = 6;

interface Served {
  readonly child: ChildProcess;
  readonly client: ApiClient;
  readonly port: number;
}

/** Resolves when it is ready: what was deployed before is served. */
async function serve(t: TestContext, dir: string, state: string): Promise<Served> {
  const args = ['serve', '--port', '0', '--api-port', '0', '--metrics-port', 'off', '--state', dir, '--no-sentinel'];
  const child = spawn(process.execPath, [weirCommand, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, XDG_STATE_HOME: state, WEIR_BYTECODE: '0' },
  });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const port = await new Promise<number>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const ready = /^ready http:\/\/127\.0\.0\.1:(\d+)/m.exec(text);
      if (ready !== null) resolve(Number(ready[1]));
    });
    child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${text}${said}`)));
  });
  const { url, token } = JSON.parse(readFileSync(join(dir, 'local.json'), 'utf8')) as { url: string; token: string };
  return { child, port, client: new ApiClient({ origin: url, token }) };
}

const filesOf = (text: string) => ({
  'package.json': '{"type":"module"}',
  'api/hello.js': `export const GET = () => new Response('${text}');`,
});

test('kill -9 in a loop: every deployment that was said to be ready answers with what was uploaded', async (t) => {
  const random = seededRandom(7);
  const [dir, state] = [temporary(t), temporary(t)];
  /** By id: what it answers, and where. */
  const acknowledged = new Map<string, { readonly text: string; readonly host: string }>();
  const finished = new Map<string, string>();
  /** What the project's own name may answer: what was live last, or what was accepted since, and is made after the kill. */
  let live: string[] = [];
  let isLive = false;
  for (let round = 0; round < rounds; round += 1) {
    const { child, client, port } = await serve(t, dir, state);
    for (const [id, { text, host }] of acknowledged) {
      assert.equal((await client.call('deployment', { params: { id } })).state, 'ready', id);
      assert.equal((await get(port, host, '/api/hello')).text, text, id);
    }
    if (isLive) {
      const { text } = await get(port, 'shop.localhost', '/api/hello');
      assert.ok(live.includes(text), `${text} instead of ${live.join(' or ')}`);
    }
    // What was accepted is made, before the kill or after it.
    for (const [id, text] of finished) {
      const { state: now, url } = await client.call('deployment', { params: { id } });
      assert.ok(now === 'building' || now === 'ready', `${id} is ${now}`);
      if (now === 'ready') acknowledged.set(id, { text, host: new URL(url).hostname });
      if (now === 'ready') finished.delete(id);
    }
    const exited = once(child, 'exit');
    const text = `round ${round}`;
    const work = (async () => {
      live.push(text);
      const made = await deploy(client, 'shop', filesOf(text));
      acknowledged.set(made.id, { text, host: new URL(made.url).hostname });
      live = [text];
      isLive = true;
      const preview = await deploy(client, 'shop', filesOf(`preview ${round}`), { target: 'preview' });
      acknowledged.set(preview.id, { text: `preview ${round}`, host: new URL(preview.url).hostname });
      const { deployment } = await client.call('createDeployment', {
        params: { project: 'shop' },
        body: {
          target: 'preview',
          files: Object.entries(filesOf(text)).map(([path, content]) => ({
            path,
            sha256: sha256(content),
            bytes: Buffer.byteLength(content),
          })),
        },
      });
      await client.call('finishDeployment', { params: { id: deployment.id } });
      finished.set(deployment.id, text);
    })();
    // The kill is at a moment of the work, not of the clock: after so many answers of the API or turns of the loop.
    const moment = random.below(400);
    const killing = (async () => {
      // In the first round all of it is acknowledged.
      if (round === 0) await work;
      for (let turn = 0; turn < moment; turn += 1) await get(port, 'shop.localhost', '/nothing');
      child.kill('SIGKILL');
    })();
    await Promise.allSettled([work, killing]);
    child.kill('SIGKILL');
    await exited;
  }
  assert.ok(acknowledged.size > 0);
  const { client, port, child } = await serve(t, dir, state);
  for (const [id, { text, host }] of acknowledged)
    assert.equal((await get(port, host, '/api/hello')).text, text, `${id} of ${(await client.call('me')).version}`);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
  const db = new DatabaseSync(join(dir, 'weir.db'));
  assert.deepEqual(
    db.prepare('pragma integrity_check').all(),
    [{ integrity_check: 'ok' }].map((row) => Object.assign(Object.create(null), row)),
  );
  db.close();
});
