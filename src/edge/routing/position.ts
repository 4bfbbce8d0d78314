import type { CompiledRule } from './compile.ts';
import { type Conditioned, type Groups, cookieOf, holdsAll, holdsAny, hostnameOf } from './conditions.ts';
import { type Place, placeOf } from './destination.ts';
import { EffectLog, type Mark, editedHeader } from './effects.ts';
import { localeRedirect } from './locale.ts';
import { decodedPath } from './look.ts';
import { matchPath } from './pattern.ts';
import { Query } from './query.ts';
import { type Captured, type Template, encoded, expand } from './template.ts';
import { absolutePath, applyTransform } from './transforms.ts';

export interface RoutedRequest {
  readonly method: string;
  /** As it was asked, with a port where there is one. */
  readonly host: string;
  /** Encoded, begins with `/`. */
  readonly path: string;
  /** Without `?`. */
  readonly query: string;
  /** By its name in lower case; several joined. */
  header(name: string): string | undefined;
}

/** Where to go back to. */
export interface Saved {
  readonly path: string;
  readonly query: Query;
  readonly seenPath: string;
  readonly status: number | null;
  readonly captures: number;
  readonly log: Mark;
}

const noGroups: Groups = Object.freeze({});

/** Where a request is by now: what rules and middleware made of its path, query and headers. */
export class Position implements Conditioned {
  readonly hostname: string;
  readonly log = new EffectLog();
  path: string;
  query: Query;
  /** The path that functions are asked for. */
  seenPath: string;
  status: number | null = null;
  private lowered: string;
  private readonly request: RoutedRequest;
  private readonly environment: Readonly<Record<string, string>>;
  private readonly wildcard: string;
  /** Of rules with a destination. */
  private readonly captures: Captured[] = [];

  constructor(
    request: RoutedRequest,
    wildcards: ReadonlyMap<string, string>,
    environment: Readonly<Record<string, string>>,
  ) {
    this.request = request;
    this.environment = environment;
    this.hostname = hostnameOf(request.host);
    this.wildcard = wildcards.get(this.hostname) ?? '';
    this.seenPath = absolutePath(request.path);
    this.path = canonical(this.seenPath);
    this.lowered = this.path.toLowerCase();
    this.query = new Query(request.query);
  }

  header(name: string): string | undefined {
    return editedHeader(name, this.request.header(name), this.log.requestEdits);
  }

  cookie(name: string): string | undefined {
    return cookieOf(this.header('cookie'), name);
  }

  parameter(name: string): string | undefined {
    return this.query.get(name);
  }

  get target(): string {
    const text = this.query.text === '' ? this.seenPath : `${this.seenPath}?${this.query.text}`;
    // Whoever writes a destination may write it in any language.
    return /[^\x21-\x7e]/.test(text) ? text.toWellFormed().replaceAll(/[^\x21-\x7e]+/g, encodeURIComponent) : text;
  }

  moveTo(path: string): void {
    if (path === this.path) return;
    this.path = path;
    this.lowered = path.toLowerCase();
  }

  /** A middleware's rewrite: its query takes the place of the request's own. */
  rewriteTo(path: string, query: string): void {
    this.moveTo(canonical(absolutePath(path)));
    this.query = new Query(query);
  }

  save(): Saved {
    const { path, query, seenPath, status } = this;
    return { path, query, seenPath, status, captures: this.captures.length, log: this.log.mark() };
  }

  back(saved: Saved): void {
    this.moveTo(saved.path);
    this.query = saved.query;
    this.seenPath = saved.seenPath;
    this.status = saved.status;
    this.captures.length = saved.captures;
    this.log.back(saved.log);
  }

  /** Null: the rule is not for this request. */
  match(rule: CompiledRule): Captured | null {
    if (rule.methods !== null && !rule.methods.has(this.request.method)) return null;
    for (const name of rule.needs) if (this.header(name) === undefined) return null;
    let match = matchPath(rule.pattern, this.path, this.lowered);
    if (match === null && rule.guards && this.path.includes('%')) match = this.matchDecoded(rule);
    if (match === null) return null;
    const groups = rule.has.length === 0 ? noGroups : holdsAll(rule.has, this);
    if (groups === null) return null;
    if (rule.missing.length > 0 && holdsAny(rule.missing, this)) return null;
    const values = this.wildcard === '' ? groups : { ...groups, wildcard: this.wildcard };
    return { match, names: rule.names, values };
  }

  /** Outputs are found by decoded paths: by `/%40admin` nobody gets past a rule for `/@admin`. */
  private matchDecoded(rule: CompiledRule): RegExpExecArray | null {
    const path = decodedPath(this.path);
    return matchPath(rule.pattern, path, path.toLowerCase());
  }

  /** Transforms, headers and redirects by language. `headersWin`: over those that are set. False: something is too long. */
  apply(rule: CompiledRule, captured: Captured, headersWin = true): boolean {
    const { environment, log } = this;
    for (const transform of rule.transforms) {
      const after = applyTransform(transform, this, { captured, log, environment });
      if (after === null) return false;
      this.query = after.query;
      this.seenPath = after.seenPath;
    }
    for (const { name, value } of rule.headers) {
      const expanded = expand(value, captured, name === 'location' ? 'location' : 'header', environment);
      if (expanded === null) return false;
      const text = name === 'location' ? ownLocation(value, expanded) : expanded;
      if (headersWin) log.set(name, text, rule.important);
      else log.setIfNew(name, text, rule.important);
    }
    if (rule.locale !== null) this.redirectByLanguage(rule.locale);
    return true;
  }

  private redirectByLanguage(locale: NonNullable<CompiledRule['locale']>): void {
    if (this.log.get('location') !== undefined) return;
    const location = localeRedirect(locale, {
      path: this.path,
      hostname: this.hostname,
      cookie: locale.cookie === '' ? undefined : this.cookie(locale.cookie),
      accepted: this.header('accept-language'),
    });
    if (location === null) return;
    this.log.set('location', location, false);
    this.status = 307;
  }

  /** Null: the rule leads to what is no place. */
  placeOf(rule: CompiledRule, captured: Captured): Place | null {
    return placeOf(rule.destination!, captured, this.environment);
  }

  /** Along a rule with a destination here. */
  follow(place: Place, captured: Captured): void {
    this.moveTo(place.path);
    this.query = this.query.withDefaults(place.parameters);
    this.captures.push(captured);
  }

  /** See `Found.routeMatches`. */
  routeMatches(): string | null {
    const last = this.captures.at(-1);
    if (last === undefined) return null;
    let found = '';
    for (let at = 1; at < last.match.length; at += 1) {
      const text = last.match[at];
      if (text !== undefined) found += `&${at}=${encoded(text)}`;
    }
    const named = new Map<string, string>();
    for (const { match, names, values } of this.captures) {
      for (const name of names) {
        const text = match.groups?.[name] ?? (Object.hasOwn(values, name) ? values[name] : undefined);
        if (text !== undefined && name !== 'wildcard') named.set(name, text);
      }
    }
    for (const [name, text] of named) found += `&${encoded(name)}=${encoded(text)}`;
    return found === '' ? null : found.slice(1);
  }
}

/**
 * A rule that sends to a path on this host does not send to another, whatever a client makes of the rest: `/$1`, `//evil`.
 * A backslash is a slash to browsers (WHATWG URL, 4.4).
 */
function ownLocation(template: Template, location: string): string {
  const [first] = template.parts;
  const elsewhere = /^\/[/\\]+/;
  if (!elsewhere.test(location) || (typeof first === 'string' && elsewhere.test(first))) return location;
  return location.replace(elsewhere, '/');
}

/** RFC 3986, 6.2.2: `/%61bout` is `/about`. What could mean another thing when it is decoded stays as it is. */
function canonical(path: string): string {
  if (!path.includes('%')) return path;
  return path.replaceAll(/%[\da-f]{2}/gi, (written) => {
    const character = String.fromCharCode(Number.parseInt(written.slice(1), 16));
    return /[\w.~-]/.test(character) ? character : written.toUpperCase();
  });
}
