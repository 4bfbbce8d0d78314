// The house rules that a machine can check. ARCHITECTURE.md explains them; this file holds them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Imports point one way. A folder may import itself and what its row names. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'src/base': [],
  'src/model': ['src/base'],
  'src/tunnel': ['src/base', 'src/model'],
  'src/scheduler': ['src/base', 'src/model'],
  'src/resolver': ['src/base', 'src/model', 'src/tunnel'],
  'src/meter': ['src/base', 'src/model'],
  'src/provider': ['src/base', 'src/model'],
  'src/router': ['src/base', 'src/model', 'src/tunnel', 'src/scheduler', 'src/provider', 'src/meter'],
  'src/edge': ['src/base', 'src/model', 'src/resolver', 'src/tunnel'],
  'src/rehearsal': ['src/base', 'src/model', 'src/tunnel', 'src/provider', 'src/meter', 'src/router', 'src/edge'],
  'src/core': ['src/base', 'src/model', 'src/tunnel'],
  'src/api': ['src/base'],
  'src/control': ['src/base', 'src/model', 'src/meter', 'src/api'],
  'src/builder': ['src/base', 'src/model'],
  'src/cli': ['src/base', 'src/model', 'src/builder', 'src/api', 'src/main.ts'],
  web: ['src/base', 'src/api'],
  'runtimes/node': ['src/base', 'src/model', 'src/tunnel', 'src/core'],
};

/** A library is imported by one folder, for the reason in ARCHITECTURE.md. Whoever is not listed imports none. */
const libraries: Readonly<Record<string, readonly string[]>> = {
  'src/api': ['zod'],
  'src/builder': ['@vercel/nft', '@vercel/routing-utils', 'esbuild', 'zod'],
  'src/cli': ['commander'],
  'src/control': ['@hono/node-server', 'croner', 'hono'],
  'src/edge': ['sharp'],
  web: ['preact', 'preact/hooks', 'preact/jsx-runtime', 'uplot'],
};
/** Tests may also use these. */
const testLibraries = [
  '@next/routing',
  '@vercel/build-utils',
  '@vercel/functions',
  '@vercel/routing-utils',
  'esbuild',
  'axe-core',
  'express',
  'fast-check',
  'playwright-core',
  'sharp',
  'socket.io',
  'socket.io-client',
  'ws',
];

/** Folders of decisions: no clock, no randomness, no I/O. */
const pure = new Set(['src/model', 'src/scheduler']);
const impure =
  /\b(?:Date\.now|new Date\(|Math\.random|performance\.now|setTimeout|setInterval|setImmediate|process\.)|from 'node:/;

/** Names that say nothing. */
const emptyNames = /^(?:utils?|helpers?|common|shared|libs?|misc|manager|index)(?:\.|$)/;
/** The one place where `helpers` is the field's own word: the (req, res) helpers of the hosted platform. */
const namedByTheField = new Set(['runtimes/node/helpers.ts', 'runtimes/node/helpers.test.ts']);

/** Synonyms of words in the glossary. */
const synonyms = /\b(?:pod|pods|lambda|lambdas|workerPool|podId)\b/;

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root })
  .toString()
  .split('\n')
  .filter((path) => path !== '');
const code = files.filter((path) => /^(?:src|runtimes|test|bench|web)\/.*\.tsx?$/.test(path));
const shipped = code.filter((path) => /^(?:src|runtimes|web)\//.test(path) && !path.endsWith('.test.ts'));

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
/** Comments may name what code may not do. */
const withoutComments = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, '');

const folderOf = (path: string): string => {
  const parts = path.split('/');
  // The dashboard is one program, of a few pages.
  if (parts[0] === 'web') return 'web';
  return parts.length === 2 ? path : `${parts[0]}/${parts[1]}`;
};

const specifiers = (text: string): string[] => [
  ...[...text.matchAll(/^\s*(?:import|export)\b[^'";]*?\bfrom\s+'([^']+)'/gms)].map((match) => match[1]!),
  ...[...text.matchAll(/^\s*import\s+'([^']+)'/gm)].map((match) => match[1]!),
  ...[...text.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g)].map((match) => match[1]!),
];

const faults = (check: (path: string, text: string) => string | null, paths: readonly string[]): string[] =>
  paths.flatMap((path) => {
    const fault = check(path, read(path));
    return fault === null ? [] : [`${path}: ${fault}`];
  });

test('imports point one way', () => {
  const found = faults((path, text) => {
    const folder = folderOf(path);
    // The composition root.
    if (folder === 'src/main.ts' || folder === 'src/wiring') return null;
    const allowed = mayImport[folder];
    if (allowed === undefined) return `the folder ${folder} has no row in the import table`;
    for (const specifier of specifiers(text)) {
      if (!specifier.startsWith('.')) continue;
      const target = folderOf(relative(root, resolve(dirname(join(root, path)), specifier)));
      if (target !== folder && !allowed.includes(target)) return `may not import ${target}`;
    }
    return null;
  }, shipped);
  assert.deepEqual(found, []);
});

test('a library is imported by the one folder that has a reason to', () => {
  const found = faults((path, text) => {
    const isTest = path.endsWith('.test.ts') || path.startsWith('test/') || path.startsWith('bench/');
    const allowed = new Set([...(libraries[folderOf(path)] ?? []), ...(isTest ? testLibraries : [])]);
    for (const specifier of specifiers(text)) {
      if (specifier.startsWith('.') || specifier.startsWith('node:')) continue;
      if (!allowed.has(specifier)) return `may not import the library ${specifier}`;
    }
    return null;
  }, code);
  assert.deepEqual(found, []);
});

test('the dashboard takes only types of the API: its schemas are not sent to browsers', () => {
  const found = faults(
    (_, text) => /^import (?!type\b)[^;]* from '[^']*src\/api\/(?!errors\.ts)[^']*'/m.exec(text)?.[0] ?? null,
    code.filter((path) => path.startsWith('web/')),
  );
  assert.deepEqual(found, []);
});

test('folders of decisions are pure', () => {
  const found = faults(
    (_, text) => impure.exec(withoutComments(text))?.[0] ?? null,
    shipped.filter((path) => pure.has(folderOf(path))),
  );
  assert.deepEqual(found, []);
});

test('names say what they are', () => {
  const found = files.filter(
    (path) =>
      /^(?:src|runtimes|test|bench|web)\//.test(path) &&
      !namedByTheField.has(path) &&
      path.split('/').some((part) => emptyNames.test(part)),
  );
  assert.deepEqual(found, []);
});

test('one word per thing', () => {
  assert.deepEqual(
    faults((_, text) => synonyms.exec(withoutComments(text))?.[0] ?? null, shipped),
    [],
  );
});

test('units are last in names', () => {
  const bare =
    /\b(?:readonly\s+)?(\w*(?:[tT]imeout|[iI]nterval|[dD]elay|[dD]uration|[mM]emory|[sS]ize))\??:\s*number\b/;
  assert.deepEqual(
    faults((_, text) => bare.exec(withoutComments(text))?.[1] ?? null, shipped),
    [],
  );
});

test('time is an argument', () => {
  // Inside an instance there is only the one real clock; src/base/clock.ts is where it comes from everywhere else.
  // A socket's own setTimeout is an option of the socket. In a browser, web/clock.ts is where it comes from.
  const clock = /(?<![.\w])(?:Date\.now\(|Math\.random\(|performance\.now\(|setTimeout\(|setInterval\()/;
  const found = faults(
    (_, text) => clock.exec(withoutComments(text))?.[0] ?? null,
    shipped.filter((path) => !/^(?:src\/base\/clock\.ts$|src\/core\/|runtimes\/|web\/clock\.ts$)/.test(path)),
  );
  assert.deepEqual(found, []);
});

test('the edge takes node:http without the facade of its module', () => {
  // 14 MiB: src/edge/node-http.ts.
  const found = faults(
    (_, text) => /^import (?!type\b)[^;]* from 'node:https?'/m.exec(text)?.[0] ?? null,
    shipped.filter((path) => !/^src\/cli\/|\.fixture\.ts$/.test(path)),
  );
  assert.deepEqual(found, []);
});

test('the environment is read at the edges of the program only', () => {
  const found = faults(
    (_, text) => /process\.env\b/.exec(withoutComments(text))?.[0] ?? null,
    shipped.filter((path) => !/^(?:src\/main\.ts$|src\/cli\/|src\/core\/child\/main\.ts$|runtimes\/node\/)/.test(path)),
  );
  assert.deepEqual(found, []);
});

test('no default exports, no disabled rules without a reason, nothing left for later', () => {
  const left =
    /\bTODO\b|\bFIXME\b|\bXXX\b|not (?:yet )?implemented|oxlint-disable(?![^\n]* -- \S)|@ts-(?:ignore|expect-error)(?! \S)/i;
  const found = faults((path, text) => (path === 'test/tidy.test.ts' ? null : (left.exec(text)?.[0] ?? null)), code);
  assert.deepEqual(found, []);
});

test('tests are not skipped, and not the only ones', () => {
  const found = faults(
    (path, text) =>
      path === 'test/tidy.test.ts'
        ? null
        : (/\b(?:test|it|describe|suite)\.(?:skip|only|todo)\b|\{\s*(?:skip|only|todo):/.exec(text)?.[0] ?? null),
    code,
  );
  assert.deepEqual(found, []);
});

test('files are at most 400 lines', () => {
  assert.deepEqual(
    faults((_, text) => (text.split('\n').length > 401 ? `${text.split('\n').length} lines` : null), code),
    [],
  );
});
