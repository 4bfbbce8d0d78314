import { createHash } from 'node:crypto';
import type { FileOutput } from '../../model/output.ts';
import { forEachBounded } from './bounded.ts';
import { digestOfBundle } from './bundle.ts';
import type { Bundle } from './bundle.ts';
import type { OutputFunctions } from './functions.ts';
import type { Sources } from './sources.ts';

export interface Fingerprinted {
  /** The bytes of config.json. */
  readonly config: Buffer;
  readonly found: OutputFunctions;
  readonly files: ReadonlyMap<string, FileOutput>;
  readonly bundles: readonly Bundle[];
  readonly sources: Sources;
  /** What a function's environment is set to by the project; nothing that differs from one deployment to the next. */
  environmentOf(bundle: Bundle): Readonly<Record<string, string>>;
}

/**
 * Of all that decides what functions answer, and of what is kept of them from the start: what was kept of a deployment is
 * good for those that have the same. Content, and for static files names: what is in them has no part in it.
 */
export async function fingerprintOf(of: Fingerprinted): Promise<string> {
  const { config, found, files, bundles, sources } = of;
  const hash = createHash('sha256').update(config);
  const paths = [...found.prerenderBytes.keys()].toSorted();
  for (const path of paths) hash.update(`\n${path}\n`).update(found.prerenderBytes.get(path)!);
  const fallbacks = await digestsOfFallbacks(of);
  for (const path of [...fallbacks.keys()].toSorted()) hash.update(`\n${path}\n${fallbacks.get(path)}`);
  for (const bundle of bundles) {
    hash.update(`\n${bundle.function.name}\n`).update(bundle.function.bytes);
    const environment = Object.entries(of.environmentOf(bundle)).toSorted(([a], [b]) => (a < b ? -1 : 1));
    hash.update(JSON.stringify(environment));
    hash.update(await digestOfBundle(bundle, sources));
  }
  for (const path of [...found.paths.keys()].toSorted()) hash.update(`\n${path}\n${found.paths.get(path)}`);
  for (const path of [...files.keys()].toSorted()) hash.update(`\n${path}`);
  return hash.digest('base64url');
}

/** A build that renders a page anew has newer content in it than what was kept of the build before. */
async function digestsOfFallbacks({ found, sources }: Fingerprinted): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  await forEachBounded(found.prerenders, async ([path, { fallback }]) => {
    if (fallback !== null) digests.set(path, await sources.digest(fallback.file));
  });
  return digests;
}
