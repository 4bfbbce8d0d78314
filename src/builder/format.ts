import { readFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { UsageError } from '../base/errors.ts';

export type OutputFormat = 'esm' | 'cjs';

export const outputExtensions: Readonly<Record<OutputFormat, string>> = { esm: '.mjs', cjs: '.cjs' };

/** JavaScript runs from where it stands. */
export const isBundled = (file: string): boolean => !/\.[mc]?js$/.test(file);

/** As Node would read it: `.cts` and the `type` of the nearest package.json decide; without a `type`, modules. */
export async function formatOf(path: string): Promise<OutputFormat> {
  switch (extname(path)) {
    case '.cts':
      return 'cjs';
    case '.mts':
      return 'esm';
    default:
      return (await packageType(path)) === 'commonjs' ? 'cjs' : 'esm';
  }
}

/** `type` of the package.json that is nearest to a file; null without. */
export async function packageType(path: string): Promise<string | null> {
  for (let at = dirname(path); ; at = dirname(at)) {
    const text = await readFile(join(at, 'package.json'), 'utf8').catch(() => null);
    if (text !== null) return typeField(join(at, 'package.json'), text);
    if (at === dirname(at)) return null;
  }
}

function typeField(path: string, text: string): string | null {
  try {
    const { type } = JSON.parse(text) as { type?: unknown };
    return typeof type === 'string' ? type : null;
  } catch (error) {
    throw new UsageError(`${path}: not valid JSON: ${(error as Error).message}`);
  }
}
