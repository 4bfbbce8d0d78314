import type { Log } from '../base/log.ts';
import type { Alias, Snapshot } from '../model/snapshot.ts';
import { namesOf, rolloutOf } from './alias.ts';
import type { Rollout, Ways } from './alias.ts';
import type { Site } from './site.ts';

/** What a host name leads to. */
export interface Place {
  readonly site: Site;
  /** Null: to `site`, whoever asks. */
  readonly ways: Ways<Site> | null;
  /** What all answers there have besides their own: name, value, … */
  readonly added: readonly string[];
}

const nothing: readonly string[] = [];
/** Search engines are to find what a project shows its visitors, not what it was before. */
const hidden: readonly string[] = ['X-Robots-Tag', 'noindex'];

/** Aliases go before the hosts that deployments have of their own. `sites`: of the snapshot's deployments, in their order. */
export function placesOf(snapshot: Snapshot, sites: readonly Site[], log: Log): ReadonlyMap<string, Place> {
  const places = snapshot.aliases === undefined ? new Map<string, Place>() : aliased(snapshot.aliases, sites, log);
  const taken = new Set<string>();
  for (const site of sites) {
    const { deployment } = site;
    const isHidden = snapshot.aliases !== undefined && deployment.environment === 'preview';
    for (const host of deployment.hosts) {
      if (taken.has(host))
        log.error('two deployments claim one host: the first has it', { host, deployment: deployment.id });
      else if (!places.has(host)) places.set(host, { site, ways: null, added: isHidden ? hidden : nothing });
      taken.add(host);
    }
  }
  return places;
}

/** Of any host that leads nowhere else. */
export function fallbackOf(sites: readonly Site[]): Place | null {
  const site = sites.find(({ deployment }) => deployment.hosts.length === 0);
  return site === undefined ? null : { site, ways: null, added: nothing };
}

function aliased(aliases: readonly Alias[], sites: readonly Site[], log: Log): Map<string, Place> {
  const places = new Map<string, Place>();
  const byId = new Map(sites.map((site) => [site.deployment.id, site]));
  const named = new Map<string, ReadonlyMap<string, Site>>();
  for (const alias of aliases) {
    const { host, project, skewMaxAgeMs: maxAgeMs } = alias;
    const site = byId.get(alias.deployment);
    if (site === undefined) {
      log.error('an alias leads to a deployment that is not there', { host, deployment: alias.deployment });
    } else if (places.has(host)) {
      log.error('two aliases claim one host: the first has it', { host, deployment: alias.deployment });
    } else {
      const rollout = rolling(alias, byId, log);
      if (maxAgeMs > 0 && !named.has(project)) named.set(project, namesOf(ofProject(project, sites)));
      const older = maxAgeMs > 0 ? { named: named.get(project)!, maxAgeMs } : null;
      const ways = rollout === null && older === null ? null : { main: site, rollout, older };
      places.set(host, { site, ways, added: nothing });
    }
  }
  return places;
}

const ofProject = (project: string, sites: readonly Site[]): readonly Site[] =>
  sites.filter(({ deployment }) => deployment.project === project);

function rolling({ host, project, canary }: Alias, byId: ReadonlyMap<string, Site>, log: Log): Rollout<Site> | null {
  if (canary === null) return null;
  const site = byId.get(canary.deployment);
  if (site !== undefined) return rolloutOf(project, site, canary);
  log.error('a rolling release is of a deployment that is not there', { host, deployment: canary.deployment });
  return null;
}
