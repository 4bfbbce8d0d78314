import { join } from 'node:path';
import { UsageError } from '../../base/errors.ts';
import { isExecutable } from '../executables.ts';
import { programFile } from '../program.ts';
import type { BuildHost } from '../project.ts';
import { wishOfRuntime } from '../python-releases.ts';
import type { Group } from './groups.ts';

/**
 * What starts a function that is no JavaScript, whose bundle lies in `dir`; `root` is the project. Throws UsageError where the
 * machine has not what it needs.
 */
export async function startOf(group: Group, dir: string, root: string, host: BuildHost): Promise<readonly string[]> {
  const { config, dir: source } = group.members[0]!.function;
  const { starter } = config;
  const by = join(source, '.vc-config.json');
  if (starter === null) return [await itself(group, dir, by)];
  if (starter === 'bun') {
    const bun = await programFile(root, 'bun', host.environment);
    if (bun.kind === 'missing') throw new UsageError(`${by}: runtime: ${bun.why}`);
    return [bun.path, join(dir, group.handler)];
  }
  const runtime = await host.python.choose(wishOfRuntime(starter, `${by}: runtime`));
  return [host.python.binary(runtime)!, join(dir, group.handler)];
}

/**
 * Beside the program of one of the hosted platform's builders lies the one that it starts and passes requests to, on a port that is
 * always the same: instances on one machine would take it from each other.
 */
const behindProxy = 'user-server';

async function itself({ files, handler }: Group, dir: string, by: string): Promise<string> {
  const name = handler === 'executable' && files.has(behindProxy) ? behindProxy : handler;
  const program = join(dir, name);
  if (await isExecutable(program)) return program;
  throw new UsageError(`${by}: handler: ${name} is not executable`);
}
