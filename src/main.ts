// The composition root: wires, listens, drains. It reads like the picture in ARCHITECTURE.md.
import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, homedir, tmpdir } from 'node:os';
import { isIPv6 } from 'node:net';
import { dirname, join } from 'node:path';
import { systemClock } from './base/clock.ts';
import { UsageError } from './base/errors.ts';
import { limits } from './base/limits.ts';
import type { Log } from './base/log.ts';
import { systemRandom } from './base/random.ts';
import { LiveProjects } from './builder/live.ts';
import type { ProjectPlace } from './builder/live.ts';
import { buildPayload, cacheDirectory } from './builder/payload.ts';
import { isAlive } from './builder/project.ts';
import { openToolchains } from './builder/toolchains.ts';
import type { Toolchains } from './builder/toolchains.ts';
import { openLearnedStore, type LearnedStore } from './control/learned-store.ts';
import { type OwnedDirectory, ownDirectory } from './control/owned-directory.ts';
import { type RuntimeCacheReport, RuntimeCacheStore } from './control/runtime-cache.ts';
import { stateDirectory } from './control/state-directory.ts';
import { deploymentFaults } from './edge/faults.ts';
import { purgeOf } from './edge/prerender/purge.ts';
import { PageStore } from './edge/prerender/store.ts';
import { Edge } from './edge/server.ts';
import { Ledger } from './meter/ledger.ts';
import { platformVariables } from './model/environment.ts';
import { explainByName } from './model/explain-name.ts';
import type { Explainable } from './model/explain.ts';
import type { FunctionSpec } from './model/function.ts';
import { learnedKey } from './model/learned.ts';
import type { Deployment, Snapshot } from './model/snapshot.ts';
import { BytecodeMaker } from './provider/bytecode.ts';
import { Machine } from './provider/machine.ts';
import { ProcessProvider } from './provider/process.ts';
import type { Provider } from './provider/provider.ts';
import type { FunctionLogLine } from './router/function-log.ts';
import { type Rehearsal, rehearse } from './rehearsal/rehearsal.ts';
import { loadOf } from './router/load-order.ts';
import type { Memory } from './router/remembering.ts';
import { Router } from './router/router.ts';
import { statusReport } from './router/report.ts';
import type { RouterStatus } from './router/status.ts';
import { listen } from './tunnel/dial.ts';

export type { ProjectPlace } from './builder/live.ts';
export type { FunctionLogLine } from './router/function-log.ts';

export interface PlatformOptions {
  readonly projects: readonly ProjectPlace[];
  /** 0: any free one. Where it is taken, the next free one is used. */
  readonly port: number;
  readonly host: string;
  /** What functions find as NODE_ENV and VERCEL_ENV. */
  readonly environment: 'development' | 'production';
  /** Build again what changes. */
  readonly watch: boolean;
  /** Keep instances booted ahead of need. */
  readonly stems: boolean;
  /** Every instance has a second thread that goes on when its loop is blocked. Off: for measuring what it costs. */
  readonly sentinel: boolean;
  readonly log: Log;
  /** `label`: the function's, `PROJECT/NAME`. */
  onFunctionLog(line: FunctionLogLine): void;
}

export interface Platform {
  readonly host: string;
  readonly port: number;
  readonly deployments: readonly Deployment[];
  /** One sentence about what limits instances on this machine. */
  readonly provider: string;
  status(): PlatformStatus;
  /** Takes nothing new, finishes what is there, ends every instance. */
  drain(): Promise<void>;
  /** At once. Also after `drain`, which it cuts short. Idempotent. */
  close(): Promise<void>;
}

export type PlatformStatus = ReturnType<typeof statusReport> & { readonly runtimeCache: RuntimeCacheReport[] };

/**
 * Builds the projects and serves them. Rejects with a UsageError when none of them can be served, or nothing can be
 * listened on; nothing is left behind then.
 */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const { host } = options;
  const { provider, router, edge, projects, close, status, listened, rehearsing } = await wire(options);
  try {
    const port = await listenOnFree(edge, options);
    listened(port);
    await addProjects(projects, options);
    // Whoever waits for the start does not wait for this.
    systemClock.soon(rehearsing);
    const { deployments } = projects;
    const drain = async (): Promise<void> => {
      projects.halt();
      // Clients are there for as long as their functions may take, and a moment.
      const longestMs = projects.deployments.flatMap((each) => each.functions.map((spec) => spec.config.maxDurationMs));
      await edge.drain(Math.max(limits.drainMs, ...longestMs) + limits.killGraceMs);
      await router.drain();
    };
    return { host, port, deployments, provider: provider.describe(), status, drain, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Every part, connected, with nothing published and no client let in yet. */
async function wire(options: PlatformOptions) {
  const { log } = options;
  const [clock, random] = [systemClock, systemRandom];
  const machine = new Machine();
  const runDir = makeRunDir();
  const address = `unix:${join(runDir, socketName)}`;
  const { provider, toolchains } = await openProvider(address, options);
  let served: ReadonlySet<string> = new Set();
  const bytecode = bytecodeOf({ provider, runDir, isServed: (id) => served.has(id) }, options);
  const learned = await openLearned(log);
  const pagesHome = await pagesDirectory(options);
  const pages = await PageStore.open({ directory: pagesHome?.path ?? join(runDir, 'pages'), clock, log });
  const runtimeCache = new RuntimeCacheStore({ clock });
  const router = new Router({
    clock,
    random,
    log,
    provider,
    ledger: new Ledger(),
    onLog: (line) => options.onFunctionLog(line),
    machine: () => machine.spare(clock.nowMs()),
    stems: options.stems,
    memory: memoryIn(learned),
    services: { cache: runtimeCache, purge: purgeOf(pages) },
  });
  const status = () => ({ ...statusReport(router.status()), runtimeCache: runtimeCache.report() });
  const explain = (name: string | null) =>
    explainByName(name, explainable(projects.deployments, router.status()), (id) => router.explain(id));
  const edge = new Edge({ invoker: router, clock, random, log, status, explain, pages });
  let port = options.port;
  const projects = liveProjects(options, {
    host: toolchains.host,
    port: () => port,
    settle: async (deployment, { dir }) => bytecode(await toolchains.settle(deployment, dir)),
    publish(snapshot) {
      router.publish(snapshot);
      edge.publish(snapshot);
      served = new Set(snapshot.deployments.map(({ id }) => id));
    },
  });
  const tunnels = await listen(address, (connection) => router.accept(connection));
  let rehearsal: Rehearsal | null = null;
  let isClosing = false;
  const rehearsing = (): void => {
    if (!isClosing) rehearsal = rehearse({ clock, random, log, directory: runDir });
  };
  const close = once(async () => {
    isClosing = true;
    projects.halt();
    rehearsal?.stop();
    await Promise.all([edge.close(), router.close(), rehearsal?.done]);
    await Promise.all([tunnels.close(), provider.close(), projects.close(), learned.close(), pages.settled()]);
    await pagesHome?.release();
    rmSync(runDir, { recursive: true, force: true });
  });
  return { provider, router, edge, projects, close, status, rehearsing, listened: (at: number) => void (port = at) };
}

/** Of one folder of projects, or of a project alone: whoever serves the same next finds what was kept. */
function pagesDirectory({ projects }: PlatformOptions): Promise<OwnedDirectory | null> {
  const dirs = new Set(projects.map(({ dir, hosts }) => (hosts.length === 0 ? dir : dirname(dir))));
  const name = createHash('sha256')
    .update(JSON.stringify([...dirs].toSorted()))
    .digest('hex')
    .slice(0, 16);
  const parent = join(stateDirectory(process.env, homedir()), 'pages');
  return ownDirectory({ parent, name, clock: systemClock, pid: process.pid, isAlive });
}

const openLearned = (log: Log): Promise<LearnedStore> =>
  openLearnedStore({ file: join(stateDirectory(process.env, homedir()), 'learned.json'), clock: systemClock, log });

interface Served {
  readonly host: Toolchains['host'];
  /** That clients connect to. */
  port(): number;
  /** A deployment that can be run here: what its functions ask for is there. */
  settle(deployment: Deployment, place: ProjectPlace): Promise<Deployment>;
  publish(snapshot: Snapshot): void;
}

const liveProjects = ({ environment, host, log }: PlatformOptions, served: Served): LiveProjects =>
  new LiveProjects({
    clock: systemClock,
    random: systemRandom,
    log,
    host: served.host,
    // What is being worked on is not kept warm.
    target: environment === 'production' ? 'production' : 'preview',
    environment: (deployment, { name, hosts }) =>
      platformVariables({
        environment,
        project: name,
        deployment,
        url: authorityOf(hosts[0] ?? host, served.port()),
        region,
      }),
    faults: deploymentFaults,
    settle: (deployment, place) => served.settle(deployment, place),
    publish: (snapshot) => served.publish(snapshot),
  });

/** What starts instances, and what they and builds run on. */
async function openProvider(address: string, { log, sentinel }: PlatformOptions) {
  const [clock, environment, cacheDir] = [systemClock, process.env, cacheDirectory(process.env, homedir())];
  const payload = await buildPayload({ cacheDir });
  const toolchains = await openToolchains({ cacheDir, environment, clock, log });
  const node = (release: string): string | null => toolchains.node(release);
  const binary = (release: string): string | null => toolchains.binary(release);
  const provider = new ProcessProvider({ address, payload, environment, clock, log, sentinel, node, binary });
  return { provider, toolchains };
}

interface BytecodeParts {
  readonly provider: Provider;
  readonly runDir: string;
  readonly isServed: (deployment: string) => boolean;
}

/** Production has V8's bytecode made ahead; WEIR_BYTECODE=1 is for previews too, WEIR_BYTECODE=0 for nothing. */
function bytecodeOf({ provider, runDir, isServed }: BytecodeParts, { environment, log }: PlatformOptions) {
  const asked = process.env['WEIR_BYTECODE'];
  const isMade = asked === '1' || (asked !== '0' && environment === 'production');
  const maker = new BytecodeMaker({
    provider,
    dir: join(runDir, 'bytecode'),
    orderOf: (spec) => loadOf(spec, 1),
    atOnce: Math.max(1, Math.floor(availableParallelism() / 2)),
    isServed,
    clock: systemClock,
    log,
  });
  return (deployment: Deployment): Promise<Deployment> =>
    isMade ? maker.settle(deployment) : Promise.resolve(deployment);
}

/** What is served, asked for or not, and earlier versions that have not ended. */
function explainable(deployments: readonly Deployment[], status: RouterStatus): Explainable[] {
  const served = deployments.flatMap((each) => each.functions.map(({ id, label }) => ({ id, label, retired: false })));
  const ids = new Set(served.map(({ id }) => id));
  return [...served, ...status.functions.filter(({ id }) => !ids.has(id))];
}

/** Of a machine of one's own there is one; the hosted platform's own development server calls it so. */
const region = 'dev1';

const memoryIn = (store: LearnedStore): Memory => ({
  recall: (spec: FunctionSpec) => store.get(learnedKey(spec)),
  remember: (spec, learned, wallMs) => store.set(learnedKey(spec), learned, wallMs),
});

const socketName = 'tunnel.sock';
/** Of a Unix socket's path: 104 bytes on macOS, 108 on Linux, its end included. */
const socketPathBytes = 100;

/** For this user alone (mkdtemp's mode is 0700); gone when the process ends, unless it is killed: then the next one's start. */
function makeRunDir(): string {
  const name = `weir-run-${process.pid}-`;
  const fits = Buffer.byteLength(join(tmpdir(), `${name}XXXXXX`, socketName)) <= socketPathBytes;
  const parent = fits ? tmpdir() : '/tmp';
  removeAbandonedRunDirs(parent);
  const dir = mkdtempSync(join(parent, name));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function removeAbandonedRunDirs(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = Number(/^weir-run-(\d+)-\w{6}$/.exec(name)?.[1]);
    if (Number.isNaN(pid) || isAlive(pid)) continue;
    const dir = join(parent, name);
    if (lstatSync(dir, { throwIfNoEntry: false })?.uid === process.getuid?.())
      rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * Each project is served as soon as it is ready, whatever another waits for. One that cannot be built does not keep the others
 * from being served, unless it is the only one.
 */
async function addProjects(projects: LiveProjects, options: PlatformOptions): Promise<void> {
  const waiting = [...options.projects];
  let left = waiting.length;
  const work = async (): Promise<void> => {
    for (let place = waiting.shift(); place !== undefined; place = waiting.shift()) {
      const isAdded = await addProject(projects, place, options);
      left -= 1;
      if (!isAdded && left > 0) continue;
      if (projects.deployments.length > 0) projects.publish(left > 0);
      if (options.watch) projects.watch();
    }
  };
  // To their ends: what is being built while the platform is closed would be left behind.
  const ends = await Promise.allSettled(Array.from({ length: limits.projectsAtOnce }, work));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  if (projects.deployments.length === 0) throw new UsageError('none of the projects can be served');
}

/** False: it cannot be served, which was told. */
async function addProject(projects: LiveProjects, place: ProjectPlace, options: PlatformOptions): Promise<boolean> {
  try {
    await projects.add(place);
    return true;
  } catch (error) {
    if (options.projects.length === 1 || !(error instanceof UsageError)) throw error;
    options.log.error(`${place.name} is not served: ${error.message}`);
    return false;
  }
}

async function listenOnFree(edge: Edge, { port, host, log }: PlatformOptions): Promise<number> {
  const last = port === 0 ? 0 : Math.min(65_535, port + limits.portAttempts);
  for (let candidate = port; ; candidate += 1) {
    try {
      const listening = await edge.listen(candidate, host);
      if (candidate !== port) log.info(`port ${port} is taken: using ${candidate}`);
      return listening.port;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'EADDRINUSE' && candidate < last) continue;
      throw new UsageError(listenFault(code, { port, last, host, message }));
    }
  }
}

function listenFault(
  code: string | undefined,
  { port, last, host, message }: { port: number; last: number; host: string; message: string },
): string {
  switch (code) {
    case 'EADDRINUSE':
      return `ports ${port} to ${last} are all taken: choose another by --port`;
    case 'EACCES':
      return `port ${port} is not for this user: choose one from 1024 by --port`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${host} is no address of this machine: choose another by --host`;
    case undefined:
    default:
      return `cannot listen on ${host}:${port}: ${message}`;
  }
}

/** How a client on this machine names it: an address that stands for all of them is none to connect to. */
function authorityOf(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '::') return `localhost:${port}`;
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The first call does it; later ones wait for the same end. */
function once(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null;
  return () => (done ??= act());
}
