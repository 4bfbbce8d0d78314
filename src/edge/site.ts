import type { Log } from '../base/log.ts';
import type { Deployment, Snapshot } from '../model/snapshot.ts';
import { indexFiles } from './files.ts';
import type { StaticFiles } from './files.ts';
import { HostTable } from './host.ts';
import { RouteTable } from './match.ts';

/** A deployment, ready to be served. */
export interface Site {
  readonly deployment: Deployment;
  readonly routes: RouteTable;
  readonly files: StaticFiles;
  /** For x-vercel-deployment-url: the first of its host names; null when it has none. */
  readonly url: string | null;
}

/** What a snapshot means to the edge. */
export interface Sites {
  readonly hosts: HostTable<Site>;
  readonly all: readonly Site[];
}

export const noSites: Sites = { hosts: new HostTable<Site>(new Map(), null), all: [] };

/** Walks the public directories. Sites of `before` whose deployment is the very same object are kept as they are. */
export function buildSites(snapshot: Snapshot, before: Sites, log: Log): Sites {
  const kept = new Map(before.all.map((site) => [site.deployment, site]));
  const names = new Map<string, Site>();
  let fallback: Site | null = null;
  const all: Site[] = [];
  for (const deployment of snapshot.deployments) {
    const site = kept.get(deployment) ?? buildSite(deployment, log);
    all.push(site);
    for (const host of deployment.hosts) {
      if (names.has(host))
        log.error('two deployments claim one host: the first has it', { host, deployment: deployment.id });
      else names.set(host, site);
    }
    if (deployment.hosts.length === 0) fallback ??= site;
  }
  return { hosts: new HostTable(names, fallback), all };
}

const buildSite = (deployment: Deployment, log: Log): Site => ({
  deployment,
  routes: new RouteTable(deployment.routes, deployment.functions),
  files: deployment.publicDir === null ? new Map() : indexFiles(deployment.publicDir, log),
  url: deployment.hosts[0] ?? null,
});
