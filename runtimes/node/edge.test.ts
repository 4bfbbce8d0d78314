import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { loadSource, root } from './load-source.fixture.ts';

const edge = (
  name: string,
  source: string,
  besides: { assets?: Record<string, string> } = {},
  calls: object[] = [{}],
) => loadSource(name, source, { launch: 'edge', besides, calls });

/** (module (func (export "two") (result i32) i32.const 2)) */
const wasm = Buffer.from('0061736d010000000105016000017f030201000707010374776f00000a0601040041020b', 'hex');

test('a default export takes a Request and waitUntil; exports named after methods, and 405 for the others', () => {
  const source = `export default (request, { waitUntil }) =>
    (waitUntil(Promise.resolve()), Response.json([request.method, new URL(request.url).pathname, request instanceof Request]));`;
  const calls = [{ target: '/a?b=c', method: 'POST', body: ['text'] }];
  assert.deepEqual(edge('plain.mjs', source, {}, calls).answers, [[200, '["POST","/a",true]', '']]);
  const methods =
    'export const GET = () => new Response("got"); export const POST = (request) => new Response(request.body);';
  const all = [{}, { method: 'POST', body: ['this'] }, { method: 'PUT' }];
  const { answers } = edge('methods.mjs', methods, {}, all);
  assert.deepEqual(answers.map(([status, text]) => [status, text]).slice(0, 2), [
    [200, 'got'],
    [200, 'this'],
  ]);
  assert.equal(answers[2]?.[0], 405);
  assert.match(edge('none.mjs', 'export const config = {};').error, /exports nothing that takes a Request/);
});

test('code finds what edge runtimes have, and not what they do not', () => {
  const source = `const seen = [typeof EdgeRuntime, self === globalThis, typeof AsyncLocalStorage, typeof crypto.subtle.digest,
    typeof caches, typeof WebSocket, process.env.MINE];
  export default () => Response.json(seen);`;
  const { answers } = loadSource('globals.mjs', source, { launch: 'edge', environment: { MINE: 'yes' } });
  assert.equal(answers[0]?.[1], '["string",true,"function","function","undefined","function","yes"]');
  const { answers: inNode } = loadSource(
    'node.mjs',
    'export const GET = () => new Response(typeof EdgeRuntime + typeof self);',
  );
  assert.equal(inNode[0]?.[1], 'undefinedundefined');
});

test('modules, CommonJS and scripts, whatever the package says of the file', () => {
  const handler = '() => new Response(new Error().stack)';
  for (const type of ['module', 'commonjs', 'none']) {
    mkdirSync(join(root, type), { recursive: true });
    writeFileSync(join(root, type, 'package.json'), type === 'none' ? '{}' : JSON.stringify({ type }));
    assert.match(edge(`${type}/esm.js`, `export default ${handler}`).answers[0]![1], /esm\.js:1/);
    assert.match(edge(`${type}/cjs.js`, `exports.default = ${handler}`).answers[0]![1], /cjs\.js:1/);
    assert.match(edge(`${type}/own.js`, `module.exports = ${handler}`).answers[0]![1], /own\.js:1/);
  }
  assert.match(edge('broken.js', 'export default (').error, /SyntaxError/);
});

test('what the build of Next.js writes: chunks on self, entries by name, a module that calls require()', () => {
  mkdirSync(join(root, 'wasm'), { recursive: true });
  writeFileSync(join(root, 'wasm/wasm_two.wasm'), wasm);
  const source = `const wasm_two = require("/wasm/wasm_two.wasm");
globalThis._ENTRIES = {};
/**/;
(self.webpackChunk_N_E = self.webpackChunk_N_E || []).push([[1], {}]);
globalThis.process = { env: globalThis.process.env };
_ENTRIES["middleware_app/page"] = Promise.resolve({ default: async ({ request }) => {
  const { exports } = new WebAssembly.Instance(wasm_two);
  return { response: new Response(request.url + exports.two()), waitUntil: Promise.resolve() };
} });
;
export default (function () {
  const module = { exports: {}, loaded: false };
  const fn = (function (module, exports) {
    const { AsyncLocalStorage } = require('async_hooks');
    const context = globalThis[Symbol.for('@next/request-context')];
    exports.default = ({ name }) => async (request, event) => {
      const found = await context[Symbol.for('internal.storage')].run({ waitUntil: event.waitUntil }, async () =>
        (await _ENTRIES['middleware_' + name]).default.call({}, { request: { url: request.url, waitUntil: context.get().waitUntil } }));
      event.waitUntil(found.waitUntil);
      return found.response;
    };
  });
  fn(module, module.exports);
  return module.exports;
}).call({}).default({ name: 'app/page' })`;
  const { answers, error } = edge('app/index.js', source);
  assert.equal(error, '');
  assert.deepEqual(answers, [[200, 'http://app.localhost:3000/2', '']]);
});

test('WebAssembly as modules, also imported; not from outside', () => {
  writeFileSync(join(root, 'two.wasm'), wasm);
  const source = `import two from './two.wasm?module';
export default () => Response.json([two instanceof WebAssembly.Module, new WebAssembly.Instance(two).exports.two()]);`;
  assert.equal(edge('imports.js', source).answers[0]?.[1], '[true,2]');
  const { error } = edge('outside.js', 'require("../outside.wasm?module"); module.exports = () => 0;');
  assert.match(error, /\.\.\/outside\.wasm\?module is outside of the function's folder/);
});

/** What `fetch` of each expression gives: the text, or why there is none. */
function fetched(name: string, expressions: readonly string[], assets: Record<string, string> = {}): string[] {
  const source = `const text = async (url) => { try { return await (await fetch(url)).text(); } catch (error) { return error.message; } };
export default async () => Response.json([${expressions.map((each) => `await text(${each})`).join(', ')}]);`;
  return JSON.parse(edge(name, source, { assets }).answers[0]![1]) as string[];
}

test('assets by name, and by place inside the function’s folder', () => {
  for (const file of ['font.txt', 'listed.txt', '.env.local'])
    writeFileSync(join(root, file), file.replace('.txt', ''));
  symlinkSync('/', join(root, 'away'));
  const assets = { 'server/a font.ttf': join(root, 'font.txt'), listed: join(root, 'listed.txt') };
  const expressions = [
    `'blob:server/a font.ttf'`,
    `new URL('blob:server/a%20font.ttf')`,
    `new URL('./font.txt', import.meta.url)`,
    `new Request(new URL("./font.txt?v=1", import.meta.url))`,
    `new URL('./list' + 'ed.txt', import.meta.url)`,
    `URL.createObjectURL(new Blob(['own']))`,
    `'blob:none'`,
    `new URL('../../x', import.meta.url)`,
    `new URL('./away/etc/hosts', import.meta.url)`,
    `new URL('./.env.local', import.meta.url)`,
  ];
  const texts = fetched('fetches.mjs', expressions, assets);
  assert.deepEqual(texts.slice(0, 6), ['font', 'font', 'font', 'font', 'listed', 'own']);
  assert.match(texts[6]!, /fetch failed/);
  assert.match(texts[7]!, /cannot be read|outside of the function's folder/);
  assert.match(texts[8]!, /outside of the function's folder/);
  assert.match(texts[9]!, /is hidden/);
});

test('what a request says is no asset, whatever lies there', () => {
  writeFileSync(join(root, 'weir.json'), 'settings');
  writeFileSync(join(root, '.env.local'), 'secret');
  const asked = ['weir.json', '.env.local', 'said.mjs', 'none'].map(
    (file) => `'file://' + ${JSON.stringify(join(root, file))}`,
  );
  for (const text of fetched('said.mjs', [...asked, `'file://elsewhere/x'`, `'file:'`]))
    assert.match(text, /is no asset of the function/);
});

test('assets that imported modules name, and compiled sources', () => {
  writeFileSync(join(root, 'font.txt'), 'font');
  mkdirSync(join(root, 'built'), { recursive: true });
  writeFileSync(join(root, 'built/font.mjs'), `export const font = new URL('../font.txt', import.meta.url);`);
  // As src/builder/source-place.ts has it.
  const place = JSON.stringify(pathToFileURL(join(root, 'source.ts')).href);
  const text = 'async () => new Response(await (await fetch(font)).text())';
  const compiled = `var __weirUrl2 = ${place};\nvar font = new URL("./font.txt", __weirUrl2);\n`;
  const sources = {
    'built/imports.mjs': `import { font } from './font.mjs'; export default ${text}`,
    'built/typed.mjs': `${compiled}export default ${text}`,
    'built/typed.cjs': `${compiled}module.exports = ${text}`,
    'built/typed.js': `${compiled}export default ${text}`,
  };
  for (const [name, source] of Object.entries(sources))
    assert.deepEqual(edge(name, source).answers, [[200, 'font', '']], name);
});

test('a function in Node whose default export takes a Request', () => {
  const source = `module.exports = async (request) => Response.json([request.method, typeof EdgeRuntime]); module.exports.config = { x: 1 };`;
  const { answers } = loadSource('middleware.cjs', source, { launch: 'web', calls: [{ method: 'POST' }] });
  assert.deepEqual(answers, [[200, '["POST","undefined"]', '']]);
});
