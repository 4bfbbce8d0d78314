// Hot path: once per invocation whose handler reads request.url.
import { headerOf } from './peer.ts';

/** Nothing in it that the URL parser would change: no escapes to make, no dot segments, no fragment. */
const plainTarget = /^\/[\w\-~/?=&%+:@!$()*,;.]*$/;

let lastHost = '';
let lastScheme = '';
let lastOrigin = '';

/** The origin the client used; hosts that are no hosts read as localhost. The last one is remembered: it rarely changes. */
function originOf(scheme: string, host: string): string {
  if (scheme === lastScheme && host === lastHost) return lastOrigin;
  const url = `${scheme === 'https' ? 'https' : 'http'}://${host}`;
  lastOrigin = URL.canParse(url) ? new URL(url).origin : 'http://localhost';
  lastScheme = scheme;
  lastHost = host;
  return lastOrigin;
}

/** `request.url`: from x-forwarded-proto and x-forwarded-host (else Host), and the target. As `new URL(…).href`. */
export function requestUrl(headers: readonly string[], target: string): string {
  const scheme = headerOf(headers, 'x-forwarded-proto') ?? 'http';
  const host = headerOf(headers, 'x-forwarded-host') ?? headerOf(headers, 'host') ?? 'localhost';
  const url = originOf(scheme, host) + target;
  if (plainTarget.test(target) && !target.includes('/.') && !target.includes('%2')) return url;
  return URL.canParse(url) ? new URL(url).href : originOf(scheme, host) + '/';
}
