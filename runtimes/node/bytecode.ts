/**
 * V8's bytecode of user modules. Node lets a process choose its directory once: a process that was started for a function
 * has chosen by its environment, a stem does here. A cache that is stale, cut off or somebody else's nonsense is ignored: V8
 * holds its version, flags, the source's hash and a checksum against it.
 */
import { enableCompileCache, getCompileCacheDir } from 'node:module';

/** Null: none. Does nothing where there is one. */
export function useBytecode(dir: string | null): void {
  if (dir !== null && getCompileCacheDir() === undefined) enableCompileCache(dir);
}
