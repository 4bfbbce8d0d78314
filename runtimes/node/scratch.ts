/** A scratch instance: loads a function once, so that V8's bytecode of its modules is there for all others. */
import * as fs from 'node:fs';
import { createRequire, flushCompileCache } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { limits } from '../../src/base/limits.ts';
import type { LoadOrder } from '../../src/core/call.ts';
import { compileOnly, compileWhole } from './eager.ts';
import { describe, noHost } from './host.ts';
import { load } from './load.ts';

/** Ends the process: 0, or 1 when the function could not be loaded; `say` tells why. */
export async function loadForBytecode(order: LoadOrder, say: (line: string) => void): Promise<never> {
  process.on('uncaughtException', (error) => {
    say(describe(error));
    process.exit(1);
  });
  const whole = compileWhole();
  try {
    await load(order, noHost);
  } catch (error) {
    say(describe(error));
    process.exit(1);
  }
  for (const page of pagesOf(order)) {
    try {
      await createRequire(order.entry)(page);
    } catch (error) {
      // It will be told when it is asked for.
      say(`${page}: ${describe(error)}`);
    }
  }
  if (basename(order.entry).startsWith(nextLauncher)) compileRest(order.root);
  if (whole === null) flushCompileCache();
  else whole.finish();
  process.exit(0);
}

/** What a Next.js build names the entry of a bundle. The bundle has what requests are about to require, and little else. */
const nextLauncher = '___next_launcher';

/** What requests would require, without running it: what a page's client components are rendered from, say. */
function compileRest(root: string): void {
  let bytes = 0;
  for (const entry of fs.readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.c?js$/.test(entry.name)) continue;
    bytes += compileOnly(join(entry.parentPath, entry.name));
    if (bytes > limits.bytecodeRestBytes) return;
  }
}

/**
 * What a function would only load when it is first asked for it: the pages of a Next.js build, by the lists that lie beside
 * them. Absolute; those that are in its bundle.
 */
function pagesOf({ entry }: LoadOrder): string[] {
  const home = dirname(entry);
  const pages = new Set<string>();
  for (const folder of fs.readdirSync(home, { withFileTypes: true })) {
    if (!folder.isDirectory() || folder.name === 'node_modules') continue;
    const server = join(home, folder.name, 'server');
    for (const list of ['app-paths-manifest.json', 'pages-manifest.json']) {
      for (const page of listedIn(join(server, list))) {
        const file = join(server, page);
        if (file.endsWith('.js') && file.startsWith(server) && fs.existsSync(file)) pages.add(file);
      }
    }
  }
  return [...pages];
}

function listedIn(file: string): string[] {
  try {
    const value: unknown = JSON.parse(fs.readFileSync(file, 'utf8'));
    return Object.values(value as object).filter((each): each is string => typeof each === 'string');
  } catch {
    return [];
  }
}
