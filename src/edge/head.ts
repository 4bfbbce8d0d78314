// Hot path: one pass over a request's raw headers decides whether it may be served and what of it is passed on.
import type { ErrorCode } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { cronHeader } from '../model/cron-schedule.ts';

/** Why a request is not served. Data: it becomes an error page. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly detail: string;
}

/** What a header is to the edge. Numbers, so that the switch in `HeadScan` is a jump. */
const Kind = {
  plain: 0,
  /** Never passed on: hop-by-hop, answered here, or a name that only the platform may set. */
  dropped: 1,
  host: 2,
  connection: 3,
  contentLength: 4,
  transferEncoding: 5,
  upgrade: 6,
  /** Not passed on as it came: see chain.ts. */
  chain: 7,
  /** Not passed on as it came: see cron.ts. */
  cron: 8,
} as const;
type Kind = (typeof Kind)[keyof typeof Kind];

/** Fields the edge adds to what the client sent; see `addForwarding` and `withTrace`. */
const addedFields = 13;

/** Names under `x-vercel-` that are the client's to send; all others the platform alone may set. */
const clientNames = new Set(['x-vercel-protection-bypass', 'x-vercel-set-bypass-cookie', 'x-vercel-skip-toolbar']);
/**
 * Next.js in minimal mode keeps each page that it made in memory, for what is asked under the same id. Without one it gives
 * what it has to whoever asks within ten seconds: a page that is to be made anew would be the old one.
 */
export const invocationHeader = 'x-invocation-id';
/** What frameworks take for the word of the proxy in front of them: where a request was routed, what middleware said. */
const proxyNames = new Set([
  'x-real-ip',
  'x-matched-path',
  'x-now-route-matches',
  invocationHeader,
  // How the rest of a page is asked for that was begun ahead: the edge asks, with the state that it keeps.
  'x-next-resume-state-length',
]);
/** Which functions led to the request: see chain.ts. */
export const chainHeader = 'x-weir-chain';
const ownKinds: ReadonlyMap<string, Kind> = new Map([
  [chainHeader, Kind.chain],
  [cronHeader, Kind.cron],
]);
const platformPrefixes = ['x-weir-', 'x-forwarded-', 'x-vercel-', 'x-middleware-', 'x-invoke-'];

/** Only names that begin with x come here. An underscore reads as a hyphen in CGI-like environments, so it does here. */
function kindOfExtension(name: string): Kind {
  let lower = name.toLowerCase();
  if (lower.includes('_')) lower = lower.replaceAll('_', '-');
  if (proxyNames.has(lower)) return Kind.dropped;
  if (clientNames.has(lower)) return Kind.plain;
  for (const prefix of platformPrefixes) {
    if (lower.startsWith(prefix)) return ownKinds.get(lower) ?? Kind.dropped;
  }
  return Kind.plain;
}

const is = (name: string, lower: string, kind: Kind): Kind => (name.toLowerCase() === lower ? kind : Kind.plain);

/** First letter, then length, then (rarely) the name: most headers cost two comparisons. */
function kindOf(name: string): Kind {
  switch (name.charCodeAt(0) | 0x20) {
    case 0x63: // c
      if (name.length === 10) return is(name, 'connection', Kind.connection);
      return name.length === 14 ? is(name, 'content-length', Kind.contentLength) : Kind.plain;
    case 0x65: // e: answered here, see Edge
      return name.length === 6 ? is(name, 'expect', Kind.dropped) : Kind.plain;
    case 0x66: // f
      return name.length === 9 ? is(name, 'forwarded', Kind.dropped) : Kind.plain;
    case 0x68: // h
      return name.length === 4 ? is(name, 'host', Kind.host) : Kind.plain;
    case 0x6b: // k
      return name.length === 10 ? is(name, 'keep-alive', Kind.dropped) : Kind.plain;
    case 0x6e: // n: the edge's own, as x-next-resume-state-length
      return name.length === 11 ? is(name, 'next-resume', Kind.dropped) : Kind.plain;
    case 0x70: // p: `proxy` itself turns into HTTP_PROXY in CGI-like environments
      if (name.length === 5) return is(name, 'proxy', Kind.dropped);
      return name.slice(0, 6).toLowerCase() === 'proxy-' ? Kind.dropped : Kind.plain;
    case 0x74: // t
      if (name.length === 2) return is(name, 'te', Kind.dropped);
      if (name.length === 7) return is(name, 'trailer', Kind.dropped);
      return name.length === 17 ? is(name, 'transfer-encoding', Kind.transferEncoding) : Kind.plain;
    case 0x75: // u
      return name.length === 7 ? is(name, 'upgrade', Kind.upgrade) : Kind.plain;
    case 0x78: // x
      return kindOfExtension(name);
    default:
      return Kind.plain;
  }
}

const malformed = (detail: string): Refusal => ({ code: 'MALFORMED_REQUEST_HEADER', detail });

/** Connection options that name no header of the message. */
const ordinaryConnection =
  /^(?:keep-alive|close|upgrade|te|http2-settings)(?:\s*,\s*(?:keep-alive|close|upgrade|te|http2-settings))*$/i;
/** Whatever Connection says of them, these go to the function: without them the message would mean something else. */
const endToEnd = new Set(['host', 'content-length', 'content-type', 'content-encoding', 'authorization', 'cookie']);

/** Drops the headers that Connection names (RFC 9110, 7.6.1). */
function withoutNominated(headers: readonly string[], connection: string): string[] {
  const nominated = new Set(connection.toLowerCase().split(/[\s,]+/));
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    const lower = headers[at]!.toLowerCase();
    if (endToEnd.has(lower) || !nominated.has(lower)) kept.push(headers[at]!, headers[at + 1]!);
  }
  return kept;
}

/** One per edge, used again for every request: nothing of it is kept after the request was handed on, except `headers`. */
export class HeadScan {
  headers: string[] = [];
  /** As sent; empty when there was none. */
  host = '';
  hasBody = false;
  /** Upgrade's value, when Connection says upgrade too; empty otherwise. */
  upgrade = '';
  /** The value of x-weir-chain; empty: none. */
  chain = '';
  /** The value of x-weir-cron; empty: none. */
  cron = '';

  private hosts = 0;
  private contentLength = '';
  private transferEncoding = '';
  private connection = '';
  private upgradeValue = '';

  /** `minor`: of HTTP/1.x. Null: it may be served. The refusals are those of RFC 9112, 3.2 and 6.1–6.3. */
  scan(raw: readonly string[], minor: number): Refusal | null {
    this.headers = [];
    this.host = this.contentLength = this.transferEncoding = this.connection = this.upgradeValue = this.upgrade = '';
    this.chain = this.cron = '';
    this.hosts = 0;
    if (raw.length > 2 * (limits.headFields - addedFields)) {
      return {
        code: 'REQUEST_HEADER_TOO_LARGE',
        detail: `More than ${limits.headFields - addedFields} header fields.`,
      };
    }
    for (let at = 0; at < raw.length; at += 2) this.field(raw[at]!, raw[at + 1]!);
    return this.judge(minor);
  }

  private field(name: string, value: string): void {
    switch (kindOf(name)) {
      case Kind.dropped:
        return;
      case Kind.host:
        this.hosts += 1;
        this.host = value;
        break;
      case Kind.connection:
        this.connection = this.connection === '' ? value : `${this.connection},${value}`;
        return;
      case Kind.contentLength:
        this.contentLength = this.contentLength === '' ? value : `${this.contentLength},${value}`;
        break;
      case Kind.transferEncoding:
        this.transferEncoding = this.transferEncoding === '' ? value : `${this.transferEncoding},${value}`;
        return;
      case Kind.upgrade:
        this.upgradeValue = value;
        return;
      case Kind.chain:
        this.chain = value;
        return;
      case Kind.cron:
        this.cron = value;
        return;
      case Kind.plain:
    }
    this.headers.push(name, value);
  }

  private judge(minor: number): Refusal | null {
    if (this.hosts > 1) return malformed('More than one Host.');
    if (this.hosts === 0 && minor > 0) return malformed('No Host.');
    if (this.hosts === 1 && this.host === '') return malformed('Host is empty.');
    const framing = this.framing(minor);
    if (framing !== null) return framing;
    if (this.connection !== '' && !ordinaryConnection.test(this.connection)) {
      this.headers = withoutNominated(this.headers, this.connection);
    }
    // HTTP/1.0 knows no upgrade (RFC 9110, 7.8), and one with a body would leave bytes of two protocols in one stream.
    if (this.upgradeValue !== '' && minor > 0 && !this.hasBody && /\bupgrade\b/i.test(this.connection)) {
      this.upgrade = this.upgradeValue;
    }
    return null;
  }

  private framing(minor: number): Refusal | null {
    if (this.transferEncoding !== '') {
      if (this.contentLength !== '') return malformed('Both Content-Length and Transfer-Encoding.');
      if (minor === 0) return malformed('Transfer-Encoding in HTTP/1.0.');
      if (this.transferEncoding.toLowerCase() !== 'chunked') {
        return { code: 'NOT_IMPLEMENTED', detail: 'The only transfer coding is chunked.' };
      }
      this.hasBody = true;
      return null;
    }
    this.hasBody = false;
    if (this.contentLength === '') return null;
    if (!/^\d{1,15}$/.test(this.contentLength)) return malformed('Content-Length is not one number.');
    this.hasBody = Number(this.contentLength) > 0;
    return null;
  }
}

/** What never changes during a client's connection. */
export interface Peer {
  readonly address: string;
  readonly localPort: string;
  readonly protocol: 'http' | 'https';
}

/** Appends what the platform says of the request. Everything of these names that the client sent was dropped before. */
export function addForwarding(
  headers: string[],
  peer: Peer,
  host: string,
  ids: { vercelId: string; deploymentUrl: string },
): void {
  headers.push(
    'x-forwarded-for',
    peer.address,
    'x-forwarded-host',
    host,
    'x-forwarded-port',
    peer.localPort,
    'x-forwarded-proto',
    peer.protocol,
    'x-real-ip',
    peer.address,
    'x-vercel-deployment-url',
    ids.deploymentUrl,
    'x-vercel-forwarded-for',
    peer.address,
    'x-vercel-id',
    ids.vercelId,
  );
}
