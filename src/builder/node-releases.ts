import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { FunctionSpec, NodeRuntime, Runtime } from '../model/function.ts';
import type { Deployment } from '../model/snapshot.ts';
import type { NodeStore } from './node-store.ts';

/** Which release of Node runs a project's functions. */
export interface ReleaseOptions {
  /** The platform's own: it serves functions of its major. */
  readonly own: { readonly version: string; readonly binary: string };
  readonly store: NodeStore;
  readonly log: Log;
}

type Pins = Partial<Record<NodeRuntime, string>>;

const isOfNode = (runtime: Runtime): runtime is NodeRuntime => runtime.startsWith('nodejs');

const majorOf = (text: string): number => Number(/\d+/.exec(text)?.[0] ?? 0);

/**
 * Runtimes that are another major than the platform's are installed when a project is first served that asks for them. The
 * exact version is written to `.weir/runtimes.json` of the project then, so that it runs the same one ever after.
 */
export class NodeReleases {
  readonly #options: ReleaseOptions;

  constructor(options: ReleaseOptions) {
    this.#options = options;
  }

  /**
   * The deployment of the project in `dir`, each of its functions with the release that runs it, installed. Throws UsageError
   * when one cannot be had.
   */
  async settle(deployment: Deployment, dir: string): Promise<Deployment> {
    const wanted = new Set(deployment.functions.map(({ config }) => config.runtime).filter(isOfNode));
    const others = [...wanted].filter((runtime) => majorOf(runtime) !== majorOf(this.#options.own.version));
    if (others.length === 0) return deployment;
    const file = path.join(dir, '.weir', 'runtimes.json');
    const pins = await this.#read(file);
    const settled: Pins = { ...pins };
    for (const runtime of others) settled[runtime] = await this.#have(runtime, pins[runtime] ?? null, file);
    if (others.some((runtime) => pins[runtime] !== settled[runtime])) await write(file, settled);
    const functions = deployment.functions.map((spec): FunctionSpec => {
      const { runtime } = spec.config;
      const version = isOfNode(runtime) && others.includes(runtime) ? settled[runtime] : undefined;
      return version === undefined ? spec : { ...spec, release: `nodejs${version}` };
    });
    return { ...deployment, functions };
  }

  /** `release`: as `releaseOf` names it; of another language: what its core runs on. Null: it is not installed. */
  binary(release: string): string | null {
    const { own, store } = this.#options;
    if (!release.startsWith('nodejs')) return own.binary;
    const exact = /^nodejs(\d+\.\d+\.\d+)$/.exec(release)?.[1];
    if (exact !== undefined) return store.binary(exact);
    return majorOf(release) === majorOf(own.version) ? own.binary : null;
  }

  /** The version, installed. */
  async #have(runtime: NodeRuntime, pinned: string | null, file: string): Promise<string> {
    const { store } = this.#options;
    try {
      const version = pinned ?? (await this.#choose(runtime));
      await store.install(version);
      return version;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      const next = pinned === null ? '' : `, or remove ${file}, which asks for just this version`;
      throw new UsageError(
        `Node ${pinned ?? majorOf(runtime)} for functions with runtime ${runtime} is not installed, and cannot be: ${error.message}\n` +
          `Try again when npm can reach its registry${next}; or set the runtime to nodejs${majorOf(this.#options.own.version)}.x, which is here.`,
      );
    }
  }

  async #choose(runtime: NodeRuntime): Promise<string> {
    const { store, log } = this.#options;
    try {
      return await store.newest(majorOf(runtime));
    } catch (error) {
      const [installed] = await store.installed(majorOf(runtime));
      if (installed === undefined || !(error instanceof UsageError)) throw error;
      log.warn(
        `${runtime}: Node ${installed} is used, which is installed; whether there is a newer one is not known: ${error.message}`,
      );
      return installed;
    }
  }

  async #read(file: string): Promise<Pins> {
    const text = await fs.readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw new UsageError(`${file}: cannot be read: ${error.message}`);
    });
    if (text === null) return {};
    const pins = parsePins(text);
    if (pins !== null) return pins;
    this.#options.log.warn(
      `${file}: expected {"nodejs22.x": "22.1.0", …}; it is written anew, with the newest versions`,
    );
    return {};
  }
}

/** Null: it is something else. */
function parsePins(text: string): Pins | null {
  let value: unknown;
  try {
    value = text.length > limits.runtimeLockBytes ? null : JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const entries = Object.entries(value);
  const isPin = ([runtime, version]: [string, unknown]): boolean =>
    typeof version === 'string' && /^\d+\.\d+\.\d+$/.test(version) && runtime === `nodejs${majorOf(version)}.x`;
  return entries.every(isPin) ? (Object.fromEntries(entries) as Pins) : null;
}

async function write(file: string, pins: Pins): Promise<void> {
  const dir = path.dirname(file);
  const beside = `${file}.${randomBytes(6).toString('hex')}`;
  const sorted = Object.fromEntries(Object.entries(pins).sort(([a], [b]) => (a < b ? -1 : 1)));
  try {
    await fs.mkdir(dir, { recursive: true });
    await fs.writeFile(path.join(dir, '.gitignore'), '*\n');
    await fs.writeFile(beside, `${JSON.stringify(sorted, null, 2)}\n`);
    await fs.rename(beside, file);
  } catch (error) {
    throw new UsageError(
      `${file}: the versions of Node that were chosen cannot be kept there: ${(error as Error).message}`,
    );
  }
}
