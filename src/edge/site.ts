import type { Log } from '../base/log.ts';
import type { Routing } from '../model/routing.ts';
import type { Deployment, Snapshot } from '../model/snapshot.ts';
import { indexFiles } from './files.ts';
import type { StaticFiles } from './files.ts';
import { HostTable } from './host.ts';
import { RouteTable } from './match.ts';
import { fallbackOf, placesOf } from './place.ts';
import type { Place } from './place.ts';
import { BuiltOutputs, PlainOutputs } from './passage/there.ts';
import type { Theres } from './passage/there.ts';
import { compileRouting } from './routing/compile.ts';
import type { RoutingTable } from './routing/compile.ts';

/** A deployment, ready to be served. */
export interface Site {
  readonly deployment: Deployment;
  readonly routes: RouteTable;
  readonly files: StaticFiles;
  /** Null: what is there answers, and nothing else has a say. */
  readonly table: RoutingTable | null;
  readonly there: Theres;
  /** For placeholders in the table: all functions of a deployment share what it sets itself. */
  readonly environment: Readonly<Record<string, string>>;
  /** For x-vercel-deployment-url: the first of its host names; null when it has none. */
  readonly url: string | null;
}

/** What a snapshot means to the edge. */
export interface Sites {
  readonly hosts: HostTable<Place>;
  readonly all: readonly Site[];
  /** More are being made ready. */
  readonly incomplete: boolean;
}

/** Before anything was published. */
export const noSites: Sites = { hosts: new HostTable<Place>(new Map(), null), all: [], incomplete: true };

/** Walks the public directories. Sites of `before` whose deployment is the very same object are kept as they are. */
export function buildSites(snapshot: Snapshot, before: Sites, log: Log): Sites {
  const kept = new Map(before.all.map((site) => [site.deployment, site]));
  const all = snapshot.deployments.map((deployment) => kept.get(deployment) ?? buildSite(deployment, log));
  const hosts = new HostTable(placesOf(snapshot, all, log), fallbackOf(all));
  return { hosts, all, incomplete: snapshot.incomplete === true };
}

function buildSite(deployment: Deployment, log: Log): Site {
  const { routing, outputs, publicDir } = deployment;
  const routes = new RouteTable(deployment.routes, deployment.functions);
  const files = publicDir === null ? new Map<string, never>() : indexFiles(publicDir, log);
  const isPlain = outputs === null;
  return {
    deployment,
    routes,
    files,
    table: isPlain && routing === null ? null : compileRouting(routing ?? noRouting),
    there: isPlain ? new PlainOutputs(files, routes, deployment) : new BuiltOutputs(deployment),
    environment: deployment.functions[0]?.config.environment ?? {},
    url: deployment.hosts[0] ?? null,
  };
}

const noRouting: Routing = { rules: [], wildcard: [], images: null, afterCacheBypass: [] };
