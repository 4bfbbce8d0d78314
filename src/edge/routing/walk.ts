// Hot path, pure: what a routing table says of one request.
import { limits } from '../../base/limits.ts';
import type { CompiledRule, RoutingTable } from './compile.ts';
import { type MiddlewareAnswer, readMiddlewareAnswer } from './middleware.ts';
import type { Outputs } from './outputs.ts';
import type { Place } from './destination.ts';
import { type Look, lookIn, matchedPathOf, withQuery } from './look.ts';
import { Position, type RoutedRequest, type Saved } from './position.ts';
import type { Broken, Found, Reason, Step } from './step.ts';
import type { Captured } from './template.ts';
import { absolutePath } from './transforms.ts';

type State =
  | { readonly kind: 'walking' }
  /** A middleware was asked; `at`: the rule after it. */
  | { readonly kind: 'asking' }
  | { readonly kind: 'ended' };

export const walkTransitions = {
  walking: ['asking', 'ended'],
  asking: ['walking', 'ended'],
  ended: [],
} as const satisfies Record<State['kind'], readonly State['kind'][]>;

/** In this order, once each: no table can lead round in a circle. The others are parts of a step of these. */
const order = ['start', 'filesystem', 'resource'] as const;

/** What a client is told of where it is sent; 304 and such are not for following. */
const isRedirect = (status: number | null): status is number => status !== null && status >= 300 && status < 400;
const isError = (status: number | null): status is number => status !== null && status >= 400;

/**
 * One request's way through a deployment's routing table. The rules of `start` are for redirects, headers, middleware and
 * rewrites before anything is looked for; of `filesystem` for rewrites of what is not there; of `resource` for the last
 * ones. After each of these phases it is looked for an output at the path as it is by then. Where there is none:
 *
 * - `miss` rules are tried, each against the outputs alone. What they change is taken back when they find nothing.
 * - `rewrite` rules are tried, but for after `start`. Next.js has its dynamic routes there. Taken back likewise.
 *
 * The same is done at once for every rule with `check`. `hit` rules add headers to what was found, `error` rules find a page
 * for a status.
 *
 * Sources: vercel dev (packages/cli/src/util/dev/router.ts and server.ts) for start, filesystem, miss, hit and error; what
 * @vercel/next and Next.js' adapter emit, with their comments, for resource and rewrite; @next/routing for how Next.js
 * itself understands its rules. `override` is for merging tables and means nothing here.
 */
export class Walk {
  private readonly table: RoutingTable;
  private readonly request: RoutedRequest;
  private readonly outputs: Outputs;
  private readonly position: Position;
  private state: State = { kind: 'walking' };
  private phaseAt = 0;
  private ruleAt = 0;
  /** Middleware that was asked. */
  private asked: readonly string[] = [];
  private broken: Broken | null = null;
  private forks = 0;
  private lookups = 0;
  /** What was last looked for, and what there was. */
  private lookedFor: string | null = null;
  private lookedAt: Look | null = null;
  /** Where the request was before `hit` rules added what is of the output. */
  private beforeHit: Saved | null = null;

  constructor(
    table: RoutingTable,
    request: RoutedRequest,
    outputs: Outputs,
    environment: Readonly<Record<string, string>>,
  ) {
    this.table = table;
    this.request = request;
    this.outputs = outputs;
    this.position = new Position(request, table.wildcards, environment);
  }

  /** The next thing to do. After a `middleware` step not before `resume`. */
  next(): Step {
    if (this.state.kind !== 'walking') throw new Error(`A walk cannot go on from ${this.state.kind}.`);
    return this.ending(this.slashes() ?? this.phases() ?? this.none('NOT_FOUND', 404));
  }

  /** After a `middleware` step: what it answered. */
  resume(answer: MiddlewareAnswer): Step {
    if (this.state.kind !== 'asking') throw new Error(`No middleware was asked: the walk is ${this.state.kind}.`);
    this.state = { kind: 'walking' };
    const { position } = this;
    const decision = readMiddlewareAnswer(answer, this.request.host);
    if (decision.kind === 'answer') return this.ending({ kind: 'answer', effects: position.log.effects() });
    if (decision.kind === 'broken') return this.ending(this.none('ROUTER_CANNOT_MATCH', 502));
    for (const edit of decision.requestEdits) position.log.editRequest(edit);
    for (const [name, value] of decision.responseHeaders) position.log.set(name, value, false);
    if (decision.status !== null) position.status = decision.status;
    if (decision.rewrite?.kind === 'external') return this.ending(this.elsewhere(decision.rewrite.url));
    if (decision.rewrite !== null) position.rewriteTo(decision.rewrite.path, decision.rewrite.query);
    return this.next();
  }

  /**
   * What to answer when something went wrong with what a step said: a function that failed, a method that an output does
   * not have. The page is that of the deployment for this status.
   */
  fail(status: number): Step {
    if (this.beforeHit !== null) this.position.back(this.beforeHit);
    return this.ending(this.none('failed', status));
  }

  private ending(step: Step): Step {
    this.state = { kind: step.kind === 'middleware' ? 'asking' : 'ended' };
    return step;
  }

  /** The same page by two names is sent to the one; where that is not possible, it is taken as that. */
  private slashes(): Step | null {
    const { path, query, method } = this.request;
    if (method !== 'GET' || !path.includes('//')) return null;
    const location = absolutePath(path);
    this.position.log.set('location', query === '' ? location : `${location}?${query}`, false);
    return { kind: 'redirect', status: 301, effects: this.position.log.effects() };
  }

  private phases(): Step | null {
    for (; this.phaseAt < order.length; this.phaseAt += 1) {
      const rules = this.table.phases[order[this.phaseAt]!];
      while (this.ruleAt < rules.length) {
        const rule = rules[this.ruleAt]!;
        this.ruleAt += 1;
        const done = this.rule(rule);
        if (done === 'end of phase') this.ruleAt = rules.length;
        else if (done !== null) return done;
      }
      this.ruleAt = 0;
      const done = this.settle(this.position.status, order[this.phaseAt] !== 'start');
      if (done !== null) return done;
    }
    return null;
  }

  /** One rule of the phases that are walked through. Null: on with the next. */
  private rule(rule: CompiledRule): Step | 'end of phase' | null {
    const captured = this.position.match(rule);
    if (captured === null) return null;
    if (rule.middleware !== null) return this.ask(rule.middleware, rule.continues);
    if (!this.position.apply(rule, captured)) return this.none('ROUTER_CANNOT_MATCH', 502);
    if (rule.mitigation !== null) return this.none(rule.mitigation, 403);
    if (rule.destination === null) {
      if (rule.status !== null) this.position.status = rule.status;
      if (rule.continues) return null;
      return rule.status === null ? 'end of phase' : this.said(rule.status);
    }
    const place = this.position.placeOf(rule, captured);
    if (place === null) return this.none('ROUTER_CANNOT_MATCH', 502);
    if (isRedirect(rule.status) && !rule.continues) return this.redirect(rule.status, place);
    if (place.authority !== null) {
      return this.pending(this.position.status) ?? this.elsewhere(this.urlOf(place));
    }
    return this.follow(rule, place, captured);
  }

  private follow(rule: CompiledRule, place: Place, captured: Captured): Step | 'end of phase' | null {
    const { position } = this;
    const saved = position.save();
    position.follow(place, captured);
    if (rule.continues) {
      position.status = rule.status ?? position.status;
      return null;
    }
    const found = this.settle(rule.checks ? rule.status : null, true, rule.status ?? position.status);
    if (found !== null) return found;
    if (rule.checks) return null;
    // A last word that leads nowhere was none.
    position.back(saved);
    return 'end of phase';
  }

  /** `continues`: rules of the phase after it are for what it lets pass, too. */
  private ask(path: string, continues: boolean): Step | null {
    if (this.asked.includes(path)) return null;
    this.asked = [...this.asked, path];
    if (!continues) this.ruleAt = Number.POSITIVE_INFINITY;
    const { target, log } = this.position;
    const output = path.startsWith('/') ? path.slice(1) : path;
    return { kind: 'middleware', output, target, requestEdits: [...log.requestEdits] };
  }

  /**
   * Is there an answer at the path as it is? `verdict`: a status that settles it where there is no output. `status`: of the
   * answer where there is one.
   */
  private settle(verdict: number | null, dynamic: boolean, status = this.position.status): Step | null {
    const pending = this.pending(status);
    if (pending !== null) return pending;
    const path = dynamic ? this.restored() : this.position.path;
    const look = this.look(path);
    if (look !== null) return this.hit(path, look, status);
    if (this.broken !== null) return this.none(this.broken, 502);
    if (isError(verdict)) return this.none('rule', verdict);
    const found = this.miss() ?? (dynamic ? this.dynamic() : null);
    return found ?? (this.broken === null ? null : this.none(this.broken, 502));
  }

  /**
   * `rewrite` rules begin with those that make a path what outputs are called: Next.js' data of pages are
   * `/_next/data/ID/a.json`, which is `/a` while it is rewritten. Without them the page would be found, not its data.
   */
  private restored(): string {
    const { position } = this;
    const [first] = this.table.phases.rewrite;
    if (first === undefined || !first.continues || first.destination === null) return position.path;
    const saved = position.save();
    for (const rule of this.table.phases.rewrite) {
      if (!rule.continues || rule.destination === null) break;
      const captured = position.match(rule);
      const place = captured === null ? null : position.placeOf(rule, captured);
      if (place !== null && place.authority === null) position.moveTo(place.path);
    }
    const { path } = position;
    position.back(saved);
    return path;
  }

  /** `miss` rules look at outputs only: no rewrite leads to another. */
  private miss(): Step | null {
    const { position } = this;
    if (this.table.phases.miss.length === 0 || !this.fork()) return null;
    const saved = position.save();
    position.log.beginRun();
    for (const rule of this.table.phases.miss) {
      const captured = position.match(rule);
      if (captured === null) continue;
      const before = position.log.mark();
      const place = rule.destination === null ? null : position.placeOf(rule, captured);
      const leads = place !== null && place.authority === null;
      if (!position.apply(rule, captured, false) || (rule.destination !== null && !leads)) {
        position.log.back(before);
        continue;
      }
      if (rule.status !== null) position.status = rule.status;
      if (!leads) continue;
      position.follow(place, captured);
      if (rule.continues) continue;
      const look = this.look(position.path);
      if (look !== null) return this.hit(position.path, look, position.status);
    }
    position.back(saved);
    return null;
  }

  /** `rewrite` rules: each starts from the path as it is, since `/[a]` that is not there is nothing for `/[...all]`. */
  private dynamic(): Step | null {
    const { position } = this;
    if (this.table.phases.rewrite.length === 0 || !this.fork()) return null;
    const saved = position.save();
    for (const rule of this.table.phases.rewrite) {
      const captured = position.match(rule);
      if (captured === null) continue;
      const found = this.dynamicRule(rule, captured);
      if (found === 'end of phase') break;
      if (found !== null) return found;
      if (this.broken !== null) return null;
    }
    position.back(saved);
    return null;
  }

  private dynamicRule(rule: CompiledRule, captured: Captured): Step | 'end of phase' | null {
    const { position } = this;
    const before = position.save();
    if (!position.apply(rule, captured)) return this.none('ROUTER_CANNOT_MATCH', 502);
    if (rule.destination === null) {
      if (rule.status !== null) position.status = rule.status;
      if (rule.continues) return null;
      return rule.status === null ? 'end of phase' : this.said(rule.status);
    }
    const place = position.placeOf(rule, captured);
    if (place === null) return this.none('ROUTER_CANNOT_MATCH', 502);
    if (place.authority !== null) return this.elsewhere(this.urlOf(place));
    position.follow(place, captured);
    if (rule.continues) {
      position.status = rule.status ?? position.status;
      return null;
    }
    const look = this.look(position.path);
    if (look !== null) return this.hit(position.path, look, rule.status ?? position.status);
    if (isError(rule.status)) return this.none('rule', rule.status);
    const missed = rule.checks ? this.miss() : null;
    if (missed !== null) return missed;
    position.back(before);
    return rule.checks ? null : 'end of phase';
  }

  private fork(): boolean {
    this.forks += 1;
    if (this.forks > limits.routingForks) this.broken = 'TOO_MANY_FORKS';
    return this.broken === null;
  }

  private look(path: string): Look | null {
    if (path === this.lookedFor) return this.lookedAt;
    this.lookups += 1;
    if (this.lookups > limits.routingLookups) this.broken = 'TOO_MANY_FILESYSTEM_CHECKS';
    if (this.broken !== null) return null;
    this.lookedFor = path;
    this.lookedAt = lookIn(this.outputs, path);
    return this.lookedAt;
  }

  private hit(path: string, look: Look, status: number | null): Step {
    const pending = this.pending(status);
    if (pending !== null) return pending;
    const found = this.found(path, look);
    return { kind: 'output', ...found, status, effects: this.position.log.effects() };
  }

  /** `hit` rules say nothing of status and path, and leave alone the headers that are set. */
  private found(path: string, look: Look): Found {
    const { position } = this;
    this.beforeHit = position.save();
    position.moveTo(path);
    position.log.beginRun();
    for (const rule of this.table.phases.hit) {
      const captured = position.match(rule);
      if (captured === null) continue;
      position.apply(rule, captured, false);
      if (!rule.continues) break;
    }
    return {
      output: look.key,
      path,
      target: position.target,
      matchedPath: matchedPathOf(look, position.log.get('x-matched-path')),
      routeMatches: position.routeMatches(),
    };
  }

  /** A rule that ends with a status, and leads nowhere. */
  private said(status: number): Step {
    return this.pending(status) ?? this.none('rule', status);
  }

  private none(reason: Reason, status: number): Step {
    const { position } = this;
    if (reason === 'NOT_FOUND') this.missed();
    const page = isError(status) ? this.page(status) : null;
    return { kind: 'status', status, reason, page, effects: position.log.effects() };
  }

  /** Headers of what is not there. */
  private missed(): void {
    this.position.log.beginRun();
    for (const rule of this.table.phases.miss) {
      if (rule.destination !== null || rule.status !== null) continue;
      const captured = this.position.match(rule);
      if (captured !== null) this.position.apply(rule, captured, false);
    }
  }

  private page(status: number): Found | null {
    const { position } = this;
    for (const rule of this.table.phases.error) {
      if (rule.status !== null && rule.status !== status) continue;
      const captured = position.match(rule);
      if (captured === null || !position.apply(rule, captured)) continue;
      const place = rule.destination === null ? null : position.placeOf(rule, captured);
      if (place === null || place.authority !== null) continue;
      const look = lookIn(this.outputs, place.path);
      if (look === null) continue;
      position.follow(place, captured);
      return this.found(place.path, look);
    }
    return null;
  }

  private elsewhere(url: string): Step {
    if (!URL.canParse(url)) return this.none('ROUTER_CANNOT_MATCH', 502);
    return { kind: 'external', url, effects: this.position.log.effects() };
  }

  private urlOf({ authority, path, parameters }: Place): string {
    const { text } = this.position.query.withDefaults(parameters);
    return `${authority ?? ''}${path}${text === '' ? '' : `?${text}`}`;
  }

  /** A redirect that rules have set by status and `location`, and gone on. */
  private pending(status: number | null): Step | null {
    return isRedirect(status) && this.position.log.get('location') !== undefined ? this.redirect(status, null) : null;
  }

  /** `place`: where to, when no header says it. The request's query goes along, where the place has none of its own. */
  private redirect(status: number, place: Place | null): Step {
    const { log } = this.position;
    const said = log.get('location');
    const location =
      said === undefined && place !== null ? this.urlOf(place) : withQuery(said ?? '/', this.request.query);
    log.set('location', location, false);
    return { kind: 'redirect', status, effects: log.effects() };
  }
}
