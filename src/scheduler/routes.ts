// Hot path: one lookup per invocation.
import { limits } from '../base/limits.ts';
import type { LearnedRoute } from '../model/learned.ts';

/** Lanes by their place in `lanes`. */
export const laneWaits = 0;
export const laneComputes = 1;

/** What is known of one kind of request of a function. */
export class RouteProfile {
  readonly pattern: string;
  /** Averages that forget: of one invocation, milliseconds. */
  cpuMs = 0;
  wallMs = 0;
  invocations = 0;
  /** Which instances it goes to: 0 those for what waits, 1 those for what computes. */
  lane: typeof laneWaits | typeof laneComputes = laneWaits;

  constructor(pattern: string, learned?: LearnedRoute) {
    this.pattern = pattern;
    if (learned === undefined) return;
    this.cpuMs = learned.cpuMs;
    this.wallMs = learned.wallMs;
    this.invocations = learned.invocations;
    this.#judge();
  }

  /** One was answered. `cpuMs` 0: its instance could not say. True: it belongs to another lane now. */
  settled(wallMs: number, cpuMs: number): boolean {
    this.invocations += 1;
    const weight = Math.max(slowest, 1 / this.invocations);
    this.cpuMs += (cpuMs - this.cpuMs) * weight;
    this.wallMs += (wallMs - this.wallMs) * weight;
    const before = this.lane;
    this.#judge();
    return this.lane !== before;
  }

  /** With a gap between the two thresholds, so that it does not go to and fro. */
  #judge(): void {
    const share = this.lane === laneComputes ? 0.5 : 1;
    const computes =
      this.cpuMs >= limits.computesCpuMs * share && this.cpuMs * 1000 >= this.wallMs * limits.computesPermille * share;
    this.lane = computes ? laneComputes : laneWaits;
  }
}

/** The weight of the newest invocation in the averages, at least. */
const slowest = 0.1;

/**
 * The kinds of requests of one function. A route that names its path is one. A route that takes any path (a server's)
 * is told apart by method and the path's first two segments, those that look like identifiers being one. What clients
 * send bounds nothing: there are limits.learnedRoutes, and of more those that came least give way.
 */
export class Routes {
  readonly #profiles = new Map<string, RouteProfile>();
  /** Of requests, by method, then path; cleared when it is full. */
  readonly #known = new Map<string, Map<string, RouteProfile>>();
  #knownPaths = 0;

  constructor(learned: readonly LearnedRoute[] = []) {
    for (const each of learned.slice(0, limits.learnedRoutes)) {
      this.#profiles.set(each.pattern, new RouteProfile(each.pattern, each));
    }
  }

  /** `pattern`: the route's; `target`: path and query as they came. */
  of(pattern: string, method: string, target: string): RouteProfile {
    if (!pattern.includes('[...')) return this.#profiles.get(pattern) ?? this.#add(pattern);
    const query = target.indexOf('?');
    const path = query === -1 ? target : target.slice(0, query);
    return this.#known.get(method)?.get(path) ?? this.#look(method, path);
  }

  #look(method: string, path: string): RouteProfile {
    const kind = `${method} ${kindOf(path)}`;
    const profile = this.#profiles.get(kind) ?? this.#add(kind);
    if (this.#knownPaths >= limits.learnedPaths) this.#forget();
    if (path.length > longestPath) return profile;
    const paths = this.#known.get(method) ?? new Map<string, RouteProfile>();
    this.#known.set(method, paths.set(copied(path), profile));
    this.#knownPaths += 1;
    return profile;
  }

  #forget(): void {
    this.#known.clear();
    this.#knownPaths = 0;
  }

  /** In order of their names. */
  get all(): readonly RouteProfile[] {
    const used = [...this.#profiles.values()].filter(({ invocations }) => invocations > 0);
    return used.toSorted((left, right) => (left.pattern < right.pattern ? -1 : 1));
  }

  /** Whether all that has come is of one lane; what has not been answered yet may be of the other. */
  areAll(lane: number): boolean {
    for (const each of this.#profiles.values()) if (each.lane !== lane) return false;
    return true;
  }

  learned(): LearnedRoute[] {
    return this.all.map(({ pattern, cpuMs, wallMs, invocations }) => ({
      pattern,
      cpuMs: rounded(cpuMs),
      wallMs: rounded(wallMs),
      invocations: Math.min(invocations, 1000),
    }));
  }

  #add(kind: string): RouteProfile {
    if (this.#profiles.size >= limits.learnedRoutes) this.#makeRoom();
    const made = new RouteProfile(kind);
    this.#profiles.set(kind, made);
    return made;
  }

  /** The quarter that came least gives way: also junk that comes twice shuts nobody out. */
  #makeRoom(): void {
    const byCount = [...this.#profiles].toSorted(([, left], [, right]) => left.invocations - right.invocations);
    for (const [kind] of byCount.slice(0, limits.learnedRoutes / 4)) this.#profiles.delete(kind);
    this.#forget();
  }
}

/** A part of a string keeps all of it in memory: here, of a path its query. */
const copied = (text: string): string => ` ${text}`.slice(1);

/** Longer paths are looked at every time. */
const longestPath = 256;
const longestSegment = 24;
const segmentsTold = 2;

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

/** `/users/42/posts/7` → `/users/[]/…` */
export function kindOf(path: string): string {
  const segments = path.split('/', segmentsTold + 2).slice(1);
  const told = segments.slice(0, segmentsTold).map((each) => (isIdentifier(each) ? '[]' : each));
  return `/${told.join('/')}${segments.length > segmentsTold ? '/…' : ''}`;
}

const isIdentifier = (segment: string): boolean => segment.length > longestSegment || /\d/.test(segment);
