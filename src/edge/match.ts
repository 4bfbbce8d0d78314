// Hot path, pure: path → route. A route without parameters is one Map lookup.
import type { FunctionSpec, Launch } from '../model/function.ts';
import type { Route, Segment } from '../model/route.ts';
import type { Refusal } from './head.ts';
import { decodePath } from './target.ts';

export interface Matched {
  readonly spec: FunctionSpec;
  readonly pattern: string;
  /** What the function sees: the client's target, and the path's parameters in the query. */
  readonly target: string;
}

interface Lead {
  readonly spec: FunctionSpec;
  readonly route: Route;
}

/** Literal before param before rest, segment by segment; a longer pattern before its own beginning. */
const ranks = { literal: 0, param: 1, rest: 2 } as const satisfies Record<Segment['kind'], number>;

function bySpecificity(one: Lead, other: Lead): number {
  const first = one.route.segments;
  const second = other.route.segments;
  for (let at = 0; at < first.length && at < second.length; at += 1) {
    const difference = ranks[first[at]!.kind] - ranks[second[at]!.kind];
    if (difference !== 0) return difference;
  }
  return second.length - first.length;
}

const literalPath = (segments: readonly Segment[]): string | null => {
  let path = '';
  for (const segment of segments) {
    if (segment.kind !== 'literal') return null;
    path += `/${segment.text}`;
  }
  return path === '' ? '/' : path;
};

/** The routes of one deployment, ready to be matched. */
export class RouteTable {
  private readonly literals = new Map<string, Lead>();
  private readonly patterns: Lead[] = [];
  /** A pattern that takes every path as it is, when it is the only one. */
  private readonly everything: Lead | null;

  /** Routes whose function is not in `functions` lead nowhere. */
  constructor(routes: readonly Route[], functions: readonly FunctionSpec[]) {
    const specs = new Map(functions.map((spec) => [spec.id, spec]));
    for (const route of routes) {
      const spec = specs.get(route.functionId);
      if (spec === undefined) continue;
      const path = literalPath(route.segments);
      if (path === null) this.patterns.push({ spec, route });
      else if (!this.literals.has(path)) this.literals.set(path, { spec, route });
    }
    this.patterns.sort(bySpecificity);
    const [only] = this.patterns;
    this.everything = this.patterns.length === 1 && takesEverything(only!) ? only! : null;
  }

  /**
   * `path`: the target's path, still encoded. A trailing slash changes nothing. Parameters are appended to the query as
   * `name=value`, except where the client's own query has that name: that is how the hosted platform merges them.
   */
  match(path: string, target: string): Matched | null {
    const lead = this.literals.get(path);
    if (lead !== undefined) return { spec: lead.spec, pattern: lead.route.pattern, target };
    const found = this.lookup(path);
    if (found === null) return null;
    const { spec, pattern, parameters } = found;
    return { spec, pattern, target: parameters.length === 0 ? target : withParameters(target, parameters) };
  }

  /** What answers at `path`, and what it has of the path: name, value, name, value, …; values ready for a query. */
  lookup(path: string): { spec: FunctionSpec; pattern: string; parameters: readonly string[] } | null {
    const lead = this.literal(path) ?? this.everything;
    if (lead !== null) return { spec: lead.spec, pattern: lead.route.pattern, parameters: [] };
    return this.matchPatterns(path);
  }

  private literal(path: string): Lead | null {
    const lead = this.literals.get(path);
    if (lead !== undefined) return lead;
    // An encoded slash is no separator.
    if ((!path.includes('%') && !path.endsWith('/')) || /%2f/i.test(path)) return null;
    return this.literals.get(withoutTrailingSlash(decodePath(path) ?? path)) ?? null;
  }

  private matchPatterns(path: string): { spec: FunctionSpec; pattern: string; parameters: readonly string[] } | null {
    if (this.patterns.length === 0) return null;
    const segments = segmentsOf(path);
    if (segments === null) return null;
    for (const lead of this.patterns) {
      const { spec, route } = lead;
      const parameters = takesEverything(lead) ? [] : matchSegments(route.segments, segments);
      if (parameters === null) continue;
      return { spec, pattern: route.pattern, parameters };
    }
    return null;
  }
}

/** A server's catch-all: it does its own routing, so it gets `/` too, and no parameters. */
const takesEverything = ({ spec, route }: Lead): boolean =>
  servers.has(spec.launch) && route.segments.length === 1 && route.segments[0]!.kind === 'rest';

const servers: ReadonlySet<Launch> = new Set(['server', 'python', 'command']);

const withoutTrailingSlash = (path: string): string =>
  path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;

/** Decoded one by one, so that an encoded slash separates nothing. Null: bad percent-encoding. */
function segmentsOf(path: string): string[] | null {
  const plain = withoutTrailingSlash(path);
  if (plain === '/') return [];
  const segments: string[] = [];
  for (const encoded of plain.slice(1).split('/')) {
    const segment = decodePath(encoded);
    if (segment === null) return null;
    segments.push(segment);
  }
  return segments;
}

/** Name, value, name, value, …; values ready for a query. Null: no match. */
function matchSegments(pattern: readonly Segment[], segments: readonly string[]): string[] | null {
  const parameters: string[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const part = pattern[at]!;
    if (part.kind === 'rest') {
      const rest = segments.slice(at);
      if (rest.length === 0 || rest.includes('')) return null;
      parameters.push(part.name, rest.map(encodeURIComponent).join('/'));
      return parameters;
    }
    const segment = segments[at];
    if (segment === undefined) return null;
    if (part.kind === 'literal') {
      if (part.text !== segment) return null;
    } else {
      if (segment === '') return null;
      parameters.push(part.name, encodeURIComponent(segment));
    }
  }
  return pattern.length === segments.length ? parameters : null;
}

/** A target that has grown beyond 2 × limits.urlBytes: percent-encoding triples a parameter at most. */
export const targetTooLong: Refusal = {
  code: 'URL_TOO_LONG',
  detail: 'The target is too long with its parameters in the query.',
};

/** `target` with `parameters` (name, value, …; values encoded) in its query, where it does not have them itself. */
export function withParameters(target: string, parameters: readonly string[]): string {
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const query = mark === -1 ? '' : target.slice(mark + 1);
  const own = query === '' ? null : new URLSearchParams(query);
  let added = '';
  for (let at = 0; at < parameters.length; at += 2) {
    if (own?.has(parameters[at]!) === true) continue;
    added += `&${encodeURIComponent(parameters[at]!)}=${parameters[at + 1]!}`;
  }
  if (added === '') return target;
  return query === '' ? `${path}?${added.slice(1)}` : `${path}?${query}${added}`;
}
