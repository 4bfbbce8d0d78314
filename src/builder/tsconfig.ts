import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { limits } from '../base/limits.ts';

export interface TsConfig {
  /** The file, absolute. */
  readonly file: string;
  /** As written, those of the files it extends included. */
  readonly compilerOptions: Readonly<Record<string, unknown>>;
}

/** The tsconfig.json that holds for a file, as the compiler finds it: in its folder or the nearest one above. */
export async function tsconfigFor(path: string): Promise<TsConfig | null> {
  for (let at = dirname(path); ; at = dirname(at)) {
    const file = join(at, 'tsconfig.json');
    const compilerOptions = await optionsIn(file, 0);
    if (compilerOptions !== null) return { file, compilerOptions };
    if (at === dirname(at)) return null;
  }
}

/** The files that the options of a file's compilation come from: the nearest tsconfig.json, and what it extends. */
export async function tsconfigChain(path: string): Promise<string[]> {
  const nearest = await tsconfigFor(path);
  const files = nearest === null ? [] : [nearest.file];
  for (const file of files) {
    const content = parseWithComments(await readFile(file, 'utf8').catch(() => ''));
    for (const base of [content?.extends].flat()) {
      const found = typeof base === 'string' ? extended(file, base) : null;
      if (found !== null && !files.includes(found) && files.length < limits.tsconfigDepth) files.push(found);
    }
  }
  return files;
}

/** Null: there is no such file, or none that can be read; the compiler complains of that. */
async function optionsIn(file: string, depth: number): Promise<Record<string, unknown> | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  const content = text === null ? null : parseWithComments(text);
  if (content === null) return null;
  const options: Record<string, unknown> = {};
  const bases = Array.isArray(content.extends) ? content.extends : [content.extends];
  for (const base of bases) {
    const baseFile = typeof base === 'string' && depth < limits.tsconfigDepth ? extended(file, base) : null;
    if (baseFile !== null) Object.assign(options, await optionsIn(baseFile, depth + 1));
  }
  return Object.assign(options, content.compilerOptions);
}

interface Content {
  readonly extends?: unknown;
  readonly compilerOptions?: object;
}

function parseWithComments(text: string): Content | null {
  const plain = text
    .replace(/^\uFEFF/, '')
    .replaceAll(/("(?:[^"\\]|\\.)*")|\/\/.*|\/\*[\s\S]*?\*\//g, (_, string: string | undefined) => string ?? '')
    .replaceAll(/("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g, (_, string: string | undefined) => string ?? '');
  try {
    const content: unknown = JSON.parse(plain);
    return typeof content === 'object' && content !== null ? content : null;
  } catch {
    return null;
  }
}

/** A file beside, or one of a package. */
function extended(file: string, base: string): string | null {
  if (isAbsolute(base) || /^\.\.?(?:[\\/]|$)/.test(base)) {
    return resolve(dirname(file), base.endsWith('.json') ? base : `${base}.json`);
  }
  const from = createRequire(file);
  for (const specifier of [base, `${base}.json`, `${base}/tsconfig.json`]) {
    try {
      const found = from.resolve(specifier);
      if (found.endsWith('.json')) return found;
    } catch {
      continue;
    }
  }
  return null;
}
