import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { buildDashboard } from './dashboard.ts';

/** All that a browser loads when it has seen every page. */
const mostGzippedBytes = 150_000;

async function built(t: { after(end: () => Promise<void>): void }): Promise<string> {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'weir-test-'));
  t.after(() => fs.rm(dir, { recursive: true, force: true }));
  return buildDashboard({ cacheDir: dir });
}

test('the whole dashboard has less than 150 KB, gzipped', async (t) => {
  const directory = await built(t);
  const names = (await fs.readdir(directory)).filter((name) => name.endsWith('.gz'));
  const sizes = await Promise.all(names.map(async (name) => (await fs.stat(path.join(directory, name))).size));
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  t.diagnostic(`${bytes} bytes gzipped`);
  assert.ok(bytes > 10_000 && bytes < mostGzippedBytes, `${bytes} bytes`);
});

test('the page names files that are there, and has nothing in line that its policy would not let in', async (t) => {
  const directory = await built(t);
  const page = await fs.readFile(path.join(directory, 'index.html'), 'utf8');
  const named = [...page.matchAll(/(?:src|href)="\/([^"]+)"/g)].map(([, name]) => name ?? '');
  assert.ok(named.length >= 3);
  const files = await fs.readdir(directory);
  for (const name of named) assert.ok(files.includes(name), `${name} is not there`);
  for (const name of named) assert.match(name, /-[A-Za-z0-9]{8}\.(?:js|css|svg)$/, 'a name changes with its content');
  assert.doesNotMatch(page, /<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|https?:/);
});

test('no schema of the API is in it', async (t) => {
  const directory = await built(t);
  const scripts = (await fs.readdir(directory)).filter((name) => name.endsWith('.js'));
  for (const name of scripts) {
    const text = await fs.readFile(path.join(directory, name), 'utf8');
    assert.doesNotMatch(text, /ZodError|safeParse/, name);
  }
});

test('what is compressed is what is not', async (t) => {
  const directory = await built(t);
  const read = (name: string) => fs.readFile(path.join(directory, name));
  const page = await read('index.html');
  assert.deepEqual(gunzipSync(await read('index.html.gz')), page);
  assert.deepEqual(brotliDecompressSync(await read('index.html.br')), page);
});

test('unchanged sources are not built again; a change is', async (t) => {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'weir-test-'));
  t.after(() => fs.rm(dir, { recursive: true, force: true }));
  const sourceDir = path.join(dir, 'web');
  await fs.mkdir(sourceDir);
  const write = (name: string, text: string) => fs.writeFile(path.join(sourceDir, name), text);
  await write('main.tsx', 'document.title = "first";');
  await write('style.css', 'body { margin: 0 }');
  await write('icon.svg', '<svg xmlns="http://www.w3.org/2000/svg"/>');
  await write('shell.html', '<title>x</title>\n  <!-- head -->');
  const options = { cacheDir: path.join(dir, 'cache'), sourceDir };
  const first = await buildDashboard(options);
  await fs.appendFile(path.join(first, 'index.html'), 'kept');
  assert.equal(await buildDashboard(options), first);
  assert.match(await fs.readFile(path.join(first, 'index.html'), 'utf8'), /kept$/);
  await write('shell.html', '<title>y</title>\n  <!-- head -->');
  assert.notEqual(await buildDashboard(options), first);
});
