import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build as runEsbuild, transform } from 'esbuild';
import type { BuildOptions, Plugin } from 'esbuild';
import { UsageError } from '../base/errors.ts';
import type { Launch } from '../model/function.ts';
import { faultLines } from './faults.ts';
import { literalAt } from './literal.ts';
import type { Literal } from './literal.ts';
import { codeSchema } from './schema.ts';
import type { Settings } from './schema.ts';
import { loaderOf } from './source-place.ts';

/** What a function's own file says of it: `export const config = { … }`, `export const maxDuration = 5`. */
export interface CodeConfig {
  readonly settings: Settings;
  /** It says `runtime: 'edge'`: its default export takes a Request. */
  readonly isEdge: boolean;
  readonly warnings: readonly string[];
}

const nothing: CodeConfig = { settings: {}, isEdge: false, warnings: [] };

/** Exports that may be settings, and the fields of `config` that are. */
const exported = ['config', 'maxDuration', 'runtime', 'preferredRegion'] as const;
/** Fields of `config` that are no settings as exports of their own, and may be meant so. */
const onlyInConfig = ['memory', 'maxConcurrency', 'maxInstances', 'weight'] as const;
const fields: ReadonlySet<string> = new Set([
  'memory',
  'maxDuration',
  'maxConcurrency',
  'maxInstances',
  'weight',
  'runtime',
]);
const edge: ReadonlySet<unknown> = new Set(['edge', 'experimental-edge']);

/** `file` is relative to `dir`. Only literals are read, nothing is run. Throws UsageError with every fault found. */
export async function readCodeConfig(dir: string, file: string, launch: Launch): Promise<CodeConfig> {
  const path = join(dir, file);
  // A server's file may call what it likes so, and be a bundle of megabytes that has the words.
  const names = launch === 'module' ? [...exported, ...onlyInConfig] : exported;
  const found = await exportedLiterals(path, await readFile(path, 'utf8'), names);
  if (found.size === 0) return nothing;
  const warnings: string[] = [];
  // A server's file may call what it likes `config`: nothing is said then of what is not known.
  const warn = (text: string): void => void (launch === 'module' && warnings.push(`${path}: ${text}`));
  const own = found.get('config');
  if (found.has('config') && !isObject(own)) warn('config is not an object of literals: without effect');
  const config = isObject(own) ? taken(own, 'config.', warn) : {};
  for (const name of onlyInConfig) {
    if (found.delete(name)) warn(`${name} is without effect as an export: use export const config = { ${name}: … }`);
  }
  const { preferredRegion, ...separate } = Object.fromEntries([...found].filter(([name]) => name !== 'config'));
  if (preferredRegion !== undefined) warn('without effect in this version of Weir: preferredRegion');
  const value = { config, ...taken(separate, '', warn) };
  const parsed = codeSchema.safeParse(value);
  if (!parsed.success) {
    throw new UsageError(
      faultLines(parsed.error.issues, value)
        .map((line) => `${path}: ${line}`)
        .join('\n'),
    );
  }
  const { config: inConfig, ...besides } = parsed.data;
  const isEdge = launch === 'module' && (edge.has(found.get('runtime')) || (isObject(own) && edge.has(own['runtime'])));
  return { settings: { ...besides, ...inConfig }, isEdge, warnings };
}

const isObject = (value: Literal): value is { readonly [name: string]: Literal } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The fields that have an effect and can be read. `place` stands before their names in warnings. */
function taken(
  all: { readonly [name: string]: Literal },
  place: string,
  warn: (text: string) => void,
): { readonly [name: string]: Literal } {
  const read: [string, Literal][] = [];
  const idle: string[] = [];
  for (const [name, value] of Object.entries(all)) {
    if (!fields.has(name)) idle.push(`${place}${name}`);
    else if (value === undefined) warn(`${place}${name} is not a literal: without effect`);
    // The names without a version mean what there is.
    else if (name !== 'runtime' || (value !== 'nodejs' && !edge.has(value))) read.push([name, value]);
  }
  if (idle.length > 0) warn(`without effect in this version of Weir: ${idle.join(', ')}`);
  return Object.fromEntries(read);
}

const someExport = /\bexport\b/;
/** Each is one pass over the text: servers' files may be bundles of megabytes. */
const mayExport = (source: string, names: readonly string[]): boolean =>
  someExport.test(source) && new RegExp(`\\b(?:${names.join('|')})\\b`).test(source);

/** The exports that are there, each with its value as far as that is a literal. */
async function exportedLiterals(path: string, source: string, names: readonly string[]): Promise<Map<string, Literal>> {
  const found = new Map<string, Literal>();
  if (!mayExport(source, names)) return found;
  const printed = await print(path, source);
  if (printed === null) return found;
  const clause = printed.text.slice(printed.text.lastIndexOf('\nexport {'));
  for (const name of names) {
    if (!printed.exports.includes(name)) continue;
    const local = new RegExp(`\\n  (?:([\\w$]+) as )?${name},?\\n`).exec(clause)?.[1] ?? name;
    const declared = new RegExp(`^(?:var|let|const) ${local.replaceAll('$', '\\$')} = `, 'm').exec(printed.text);
    found.set(name, declared === null ? undefined : literalAt(printed.text, declared.index + declared[0].length));
  }
  return found;
}

/**
 * The file in one form, whatever was written: no types, no comments, no template literals (so that a line which begins
 * with a declaration is one), a declaration a statement, and one list of exports at the end. Null: it does not compile,
 * which others tell.
 */
async function print(path: string, contents: string): Promise<{ text: string; exports: readonly string[] } | null> {
  const { jsx, target, supported, legalComments, logLevel, tsconfigRaw } = settings;
  const form = { jsx, target, supported, legalComments, logLevel, tsconfigRaw };
  try {
    // Some comments stay, unless all that is not needed goes.
    const { code } = await transform(contents, { ...form, loader: loaderOf(path), minifyWhitespace: true });
    const result = await runEsbuild({ ...settings, stdin: { contents: code, loader: 'js', sourcefile: path } });
    const output = Object.values(result.metafile.outputs)[0];
    return output === undefined ? null : { text: result.outputFiles[0]?.text ?? '', exports: output.exports };
  } catch {
    return null;
  }
}

const importNothing: Plugin = {
  name: 'import-nothing',
  setup: (build) => build.onResolve({ filter: /.*/ }, ({ path }) => ({ path, external: true })),
};

const settings = {
  bundle: true,
  write: false,
  metafile: true,
  format: 'esm',
  target: 'esnext',
  platform: 'node',
  supported: { 'template-literal': false },
  legalComments: 'none',
  charset: 'utf8',
  jsx: 'automatic',
  logLevel: 'silent',
  tsconfigRaw: { compilerOptions: { experimentalDecorators: true } },
  plugins: [importNothing],
} as const satisfies BuildOptions;
