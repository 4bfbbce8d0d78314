import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { type FunctionSpec, releaseOf } from '../model/function.ts';
import type { Deployment } from '../model/snapshot.ts';
import type { Exit, Provider } from './provider.ts';

export interface BytecodeOptions {
  readonly provider: Provider;
  /** Where it is put, a directory a deployment; this platform's alone. */
  readonly dir: string;
  /** What an instance is told of a function: LOAD. */
  readonly orderOf: (spec: FunctionSpec) => unknown;
  /** Scratch instances at once. */
  readonly atOnce: number;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Has V8's bytecode of a deployment ready before anybody asks for it: each function is loaded once in a scratch instance,
 * which is given no invocations. Each gets a directory that only its own instances use, so that none decides what another
 * function runs. What an instance loads later is added when it ends.
 */
export class BytecodeMaker {
  readonly #options: BytecodeOptions;
  /** Deployments that have theirs, oldest first. */
  readonly #made: string[] = [];
  #count = 0;

  constructor(options: BytecodeOptions) {
    this.#options = options;
  }

  /** The deployment, with the bytecode of the functions that could be loaded in time. Never rejects for one that could not. */
  async settle(deployment: Deployment): Promise<Deployment> {
    const { clock, log, atOnce, dir } = this.#options;
    const fromMs = clock.nowMs();
    const functions = [...deployment.functions];
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < functions.length && clock.nowMs() - fromMs < limits.bytecodeDeploymentMs) {
        const at = next;
        next += 1;
        functions[at] = await this.#make(functions[at]!, join(dir, deployment.id, String(at)));
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    const made = functions.filter(({ bytecodeDir }) => bytecodeDir !== undefined).length;
    const tookMs = Math.round(clock.nowMs() - fromMs);
    log.debug(`${deployment.project}: bytecode of ${made} of ${functions.length} functions`, { tookMs });
    await this.#trim(deployment.id);
    return { ...deployment, functions };
  }

  async #make(spec: FunctionSpec, dir: string): Promise<FunctionSpec> {
    const { log } = this.#options;
    await mkdir(dir, { recursive: true });
    const { exit, said } = await this.#load(spec, dir);
    if (exit.kind === 'exited' && exit.code === 0) return { ...spec, bytecodeDir: dir };
    // Its first invocation will say so in full.
    const why = exit.kind === 'failed' ? exit.reason : said === '' ? 'it ended early, or was not ready in time' : said;
    log.debug(`${spec.label}: no bytecode could be made ahead: ${why}`);
    await rm(dir, { recursive: true, force: true });
    return spec;
  }

  #load(spec: FunctionSpec, bytecodeDir: string): Promise<{ readonly exit: Exit; readonly said: string }> {
    const { provider, clock, orderOf } = this.#options;
    const { memoryMiB } = spec.config;
    const token = JSON.stringify(orderOf({ ...spec, bytecodeDir }));
    this.#count += 1;
    const order = {
      instance: `scratch_${process.pid}_${this.#count}`,
      token,
      release: releaseOf(spec),
      memoryMiB,
      bytecodeDir,
      isScratch: true,
    };
    return new Promise((resolve) => {
      let said = '';
      const started = provider.start(order, {
        exited(exit) {
          timer.cancel();
          resolve({ exit, said });
        },
        output: (_, line) => void (said ||= line.slice(0, limits.detailBytes)),
      });
      const timer = clock.after(limits.bytecodeFunctionMs, () => started.kill());
    });
  }

  /** Instances of older deployments that still start go without. */
  async #trim(id: string): Promise<void> {
    this.#made.push(id);
    for (const old of this.#made.splice(0, Math.max(0, this.#made.length - limits.bytecodeDeployments))) {
      await rm(join(this.#options.dir, old), { recursive: true, force: true });
    }
  }
}
