import { readFileSync } from 'node:fs';

/** What memory is mapped in at least. Some arm64 kernels have larger pages. */
const smallestPageBytes = 4096;
let knownPageBytes = 0;

/**
 * The size of a page of memory, in which Linux counts what a process has (statm): a power of two, told by this process's own
 * resident pages against its resident bytes, as no file says it and Node has no call for it. 4096 where that cannot be read.
 */
export function pageBytes(): number {
  if (knownPageBytes > 0) return knownPageBytes;
  const pages = ownResidentPages();
  if (pages === null) return smallestPageBytes;
  const ratio = process.memoryUsage.rss() / pages / smallestPageBytes;
  knownPageBytes = smallestPageBytes * 2 ** Math.max(0, Math.round(Math.log2(ratio)));
  return knownPageBytes;
}

function ownResidentPages(): number | null {
  try {
    // Other encodings than UTF-8 cost 128 KiB of buffers where a file tells no length.
    return Number(readFileSync('/proc/self/statm', 'utf8').split(' ', 2)[1]);
  } catch {
    // Not Linux, or no descriptor is left now: asked again at the next call.
    return null;
  }
}
