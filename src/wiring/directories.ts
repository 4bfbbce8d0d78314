import { createReadStream } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { ApiError } from '../api/errors.ts';
import { collect } from '../builder/upload/collect.ts';
import { hashFiles } from '../builder/upload/hashes.ts';
import type { Control } from '../control/control.ts';
import type { Manifest } from '../control/manifest.ts';

/** A project in a directory of this machine. */
export interface Directory {
  readonly dir: string;
  readonly name: string;
}

interface Parts {
  readonly control: Control;
  readonly clock: Clock;
  readonly log: Log;
  /** Where it is kept what files were hashed before. */
  readonly stateDir: string;
  /** The platform ends: what has not been begun is left for its next start. */
  readonly signal: AbortSignal;
}

/**
 * Deploys projects that lie on this machine, as `weir deploy --prod` does over the network: what is live and has the very same
 * files stays. One that cannot be deployed is told, and keeps no other from being.
 */
export async function deployDirectories(directories: readonly Directory[], parts: Parts): Promise<void> {
  const waiting = [...directories];
  const work = async (): Promise<void> => {
    for (let each = waiting.shift(); each !== undefined && !parts.signal.aborted; each = waiting.shift()) {
      try {
        await deployDirectory(each, parts);
      } catch (error) {
        const { message, code } = error as NodeJS.ErrnoException;
        // A file may be gone, or unreadable, by the time it is looked at.
        const isItsOwn = error instanceof UsageError || error instanceof ApiError || code !== undefined;
        if (!isItsOwn) throw error;
        parts.log.error(`${each.name} is not deployed: ${message}`);
      }
    }
  };
  await Promise.all(Array.from({ length: limits.projectsAtOnce }, work));
}

async function deployDirectory(
  { dir, name }: Directory,
  { control, clock, log, stateDir, signal }: Parts,
): Promise<void> {
  const { directory, files, links, warnings } = await collect(dir);
  for (const warning of warnings) log.warn(warning);
  const cacheFile = join(stateDir, 'hashes', `${createHash('sha256').update(dir).digest('hex').slice(0, 32)}.json`);
  const hashed = await hashFiles(files, { cacheFile, clock });
  const manifest = {
    files: hashed.map(({ path, sha256, bytes, executable }) => ({ path, sha256, bytes, executable })),
    links: [...links],
  };
  if (signal.aborted || isLive(control, { name, directory, manifest })) return;
  const { deployments, making } = control;
  const order = { ...manifest, directory, target: 'production' as const, promote: true, git: null };
  const { record, missing } = await deployments.create(name, order, null);
  const places = new Map(hashed.map(({ sha256, absolute }) => [sha256, absolute]));
  for (const sha256 of missing) {
    if (signal.aborted) return;
    await control.blobs.put(sha256, 0, createReadStream(places.get(sha256)!));
  }
  if (signal.aborted) return;
  await deployments.finish(record.id);
  const said = making.logOf(record.id);
  if (said !== null)
    for await (const { level, text } of said.follow(signal)) if (level === 'warn') log.warn(`${name}: ${text}`);
  if (signal.aborted) return;
  const made = deployments.require(record.id);
  if (made.state === 'failed') throw new UsageError(made.error ?? 'it could not be made');
}

interface Wanted {
  readonly name: string;
  readonly directory: string;
  readonly manifest: Manifest;
}

/** The same files, under the same names, are what production clients are led to. */
function isLive({ records, store, served }: Control, { name, directory, manifest }: Wanted): boolean {
  const live = records.find(name)?.live ?? null;
  if (live === null || !served.has(live)) return false;
  const record = store.find(live);
  if (record === null || record.directory !== directory) return false;
  return textOf(store.manifest(live)) === textOf(manifest);
}

const textOf = ({ files, links }: Manifest): string =>
  JSON.stringify([
    files.map(({ path, sha256, executable }) => [path, sha256, executable]),
    links.map(({ path, link }) => [path, link]),
  ]);
