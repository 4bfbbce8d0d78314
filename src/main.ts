// The composition root: wires, listens, drains. It reads like the picture in ARCHITECTURE.md.
import { rmSync } from 'node:fs';
import { availableParallelism, homedir } from 'node:os';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { systemClock } from './base/clock.ts';
import { UsageError } from './base/errors.ts';
import { limits } from './base/limits.ts';
import type { Log } from './base/log.ts';
import { once } from './base/once.ts';
import { systemRandom } from './base/random.ts';
import { LiveProjects } from './builder/live.ts';
import type { ProjectPlace } from './builder/live.ts';
import { cacheDirectory } from './base/user-directories.ts';
import { buildPayload } from './builder/payload.ts';
import { openToolchains } from './builder/toolchains.ts';
import type { Toolchains } from './builder/toolchains.ts';
import type { RuntimeCacheReport } from './control/runtime-cache.ts';
import { deploymentFaults } from './edge/faults.ts';
import { purgeOf } from './edge/prerender/purge.ts';
import { Edge } from './edge/server.ts';
import { Ledger } from './meter/ledger.ts';
import { platformVariables } from './model/environment.ts';
import { explainByName } from './model/explain-name.ts';
import type { Explainable } from './model/explain.ts';
import type { Deployment, Snapshot } from './model/snapshot.ts';
import { BytecodeMaker } from './provider/bytecode.ts';
import { Machine } from './provider/machine.ts';
import { ProcessProvider } from './provider/process.ts';
import type { Provider } from './provider/provider.ts';
import type { FunctionLogLine } from './model/telemetry.ts';
import { type Rehearsal, rehearse } from './rehearsal/rehearsal.ts';
import { loadOf } from './router/load-order.ts';
import { Router } from './router/router.ts';
import { statusReport } from './router/report.ts';
import type { RouterStatus } from './router/status.ts';
import { listen } from './tunnel/dial.ts';
import type { ControlParts, ControlPlace, RunningControl } from './wiring/control.ts';
import { openKept } from './wiring/kept.ts';
import { listenOnFree } from './wiring/listening.ts';
import { makeRunDir, socketName } from './wiring/run-dir.ts';
import { openTraces } from './wiring/traces.ts';

export type { RunningControl } from './wiring/control.ts';
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
  /** Of Weir: `0.1.0`. */
  readonly version: string;
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
  /** Settles when all that is to be served from the start is, or was told not to be. What is ready is served before. */
  readonly complete: Promise<void>;
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
  const { provider, router, edge, projects, close, status, listened, controlled, rehearsal, deployed } =
    await wire(options);
  try {
    const port = await listenOnFree(edge, { ...options, option: '--port' });
    listened(port);
    const control = await controlled();
    if (control === null) await addProjects(projects, options);
    // What goes wrong with one deployment is told, and is no reason not to serve the others.
    const complete = control === null ? Promise.resolve() : control.started.catch(() => undefined);
    // Whoever waits for the start does not wait for this.
    void complete.then(() => systemClock.soon(() => rehearsal.begin()));
    const { deployments } = projects;
    const drain = async (): Promise<void> => {
      projects.halt();
      await control?.stop();
      // Clients are there for as long as their functions may take, and a moment.
      const longestMs = deployed().flatMap((each) => each.functions.map((spec) => spec.config.maxDurationMs));
      await edge.drain(Math.max(limits.drainMs, ...longestMs) + limits.killGraceMs);
      await router.drain();
    };
    return { host, port, deployments, control, complete, provider: provider.describe(), status, drain, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Every part, connected, with nothing published and no client let in yet. */
async function wire(options: PlatformOptions) {
  const { log, version } = options;
  const runDir = makeRunDir();
  const address = `unix:${join(runDir, socketName)}`;
  const common = { clock: systemClock, random: systemRandom, log };
  const { provider, toolchains } = await openProvider(address, options);
  const kept = await openKept({ ...common, environment: process.env, projects: options.projects, runDir });
  const traces = openTraces({ ...common, environment: process.env, version, region });
  const ledger = new Ledger();
  const router = openRouter(options, { provider, ledger, kept });
  const cronKey = systemRandom.hex(32);
  let control: RunningControl | null = null;
  const deployed = () => control?.control.served.deployments ?? projects.deployments;
  const status = () => ({ ...statusReport(router.status()), runtimeCache: kept.runtimeCache.report() });
  const explain = (name: string | null) =>
    explainByName(name, explainable(deployed(), router.status()), (id) => router.explain(id));
  const shown = { status, explain, pages: kept.pages };
  const edge = new Edge({ ...common, ...shown, invoker: router, cronKey, traces: traces.sampler });
  let port = options.port;
  let served: ReadonlySet<string> = new Set();
  const publish = (snapshot: Snapshot): void => {
    router.publish(snapshot);
    edge.publish(snapshot);
    served = new Set(snapshot.deployments.map(({ id }) => id));
  };
  const bytecode = bytecodeOf({ provider, runDir, isServed: (id) => served.has(id) }, options);
  const settle: Served['settle'] = async (deployment, { dir }) =>
    bytecode.settle(await toolchains.settle(deployment, dir));
  const projects = liveProjects(options, { host: toolchains.host, port: () => port, settle, publish });
  const parts = { ...common, version, toolchains, region, publish, router, ledger, explain, cronKey };
  const controlled = async (): Promise<RunningControl | null> => {
    const facts = { provider: () => provider.describe(), tracesDropped: () => traces.dropped() };
    control = await controlOf(options, { ...parts, ...facts, prepare: bytecode.settleLater, edgePort: () => port });
    return control;
  };
  const tunnels = await listen(address, (connection) => router.accept(connection));
  const rehearsal = rehearsing(() => rehearse({ ...common, directory: runDir }));
  const close = once(async () => {
    projects.halt();
    await Promise.all([edge.close(), router.close(), rehearsal.stop(), control?.stop()]);
    await Promise.all([control?.close(), traces.close()]);
    await Promise.all([tunnels.close(), provider.close(), projects.close(), kept.close()]);
    rmSync(runDir, { recursive: true, force: true });
  });
  const found = (at: number): void => void (port = at);
  return { provider, router, edge, projects, close, status, controlled, rehearsal, deployed, listened: found };
}

interface RouterParts {
  readonly provider: Provider;
  readonly ledger: Ledger;
  readonly kept: Awaited<ReturnType<typeof openKept>>;
}

function openRouter(options: PlatformOptions, { provider, ledger, kept }: RouterParts): Router {
  const machine = new Machine();
  return new Router({
    clock: systemClock,
    random: systemRandom,
    log: options.log,
    provider,
    ledger,
    onLog: (line) => options.onFunctionLog(line),
    machine: () => machine.spare(systemClock.nowMs()),
    stems: options.stems,
    memory: kept.memory,
    services: { cache: kept.runtimeCache, purge: purgeOf(kept.pages) },
  });
}

/** Who serves no deployments has no use for it, nor for the memory that it takes. */
async function controlOf(
  { control, host }: PlatformOptions,
  parts: Omit<ControlParts, 'place' | 'edgeHost' | 'cacheDir'>,
): Promise<RunningControl | null> {
  if (control === undefined) return null;
  const { startControl } = await import('./wiring/control.ts');
  const cacheDir = cacheDirectory(process.env, homedir());
  return startControl({ ...parts, place: control, edgeHost: host, cacheDir });
}

/** Begun once, unless it was stopped before. */
function rehearsing(begin: () => Rehearsal) {
  let rehearsal: Rehearsal | null = null;
  let isStopped = false;
  return {
    begin(): void {
      if (!isStopped) rehearsal = begin();
    },
    async stop(): Promise<void> {
      isStopped = true;
      rehearsal?.stop();
      await rehearsal?.done;
    },
  };
}

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
  return {
    settle: (deployment: Deployment): Promise<Deployment> =>
      isMade ? maker.settle(deployment) : Promise.resolve(deployment),
    settleLater: (deployment: Deployment): Deployment => (isMade ? maker.settleLater(deployment) : deployment),
  };
}

/** What is served, asked for or not, and earlier versions that have not ended. */
function explainable(deployments: readonly Deployment[], status: RouterStatus): Explainable[] {
  const served = deployments.flatMap((each) => each.functions.map(({ id, label }) => ({ id, label, retired: false })));
  const ids = new Set(served.map(({ id }) => id));
  return [...served, ...status.functions.filter(({ id }) => !ids.has(id))];
}

/** Of a machine of one's own there is one; the hosted platform's own development server calls it so. */
const region = 'dev1';

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
