import { homedir, tmpdir } from 'node:os';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Deployment } from '../model/snapshot.ts';
import { NodeReleases } from './node-releases.ts';
import { NodeStore } from './node-store.ts';
import { userNpm } from './npm.ts';
import { openStore } from './own-store.ts';
import type { BuildHost } from './project.ts';
import { PythonPackages } from './python-packages.ts';
import { PythonReleases } from './python-releases.ts';

export interface ToolchainOptions {
  readonly cacheDir: string;
  /** The platform's own. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
}

/** What functions are built and run with, in every language. */
export interface Toolchains {
  readonly host: BuildHost;
  /** The deployment of the project in `dir`, with all that its functions need installed. Throws UsageError. */
  settle(deployment: Deployment, dir: string): Promise<Deployment>;
  /** The Node that instances of a release run on, whose functions may be in another language. Null: it is not installed. */
  node(release: string): string | null;
  /** The interpreter of a release `python3.N`. Null: there is none. */
  binary(release: string): string | null;
}

export async function openToolchains({ cacheDir, environment, clock, log }: ToolchainOptions): Promise<Toolchains> {
  const dir = await openStore(cacheDir, tmpdir(), 'node');
  const system = `${process.platform}-${process.arch}`;
  const store = new NodeStore({ dir, system, npm: userNpm({ environment, dir, clock }), clock, log });
  const nodes = new NodeReleases({ own: { version: process.versions.node, binary: process.execPath }, store, log });
  const python = new PythonReleases({ environment, home: homedir(), clock });
  const packagesDir = await openStore(cacheDir, tmpdir(), 'python');
  const packages = new PythonPackages({ dir: packagesDir, releases: python, environment, clock, log });
  return {
    host: { environment, clock, python },
    settle: async (deployment, project) => packages.settle(await nodes.settle(deployment, project), project),
    node: (release) => nodes.binary(release),
    binary: (release) => python.binary(release),
  };
}
