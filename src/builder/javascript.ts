import { build as runEsbuild } from 'esbuild';
import type { Message, Plugin } from 'esbuild';
import { UsageError } from '../base/errors.ts';
import { complaints, errorsOf } from './complaints.ts';
import { noteReads } from './reads.ts';

/**
 * Looks for what would keep JavaScript from being loaded: syntax errors and imports of files that are not there, in the
 * entries and in what they import. Nothing is written: it runs from where it stands. Throws UsageError with all of them.
 */
export async function checkJavaScript(files: readonly string[], dir: string, reads: Set<string>): Promise<void> {
  if (files.length === 0) return;
  try {
    await runEsbuild({
      entryPoints: [...files],
      absWorkingDir: dir,
      bundle: true,
      write: false,
      // It names the outputs of several entries, which nobody sees.
      outdir: dir,
      packages: 'external',
      external: ['*.node', '*.wasm'],
      platform: 'node',
      format: 'esm',
      target: 'esnext',
      logLevel: 'silent',
      // Node reads none either.
      tsconfigRaw: '{}',
      plugins: [noteReads(dir, reads), lateImports],
    });
  } catch (error) {
    const lines = complaints(errorsOf(error).filter(isOfTheSource), dir);
    if (lines.length > 0) throw new UsageError(lines.join('\n'));
  }
}

/** Not of the form that the output would have had: as a script, the source may say what a module may not. */
const isOfTheSource = ({ text, location }: Message): boolean =>
  !/with the "esm" output format/.test(text) && !/(?:^|[\\/])node_modules[\\/]/.test(location?.file ?? '');

/** What is asked for while code runs may be there by then, or the code knows what to do without. */
const lateImports: Plugin = {
  name: 'late-imports',
  setup(build) {
    build.onResolve({ filter: /^\.{0,2}\// }, async ({ path, kind, importer, resolveDir, pluginData }) => {
      if (pluginData === asked || (kind !== 'require-call' && kind !== 'dynamic-import')) return null;
      const found = await build.resolve(path, { kind, importer, resolveDir, pluginData: asked });
      return found.errors.length > 0 ? { path, external: true } : found;
    });
  },
};

/** Marks a question of this plugin's own. */
const asked = Symbol('asked');
