// `weir dev`: what it says, what it refuses, how it follows changes and how it ends.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { dev, project, repository, weirCommand, writeFiles } from './weir.ts';

const version = (text: string): string => `export const GET = () => new Response('${text} ' + process.pid);`;
const refused = async (dir: string): Promise<{ code: number; stderr: string }> => {
  const error = await promisify(execFile)(process.execPath, [weirCommand, 'dev', dir, '--port', '0']).then(
    () => assert.fail('weir dev did not refuse'),
    (reason: { code: number; stderr: string }) => reason,
  );
  return error;
};

test('a changed file: new instances answer, old ones finish what they have', async (t) => {
  const dir = project(t, {
    'api/v.js': version('one'),
    'api/slow.js': `export const GET = () => new Promise((done) => setTimeout(() => done(new Response('old')), 1500));`,
  });
  const weir = await dev(t, dir);
  assert.match((await weir.get('/api/v')).text, /^one /);
  const slow = weir.get('/api/slow');
  await weir.get('/api/v');
  writeFiles(dir, { 'api/v.js': version('two') });
  let answer = await weir.get('/api/v');
  while (!answer.text.startsWith('two')) answer = await weir.get('/api/v');
  assert.equal((await slow).text, 'old');
  const from = weir.output().length;
  writeFiles(dir, { 'weir.json': '{ "functions": { "api/v.js": { "memory": "big" } } }' });
  await weir.printed(/weir\.json.*functions.*memory/, from);
  assert.match((await weir.get('/api/v')).text, /^two /, 'a change that cannot be built keeps the last one serving');
  assert.equal(await weir.stop(), 0);
});

test('a function that writes into its own project is not deployed anew for it', async (t) => {
  const dir = project(t, {
    'api/count.js': `import { readFileSync, writeFileSync } from 'node:fs';
      let count = 0;
      export const GET = () => { writeFileSync('data.json', String(count += 1)); return new Response(readFileSync('data.json', 'utf8')); };`,
    'api/v.js': version('one'),
  });
  const weir = await dev(t, dir);
  for (let count = 1; count <= 5; count += 1) assert.equal((await weir.get('/api/count')).text, String(count));
  // What is told of next is the first that there was to tell.
  const from = weir.output().length;
  writeFiles(dir, { 'api/sedX1y2Z': 'temporary', 'api/v.js': version('two') });
  await weir.printed(/: api\/v\.js changed: new version/, from);
  assert.equal(weir.output().match(/new version/g)?.length, 1);
  assert.equal(await weir.stop(), 0);
});

test('JavaScript that cannot be loaded is refused with file and line, and the last version goes on', async (t) => {
  const dir = project(t, { 'api/v.js': version('one'), 'lib/x.js': 'export const x = 1;' });
  const weir = await dev(t, dir);
  assert.match((await weir.get('/api/v')).text, /^one /);
  const from = weir.output().length;
  writeFiles(dir, {
    'api/v.js': `import { x } from '../lib/x.js';\n${version('two')}`,
    'lib/x.js': 'export const x = ;',
  });
  await weir.printed(/cannot be built[^]*lib\/x\.js:1:18: Unexpected ";"/, from);
  assert.match((await weir.get('/api/v')).text, /^one /);
  assert.equal(await weir.stop(), 0);
});

test('settings in a function’s own code hold', async (t) => {
  const slow = 'export const GET = () => new Promise(() => {}); export const config = { maxDuration: 1 };';
  const weir = await dev(t, project(t, { 'api/slow.js': slow }));
  assert.equal((await weir.get('/api/slow')).status, 504);
  assert.equal(await weir.stop(), 0);
});

test('npm start ends with npm: nothing is left behind', async (t) => {
  const child = spawn('npm', ['start', '--', '--port', '0', '--api-port', '0', '--metrics-port', 'off'], {
    cwd: repository,
    env: { ...process.env, XDG_STATE_HOME: project(t, {}) },
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // Whoever is left of its group.
  t.after(() => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
    }
  });
  await new Promise<void>((resolve) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (/^ready /m.test(text)) resolve();
    });
  });
  // Closed: whoever could write there has ended, Weir included.
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  await closed;
});

test('a port that is taken: the next free one, and it says so', async (t) => {
  const blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  const { port } = blocker.address() as AddressInfo;
  const weir = await dev(t, project(t, { 'api/v.js': version('one') }), ['--port', String(port)]);
  assert.notEqual(weir.port, port);
  assert.match(weir.output(), new RegExp(`${port}.*(?:taken|in use)`));
  assert.equal((await weir.get('/api/v')).status, 200);
  assert.equal(await weir.stop(), 0);
  blocker.close();
});

test('wrong configuration is refused with the file, the path in it and what was expected', async (t) => {
  const api = { 'api/v.js': version('one') };
  for (const [config, expected] of [
    ['{ "functions": { "api/*.js": { "memory": "big" } } }', /weir\.json.*functions.*memory.*number/s],
    ['{ "functions": { "api/*.js": { "maxConcurrency": 0 } } }', /weir\.json.*maxConcurrency/s],
    ['{ "functions": { "api/*.js": { "runtime": "cobol" } } }', /weir\.json.*runtime.*nodejs24\.x/s],
    ['{ "functoins": {} }', /weir\.json.*functoins/s],
    ['{ "functions": { "nothing/*.js": {} } }', /weir\.json.*nothing\/\*\.js/s],
    ['{ "functions": ', /weir\.json/],
  ] as const) {
    const { code, stderr } = await refused(project(t, { ...api, 'weir.json': config }));
    assert.equal(code, 2);
    assert.match(stderr, expected);
  }
  const { stderr } = await refused(project(t, { 'notes.txt': 'nothing to serve' }));
  assert.match(stderr, /api\/|server\./);
});

test('TypeScript: imports, JSX, enums, and errors with file and line', async (t) => {
  const dir = project(t, {
    'lib/greet.ts':
      'export enum Tone { Calm = "calm" }\nexport const greet = (who: string): string => `${who}, ${Tone.Calm}`;',
    'api/ts.ts': 'import { greet } from "../lib/greet";\nexport const GET = (): Response => new Response(greet("hi"));',
    'api/where.ts': 'export const GET = () => new Response(import.meta.url);',
  });
  const weir = await dev(t, dir);
  assert.equal((await weir.get('/api/ts')).text, 'hi, calm');
  assert.match((await weir.get('/api/where')).text, /api\/where\.ts$/);
  assert.equal(await weir.stop(), 0);
  const { stderr } = await refused(project(t, { 'api/bad.ts': 'export const GET = (: string) => 1;' }));
  assert.match(stderr, /api\/bad\.ts:1:\d+/);
});

test('Ctrl-C drains: what is in flight is answered; a second one ends at once', async (t) => {
  const slow = `export const GET = () => new Promise((done) => { console.log('begun'); setTimeout(() => done(new Response('done')), 1000); });`;
  const weir = await dev(t, project(t, { 'api/slow.js': slow }));
  const answer = weir.get('/api/slow');
  await weir.printed(/begun/);
  assert.equal(await weir.stop(), 0);
  assert.equal((await answer).text, 'done');

  const hurried = await dev(t, project(t, { 'api/slow.js': slow.replace('1000', '60000') }));
  const cut = assert.rejects(hurried.get('/api/slow'));
  await hurried.printed(/begun/);
  const from = hurried.output().length;
  hurried.process.kill('SIGINT');
  await hurried.printed(/drain|waiting/i, from);
  hurried.process.kill('SIGINT');
  await once(hurried.process, 'exit');
  await cut;
});

test('help, version and unknown commands', async () => {
  const weir = async (...args: string[]): Promise<{ code: number | null; text: string }> => {
    const child = spawn(process.execPath, [weirCommand, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, text };
  };
  assert.match((await weir('--help')).text, /weir dev/);
  assert.match((await weir('dev', '--help')).text, /--port/);
  assert.match((await weir('--version')).text, /^\d+\.\d+\.\d+/);
  const unknown = await weir('deb');
  assert.notEqual(unknown.code, 0);
  assert.match(unknown.text, /dev/);
});
