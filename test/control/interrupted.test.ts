import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { project, weirCommand, writeFiles } from '../e2e/weir.ts';
import { get, temporary } from './rig.ts';

test('who is told to end while projects are still being made finishes what is in flight; what was not made is made next time', async (t) => {
  const [dir, state] = [project(t, {}), temporary(t)];
  const mark = join(state, 'building');
  mkdirSync(join(dir, 'quick'));
  mkdirSync(join(dir, 'slow'));
  writeFiles(join(dir, 'quick'), {
    'package.json': '{"type":"module"}',
    'api/begun.js': `export const GET = () => { console.log('begun'); return new Promise((done) => setTimeout(() => done(new Response('finished')), 1000)); };`,
  });
  writeFiles(join(dir, 'slow'), {
    'weir.json': JSON.stringify({
      runtime: 'executable',
      command: ['./server'],
      build: [
        'sh',
        '-c',
        `test -e ${mark} || { touch ${mark}; sleep 60; }; printf '#!/bin/sh\\nexec sleep 60\\n' > server; chmod +x server`,
      ],
    }),
  });
  const serve = () => {
    const args = [weirCommand, 'serve', dir, '--port', '0', '--api-port', '0', '--metrics-port', 'off'];
    const child = spawn(process.execPath, args, {
      env: { ...process.env, XDG_STATE_HOME: state },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    t.after(() => child.kill('SIGKILL'));
    let text = '';
    const look = new Set<() => void>();
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        for (const each of look) each();
      });
    const said = (what: RegExp): Promise<RegExpExecArray> =>
      new Promise((resolve) => {
        const each = (): void => {
          const found = what.exec(text);
          if (found === null) return;
          look.delete(each);
          resolve(found);
        };
        look.add(each);
        each();
      });
    return { child, text: () => text, said };
  };
  const first = serve();
  await first.said(/dashboard /);
  const { url, token } = JSON.parse(readFileSync(join(state, 'weir/control/local.json'), 'utf8')) as {
    url: string;
    token: string;
  };
  const me = (await (await fetch(`${url}/v1/me`, { headers: { authorization: `Bearer ${token}` } })).json()) as {
    edge: { port: number };
  };
  while (!existsSync(mark) || (await get(me.edge.port, 'quick.localhost', '/')).status === 503)
    await new Promise(setImmediate);
  while ((await get(me.edge.port, 'quick.localhost', '/none')).headers.get('x-weir-error') !== 'NOT_FOUND')
    await new Promise(setImmediate);
  const answer = get(me.edge.port, 'quick.localhost', '/api/begun');
  await first.said(/begun/);
  const ended = once(first.child, 'exit');
  first.child.kill('SIGTERM');
  assert.equal((await answer).text, 'finished');
  await ended;
  assert.doesNotMatch(first.text(), /^ready/m);
  const second = serve();
  await second.said(/^ready /m);
  assert.match(second.text(), /^slow {2}http:/m);
  const over = once(second.child, 'exit');
  second.child.kill('SIGTERM');
  await over;
});
