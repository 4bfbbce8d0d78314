import { realpath } from 'node:fs/promises';
import { relative } from 'node:path';
import type { Plugin } from 'esbuild';

/** Adds every file that goes through the compiler, relative to `dir`, also when it does not come to a result. */
export const noteReads = (dir: string, reads: Set<string>): Plugin => ({
  name: 'note-reads',
  async setup(build) {
    // The compiler names files without links.
    const root = await realpath(dir);
    build.onLoad({ filter: /.*/, namespace: 'file' }, ({ path }) => {
      reads.add(relative(root, path));
      return null;
    });
  },
});
