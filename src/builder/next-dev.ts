import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { FunctionConfig, FunctionSpec } from '../model/function.ts';
import { detect } from './detect.ts';
import type { DetectedFunction } from './detect.ts';
import { frameworkOf } from './build/frameworks.ts';
import type { Framework } from './build/frameworks.ts';
import { installedVersion, packageManagerOf, readPackageFile } from './build/package-file.ts';

/**
 * The framework of a project that serves nothing without its build; null: there is none, or functions of its own (a server
 * that calls `next()`, an api/ folder beside an application that is served elsewhere).
 */
export async function unbuiltFramework(root: string): Promise<Framework | null> {
  const packageFile = await readPackageFile(root);
  const framework = packageFile === null ? null : frameworkOf(packageFile.dependencies, null);
  if (framework === null || framework.recipe === 'none') return null;
  const functions = await functionsIn(root);
  if (framework.recipe !== 'next') return functions.length === 0 ? framework : null;
  return functions.every(({ launch }) => launch !== 'server') && (await hasPages(root)) ? framework : null;
}

async function functionsIn(root: string): Promise<readonly DetectedFunction[]> {
  try {
    return (await detect(root)).functions;
  } catch (error) {
    // Nothing to serve.
    if (error instanceof UsageError) return [];
    throw error;
  }
}

/** As Next looks for them. */
async function hasPages(root: string): Promise<boolean> {
  const found = await Promise.all(
    ['app', 'src/app', 'pages', 'src/pages'].map((folder) => stat(join(root, folder)).catch(() => null)),
  );
  return found.some((one) => one?.isDirectory());
}

/** What of a function is not of its development server. */
export type DevServerOf = Pick<FunctionSpec, 'id' | 'label' | 'project' | 'deployment' | 'environment' | 'name'>;

/**
 * The function that is a Next.js project's own development server. `config`: as the project has it; there is one instance
 * only, since two servers would write the same files. Throws a UsageError where Next is not installed.
 */
export async function nextDevServer(root: string, of: DevServerOf, config: FunctionConfig): Promise<FunctionSpec> {
  if ((await installedVersion(root, 'next')) === null) {
    const { install } = await packageManagerOf(root);
    throw new UsageError(`${root}: next is in package.json, and not installed: \`${install}\` first`);
  }
  return {
    ...of,
    root,
    entry: fileURLToPath(new URL('next-dev-server.js', import.meta.url)),
    launch: 'server',
    alone: true,
    config: {
      ...config,
      memoryMiB: Math.max(config.memoryMiB, limits.devServerMiB),
      maxDurationMs: limits.maxDurationMaxMs,
      maxInstances: 1,
      helpers: false,
      environment: { ...config.environment, NODE_ENV: 'development' },
    },
  };
}
