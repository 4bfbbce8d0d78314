import { readFile } from 'node:fs/promises';
import { dirname, extname, join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Loader, OnLoadResult, Plugin } from 'esbuild';
import type { OutputFormat } from './format.ts';

/**
 * Code that asks where it stands is told where its source stands, not where the bundle does: many read a template or a
 * prompt that lies beside them. This gives those expressions names, and `sourcePlaces` declares the names, file by file.
 */
export const placeNames = {
  'import.meta.url': '__weirUrl',
  'import.meta.filename': '__weirFilename',
  'import.meta.dirname': '__weirDirname',
  'import.meta.resolve': '__weirResolve',
  __filename: '__weirFilename',
  __dirname: '__weirDirname',
} as const;

const asksForPlace = /import\s*\.\s*meta|__filename|__dirname/;
const asksToResolve = /import\s*\.\s*meta\s*\.\s*resolve/;

/** What stands above a bundle of modules: `import.meta` means the bundle there, as nowhere below. */
export const moduleBanner = (dir: string): string =>
  // TypeScript written for CommonJS calls require() in what became a module.
  `import { createRequire as __weirCreateRequire } from 'node:module'; ` +
  `const require = __weirCreateRequire(${JSON.stringify(pathToFileURL(join(dir, 'package.json')).href)}); ` +
  // Packages are found from the bundle as from the source: it lies in the project.
  `const __weirResolveFrom = (base) => (specifier) => ` +
  `/^\\.{0,2}\\//.test(specifier) ? new URL(specifier, base).href : import.meta.resolve(specifier);`;

/** Where there is no import.meta to ask, packages are found as by require(). */
const resolveFromScript =
  `((base) => { const { createRequire, isBuiltin } = require('node:module'); return (specifier) => { ` +
  `if (/^\\.{0,2}\\//.test(specifier)) return new URL(specifier, base).href; ` +
  `if (URL.canParse(specifier)) return new URL(specifier).href; ` +
  `if (isBuiltin(specifier)) return 'node:' + specifier; ` +
  `return require('node:url').pathToFileURL(createRequire(base).resolve(specifier)).href; }; })`;

function declarations(path: string, source: string, format: OutputFormat): string {
  const resolveFrom = format === 'esm' ? '__weirResolveFrom' : resolveFromScript;
  return (
    `const __weirUrl = ${JSON.stringify(pathToFileURL(path).href)}, ` +
    `__weirFilename = ${JSON.stringify(path)}, __weirDirname = ${JSON.stringify(dirname(path))}` +
    `${asksToResolve.test(source) ? `, __weirResolve = /* @__PURE__ */ ${resolveFrom}(__weirUrl)` : ''}; `
  );
}

const loaders: Readonly<Record<string, Loader>> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
  '.jsx': 'jsx',
};

export const loaderOf = (path: string): Loader => loaders[extname(path)] ?? 'default';

/** What the compiler is to see of a file in place of its source; null: the source. */
export type Translate = (path: string, source: string) => Promise<Pick<OnLoadResult, 'contents' | 'errors'> | null>;

/** `prefixes` receives how far the first line of each file was moved. */
export const sourcePlaces = (format: OutputFormat, prefixes: Map<string, number>, translate: Translate): Plugin => ({
  name: 'source-places',
  setup(build) {
    build.onLoad({ filter: /\.[mc]?[jt]sx?$/, namespace: 'file' }, async ({ path }) => {
      if (path.includes(`${sep}node_modules${sep}`)) return null;
      const written = await readFile(path, 'utf8');
      const translated = await translate(path, written);
      if (translated?.errors !== undefined) return { errors: translated.errors };
      const source = String(translated?.contents ?? written);
      const loader = loaderOf(path);
      if (!asksForPlace.test(source)) return translated === null ? null : { contents: source, loader };
      const place = declarations(path, source, format);
      if (!source.startsWith('#!')) prefixes.set(path, place.length);
      // On the first line, so that the lines of errors stay right; after a `#!`, which must be the first.
      const contents = source.startsWith('#!') ? source.replace(/^.*\n?/, (first) => first + place) : place + source;
      return { contents, loader };
    });
  },
});
