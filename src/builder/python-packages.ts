import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import type { Clock } from '../base/clock.ts';
import { UsageError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { Deployment } from '../model/snapshot.ts';
import { findInPath } from './executables.ts';
import { isCode } from './own-store.ts';
import { declaredPackages } from './python/declared.ts';
import type { Declared } from './python/declared.ts';
import { installPackages } from './python/installer.ts';
import type { Interpreter } from './python/interpreters.ts';
import { isPythonRuntime } from './python-releases.ts';
import type { PythonReleases } from './python-releases.ts';

export interface PythonPackagesOptions {
  /** Where packages are kept: a directory of this user alone, `openStore`. */
  readonly dir: string;
  readonly releases: PythonReleases;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Installed packages, a directory for all that a project asks for. Equal projects, and the versions of one, share it. Any number of
 * processes may install any at once: each is put in place whole.
 */
export class PythonPackages {
  readonly #options: PythonPackagesOptions;
  readonly #installing = new Map<string, Promise<void>>();
  /** Those that instances may be started with as long as this process runs. */
  readonly #inUse = new Set<string>();
  readonly #told = new Set<string>();

  constructor(options: PythonPackagesOptions) {
    this.#options = options;
  }

  /** The deployment of the project in `dir`, its functions in Python with their packages, installed. Throws UsageError. */
  async settle(deployment: Deployment, dir: string): Promise<Deployment> {
    const places = new Map<string, string | null>();
    const functions: FunctionSpec[] = [];
    for (const spec of deployment.functions) {
      const { runtime } = spec.config;
      if (spec.launch !== 'python' || !isPythonRuntime(runtime)) functions.push(spec);
      else {
        if (!places.has(runtime)) {
          const interpreter = await this.#options.releases.interpreter(runtime);
          if (interpreter === null) throw new UsageError(`${runtime} is not on this machine any more`);
          places.set(runtime, await this.#have(dir, interpreter, deployment.project));
        }
        const place = places.get(runtime);
        functions.push(place ? { ...spec, modulePaths: [...(spec.modulePaths ?? []), place] } : spec);
      }
    }
    return places.size === 0 ? deployment : { ...deployment, functions };
  }

  /** Where they are; null: the project asks for none. */
  async #have(dir: string, interpreter: Interpreter, project: string): Promise<string | null> {
    const uv = await findInPath('uv', this.#options.environment);
    const declared = await declaredPackages(dir, interpreter, uv !== null);
    if (declared === null) return null;
    this.#warn(declared);
    const place = path.join(this.#options.dir, nameOf(declared, interpreter));
    const installing = this.#installing.get(place) ?? this.#install(place, { dir, declared, interpreter, uv, project });
    this.#installing.set(place, installing);
    try {
      await installing;
    } finally {
      this.#installing.delete(place);
    }
    if (!this.#inUse.has(place)) {
      this.#inUse.add(place);
      this.#keepInUse(place);
    }
    return place;
  }

  #warn({ warning }: Declared): void {
    if (warning === null || this.#told.has(warning)) return;
    this.#told.add(warning);
    this.#options.log.warn(warning);
  }

  async #install(place: string, what: Wanted): Promise<void> {
    if (await this.#isThere(place)) return this.#touch(place);
    const { dir, environment, clock, log } = this.#options;
    const { declared, uv, project } = what;
    const fromMs = clock.nowMs();
    log.info(`${project}: the packages of ${declared.file} are being installed (${uv === null ? 'pip' : 'uv'})`);
    const workDir = path.join(dir, newName());
    const target = path.join(workDir, 'packages');
    const telling = this.#tell(project);
    try {
      await fs.mkdir(target, { recursive: true, mode: 0o700 });
      await installPackages({ ...what, workDir, target, place, environment, clock, doing: telling.doing });
      await fs.rename(target, place).catch((error: unknown) => {
        // Another process was first, with the same packages.
        if (!isCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
      });
    } finally {
      telling.stop();
      await fs.rm(workDir, { recursive: true, force: true });
    }
    log.info(`${project}: the packages are installed, after ${Math.round((clock.nowMs() - fromMs) / 1000)} s`);
    await this.#touch(place);
    await this.#prune();
  }

  /** Says from time to time what is being done, until `stop` is called. */
  #tell(project: string): { readonly doing: (line: string) => void; readonly stop: () => void } {
    const { clock, log } = this.#options;
    let [last, told] = ['', ''];
    const tell = (): void => {
      if (last !== told) log.info(`${project}: ${last.slice(0, 100)}`);
      told = last;
      timer = clock.after(limits.installTellMs, tell);
    };
    let timer = clock.after(limits.installTellMs, tell);
    return { doing: (line) => void (last = line), stop: () => timer.cancel() };
  }

  #isThere = async (place: string): Promise<boolean> => (await fs.stat(place).catch(() => null)) !== null;

  async #touch(place: string): Promise<void> {
    const nowS = this.#options.clock.wallMs() / 1000;
    // On a disk that is full or read-only it may be taken for unused later, and is installed again.
    await fs.utimes(place, nowS, nowS).catch(() => undefined);
  }

  /** A platform may run for longer than unused packages are kept, and another one may remove what it takes for unused. */
  #keepInUse(place: string): void {
    this.#options.clock.after(limits.pythonPackagesTouchMs, () => {
      void this.#touch(place).then(() => this.#keepInUse(place));
    });
  }

  /** Removes what nothing used for long, and what installations left behind that were killed. */
  async #prune(): Promise<void> {
    const { dir, clock } = this.#options;
    for (const name of await fs.readdir(dir)) {
      const file = path.join(dir, name);
      const stats = await fs.stat(file).catch(() => null);
      const keptMs = name.startsWith('new-') ? 4 * limits.pythonInstallMs : limits.pythonPackagesKeptMs;
      if (stats === null || this.#inUse.has(file) || clock.wallMs() - stats.mtimeMs < keptMs) continue;
      await this.#remove(file);
    }
  }

  /** A part of it is never in its place: that would be taken for the whole. */
  async #remove(file: string): Promise<void> {
    const away = path.join(this.#options.dir, newName());
    // Where that fails another process was first.
    const isAway = await fs.rename(file, away).then(
      () => true,
      () => false,
    );
    if (isAway) await fs.rm(away, { recursive: true, force: true });
  }
}

/** Of what is nobody's packages: not yet, or no more. */
const newName = (): string => `new-${randomBytes(6).toString('hex')}`;

interface Wanted {
  readonly dir: string;
  readonly declared: Declared;
  readonly interpreter: Interpreter;
  readonly uv: string | null;
  readonly project: string;
}

function nameOf({ file, content }: Declared, { version, platform }: Interpreter): string {
  const hash = createHash('sha256').update(`${file}\n${platform}\n${content}`).digest('hex').slice(0, 24);
  return `python3.${version[1]}-${hash}`;
}
