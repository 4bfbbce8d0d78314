/**
 * Edge functions: web-standard code that was built for a runtime of its own, run in Node
 * (docs/decisions/0013-edge-in-node.md). What such builds write is neither fish nor fowl: ES modules that call require()
 * for WebAssembly, scripts that put their chunks onto `self`, CommonJS. So the file's text says what it is, not its name.
 */
import * as fs from 'node:fs';
import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire, registerHooks } from 'node:module';
import { dirname, extname, isAbsolute, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compileFunction, constants } from 'node:vm';
import type { LoadOrder } from '../../src/core/call.ts';
import { assetFetch, NamedFiles } from './edge-assets.ts';
import { installGlobals } from './globals.ts';

type Required = (name: string) => unknown;

/** Types of it come with browsers' only. */
const { Module } = (globalThis as unknown as { WebAssembly: { Module: new (code: Uint8Array) => unknown } })
  .WebAssembly;

/** `./image.wasm?module`, and what the build of Next.js makes of it: `/wasm/NAME.wasm`, from the function's root. */
const wasmName = /\.wasm(?:\?module)?$/;

/** Puts in place what code finds in an edge runtime, and imports the function. The module's exports. */
export async function importEdge(order: LoadOrder): Promise<unknown> {
  const required = requireOf(order);
  const named = new NamedFiles();
  installEdgeGlobals(order, required, named);
  const url = pathToFileURL(order.entry).href;
  const isScript = extname(order.entry) === '.js' || extname(order.entry) === '.cjs';
  const script = isScript ? compileScript(order.entry, named) : null;
  hookImports(isScript && script === null ? url : null, named);
  if (script === null) return import(url);
  const module = { exports: {} as unknown };
  script.call(module.exports, module.exports, required, module, order.entry, dirname(order.entry));
  return module.exports;
}

/** Functions are told apart from those in Node by these names; each is in every edge runtime. */
function installEdgeGlobals({ root, assets }: LoadOrder, required: Required, named: NamedFiles): void {
  installGlobals();
  define('EdgeRuntime', 'edge-runtime');
  define('self', globalThis);
  define('AsyncLocalStorage', AsyncLocalStorage);
  // Free in ES modules too: builds of Next.js call it there.
  define('require', required);
  define('fetch', assetFetch({ root, listed: assets ?? {}, named }, globalThis.fetch));
}

const define = (name: string, value: unknown): void =>
  void Object.defineProperty(globalThis, name, { value, configurable: true, enumerable: false, writable: true });

/** WebAssembly as a compiled module; everything else as Node's own require() finds it from the entry file. */
function requireOf({ root, entry }: LoadOrder): Required {
  const required = createRequire(entry);
  return (name) => {
    if (!wasmName.test(name)) return required(name) as unknown;
    const path = name.replace(/\?module$/, '');
    const file = isAbsolute(path) ? join(root, path) : join(dirname(entry), path);
    if (relative(root, file).startsWith('..')) throw new Error(`${name} is outside of the function's folder, ${root}`);
    return new Module(fs.readFileSync(file));
  };
}

/** Null: it is an ES module, or no JavaScript at all; importing it says which. */
function compileScript(entry: string, named: NamedFiles): ((...args: unknown[]) => unknown) | null {
  const names = ['exports', 'require', 'module', '__filename', '__dirname'];
  const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  try {
    const source = fs.readFileSync(entry, 'utf8');
    named.read(source, pathToFileURL(entry).href);
    return compileFunction(source, names, { filename: entry, importModuleDynamically }) as () => unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** `asModule`: the URL of a file that is an ES module, whatever the nearest package.json says. */
function hookImports(asModule: string | null, named: NamedFiles): void {
  registerHooks({
    load(url, context, next) {
      if (url === asModule)
        return { format: 'module', source: fs.readFileSync(fileURLToPath(url)), shortCircuit: true };
      if (!url.startsWith('file:') || !url.endsWith('.wasm?module')) {
        const loaded = next(url, context);
        const { source } = loaded;
        if (source !== null && source !== undefined)
          named.read(typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString(), url);
        return loaded;
      }
      const file = fileURLToPath(url.slice(0, -'?module'.length));
      // The generated module has no imports of its own: it asks for what every instance has.
      const source = `export default new WebAssembly.Module(process.getBuiltinModule('node:fs').readFileSync(${JSON.stringify(file)}));`;
      return { format: 'module', source, shortCircuit: true };
    },
  });
}
