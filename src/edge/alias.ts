// Hot path where a rolling release is under way or clients may hold on to older deployments: which deployment of an alias a
// client gets. Other hosts never come here.
import { hash } from 'node:crypto';
import { limits } from '../base/limits.ts';
import type { Canary, Deployment } from '../model/snapshot.ts';
import { cookieOf } from './routing/conditions.ts';

/** Whatever serves a deployment. */
interface Serving {
  readonly deployment: Pick<Deployment, 'id' | 'ownId' | 'createdMs'>;
}

/** Where an alias leads: made when a snapshot is published. */
export interface Ways<T> {
  readonly main: T;
  /** Null: no rolling release is under way. */
  readonly rollout: Rollout<T> | null;
  /** Null: nobody may hold on to anything else. */
  readonly older: Older<T> | null;
}

export interface Rollout<T> {
  readonly canary: T;
  /** Of clients, 0 to 1. */
  readonly share: number;
  readonly cookieName: string;
  /** What the cookie begins with where it is of this rolling release. */
  readonly mark: string;
}

interface Older<T> {
  /** All of the project, by their names. */
  readonly named: ReadonlyMap<string, T>;
  readonly maxAgeMs: number;
}

/** What a request says of its client. All but the address is the client's to make up. Empty: it does not say. */
export interface Facts {
  readonly address: string;
  /** It came by https. */
  readonly secure: boolean;
  /** Without its question mark. */
  readonly query: string;
  readonly cookie: string;
  /** x-deployment-id */
  readonly deploymentId: string;
  /** Sec-Fetch-Dest, -Mode and -Site. */
  readonly fetchDest: string;
  readonly fetchMode: string;
  readonly fetchSite: string;
}

export type Choice<T> =
  | {
      readonly kind: 'found';
      readonly to: T;
      /** Null: the client has it already, or needs none. */
      readonly setCookie: string | null;
    }
  /** The client holds on to what it cannot have any more. */
  | { readonly kind: 'gone'; readonly detail: string };

export function rolloutOf<T extends Serving>(
  project: string,
  canary: T,
  { percent }: Pick<Canary, 'percent'>,
): Rollout<T> {
  return {
    canary,
    share: percent / 100,
    cookieName: `_vcrr_${hash('sha256', project).slice(0, 10)}`,
    mark: `${encodeURIComponent(canary.deployment.id)}|`,
  };
}

/** By `id`, else by what the build calls it: several may be called the same, and the newest is meant. */
export function namesOf<T extends Serving>(all: readonly T[]): ReadonlyMap<string, T> {
  const named = new Map<string, T>();
  for (const each of all) {
    const { ownId, createdMs = 0 } = each.deployment;
    if (ownId === undefined) continue;
    const before = named.get(ownId);
    if (before === undefined || createdMs > (before.deployment.createdMs ?? 0)) named.set(ownId, each);
  }
  for (const each of all) named.set(each.deployment.id, each);
  return named;
}

/** A client that holds on to a deployment gets it; others get their part of a rolling release. `wallMs`: now. */
export function choose<T extends Serving>(ways: Ways<T>, facts: Facts, wallMs: number): Choice<T> {
  const held = ways.older === null ? null : heldOnTo(ways, ways.older, facts, wallMs);
  if (held !== null) return held;
  return ways.rollout === null
    ? { kind: 'found', to: ways.main, setCookie: null }
    : roll(ways.main, ways.rollout, facts);
}

/** Null: the client holds on to none. */
function heldOnTo<T extends Serving>(ways: Ways<T>, older: Older<T>, facts: Facts, wallMs: number): Choice<T> | null {
  const opensPage = facts.fetchDest === 'document' || facts.fetchMode === 'navigate';
  const isForeign = facts.fetchSite === 'cross-site';
  // A link may have been made by an older deployment, or by anybody: what it leads to is the newest page. Other sites do not
  // decide either which deployment answers their requests.
  const name = opensPage || isForeign ? '' : parameterOf(facts.query, 'dpl') || facts.deploymentId;
  if (name !== '') {
    const to = find(ways, older, name, wallMs);
    return to === null ? { kind: 'gone', detail: goneDetail(name) } : { kind: 'found', to, setCookie: null };
  }
  // The page that another site's link opens is to be of the same deployment as what it then asks for.
  if (isForeign && !opensPage) return null;
  const kept = facts.cookie.includes('__vdpl=') ? cookieOf(facts.cookie, '__vdpl') : undefined;
  const to = kept === undefined ? null : find(ways, older, kept, wallMs);
  return to === null ? null : { kind: 'found', to, setCookie: null };
}

/** What the alias leads to now is never too old. */
function find<T extends Serving>({ main, rollout }: Ways<T>, older: Older<T>, name: string, wallMs: number): T | null {
  if (isCalled(main, name)) return main;
  if (rollout !== null && isCalled(rollout.canary, name)) return rollout.canary;
  const found = older.named.get(name);
  const createdMs = found?.deployment.createdMs;
  return found === undefined || createdMs === undefined || wallMs - createdMs >= older.maxAgeMs ? null : found;
}

const isCalled = ({ deployment }: Serving, name: string): boolean =>
  deployment.id === name || deployment.ownId === name;

const nameChars = 128;
const goneDetail = (name: string): string =>
  `The request is for the deployment ${name.length > nameChars ? `${name.slice(0, nameChars)}…` : name}, which is gone or too old.`;

function roll<T extends Serving>(main: T, rollout: Rollout<T>, facts: Facts): Choice<T> {
  const { canary, share, cookieName, mark } = rollout;
  const kept = facts.cookie.includes(cookieName) ? cookieOf(facts.cookie, cookieName) : undefined;
  let place = kept?.startsWith(mark) === true ? kept.slice(mark.length) : '';
  if (facts.query.includes('vcrrForce')) place = forcedBy(facts.query) ?? place;
  if (!placePattern.test(place)) place = bucketOf(mark, facts.address);
  const isForced = place.endsWith(forced);
  const isCanary = isForced ? place === forcedCanary : Number(place) < share;
  const value = mark + place;
  const setCookie = value === kept ? null : cookieText(cookieName, value, facts.secure);
  return { kind: 'found', to: isCanary ? canary : main, setCookie };
}

const forced = '|forced';
/** Before all others, and behind all others. */
const forcedCanary = `0${forced}`;
const forcedStable = `1${forced}`;
/** A client's place among all: a number in [0, 1), or one of the ends. */
const placePattern = /^(?:0(?:\.\d{1,6})?|[01]\|forced)$/;

function forcedBy(query: string): string | null {
  if (parameterOf(query, 'vcrrForceStable') === 'true') return forcedStable;
  return parameterOf(query, 'vcrrForceCanary') === 'true' ? forcedCanary : null;
}

/** With the mark: those who are first with one release are not with the next. */
function bucketOf(mark: string, address: string): string {
  const part = hash('sha256', mark + address, 'buffer').readUInt32BE(0) / 2 ** 32;
  return (Math.floor(part * 1e6) / 1e6).toFixed(6);
}

const cookieText = (name: string, value: string, isSecure: boolean): string =>
  `${name}=${value}; Path=/; Max-Age=${limits.rolloutCookieS}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;

function parameterOf(query: string, name: string): string {
  return query.includes(`${name}=`) ? (new URLSearchParams(query).get(name) ?? '') : '';
}
