import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { buildDashboard } from '../builder/dashboard.ts';
import type { Toolchains } from '../builder/toolchains.ts';
import { platformHandlers } from '../control/api/platform-handlers.ts';
import type { Handlers } from '../control/api/handler.ts';
import { projectHandlers } from '../control/api/project-handlers.ts';
import { ApiServer } from '../control/api/server.ts';
import type { Place } from '../control/addresses.ts';
import { Control } from '../control/control.ts';
import { cronCaller } from '../control/crons/call.ts';
import { Crons } from '../control/crons/crons.ts';
import { cronHandlers } from '../control/crons/handlers.ts';
import type { EdgeAddress } from '../control/edge-request.ts';
import { openDashboard } from '../control/dashboard.ts';
import { logHandlers } from '../control/logs/handlers.ts';
import { loadHandlers } from '../control/load.ts';
import { CronStore } from '../control/store/cron-store.ts';
import { nowHandlers } from '../control/usage/now-handlers.ts';
import { usageHandlers } from '../control/usage/usage-handlers.ts';
import type { Ledger } from '../meter/ledger.ts';
import type { Explained } from '../model/explain.ts';
import type { Router } from '../router/router.ts';
import type { Deployment, Snapshot } from '../model/snapshot.ts';
import { once } from '../base/once.ts';
import { deployDirectories, type Directory } from './directories.ts';
import { listenOnFree, urlOf } from './listening.ts';
import { writeLocalFiles } from './local-file.ts';
import { deploymentMaker } from './maker.ts';
import { watching } from './watching.ts';

/** How the control is to be had. */
export interface ControlPlace {
  /** Of all that it keeps. Absolute. */
  readonly dir: string;
  /** Where programs of this user look for it, beside `dir`. */
  readonly announcedIn: readonly string[];
  /** Of its API; taken: the next free one. */
  readonly port: number;
  readonly host: string;
  /** Projects are `NAME.DOMAIN`. */
  readonly domain: string;
  readonly scheme: Place['scheme'];
  /** For Prometheus; taken: the next free port. Null: nowhere. */
  readonly metrics: { readonly port: number; readonly host: string } | null;
  /** Projects on this machine that are deployed at the start, unless what is live has the same files. */
  readonly directories: readonly Directory[];
}

export interface ControlParts {
  readonly place: ControlPlace;
  /** Of Weir: `0.1.0`. */
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly toolchains: Toolchains;
  readonly region: string;
  /** Of this user: where what is bundled is kept. */
  readonly cacheDir: string;
  /** Of the edge. */
  edgePort(): number;
  /** That the edge listens on: for requests of this process. */
  readonly edgeHost: string;
  /** Says to the edge that a request is of a cron. */
  readonly cronKey: string;
  /** One sentence about what limits instances on this machine. */
  provider(): string;
  tracesDropped(): number;
  readonly router: Router;
  readonly ledger: Ledger;
  explain(name: string | null): Explained;
  publish(snapshot: Snapshot): void;
  /** What makes cold starts of a deployment fast is made for it, in a while. */
  prepare(deployment: Deployment): Deployment;
}

/** A control that is served. */
export interface RunningControl {
  readonly control: Control;
  readonly url: string;
  /** Null: metrics are served nowhere. */
  readonly metricsUrl: string | null;
  /** For whoever has none yet: made with the database, told this once. Null: it was told before. */
  readonly firstToken: string | null;
  /** Holds while this process runs. */
  readonly ownToken: string;
  /** Settles when all that was deployed before is served, or was told not to be. */
  readonly started: Promise<void>;
  /** Nothing more is deployed, and nobody asks any more. What was published goes on being served. Idempotent. */
  stop(): Promise<void>;
  /** And what happens is not recorded any more. Idempotent. */
  close(): Promise<void>;
}

/** Throws UsageError when it cannot be had; nothing is left running then. What was deployed before is being served from then on. */
export async function startControl(parts: ControlParts): Promise<RunningControl> {
  const { place, clock, random, log, toolchains, region } = parts;
  const maker = deploymentMaker({
    toolchains,
    region,
    addresses: () => control.addresses,
    prepare: (deployment) => parts.prepare(deployment),
  });
  const at = { scheme: place.scheme, domain: place.domain, port: () => parts.edgePort() };
  const publish = (snapshot: Snapshot): void => parts.publish(snapshot);
  const control = await Control.open({ dir: place.dir, clock, random, log, place: at, maker, publish });
  try {
    return await serve(control, parts);
  } catch (error) {
    await control.close();
    throw error;
  }
}

/** Paths that are called at times; as requests to this platform's own edge. */
function cronsOf(control: Control, { clock, log, cronKey }: ControlParts, edge: () => EdgeAddress): Crons {
  const { db, audit, records, store: deployments, served } = control;
  return new Crons({
    db,
    clock,
    log,
    audit,
    projects: records,
    deployments,
    store: new CronStore(db),
    call: cronCaller({ clock, edge, key: cronKey }),
    secretOf: (id) => served.find(id)?.functions[0]?.config.environment['CRON_SECRET'] ?? null,
  });
}

interface Handled {
  readonly control: Control;
  readonly watched: Awaited<ReturnType<typeof watching>>;
  readonly crons: Crons;
  readonly edge: () => EdgeAddress;
}

function handlersOf({ control, watched, crons, edge }: Handled, parts: ControlParts): Handlers {
  const { clock } = parts;
  const { usage: usageStore, current, now, prices } = watched;
  const { db, tokens, audit, settings, store, making, blobs, projects, deployments, records, addresses } = control;
  return {
    ...platformHandlers({
      db,
      tokens,
      audit,
      settings,
      version: parts.version,
      facts: () => ({ edge: addresses.edge, node: process.versions.node, provider: parts.provider() }),
      disk: async () => ({ ...(await control.disk()), logBytes: watched.logs.usedBytes }),
      changed({ retention, prices: changed }) {
        watched.logs.retain(retention);
        parts.ledger.prices = changed;
      },
    }),
    ...usageHandlers({ clock, store: usageStore, prices, current }),
    ...nowHandlers({
      clock,
      now,
      explain: (name) => parts.explain(name),
      isLive: (id) => control.served.isLive(id),
    }),
    ...logHandlers({ store: watched.logs, clock }),
    ...cronHandlers(crons),
    ...loadHandlers({ clock, edge, isServed: (host) => control.served.isServed(host) }),
    ...projectHandlers({ projects, records, deployments, store, making, blobs }),
  };
}

async function serve(control: Control, parts: ControlParts): Promise<RunningControl> {
  const { place } = parts;
  const watched = await watching(control, { ...parts, dir: place.dir, metrics: place.metrics });
  try {
    return await serveWatched(control, parts, watched);
  } catch (error) {
    // Its thread and its port would keep the process from ending.
    await watched.close();
    throw error;
  }
}

async function serveWatched(
  control: Control,
  parts: ControlParts,
  watched: Handled['watched'],
): Promise<RunningControl> {
  const { place, clock, log } = parts;
  const { tokens } = control;
  const edge = () => ({ address: loopbackOf(parts.edgeHost), port: parts.edgePort() });
  const crons = cronsOf(control, parts, edge);
  control.onPublished = () => crons.sync();
  const ownToken = tokens.createOwn('this machine');
  const server = new ApiServer({
    clock,
    log,
    tokens,
    handlers: handlersOf({ control, watched, crons, edge }, parts),
    dashboard: await openDashboard(await buildDashboard({ cacheDir: parts.cacheDir })),
  });
  const port = await listenOnFree(server, { port: place.port, host: place.host, log, option: '--api-port' });
  const url = urlOf(place.host, port);
  const local = await writeLocalFiles([place.dir, ...place.announcedIn], { url, token: ownToken, pid: process.pid });
  // Shown once: not made before it can be.
  const firstToken = tokens.isEmpty ? tokens.create('first', 'admin', null).secret : null;
  const stopping = new AbortController();
  const stop = once(async () => {
    stopping.abort();
    local.remove();
    await server.close();
    await Promise.all([crons.close(), control.deployments.close()]);
  });
  const close = once(async () => {
    await stop();
    // It reads, or deploys, and ends soon now: until then it has the database.
    await started.catch(() => undefined);
    await watched.close();
    await control.close();
  });
  const start = async (): Promise<void> => {
    await control.start();
    crons.start();
    await deployDirectories(place.directories, { control, clock, log, stateDir: place.dir, signal: stopping.signal });
  };
  const started = start();
  started.catch(
    (error: Error) =>
      stopping.signal.aborted || log.error('what was deployed before is not all served', { why: error.stack }),
  );
  return { control, url, metricsUrl: watched.metricsUrl, firstToken, ownToken, started, stop, close };
}

/** What listens on all addresses is asked at this machine's own. */
const loopbackOf = (host: string): string => (host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host);
