import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { type CgroupAccess, openCgroups } from './cgroup.ts';
import { gatherFamily } from './cgroup-family.ts';
import { ChildInstance, type Launch } from './child.ts';
import { HostProcess } from './host.ts';
import { MemoryWatch } from './memory-watch.ts';
import { sampleRss } from './proc.ts';
import type { Provider, ProviderEvents, Started, StartOrder } from './provider.ts';

export interface ProcessProviderOptions {
  /** Where the router listens for instances: `unix:/path` or `tcp:host:port`. */
  readonly address: string;
  /** What instances run. `bytecodeDir`: where V8 keeps what it has compiled of it. */
  readonly payload: {
    readonly main: string;
    readonly bytecodeDir?: string;
    /** What holds instances whose code is not Node's. Absent: there are none. */
    readonly host?: string;
    /** The runtime that Python's interpreters are started with. */
    readonly python?: string;
  };
  /** The platform's environment: of it instances get PATH, HOME, TMPDIR, LANG and TZ, and nothing else. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether instances have their second thread. Default: they do. */
  readonly sentinel?: boolean;
  /** The Node binary of a release; null: there is none. Default: the platform's own for all. */
  node?(release: string): string | null;
  /** The interpreter of a release that is not Node's (`python3.11`); null: there is none. */
  binary?(release: string): string | null;
  /** Default: what this process is allowed. */
  readonly cgroups?: CgroupAccess;
  /** Default: this system's. Decides how memory is looked at where there are no cgroups. */
  readonly platform?: NodeJS.Platform;
}

const inherited = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'] as const;

/** Instances as child processes of the platform, on the platform's machine. */
export class ProcessProvider implements Provider {
  readonly kind = 'process';
  readonly #options: ProcessProviderOptions;
  readonly #access: CgroupAccess;
  readonly #watch: MemoryWatch;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #children = new Set<ChildInstance>();
  readonly #host: HostProcess | null;
  #closing: Promise<void> | null = null;
  #unlimited = false;

  constructor(options: ProcessProviderOptions) {
    this.#options = options;
    this.#access = options.cgroups ?? openCgroups();
    const platform = options.platform ?? process.platform;
    this.#watch = new MemoryWatch({
      clock: options.clock,
      sample: (pids) => sampleRss(pids, platform),
      periodMs: platform === 'linux' ? limits.memoryPeriodMs : limits.memorySlowPeriodMs,
    });
    this.#environment = instanceEnvironment(options);
    this.#host = hostOf(options, inheritedEnvironment(options));
    process.on('exit', this.#killAll);
  }

  describe(): string {
    const isolation = 'instances are processes of this user';
    if (this.#access.kind === 'usable') return `${isolation}; the kernel holds each to its memory (cgroup version 2)`;
    return `${isolation}; V8 limits the heap, and who outgrows its memory is killed: ${this.#access.reason}`;
  }

  expect(releases: ReadonlySet<string>): void {
    if (this.#closing === null && [...releases].some((release) => !release.startsWith('nodejs'))) this.#host?.ready();
  }

  start(order: StartOrder, events: ProviderEvents): Started {
    if (this.#host !== null && !order.release.startsWith('nodejs') && this.#closing === null) {
      return this.#startHosted(this.#host, order, events);
    }
    const child = new ChildInstance(this.#launch(order), {
      exited: (exit) => {
        this.#children.delete(child);
        events.exited(exit);
      },
      output: (source, line) => events.output(source, line),
    });
    this.#children.add(child);
    this.#limitMemory(child, order);
    return child;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const children = [...this.#children];
    for (const child of children) child.terminate(limits.terminateGraceMs);
    await Promise.all([this.#host?.close(), ...children.map((child) => child.ended)]);
    process.off('exit', this.#killAll);
    if (this.#access.kind === 'usable') this.#access.cgroups.close();
  }

  #startHosted(host: HostProcess, order: StartOrder, events: ProviderEvents): Started {
    const { instance, token, release, memoryMiB } = order;
    const command = this.#commandOf(release);
    // As one that cannot be started.
    if (command === undefined) return new ChildInstance(this.#launch(order, `${release} is not installed`), events);
    const access = this.#access;
    const started = host.start(
      {
        instance,
        address: this.#options.address,
        token,
        release,
        command,
        environment: inheritedEnvironment(this.#options),
        memoryMiB: access.kind === 'usable' ? null : memoryMiB,
      },
      events,
    );
    if (access.kind !== 'usable') return started;
    started.spawned = (pid) => {
      const cgroup = access.cgroups.limit(instance, pid, memoryMiB);
      if (cgroup === null) {
        this.#tellUnlimited();
        started.limit(memoryMiB);
        return;
      }
      // It runs for as long as the word of that took. Whom the kernel does not hold, the host watches.
      if (!gatherFamily(pid)) {
        this.#tellUnlimited();
        started.limit(memoryMiB);
      }
      started.leaving = () => {
        const outOfMemory = cgroup.outOfMemory();
        cgroup.remove();
        return outOfMemory;
      };
    };
    return started;
  }

  /** Null: the function brings its own program. Undefined: there is nothing to start it with. */
  #commandOf(release: string): readonly string[] | null | undefined {
    if (release === 'executable') return null;
    const binary = this.#options.binary?.(release) ?? null;
    const { python } = this.#options.payload;
    // Isolated, and without site: the runtime's modules are the only ones that it may find before it knows its function.
    return binary === null || python === undefined ? undefined : [binary, '-I', '-S', '-X', 'utf8', python];
  }

  #launch(order: StartOrder, refused?: string): Launch {
    const { payload, clock } = this.#options;
    const node = this.#options.node === undefined ? process.execPath : this.#options.node(order.release);
    return {
      command: node ?? '',
      args: [...nodeFlags(order.memoryMiB), payload.main],
      environment: this.#environmentOf(order),
      token: order.token,
      clock,
      refused: refused ?? this.#refusal(order, node),
    };
  }

  #environmentOf({ bytecodeDir, isScratch }: StartOrder): Readonly<Record<string, string>> {
    const shared = this.#options.payload.bytecodeDir;
    const dir = bytecodeDir === undefined ? shared : bytecodeDir;
    // V8's cache can be chosen once in a process: a stem chooses when it is told its function.
    const bytecode = dir === null ? { WEIR_BYTECODE_DIR: shared } : { NODE_COMPILE_CACHE: dir };
    return { ...this.#environment, ...defined(bytecode), ...(isScratch === true ? { WEIR_SCRATCH: '1' } : {}) };
  }

  #refusal({ release }: StartOrder, node: string | null): string | null {
    if (this.#closing !== null) return 'the provider is closed';
    return node === null ? `${release} is not installed` : null;
  }

  #limitMemory(child: ChildInstance, order: StartOrder): void {
    const { pid } = child;
    if (pid === null) return;
    const cgroup =
      this.#access.kind === 'usable' ? this.#access.cgroups.limit(order.instance, pid, order.memoryMiB) : null;
    if (cgroup !== null) {
      child.leaving = () => {
        const outOfMemory = cgroup.outOfMemory();
        cgroup.remove();
        return outOfMemory;
      };
      return;
    }
    if (this.#access.kind === 'usable') this.#tellUnlimited();
    const limitBytes = order.memoryMiB * 1024 * 1024;
    this.#watch.add({ pid, limitBytes, exceeded: () => child.killForMemory() });
    child.leaving = () => {
      this.#watch.remove(pid);
      return false;
    };
  }

  #tellUnlimited(): void {
    if (this.#unlimited) return;
    this.#unlimited = true;
    this.#options.log.warn('the kernel refuses to limit an instance: its memory is watched instead');
  }

  /** The platform ends without close(): no instance is left to find out by itself that its tunnel is gone. */
  readonly #killAll = (): void => {
    for (const child of this.#children) child.kill();
    this.#host?.killAll();
  };
}

/**
 * Old space gets what is left of the instance's memory when code, stacks, buffers and the young generation have a tenth
 * of it, 64 MiB at least. Beyond, V8 collects hard and then aborts by itself, with a report.
 */
function nodeFlags(memoryMiB: number): string[] {
  const heapMiB = memoryMiB - Math.max(64, Math.ceil(memoryMiB / 10));
  return [`--max-old-space-size=${Math.max(32, heapMiB)}`, '--enable-source-maps'];
}

function inheritedEnvironment({ environment }: ProcessProviderOptions): Record<string, string> {
  const found: Record<string, string> = { TMPDIR: tmpdir() };
  for (const name of inherited) {
    const value = environment[name];
    if (value !== undefined) found[name] = value;
  }
  return found;
}

/** Beside the tunnel's socket where that is a file: it goes away with it. */
function hostOf(options: ProcessProviderOptions, inheriting: Record<string, string>): HostProcess | null {
  const { address, payload, clock, log } = options;
  if (payload.host === undefined) return null;
  const beside = address.startsWith('unix:/') ? { WEIR_HOST_DIR: dirname(address.slice('unix:'.length)) } : {};
  const environment = { ...inheriting, ...beside };
  return new HostProcess({ command: process.execPath, args: [payload.host], environment, clock, log });
}

function instanceEnvironment(options: ProcessProviderOptions): Readonly<Record<string, string>> {
  const environment: Record<string, string> = { ...inheritedEnvironment(options), WEIR_ADDRESS: options.address };
  if (options.sentinel === false) environment['WEIR_SENTINEL'] = '0';
  return environment;
}

const defined = (texts: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(texts).filter((entry): entry is [string, string] => entry[1] !== undefined));
