// A platform that a bench started, seen from outside: its status and its explanations, looked at while load runs.
import { freemem } from 'node:os';
import type { PlatformStatus } from '../../src/main.ts';
import type { Explanation } from '../../src/model/explain.ts';
import { rssMiB } from '../cpu.ts';
import { sleep } from './processes.ts';

export type FunctionView = PlatformStatus['functions'][number];

/** Memory that is left to the machine: below it a bench gives up before the machine does. */
const leastFreeMiB = 1_024;
/** More processes than any load here needs, and fewer than the machine can bear. */
const mostInstances = 250;

async function json(url: string): Promise<unknown> {
  const response = await fetch(url, { headers: { accept: 'application/json' } });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${(await response.text()).slice(0, 200)}`);
  return response.json();
}

const statusOf = async (origin: string): Promise<PlatformStatus> =>
  (await json(`${origin}/_weir/status`)) as PlatformStatus;

const serving = ({ functions }: PlatformStatus, name: string): FunctionView | null =>
  functions.find(({ label, retired }) => label.endsWith(`/${name}`) && !retired) ?? null;

/** The one that serves, of the functions with this name (`api/generate`); null: nobody has asked for it yet. */
export async function functionOf(origin: string, name: string): Promise<FunctionView | null> {
  return serving(await statusOf(origin), name);
}

/** Why `name` is scheduled as it is; null: nobody has asked for it yet. */
export async function explanationOf(origin: string, name: string): Promise<Explanation | null> {
  const found = await functionOf(origin, name);
  if (found === null) return null;
  return (await json(`${origin}/_weir/explain?function=${encodeURIComponent(found.label)}`)) as Explanation;
}

export interface Watched {
  /** Processes of the function at once, booting and draining ones included. */
  readonly peak: number;
  readonly started: number;
  /** All that there were: those of the function, and stems that nobody needed. */
  readonly processes: number;
  /** Instances × time, from the process's start to its end. */
  readonly instanceMs: number;
  /** Of all of them together. */
  readonly peakRssMiB: number;
}

/**
 * Looks at a function four times a second until `watched()`. Aborts `load` by itself when the machine runs short:
 * `watched()` rejects then.
 */
export function watch(origin: string, name: string, load: AbortController): { watched(): Promise<Watched> } {
  const seen = new Set<string>();
  const all = new Set<string>();
  const sum = { peak: 0, instanceMs: 0, peakRssMiB: 0 };
  const ended = new AbortController();
  const look = async (): Promise<void> => {
    let lastMs = performance.now();
    while (!ended.signal.aborted && !load.signal.aborted) {
      const status = await statusOf(origin);
      const instances = serving(status, name)?.instances ?? [];
      const nowMs = performance.now();
      for (const { id } of instances) seen.add(id);
      for (const { id } of [...instances, ...status.stems]) all.add(id);
      sum.instanceMs += instances.length * (nowMs - lastMs);
      sum.peak = Math.max(sum.peak, instances.length);
      sum.peakRssMiB = Math.max(sum.peakRssMiB, residentMiB(instances.map(({ pid }) => pid)));
      lastMs = nowMs;
      const short = shortage(instances.length);
      if (short !== null) throw new Error(short);
      await sleep(250);
    }
  };
  const looking = look().catch((error: unknown) => {
    load.abort(error);
    throw error;
  });
  // Told by watched(); until then nobody waits for it.
  looking.catch(() => {});
  return {
    async watched() {
      ended.abort();
      await looking;
      return { ...sum, started: seen.size, processes: all.size };
    },
  };
}

function shortage(instances: number): string | null {
  const freeMiB = freemem() / 1024 / 1024;
  if (instances > mostInstances) return `given up: ${instances} instances, at most ${mostInstances} are for this bench`;
  if (freeMiB < leastFreeMiB) return `given up: ${freeMiB.toFixed(0)} MiB of memory are left, ${leastFreeMiB} are kept`;
  return null;
}

function residentMiB(pids: readonly (number | null)[]): number {
  return pids.reduce<number>((sum, pid) => {
    if (pid === null) return sum;
    try {
      return sum + rssMiB(pid);
    } catch (error) {
      // It has ended meanwhile.
      if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return sum;
      throw error;
    }
  }, 0);
}
