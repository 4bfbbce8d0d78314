import type { Clock } from '../../base/clock.ts';
import type { Failure } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { FunctionSpec } from '../../model/function.ts';
import type { Exchange, Invoker, RequestHead } from '../../model/invoke.ts';
import type { Chains } from '../chain.ts';
import { chainHeader, invocationHeader } from '../head.ts';
import { withParameters } from '../match.ts';
import { http } from '../node-http.ts';
import { HttpExchange } from '../respond.ts';
import type { RoutingTable } from '../routing/compile.ts';
import { applyEdits, type Effects, isFraming } from '../routing/effects.ts';
import type { Found, Reason, Step } from '../routing/step.ts';
import { Walk } from '../routing/walk.ts';
import type { Site } from '../site.ts';
import { serveFile } from '../static.ts';
import type { UpgradeExchange } from '../upgrade.ts';
import { DecoratedExchange, withEffects } from './decorated.ts';
import { invokeExternal } from './external.ts';
import { MiddlewareExchange } from './middleware.ts';
import type { KeptAnswers } from './kept-answers.ts';
import { HeaderFields } from './request-fields.ts';
import type { There } from './there.ts';
import { unfitHead } from './unfit-head.ts';

/** What passages share. */
export interface PassageParts {
  readonly invoker: Invoker;
  readonly clock: Clock;
  readonly log: Log;
  readonly chains: Chains;
  /** Null: none are kept, and functions answer for their pages. */
  readonly kept: KeptAnswers | null;
}

/** A request that goes through a routing table. */
export interface Passing {
  readonly site: Site;
  readonly table: RoutingTable;
  /** As it would go to a function that has the client's own target. */
  readonly head: RequestHead;
  /** As the client asked, with a port where there is one. */
  readonly host: string;
  /** Still encoded. */
  readonly path: string;
  /** Which functions led to it, as it came; empty: none. */
  readonly chain: string;
}

/** An output, and what the table says of its answer. */
interface Shown {
  readonly found: Found;
  readonly effects: Effects;
  /** Null: the output's own. */
  readonly status: number | null;
}

/** The way of one request through its deployment's routing table, to what answers it. */
export class Passage {
  readonly #parts: PassageParts;
  readonly #passing: Passing;
  readonly #client: HttpExchange | UpgradeExchange;
  readonly #walk: Walk;

  constructor(parts: PassageParts, passing: Passing, client: HttpExchange | UpgradeExchange) {
    this.#parts = parts;
    this.#passing = passing;
    this.#client = client;
    const { head, site, table, host, path } = passing;
    const fields = new HeaderFields(head.headers);
    const query = head.target.slice(path.length + 1);
    const request = { method: head.method, host, path, query, header: (name: string) => fields.get(name) };
    this.#walk = new Walk(table, request, site.there, site.environment);
  }

  run(): void {
    this.#guarded(() => this.#take(this.#walk.next()));
  }

  /** A mistake of ours, or of what is behind the invoker, costs one client an error page, not all of them the server. */
  #guarded<T>(act: () => T): T | null {
    try {
      return act();
    } catch (error) {
      const why = error instanceof Error ? error.stack : String(error);
      this.#parts.log.error('a request could not be handed over', { id: this.#passing.head.id, why });
      this.#client.fail({ code: 'INTERNAL_UNEXPECTED_ERROR', detail: 'The request could not be handed over.' });
      return null;
    }
  }

  get #isGone(): boolean {
    return this.#client.phase === 'settled' || this.#client.phase === 'closed';
  }

  #take(step: Step): void {
    switch (step.kind) {
      case 'middleware':
        this.#middleware(step);
        return;
      case 'output':
        this.#show({ found: step, effects: step.effects, status: step.status });
        return;
      case 'external':
        this.#external(step);
        return;
      case 'redirect':
        this.#answer(step.status, step.effects, 'Redirecting...\n');
        return;
      case 'status':
        this.#status(step);
        return;
      case 'answer':
        throw new Error('only middleware answers by itself');
    }
  }

  /** A function decides how to go on, or answers itself. It sees the request without its body. */
  #middleware({ output, target, requestEdits }: Step & { kind: 'middleware' }): void {
    const there = this.#passing.site.there.get(output);
    if (there?.kind !== 'function') {
      this.#client.fail({ code: 'MIDDLEWARE_INVOCATION_FAILED', detail: `There is no function ${output}.` });
      return;
    }
    const client = this.#client;
    const exchange = new MiddlewareExchange({
      answered: (status, headers) => this.#answered(status, headers),
      failed: (failure) => client.fail(failure),
    });
    const { head } = this.#passing;
    const headers = this.#chained(there.spec, withoutFraming(applyEdits(head.headers, requestEdits)));
    if (headers === null) return;
    const asked = this.#fit({ ...head, target, headers, hasBody: false, upgrade: false, route: there.pattern });
    if (asked === null) return;
    const invocation = this.#parts.invoker.invoke(there.spec, asked, exchange);
    exchange.started(invocation);
    // What is asked after it has taken its place already.
    if (exchange.phase === 'asked' || exchange.phase === 'answering') client.hold(invocation);
  }

  /** Returns where the middleware's answer goes. Null: the request goes on. */
  #answered(status: number, headers: readonly string[]): Exchange | null {
    if (this.#isGone) return null;
    return this.#guarded(() => {
      const step = this.#walk.resume({ status, headers });
      if (step.kind === 'answer') return new DecoratedExchange(this.#client, step.effects, null);
      this.#take(step);
      return null;
    });
  }

  #show(shown: Shown): void {
    const { output, path } = shown.found;
    const there = this.#passing.site.there.get(output, path);
    switch (there?.kind) {
      case 'file':
        this.#file(there, shown);
        return;
      case 'function':
        this.#invoke(there, shown);
        return;
      case 'prerender':
      case 'image':
        this.#kept(there, shown);
        return;
      case undefined:
        this.#client.fail({ code: 'NOT_FOUND', detail: `There is no ${output}.` });
    }
  }

  #file({ file }: There & { kind: 'file' }, { effects, status }: Shown): void {
    const { method } = this.#passing.head;
    const client = this.#client;
    if (!(client instanceof HttpExchange)) {
      client.fail({ code: 'MALFORMED_REQUEST_HEADER', detail: 'There is nothing here to upgrade to.' });
    } else if (method === 'GET' || method === 'HEAD' || status !== null) {
      void serveFile(client, file, { headers: withEffects([], effects), status });
    } else {
      client.fail({ code: 'INVALID_REQUEST_METHOD', detail: 'A static file is there to be read.' });
    }
  }

  #invoke(there: There & { kind: 'function' }, shown: Shown): void {
    const asked = this.#asked(there.spec, shown, there.parameters);
    if (asked === null) return;
    const exchange = new DecoratedExchange(this.#client, shown.effects, shown.status);
    this.#client.start(this.#parts.invoker.invoke(there.spec, { ...asked, route: there.pattern }, exchange));
  }

  /** The request as a function gets it. Null: it gets none, and the client was told. */
  #asked(spec: FunctionSpec, { found, effects }: Shown, parameters: readonly string[] = []): RequestHead | null {
    const { head } = this.#passing;
    const target = withParameters(found.target, parameters);
    const headers = this.#chained(spec, applyEdits(head.headers, effects.requestEdits));
    if (headers === null) return null;
    headers.push('x-matched-path', found.matchedPath, invocationHeader, head.id);
    if (found.routeMatches !== null) headers.push('x-now-route-matches', found.routeMatches);
    return this.#fit({ ...head, target, headers });
  }

  /** Null: it cannot be sent on, and the client was told. */
  #fit(head: RequestHead): RequestHead | null {
    const failure = unfitHead(head);
    // The walk has led to what answers now.
    if (failure === null) return { ...head, matchedMs: this.#parts.clock.nowMs() };
    this.#client.fail(failure);
    return null;
  }

  #kept(there: There & { kind: 'prerender' | 'image' }, shown: Shown): void {
    const { kept } = this.#parts;
    const { site, head } = this.#passing;
    const exchange = new DecoratedExchange(this.#client, shown.effects, shown.status);
    if (there.kind === 'image') {
      if (kept === null) exchange.fail({ code: 'NOT_FOUND', detail: 'No images are optimised here.' });
      else this.#client.start(kept.image(this.#passing, { ...head, target: shown.found.target }, exchange));
    } else if (kept === null) {
      this.#invoke({ kind: 'function', spec: there.spec, pattern: `/${there.path}`, parameters: [] }, shown);
    } else {
      const asked = this.#asked(there.spec, shown);
      if (asked !== null) this.#client.start(kept.page(site, there, { ...asked, route: `/${there.path}` }, exchange));
    }
  }

  /** With what says that the function was led to. Null: it led to itself too often, and the client was told. */
  #chained(spec: FunctionSpec, headers: readonly string[]): string[] | null {
    const { chain } = this.#passing;
    if (chain === '') return [...headers];
    const link = this.#parts.chains.extend(chain, spec);
    if (link.kind === 'goes on') return [...headers, chainHeader, link.header];
    this.#client.fail(link.refusal);
    return null;
  }

  #external({ url, effects }: Step & { kind: 'external' }): void {
    const { head, chain, site } = this.#passing;
    // The other origin may be one of ours, and lead here again.
    const { environment, project } = site.deployment;
    const link = this.#parts.chains.extend(chain, { environment, label: `${project} (rewrite)` });
    if (link.kind === 'loop') {
      this.#client.fail(link.refusal);
      return;
    }
    const headers = [...applyEdits(head.headers, effects.requestEdits), chainHeader, link.header];
    const asked = this.#fit({ ...head, headers });
    if (asked === null) return;
    this.#client.start(invokeExternal(new URL(url), asked, new DecoratedExchange(this.#client, effects, null)));
  }

  /** An error page of the deployment's own, or the platform's. */
  #status({ status, reason, page, effects }: Step & { kind: 'status' }): void {
    const failure = failureOf(reason, status, this.#passing.path);
    if (page !== null) this.#show({ found: page, effects, status });
    else if (failure !== null) this.#client.fail(failure);
    else this.#answer(status, effects, status < 400 ? '' : `${status}: ${http.STATUS_CODES[status] ?? 'Error'}\n`);
  }

  #answer(status: number, effects: Effects, text: string): void {
    const headers = withEffects(['Content-Type', 'text/plain; charset=utf-8'], effects);
    this.#client.reply(status, headers, Buffer.from(text));
  }
}

/** For whoever gets neither the body nor the connection. What edits can change stays. */
function withoutFraming(headers: readonly string[]): readonly string[] {
  return headers.filter((_, at) => !isFraming(headers[at - (at % 2)]!.toLowerCase()));
}

/** Null: the catalogue has nothing for it. */
function failureOf(reason: Reason, status: number, path: string): Failure | null {
  if (reason === 'deny' || reason === 'challenge') return { code: 'ROUTE_DENIED', detail: '' };
  if (reason === 'NOT_FOUND' || reason === 'rule' || reason === 'failed') {
    return status === 404 ? { code: 'NOT_FOUND', detail: `Nothing answers for ${path}.` } : null;
  }
  return { code: reason, detail: `For ${path}.` };
}
