// `next build` loads this, in its own process: the hosted platform's adapter, with what it makes put where Weir serves it
// from. Plain JavaScript, since that process may be of an older Node.
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const { WEIR_NEXT_ADAPTER: adapterFile, WEIR_OUTPUT_DIR: outputDir } = process.env;
const adapter = createRequire(import.meta.url)(adapterFile);

export const name = adapter.name;

export const modifyConfig = (config, context) => adapter.modifyConfig(config, context);

export async function onBuildComplete(context) {
  await adapter.onBuildComplete(context);
  const made = join(context.distDir, 'output');
  await rm(outputDir, { recursive: true, force: true });
  await mkdir(dirname(outputDir), { recursive: true });
  try {
    await rename(made, outputDir);
  } catch (error) {
    if (error.code !== 'EXDEV') throw error;
    await cp(made, outputDir, { recursive: true, verbatimSymlinks: true });
    await rm(made, { recursive: true, force: true });
  }
}
