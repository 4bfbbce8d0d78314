import type { FunctionConfig } from '../../model/function.ts';
import type { Bundle } from './bundle.ts';
import type { Source, Sources } from './sources.ts';

/** What becomes one function: one or more of the output. */
export interface Group {
  /** That of one of its members. */
  readonly name: string;
  readonly members: readonly Bundle[];
  readonly files: ReadonlyMap<string, Source>;
  readonly handler: string;
  readonly config: FunctionConfig;
}

interface Growing {
  readonly key: string;
  readonly members: Bundle[];
  readonly files: Map<string, Source>;
  readonly config: FunctionConfig;
}

/**
 * Functions whose build allows it (`experimentalAllowBundling`) become one where they are configured alike and no two of
 * their files differ, as on the hosted platform: the same code then answers all their paths, and they share instances.
 */
export async function grouped(
  bundles: readonly Bundle[],
  configOf: (bundle: Bundle) => FunctionConfig,
  sources: Sources,
): Promise<Group[]> {
  const groups: Growing[] = [];
  for (const bundle of bundles) {
    const config = configOf(bundle);
    const { launch, eventExport } = bundle.function.config;
    const key = JSON.stringify([bundle.handler, launch, eventExport, config]);
    const group = bundle.function.config.mayBeGrouped ? await fitting(groups, key, bundle, sources) : null;
    if (group === null) groups.push({ key, members: [bundle], files: new Map(bundle.files), config });
    else {
      group.members.push(bundle);
      for (const [path, source] of bundle.files) group.files.set(path, source);
    }
  }
  return groups.map(({ members, files, config }) => {
    const names = members.map(({ function: { name } }) => name);
    return { name: mostTelling(names), members, files, handler: members[0]!.handler, config };
  });
}

/** The page that people know the application by, or what has the shortest name. */
const mostTelling = (names: readonly string[]): string =>
  names.includes('index') ? 'index' : names.toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1))[0]!;

async function fitting(
  groups: readonly Growing[],
  key: string,
  bundle: Bundle,
  sources: Sources,
): Promise<Growing | null> {
  for (const group of groups) {
    if (group.key !== key || !group.members[0]!.function.config.mayBeGrouped) continue;
    if (await isCompatible(group.files, bundle.files, sources)) return group;
  }
  return null;
}

async function isCompatible(
  files: ReadonlyMap<string, Source>,
  others: ReadonlyMap<string, Source>,
  sources: Sources,
): Promise<boolean> {
  for (const [path, other] of others) {
    const one = files.get(path);
    if (one !== undefined && one !== other && !(await isSame(one, other, sources))) return false;
  }
  return true;
}

async function isSame(one: Source, other: Source, sources: Sources): Promise<boolean> {
  if (one.file === other.file) return true;
  if (one.kind === 'link') return other.kind === 'link' && one.text === other.text;
  if (one.kind === 'directory') return other.kind === 'directory';
  if (other.kind !== 'file' || one.bytes !== other.bytes) return false;
  return (await sources.digest(one.file)) === (await sources.digest(other.file));
}
