// The composition root: wires, listens, drains. It reads like the picture in ARCHITECTURE.md.
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { availableParallelism, homedir } from 'node:os';
import { isIPv6 } from 'node:net';
import { dirname, join } from 'node:path';
import { systemClock } from './base/clock.ts';
import { UsageError } from './base/errors.ts';
import { limits } from './base/limits.ts';
import type { Log } from './base/log.ts';
import { once } from './base/once.ts';
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
import { stateDirectory } from './base/state-directory.ts';
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
import type { FunctionLogLine } from './model/telemetry.ts';
import { type Rehearsal, rehearse } from './rehearsal/rehearsal.ts';
import { loadOf } from './router/load-order.ts';
import type { Memory } from './router/remembering.ts';
import { Router } from './router/router.ts';
import { statusReport } from './router/report.ts';
import type { RouterStatus } from './router/status.ts';
import { listen } from './tunnel/dial.ts';
import type { ControlPlace, RunningControl } from './wiring/control.ts';
import { listenOnFree } from './wiring/listening.ts';
import { makeRunDir, socketName } from './wiring/run-dir.ts';

export type { ControlPlace, RunningControl } from './wiring/control.ts';
export type { ProjectPlace } from './builder/live.ts';
export type { FunctionLogLine } from './model/telemetry.ts';

export interface PlatformOptions {
  readonly projects: readonly ProjectPlace[];
  /** 0: any free one. Where it is taken, the next free one is used. */
  readonly port: number;
  readonly host: string;
  /** What functions find as NODE_ENV and VERCEL_ENV. */
  readonly environment: 'development' | 'production';
  /** Build again what changes. */
  readonly watch: boolean;
  /** What was deployed is served, and may be deployed. Without it: what is in `projects`, and nothing else. */
  readonly control?: ControlPlace;
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
  /** Null: there is none. */
  readonly control: RunningControl | null;
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
  const { provider, router, edge, projects, close, status, listened, controlled, rehearsing } = await wire(options);
  try {
    const port = await listenOnFree(edge, { ...options, option: '--port' });
    listened(port);
    const control = await controlled();
    await control?.started;
    if (control === null) await addProjects(projects, options);
    // Whoever waits for the start does not wait for this.
    systemClock.soon(rehearsing);
    const { deployments } = projects;
    const drain = async (): Promise<void> => {
      projects.halt();
      await control?.stop();
      // Clients are there for as long as their functions may take, and a moment.
      const served = control === null ? projects.deployments : control.control.served.deployments;
      const longestMs = served.flatMap((each) => each.functions.map((spec) => spec.config.maxDurationMs));
      await edge.drain(Math.max(limits.drainMs, ...longestMs) + limits.killGraceMs);
      await router.drain();
    };
    return { host, port, deployments, control, provider: provider.describe(), status, drain, close };
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
  const ledger = new Ledger();
  const router = new Router({
    clock,
    random,
    log,
    provider,
    ledger,
    onLog: (line) => options.onFunctionLog(line),
    machine: () => machine.spare(clock.nowMs()),
    stems: options.stems,
    memory: memoryIn(learned),
    services: { cache: runtimeCache, purge: purgeOf(pages) },
  });
  let control: RunningControl | null = null;
  const deployed = () => (control === null ? projects.deployments : control.control.served.deployments);
  const status = () => ({ ...statusReport(router.status()), runtimeCache: runtimeCache.report() });
  const explain = (name: string | null) =>
    explainByName(name, explainable(deployed(), router.status()), (id) => router.explain(id));
  const cronKey = random.hex(32);
  const edge = new Edge({ cronKey, invoker: router, clock, random, log, status, explain, pages });
  let port = options.port;
  const publish = (snapshot: Snapshot): void => {
    router.publish(snapshot);
    edge.publish(snapshot);
    served = new Set(snapshot.deployments.map(({ id }) => id));
  };
  const projects = liveProjects(options, {
    host: toolchains.host,
    port: () => port,
    settle: async (deployment, { dir }) => bytecode(await toolchains.settle(deployment, dir)),
    publish,
  });
  const controlled = async (): Promise<RunningControl | null> => {
    if (options.control === undefined) return null;
    // Who serves no deployments has no use for it, nor for the memory that it takes.
    const { startControl } = await import('./wiring/control.ts');
    const parts = {
      clock,
      random,
      log,
      toolchains,
      region,
      publish,
      prepare: (deployment: Deployment) => bytecode(deployment, limits.preparedWaitMs),
      router,
      ledger,
      explain,
    };
    const facts = {
      edgePort: () => port,
      edgeHost: options.host,
      cacheDir: cacheDirectory(process.env, homedir()),
      cronKey,
      provider: () => provider.describe(),
    };
    control = await startControl({ place: options.control, ...parts, ...facts });
    return control;
  };
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
    await Promise.all([edge.close(), router.close(), rehearsal?.done, control?.stop()]);
    await control?.close();
    await Promise.all([tunnels.close(), provider.close(), projects.close(), learned.close(), pages.settled()]);
    await pagesHome?.release();
    rmSync(runDir, { recursive: true, force: true });
  });
  const found = (at: number): void => void (port = at);
  return { provider, router, edge, projects, close, status, controlled, rehearsing, listened: found };
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
  return (deployment: Deployment, waitMs?: number): Promise<Deployment> =>
    isMade ? maker.settle(deployment, waitMs) : Promise.resolve(deployment);
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

/** How a client on this machine names it: an address that stands for all of them is none to connect to. */
function authorityOf(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '::') return `localhost:${port}`;
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
