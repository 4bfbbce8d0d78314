import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import * as os from 'node:os';
import * as path from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { systemClock, type Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import { buildPayload } from './payload.ts';

const run = promisify(execFile);

/** A small pair of sources and an empty cache, in a directory that goes away with the test. */
async function scene(t: TestContext) {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'weir-test-'));
  t.after(() => fs.rm(dir, { recursive: true, force: true }));
  const file = (name: string) => path.join(dir, `${name}.ts`);
  const python = path.join(dir, 'weir_runtime');
  const sources = { main: file('main'), sentinel: file('sentinel'), host: file('host'), python };
  const word = (text: string) => fs.writeFile(path.join(dir, 'word.ts'), `export const word: string = '${text}';\n`);
  await word('first');
  await fs.writeFile(sources.main, "import { word } from './word.ts';\nprocess.stdout.write(`main ${word}`);\n");
  await fs.writeFile(sources.sentinel, "process.stdout.write('sentinel');\n");
  await fs.writeFile(sources.host, "process.stdout.write('host');\n");
  await fs.mkdir(python);
  await fs.writeFile(path.join(python, '__main__.py'), 'import word\nprint("python", word.said, word.__cached__)\n');
  await fs.writeFile(path.join(python, 'word.py'), 'said = "first"\n');
  const temporaryDir = path.join(dir, 'tmp');
  await fs.mkdir(temporaryDir);
  return { dir, word, options: { cacheDir: path.join(dir, 'cache', 'weir'), temporaryDir, sources } };
}
const saidBy = async (file: string): Promise<string> => (await run(process.execPath, [file])).stdout;

test('bundles three files that run by themselves', async (t) => {
  const { dir, options } = await scene(t);
  const payload = await buildPayload(options);
  await fs.rm(path.join(dir, 'word.ts'));
  assert.equal(await saidBy(payload.main), 'main first');
  assert.equal(await saidBy(payload.sentinel), 'sentinel');
  assert.equal(await saidBy(payload.host), 'host');
  assert.equal(path.dirname(payload.main), path.dirname(payload.sentinel));
  assert.ok(payload.main.startsWith(options.cacheDir));
  assert.ok((await fs.stat(payload.bytecodeDir)).isDirectory());
});

test("Python's runtime is a copy, which an interpreter compiles in place and once", async (t) => {
  const { options } = await scene(t);
  const { python, main } = await buildPayload(options);
  assert.equal(path.basename(path.dirname(python)), 'weir_runtime');
  assert.ok(python.startsWith(path.dirname(main)));
  // What is installed may be gone, or read-only.
  await fs.rm(options.sources.python, { recursive: true });
  const say = async (): Promise<string> => (await run('python3', ['-S', '-E', '-s', python])).stdout.trim();
  const [, word, compiled = ''] = (await say()).split(' ');
  assert.equal(word, 'first');
  assert.ok(compiled.startsWith(path.join(path.dirname(python), '__pycache__')));
  const { mtimeMs, ino } = await fs.stat(compiled);
  await say();
  const again = await fs.stat(compiled);
  assert.deepEqual([again.mtimeMs, again.ino], [mtimeMs, ino]);
});

test("a change in Python's runtime, a module that is added, one that goes: each is another payload", async (t) => {
  const { options } = await scene(t);
  const at = (name: string): string => path.join(options.sources.python, name);
  const keys = [(await buildPayload(options)).key];
  await fs.writeFile(at('word.py'), 'said = "second"\n');
  keys.push((await buildPayload(options)).key);
  await fs.writeFile(at('more.py'), '');
  keys.push((await buildPayload(options)).key);
  await fs.rm(at('more.py'));
  const last = await buildPayload(options);
  assert.equal(last.key, keys[1]);
  assert.equal(new Set(keys).size, 3);
  assert.equal(await fs.readFile(path.join(path.dirname(last.python), 'word.py'), 'utf8'), 'said = "second"\n');
});

test('unchanged sources are not built again', async (t) => {
  const { options } = await scene(t);
  const first = await buildPayload(options);
  await fs.appendFile(first.main, "\nprocess.stdout.write(' kept');\n");
  assert.deepEqual(await buildPayload(options), first);
  assert.equal(await saidBy(first.main), 'main first kept');
});

test('a change in an imported file gives another payload, and leaves the one that is in use', async (t) => {
  const { word, options } = await scene(t);
  const first = await buildPayload(options);
  await word('second');
  const second = await buildPayload(options);
  assert.notEqual(second.key, first.key);
  assert.equal(await saidBy(second.main), 'main second');
  assert.equal(await saidBy(first.main), 'main first');
});

test('what nobody has used for long goes away', async (t) => {
  const { word, options } = await scene(t);
  const first = await buildPayload(options);
  const longAgo = new Date(Date.now() - limits.payloadKeptMs - 60_000);
  await fs.utimes(path.dirname(first.main), longAgo, longAgo);
  await word('second');
  const second = await buildPayload(options);
  const left = await fs.readdir(path.dirname(path.dirname(second.main)));
  assert.ok(left.includes(second.key));
  assert.ok(!left.includes(first.key));
});

test('a platform that runs for long keeps its payload', async (t) => {
  const { word, options } = await scene(t);
  let nowMs = Date.now();
  const due: { delayMs: number; fire: () => void }[] = [];
  let armed = (): void => undefined;
  const clock: Clock = {
    ...systemClock,
    wallMs: () => nowMs,
    after(delayMs, fire) {
      due.push({ delayMs, fire });
      armed();
      return { cancel: () => undefined };
    },
  };
  const first = await buildPayload({ ...options, clock });
  for (let passedMs = 0; passedMs < limits.payloadKeptMs;) {
    const { delayMs, fire } = due.shift() ?? assert.fail('no further touch');
    assert.ok(delayMs < limits.payloadKeptMs / 2);
    nowMs += delayMs;
    passedMs += delayMs;
    const again = new Promise<void>((resolve) => (armed = resolve));
    fire();
    await again;
  }
  // Another one starts on that day, with other sources.
  await word('second');
  const store = path.dirname(path.dirname(first.main));
  const second = await buildPayload(options);
  const later = new Date(nowMs);
  await fs.utimes(path.dirname(second.main), later, later);
  await word('third');
  await buildPayload({ ...options, clock: { ...systemClock, wallMs: () => nowMs } });
  assert.ok((await fs.readdir(store)).includes(first.key));
  assert.ok((await fs.stat(path.dirname(first.main))).mtimeMs > nowMs - limits.payloadKeptMs / 2);
  await fs.rm(path.dirname(first.main), { recursive: true });
});

test('builders at the same time do not disturb each other', async (t) => {
  const { options } = await scene(t);
  const payloads = await Promise.all(Array.from({ length: 8 }, () => buildPayload(options)));
  assert.equal(new Set(payloads.map((payload) => payload.main)).size, 1);
  assert.equal(await saidBy(payloads[0]?.main ?? ''), 'main first');
  const left = await fs.readdir(path.join(options.cacheDir, 'payload'));
  assert.equal(left.length, 2, `one payload and its manifest, not ${left.join(' ')}`);
});

test('a broken cache is mended', async (t) => {
  const { options } = await scene(t);
  const first = await buildPayload(options);
  const store = path.join(options.cacheDir, 'payload');
  const manifest = (await fs.readdir(store)).find((name) => name.endsWith('.json')) ?? '';
  await fs.writeFile(path.join(store, manifest), '{"key":');
  assert.deepEqual(await buildPayload(options), first);
  await fs.rm(path.dirname(first.main), { recursive: true });
  assert.equal(await saidBy((await buildPayload(options)).main), 'main first');
});

test('a cache directory that cannot be made, or that others may write, is not used', async (t) => {
  const { dir, options } = await scene(t);
  const file = path.join(dir, 'file');
  await fs.writeFile(file, '');
  const elsewhere = await buildPayload({ ...options, cacheDir: path.join(file, 'weir') });
  assert.ok(elsewhere.main.startsWith(options.temporaryDir));
  const open = path.join(dir, 'open');
  await fs.mkdir(path.join(open, 'payload'), { recursive: true });
  await fs.chmod(path.join(open, 'payload'), 0o777);
  assert.ok((await buildPayload({ ...options, cacheDir: open })).main.startsWith(options.temporaryDir));
});

test('sources that do not build are an error that says where', async (t) => {
  const { options } = await scene(t);
  await fs.writeFile(options.sources.sentinel, 'const = 1;');
  await assert.rejects(buildPayload(options), /sentinel\.ts:1/);
});
