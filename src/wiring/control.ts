import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Toolchains } from '../builder/toolchains.ts';
import { platformHandlers } from '../control/api/platform-handlers.ts';
import type { Handlers } from '../control/api/handler.ts';
import { projectHandlers } from '../control/api/project-handlers.ts';
import { ApiServer } from '../control/api/server.ts';
import type { Place } from '../control/addresses.ts';
import { Control } from '../control/control.ts';
import type { Deployment, Snapshot } from '../model/snapshot.ts';
import { listenOnFree } from './listening.ts';
import { writeLocalFile } from './local-file.ts';
import { deploymentMaker } from './maker.ts';

/** How the control is to be had. */
export interface ControlPlace {
  /** Of all that it keeps. Absolute. */
  readonly dir: string;
  /** Of its API; taken: the next free one. */
  readonly port: number;
  readonly host: string;
  /** Projects are `NAME.DOMAIN`. */
  readonly domain: string;
  readonly scheme: Place['scheme'];
  /** Of Weir: `0.1.0`. */
  readonly version: string;
}

export interface ControlParts {
  readonly place: ControlPlace;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly toolchains: Toolchains;
  readonly region: string;
  /** Of the edge. */
  edgePort(): number;
  /** One sentence about what limits instances on this machine. */
  provider(): string;
  publish(snapshot: Snapshot): void;
  /** What makes the first invocations of a deployment fast. Never rejects. */
  prepare(deployment: Deployment): Promise<Deployment>;
}

/** A control that is served. */
export interface RunningControl {
  readonly control: Control;
  readonly url: string;
  /** For whoever has none yet: made with the database, told this once. Null: it was told before. */
  readonly firstToken: string | null;
  /** Holds while this process runs. */
  readonly ownToken: string;
  /** Settles when all that was deployed before is served, or was told not to be. */
  readonly started: Promise<void>;
  /** What was published goes on being served. Idempotent. */
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

function handlersOf(control: Control, parts: ControlParts): Handlers {
  const { db, tokens, audit, settings, store, making, blobs, projects, deployments, records, addresses } = control;
  return {
    ...platformHandlers({
      db,
      tokens,
      audit,
      settings,
      version: parts.place.version,
      facts: () => ({ edge: addresses.edge, node: process.versions.node, provider: parts.provider() }),
      disk: () => control.disk(),
      changed: () => undefined,
    }),
    ...projectHandlers({ projects, records, deployments, store, making, blobs }),
  } as Handlers;
}

async function serve(control: Control, parts: ControlParts): Promise<RunningControl> {
  const { place, clock, log } = parts;
  const { tokens } = control;
  const firstToken = tokens.isEmpty ? tokens.create('first', 'admin', null).secret : null;
  const ownToken = tokens.createOwn('this machine');
  const server = new ApiServer({ clock, log, tokens, handlers: handlersOf(control, parts), asset: () => null });
  const port = await listenOnFree(server, { port: place.port, host: place.host, log, option: '--api-port' });
  const url = `http://${place.host.includes(':') ? `[${place.host}]` : place.host}:${port}`;
  const local = await writeLocalFile(place.dir, { url, token: ownToken, pid: process.pid });
  const close = async (): Promise<void> => {
    local.remove();
    await server.close();
    await control.close();
  };
  const started = control.start();
  started.catch((error: Error) => log.error('what was deployed before is not all served', { why: error.stack }));
  let closing: Promise<void> | null = null;
  return { control, url, firstToken, ownToken, started, close: () => (closing ??= close()) };
}
