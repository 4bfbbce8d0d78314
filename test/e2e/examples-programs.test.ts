// The examples whose functions are programs of their own are built, deployed and called.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { programFile } from '../../src/builder/program.ts';
import { dev, exampleDir, type Weir } from './weir.ts';

const found = async (name: string): Promise<boolean> =>
  (await programFile(tmpdir(), name, process.env)).kind === 'found';

/** A copy, so that nothing is built or installed in the repository. */
function copyOf(context: TestContext, name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `weir-${name}-`));
  context.after(() => rmSync(dir, { recursive: true, force: true }));
  cpSync(exampleDir(name), dir, { recursive: true });
  return dir;
}

async function streams(weir: Weir): Promise<void> {
  const chunks: string[] = [];
  for await (const chunk of await weir.open('GET', '/stream')) chunks.push(String(chunk));
  assert.equal(chunks.join(''), '0\n1\n2\n3\n4\n');
  assert.ok(chunks.length >= 3, `lines came in ${chunks.length} chunks`);
}

if (await found('go')) {
  test('go: its own server, built by weir.json', async (t) => {
    const weir = await dev(t, copyOf(t, 'go'));
    assert.equal((await weir.get('/')).text, 'Hello from Go\n');
    const user = await weir.get('/users/7', { host: 'shop.localhost' });
    assert.deepEqual(user.json(), { id: '7', host: 'shop.localhost' });
    await streams(weir);
    assert.equal((await weir.get('/missing')).status, 404);
    assert.equal((await weir.send('POST', '/')).status, 405);
    assert.equal(await weir.stop(), 0);
  });
} else {
  test('go is not installed: its example is not built', () => undefined);
}

if (await found('rustc')) {
  test('rust: a server on its standard library, built by weir.json', async (t) => {
    const weir = await dev(t, copyOf(t, 'rust'));
    assert.equal((await weir.get('/')).text, 'Hello from Rust\n');
    assert.equal((await weir.send('POST', '/echo', 'there and back')).text, 'there and back');
    await streams(weir);
    assert.equal((await weir.get('/missing')).status, 404);
    assert.equal(await weir.stop(), 0);
  });
} else {
  test('rust is not installed: its example is not built', () => undefined);
}

/** Without its script, which only puts a link in place: whoever installs without scripts has it running too. */
async function installed(context: TestContext, name: string): Promise<string> {
  const dir = copyOf(context, name);
  const wish = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'];
  await promisify(execFile)('npm', wish, { cwd: dir });
  return dir;
}

test('bun: its own server, from its package on npm', async (t) => {
  const weir = await dev(t, await installed(t, 'bun'));
  assert.equal((await weir.get('/')).text, 'Hello from Bun\n');
  assert.deepEqual((await weir.get('/users/7')).json(), { id: '7' });
  await streams(weir);
  assert.equal((await weir.get('/missing')).status, 404);
  assert.equal(await weir.stop(), 0);
});

test('deno: its own server, from its package on npm', async (t) => {
  const weir = await dev(t, await installed(t, 'deno'));
  assert.equal((await weir.get('/')).text, 'Hello from Deno\n');
  await streams(weir);
  assert.equal((await weir.get('/missing')).status, 404);
  assert.equal(await weir.stop(), 0);
});
