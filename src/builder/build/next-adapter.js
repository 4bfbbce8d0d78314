// `next build` loads this, in its own process: the hosted platform's adapter, with what it makes put where Weir serves it
// from. Plain JavaScript, since that process may be of an older Node.
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const { WEIR_NEXT_ADAPTER: adapterFile, WEIR_OUTPUT_DIR: outputDir } = process.env;
const adapter = createRequire(import.meta.url)(adapterFile);

export const name = adapter.name;

export const modifyConfig = (config, context) => adapter.modifyConfig(config, context);

export async function onBuildComplete(context) {
  await adapter.onBuildComplete(context);
  const made = join(context.distDir, 'output');
  await sayScheme(join(made, 'functions'));
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

const alwaysHttps = '`https://${req.headers.host';
const asAsked = '`${req.headers["x-forwarded-proto"] || "https"}://${req.headers.host';

/**
 * To the hosted platform's launcher every request came by HTTPS. Here it may have come by HTTP: `request.url` would send
 * clients to where nobody listens, and Next.js would ask itself there for what a server action redirects to.
 */
async function sayScheme(dir) {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== 'node_modules') await sayScheme(path);
    } else if (entry.isFile() && entry.name === '___next_launcher.cjs') {
      const text = await readFile(path, 'utf8');
      await writeFile(
        path,
        text.replaceAll(alwaysHttps, () => asAsked),
      );
    }
  }
}
