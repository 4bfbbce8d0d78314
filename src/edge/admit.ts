// Hot path: from a parsed head to what is to be done with it. Steps "received" and "matched" of an invocation's life.
import type { Clock } from '../base/clock.ts';
import type { Failure } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { FunctionSpec } from '../model/function.ts';
import type { RequestHead } from '../model/invoke.ts';
import type { TraceContext } from '../model/telemetry.ts';
import { choose } from './alias.ts';
import type { Ways } from './alias.ts';
import { Chains } from './chain.ts';
import { factsOf } from './client-facts.ts';
import { askedFunction } from './explain.ts';
import type { StaticFile } from './files.ts';
import type { EdgeRequest } from './request.ts';
import { addForwarding, chainHeader, HeadScan } from './head.ts';
import { scheduleIn } from './cron.ts';
import type { Refusal } from './head.ts';
import { isLocalName, isLoopbackName, sameAuthority } from './host.ts';
import type { Host } from './host.ts';
import type { ClientConnection } from './connection.ts';
import { targetTooLong } from './match.ts';
import type { Passing } from './passage/passage.ts';
import type { Site, Sites } from './site.ts';
import { decodePath, parseTarget } from './target.ts';
import type { Target } from './target.ts';

export type Admission =
  | { readonly kind: 'function'; readonly spec: FunctionSpec; readonly head: RequestHead }
  | { readonly kind: 'file'; readonly file: StaticFile }
  /** The deployment's routing table says what is to be done with it. */
  | { readonly kind: 'routed'; readonly passing: Passing }
  | { readonly kind: 'status' }
  /** `name`: the function that is asked about; null: none is. */
  | { readonly kind: 'explain'; readonly name: string | null }
  /** `OPTIONS *` */
  | { readonly kind: 'options' }
  /** `close`: nothing that follows on this connection can be trusted. */
  | { readonly kind: 'refused'; readonly refusal: Failure; readonly close: boolean };

/** Who asks, and under which id. */
export interface Arrival {
  readonly req: EdgeRequest;
  readonly connection: ClientConnection;
  readonly id: string;
  readonly vercelId: string;
  /** The connection was handed over: it may become a pipe. */
  readonly upgrade: boolean;
  readonly receivedMs: number;
}

const refused = (refusal: Failure, close: boolean): Admission => ({ kind: 'refused', refusal, close });
const notFound = (code: 'NOT_FOUND' | 'DEPLOYMENT_NOT_FOUND', detail: string): Admission =>
  refused({ code, detail }, false);

const nothing: readonly string[] = [];

/** Where the platform's own pages are, whatever the host. */
const statusPath = '/_weir/status';
const explainPath = '/_weir/explain';

/** A proxy on this machine passes on what others ask: its connection comes from here, its client need not. */
function isForwarded({ fields }: EdgeRequest): boolean {
  const proxies = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip'];
  return proxies.some((name) => fields[name] !== undefined);
}

export class Admitter {
  readonly scan = new HeadScan();
  sites: Sites;
  readonly chains: Chains;
  /** Of the request that was admitted last: what its answer has besides its own headers. */
  added: readonly string[] = nothing;
  private readonly clock: Clock;
  /** Null: nobody asks for traces. */
  traceOf: ((headers: readonly string[]) => TraceContext) | null = null;
  private readonly cronKey: string | null;
  /** When the head that was scanned last was found to be servable. */
  private admittedMs = 0;

  constructor(sites: Sites, keys: { readonly chain: string; readonly cron: string | null }, clock: Clock) {
    this.sites = sites;
    this.chains = new Chains(keys.chain);
    this.cronKey = keys.cron;
    this.clock = clock;
  }

  /** `scan.hasBody` holds afterwards, unless the request was refused with `close`. */
  admit(arrival: Arrival): Admission {
    const { req } = arrival;
    this.added = nothing;
    const minor = req.httpVersionMinor;
    if (req.httpVersionMajor !== 1 || minor > 1) {
      return refused({ code: 'HTTP_VERSION_NOT_SUPPORTED', detail: 'HTTP/1.1 and HTTP/1.0 are.' }, true);
    }
    const malformed = this.scan.scan(req.rawHeaders, minor);
    if (malformed !== null) return refused(malformed, true);
    if (req.method === 'TRACE')
      return refused({ code: 'INVALID_REQUEST_METHOD', detail: 'TRACE is not served.' }, true);
    const parsed = parseTarget(req.method!, req.url!);
    if (!parsed.ok) return refused(parsed.refusal, true);
    return this.locate(arrival, parsed.target);
  }

  private locate(arrival: Arrival, target: Target): Admission {
    let { host } = this.scan;
    if (host === '') {
      // HTTP/1.0 needs no Host; functions do.
      host = target.authority === '' ? `localhost:${arrival.connection.localPort}` : target.authority;
      this.scan.headers.push('Host', host);
    }
    const entry = this.sites.hosts.find(host);
    if (entry === null) return refused({ code: 'MALFORMED_REQUEST_HEADER', detail: 'Host is malformed.' }, true);
    if (target.authority !== '' && !sameAuthority(target.authority, host)) {
      return refused({ code: 'MALFORMED_REQUEST_HEADER', detail: 'The target and Host name different hosts.' }, true);
    }
    if (target.asterisk) return { kind: 'options' };
    const { place } = entry;
    const own = this.ownPage(arrival, target, entry.host, place?.site ?? null);
    if (own !== null) return own;
    if (place === null) return this.nobody(entry.host);
    this.added = place.added;
    this.admittedMs = this.clock.nowMs();
    if (place.ways !== null) return this.follow(arrival, target, place.ways, host);
    return this.match(arrival, target, { site: place.site, host });
  }

  /** The client has a say in which deployment it gets, or its place in a rolling release has. */
  private follow(arrival: Arrival, target: Target, ways: Ways<Site>, host: string): Admission {
    const facts = factsOf(arrival.req.rawHeaders, target.text, arrival.connection);
    const choice = choose(ways, facts, this.clock.wallMs());
    if (choice.kind === 'gone') return this.absent(choice.detail, 'the one that the request is for');
    if (choice.setCookie !== null) this.added = ['Set-Cookie', choice.setCookie];
    return this.match(arrival, target, { site: choice.to, host });
  }

  /** Other machines do not see it; nor does a page whose own name somebody has pointed at this machine. */
  private ownPage(arrival: Arrival, { path, text }: Target, host: Host, site: Site | null): Admission | null {
    const named = path === statusPath || path === explainPath;
    if (site !== null && !named) return null;
    const { method } = arrival.req;
    if (!arrival.connection.loopback || (method !== 'GET' && method !== 'HEAD')) return null;
    if (!(named ? isLocalName(host.name) : path === '/' && isLoopbackName(host.name))) return null;
    if (isForwarded(arrival.req)) return null;
    return path === explainPath ? { kind: 'explain', name: askedFunction(text) } : { kind: 'status' };
  }

  private nobody({ name }: Host): Admission {
    return this.absent(`No deployment answers for ${name}.`, `one that answers for ${name}`);
  }

  /** What is not there may be among what is to come. */
  private absent(why: string, awaited: string): Admission {
    if (!this.sites.incomplete) return notFound('DEPLOYMENT_NOT_FOUND', why);
    const detail = `Projects are being made ready, and ${awaited} may be among them.`;
    return refused({ code: 'DEPLOYMENT_NOT_READY', detail, retryAfterS: limits.notReadyRetryS }, false);
  }

  private match(arrival: Arrival, target: Target, at: { site: Site; host: string }): Admission {
    const { site } = at;
    const method = arrival.req.method!;
    if (site.table !== null) {
      const head = this.head(arrival, at, { target: target.text, route: target.path, parsed: false }, this.admittedMs);
      const { table } = site;
      const { chain } = this.scan;
      return { kind: 'routed', passing: { site, table, head, host: at.host, path: target.path, chain } };
    }
    const file = site.files.size === 0 ? undefined : site.files.get(decodePath(target.path) ?? target.path);
    if (file !== undefined && (method === 'GET' || method === 'HEAD')) return { kind: 'file', file };
    const matched = site.routes.match(target.path, target.text);
    if (matched === null) {
      if (file !== undefined)
        return refused({ code: 'INVALID_REQUEST_METHOD', detail: 'A static file is there to be read.' }, false);
      return notFound('NOT_FOUND', `Nothing answers for ${target.path}.`);
    }
    // Percent-encoding triples a parameter at most; with the headers, it must stay within limits.headBytes.
    if (matched.target.length > 2 * limits.urlBytes) return refused(targetTooLong, false);
    const way = { target: matched.target, route: matched.pattern, parsed: true };
    const head = this.head(arrival, at, way, this.clock.nowMs());
    const refusal = this.chain(matched.spec, head.headers);
    return refusal === null ? { kind: 'function', spec: matched.spec, head } : refused(refusal, false);
  }

  /** Adds to the headers that the function was led to. Not null: it led to itself too often. */
  private chain(spec: FunctionSpec, headers: string[]): Refusal | null {
    const { chain } = this.scan;
    if (chain === '') return null;
    const link = this.chains.extend(chain, spec);
    if (link.kind === 'loop') return link.refusal;
    headers.push(chainHeader, link.header);
    return null;
  }

  /** Of the request that was scanned last. */
  private head(
    arrival: Arrival,
    { site, host }: { site: Site; host: string },
    way: { target: string; route: string; parsed: boolean },
    matchedMs: number,
  ): RequestHead & { readonly headers: string[] } {
    const { headers, hasBody, cron } = this.scan;
    const upgrade = arrival.upgrade && this.scan.upgrade !== '';
    // The function's own handshake looks at both.
    if (upgrade) headers.push('Connection', 'Upgrade', 'Upgrade', this.scan.upgrade);
    addForwarding(headers, arrival.connection, host, { vercelId: arrival.vercelId, deploymentUrl: site.url ?? host });
    const schedule = cron === '' ? null : scheduleIn(cron, this.cronKey);
    if (schedule !== null) headers.push('x-vercel-cron-schedule', schedule);
    const { id, receivedMs } = arrival;
    const { admittedMs } = this;
    const { target, route, parsed } = way;
    const method = arrival.req.method!;
    const trace = this.traceOf === null ? null : this.traceOf(headers);
    return { id, method, target, headers, hasBody, upgrade, route, receivedMs, admittedMs, matchedMs, trace, parsed };
  }
}
