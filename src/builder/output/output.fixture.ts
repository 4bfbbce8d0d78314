import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { textLog } from '../../base/log.ts';
import type { Deployment } from '../../model/snapshot.ts';
import { buildProject } from '../project.ts';
import { host, project } from '../project.fixture.ts';

type Tree = Readonly<Record<string, unknown>>;

/** A project with a build output: text as it is, anything else as JSON. Paths are relative to `.vercel/output`. */
export async function outputProject(output: Tree, besides: Tree = {}): Promise<string> {
  const files = [
    ...Object.entries({ 'config.json': { version: 3 }, ...output }).map(([path, content]) => [
      `.vercel/output/${path}`,
      content,
    ]),
    ...Object.entries(besides),
  ].map(([path, content]) => [path, typeof content === 'string' ? content : JSON.stringify(content)]);
  return project(Object.fromEntries(files) as Record<string, string>);
}

/** `target` as it is to stand in the link. */
export async function link(dir: string, path: string, target: string): Promise<void> {
  const at = join(dir, '.vercel/output', path);
  await mkdir(dirname(at), { recursive: true });
  await symlink(target, at);
}

export interface Built {
  readonly deployment: Deployment;
  readonly warnings: readonly string[];
  readonly reads: ReadonlySet<string>;
}

export async function build(dir: string, deployment = 'dep_1'): Promise<Built> {
  const warnings: string[] = [];
  const reads = new Set<string>();
  const built = await buildProject(dir, {
    project: 'shop',
    deployment,
    target: 'preview',
    isDevelopment: false,
    host,
    hosts: [],
    environment: { PLATFORM: 'yes', VERCEL_DEPLOYMENT_ID: deployment },
    log: textLog((line) => warnings.push(line.replaceAll(dir, 'DIR'))),
    reads,
  });
  return { deployment: built, warnings, reads };
}

/** The `.vc-config.json` of a function that runs as it is. */
export const nodeConfig = { runtime: 'nodejs24.x', handler: 'index.js', launcherType: 'Nodejs' } as const;
