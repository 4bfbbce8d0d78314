import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLog } from '../base/log.ts';
import { compile } from './compile.ts';
import { load, project, refusal } from './project.fixture.ts';
import type { Files } from './project.fixture.ts';

const compiled = (dir: string, ...files: string[]): Promise<string[]> =>
  compile(
    files.map((file) => ({ name: file.replace(/\.\w+$/, ''), file })),
    { dir, outDir: join(dir, '.weir/dev/dep_1'), log: silentLog, reads: new Set() },
  );

const on =
  '{ "compilerOptions": { "experimentalDecorators": true, "emitDecoratorMetadata": true, "module": "commonjs", }, } // tsc';

/** Stands for the project's own TypeScript: writes what it was asked for in place of the class's decorator. */
const typescript = (result: string): Files => ({
  'node_modules/typescript/package.json': '{ "name": "typescript", "main": "i.js" }',
  'node_modules/typescript/i.js': `
    exports.version = '5.0.0';
    exports.ModuleKind = { CommonJS: 1, ES2015: 5, ESNext: 99 };
    exports.ScriptTarget = { ES2022: 9 };
    exports.JsxEmit = { Preserve: 1 };
    exports.flattenDiagnosticMessageText = String;
    exports.convertCompilerOptionsFromJson = (json) => ({ options: { ...json, module: { commonjs: 1, esnext: 99, nodenext: 199 }[json.module] } });
    exports.transpileModule = (source, order) => (${result});`,
});
const rewritten = `{ outputText: 'exports.GET = ' + JSON.stringify([order.compilerOptions.module, order.compilerOptions.emitDecoratorMetadata]) + '; //' }`;
const decorated = '@Injectable()\nexport class A { constructor(b: B) {} }';

test('where tsconfig.json asks for metadata, files with decorators go through the project’s TypeScript', async () => {
  const files = {
    ...typescript(rewritten),
    'api/a.ts': decorated,
    'api/b.ts': '/**\n * @param x no decorator\n */\nexport const GET = (x: string): string => "a@b.c" + x;',
    'api/c.mts': decorated.replace('A', 'C'),
  };
  const dir = await project({ 'tsconfig.json': on, ...files });
  const [a, b] = await compiled(dir, 'api/a.ts', 'api/b.ts');
  assert.deepEqual(((await load(a!))['default'] as Record<string, unknown>)['GET'], [1, true]);
  assert.equal(typeof (await load(b!))['GET'], 'function');
});

test('without that option, or by a base file that has it, it is as it was', async () => {
  const dir = await project({
    'tsconfig.json': '{ "compilerOptions": { "experimentalDecorators": true } }',
    'api/a.ts': `const D = (c: any) => c; @D export class GET {}`,
  });
  const [entry] = await compiled(dir, 'api/a.ts');
  assert.equal(typeof (await load(entry!))['GET'], 'function');
  const extending = await project({
    'tsconfig.json': '{ "extends": ["./base", "@org/base"] }',
    'base.json': on,
    'node_modules/@org/base/tsconfig.json': '{ "compilerOptions": { "module": "esnext" } }',
    'node_modules/@org/base/package.json': '{}',
    'api/a.ts': decorated,
    ...typescript(rewritten.replace('exports.GET =', 'export const GET =')),
  });
  const [other] = await compiled(extending, 'api/a.ts');
  assert.deepEqual((await load(other!))['GET'], [99, true]);
});

test('without a TypeScript that can do it the build is refused with what to install', async () => {
  const none = await project({ 'tsconfig.json': on, 'api/a.ts': decorated, 'api/b.ts': decorated });
  const text = await refusal(none, () => compiled(none, 'api/a.ts', 'api/b.ts'));
  assert.equal(
    text,
    'DIR/tsconfig.json: compilerOptions.emitDecoratorMetadata needs the package typescript, which the project does not have: npm install --save-dev typescript@5',
  );
  const seven = await project({
    'tsconfig.json': on,
    'api/a.ts': decorated,
    'node_modules/typescript/package.json': '{ "main": "i.js" }',
    'node_modules/typescript/i.js': 'exports.version = "7.0.2";',
  });
  assert.match(
    await refusal(seven, () => compiled(seven, 'api/a.ts')),
    /called from JavaScript, and the project's, version 7\.0\.2, cannot: npm install/,
  );
});

test('its errors are file:line:column and text', async () => {
  const fault = `{ outputText: '', diagnostics: [{ messageText: 'Expression expected.', start: 3, file: { getLineAndCharacterOfPosition: () => ({ line: 1, character: 4 }) } }, { messageText: 'about an option' }] }`;
  const dir = await project({ 'tsconfig.json': on, 'api/a.ts': decorated, ...typescript(fault) });
  assert.equal(await refusal(dir, () => compiled(dir, 'api/a.ts')), 'DIR/api/a.ts:2:5: Expression expected.');
});
