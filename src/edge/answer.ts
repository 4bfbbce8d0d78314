// Hot path: one pass over a function's response headers.

/** What a function's answer says that the edge must not pass on, or must know. */
const Kind = { plain: 0, dropped: 1, connection: 2, contentLength: 3, cacheControl: 4 } as const;
type Kind = (typeof Kind)[keyof typeof Kind];

const is = (name: string, lower: string, kind: Kind): Kind => (name.toLowerCase() === lower ? kind : Kind.plain);

function kindOfExtension(name: string): Kind {
  const lower = name.toLowerCase();
  if (lower.startsWith('x-weir-') || lower.startsWith('x-vercel-internal-')) return Kind.dropped;
  return platformNames.has(lower) ? Kind.dropped : Kind.plain;
}

/** The platform's to say, and what functions say to it: by which tags an answer can be called back. */
const platformNames = new Set(['x-vercel-id', 'x-vercel-error', 'x-next-cache-tags']);

/** First letter, then length, then (rarely) the name. */
function kindOf(name: string): Kind {
  switch (name.charCodeAt(0) | 0x20) {
    case 0x63: // c
      if (name.length === 14) return is(name, 'content-length', Kind.contentLength);
      if (name.length === 13) return is(name, 'cache-control', Kind.cacheControl);
      return name.length === 10 ? is(name, 'connection', Kind.connection) : Kind.plain;
    case 0x6b: // k
      return name.length === 10 ? is(name, 'keep-alive', Kind.dropped) : Kind.plain;
    case 0x70: // p
      return name.slice(0, 6).toLowerCase() === 'proxy-' ? Kind.dropped : Kind.plain;
    case 0x73: // s
      return name.length === 6 ? is(name, 'server', Kind.dropped) : Kind.plain;
    case 0x74: // t
      if (name.length === 2) return is(name, 'te', Kind.dropped);
      if (name.length === 7) return is(name, 'trailer', Kind.dropped);
      return name.length === 17 ? is(name, 'transfer-encoding', Kind.dropped) : Kind.plain;
    case 0x75: // u
      return name.length === 7 ? is(name, 'upgrade', Kind.dropped) : Kind.plain;
    case 0x76: // v
      return name.length === 16 ? is(name, 'vercel-cache-tag', Kind.dropped) : Kind.plain;
    case 0x78: // x
      return kindOfExtension(name);
    default:
      return Kind.plain;
  }
}

/** What the hosted platform says where the answer says nothing. */
export const defaultCacheControl = 'public, max-age=0, must-revalidate';
export const serverName = 'Weir';

/** Adds the platform's own fields to an answer of the edge's own making. */
export function addPlatformHeaders(headers: string[], vercelId: string): void {
  headers.push('Server', serverName, 'X-Vercel-Id', vercelId);
}

/** One per edge, used again for every answer: nothing of it is kept after the head was written, except `headers`. */
export class AnswerScan {
  headers: string[] = [];
  /** Bytes the function announces; −1: none announced. */
  announced = -1;

  /** Null, or what is wrong: then the answer is not HTTP and must not be sent. */
  scan(from: readonly string[], vercelId: string): string | null {
    const headers: string[] = [];
    let connection = '';
    let length = '';
    let cached = false;
    if (from.length % 2 !== 0) return 'A header without a value.';
    for (let at = 0; at < from.length; at += 2) {
      const name = from[at]!;
      switch (kindOf(name)) {
        case Kind.dropped:
          continue;
        case Kind.connection:
          connection += `,${from[at + 1]!}`;
          continue;
        case Kind.contentLength:
          if (length !== '' && length !== from[at + 1]!) return 'Two different Content-Lengths.';
          length = from[at + 1]!;
          continue;
        case Kind.cacheControl:
          cached = true;
          break;
        case Kind.plain:
      }
      headers.push(name, from[at + 1]!);
    }
    if (!cached) headers.push('Cache-Control', defaultCacheControl);
    addPlatformHeaders(headers, vercelId);
    this.headers = connection === '' ? headers : withoutNominated(headers, connection);
    return this.measure(length);
  }

  private measure(length: string): string | null {
    this.announced = -1;
    if (length === '') return null;
    if (!/^\d{1,15}$/.test(length)) return 'Content-Length is not a number.';
    this.announced = Number(length);
    return null;
  }
}

const ordinaryConnection = /^(?:[\s,]|keep-alive|close|upgrade)*$/i;
const endToEnd = new Set([
  'server',
  'x-vercel-id',
  'cache-control',
  'content-type',
  'content-encoding',
  'set-cookie',
  'date',
]);

function withoutNominated(headers: string[], connection: string): string[] {
  if (ordinaryConnection.test(connection)) return headers;
  const nominated = new Set(connection.toLowerCase().split(/[\s,]+/));
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    const lower = headers[at]!.toLowerCase();
    if (endToEnd.has(lower) || !nominated.has(lower)) kept.push(headers[at]!, headers[at + 1]!);
  }
  return kept;
}

/**
 * With what the edge adds for the host or the client: `added` may have Set-Cookie, and X-Robots-Tag, of which an answer's own
 * goes before. Mostly there is nothing.
 */
export function withAdded(headers: string[], added: readonly string[]): string[] {
  if (added.length === 0) return headers;
  const isPersonal = added.includes('Set-Cookie');
  const all: string[] = [];
  let hasRobots = false;
  for (let at = 0; at < headers.length; at += 2) {
    const lower = headers[at]!.toLowerCase();
    hasRobots ||= lower === 'x-robots-tag';
    if (isPersonal && forSharedCaches.has(lower)) continue;
    all.push(headers[at]!, isPersonal && lower === 'cache-control' ? unshared(headers[at + 1]!) : headers[at + 1]!);
  }
  for (let at = 0; at < added.length; at += 2) {
    if (added[at] !== 'X-Robots-Tag' || !hasRobots) all.push(added[at]!, added[at + 1]!);
  }
  return all;
}

/** They would go before Cache-Control (RFC 9213). */
const forSharedCaches = new Set(['cdn-cache-control', 'surrogate-control']);

/** A cache in front of several clients must not give one's cookie to the others. */
function unshared(cacheControl: string): string {
  const own = cacheControl.split(',').map((directive) => directive.trim());
  const left = own.filter((directive) => !/^(?:public|private|s-maxage\s*=.*|)$/i.test(directive));
  return ['private', ...left].join(', ');
}
