// An image of another origin. Every hop is looked at: addresses inside private networks are not asked.
import { lookup } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import type * as http from 'node:http';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import { chainHeader } from '../head.ts';
import { clientOf } from '../node-http.ts';
import { isPrivateAddress } from './address.ts';
import { refusedStatus, sourceFailed, sourceOf, tooLarge } from './source.ts';
import type { Sourced } from './source.ts';

export interface FetchOptions {
  readonly clock: Clock;
  /** The operator says that images may come from inside this network. */
  readonly privateAllowed: boolean;
  /** For x-weir-chain; '': there is none. */
  readonly chain: string;
  /** For tests: instead of the system's resolver. */
  resolve?(host: string): Promise<readonly LookupAddress[]>;
}

type Hop =
  | { readonly kind: 'done'; readonly sourced: Sourced }
  | { readonly kind: 'redirect'; readonly location: string };

const done = (sourced: Sourced): Hop => ({ kind: 'done', sourced });

/** Never rejects. `url`: http or https. All hops together take limits.imageFetchMs at most. */
export async function fetchSource(url: URL, options: FetchOptions): Promise<Sourced> {
  const late = new AbortController();
  const timer = options.clock.after(limits.imageFetchMs, () => late.abort());
  try {
    return await Promise.race([follow(url, options, late.signal), lateness(late.signal)]);
  } catch (error) {
    const why = late.signal.aborted
      ? 'it did not come in time'
      : error instanceof Error
        ? error.message
        : String(error);
    return sourceFailed('OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED', `The image of ${url.host}: ${why}.`);
  } finally {
    timer.cancel();
  }
}

async function follow(first: URL, options: FetchOptions, signal: AbortSignal): Promise<Sourced> {
  let url = first;
  for (let hops = 0; hops <= limits.imageRedirects; hops += 1) {
    const addresses = await resolved(url, options, signal);
    if (!options.privateAllowed && addresses.some(({ address }) => isPrivateAddress(address)))
      return sourceFailed('DNS_HOSTNAME_RESOLVED_PRIVATE', `${url.hostname} is inside a private network.`);
    const hop = await ask({ url, addresses, chain: options.chain, signal });
    if (hop.kind === 'done') return hop.sourced;
    const next = URL.parse(hop.location, url.href);
    if (next === null || (next.protocol !== 'http:' && next.protocol !== 'https:'))
      return sourceFailed('OPTIMIZED_EXTERNAL_IMAGE_REQUEST_FAILED', 'The image leads to what is no URL.');
    url = next;
  }
  const detail = `There are more than ${limits.imageRedirects} redirects.`;
  return sourceFailed('OPTIMIZED_EXTERNAL_IMAGE_TOO_MANY_REDIRECTS', detail);
}

async function resolved(url: URL, options: FetchOptions, signal: AbortSignal): Promise<readonly LookupAddress[]> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family }];
  const found = options.resolve?.(host) ?? systemResolve(host);
  return await Promise.race([found, lateness(signal)]);
}

/** Rejects when the time is up: whatever an origin, or what is between, makes of the rest. */
const lateness = (signal: AbortSignal): Promise<never> =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new Error('late')), { once: true });
  });

const systemResolve = (host: string): Promise<LookupAddress[]> =>
  new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error, addresses) => {
      if (error === null) resolve(addresses);
      else reject(error);
    });
  });

/** The very addresses that were looked at: another answer of the resolver cannot lead elsewhere. */
const pinned =
  (addresses: readonly LookupAddress[]): LookupFunction =>
  (_host, { all, family }, callback) => {
    const fitting = addresses.filter((one) => family === undefined || family === 0 || one.family === Number(family));
    const [first] = fitting;
    if (first === undefined) callback(new Error('it has no address'), '', 0);
    else if (all === true) callback(null, [...fitting]);
    else callback(null, first.address, first.family);
  };

interface HopAsk {
  readonly url: URL;
  readonly addresses: readonly LookupAddress[];
  readonly chain: string;
  readonly signal: AbortSignal;
}

async function ask(hop: HopAsk): Promise<Hop> {
  const response = await head(hop);
  const { statusCode = 0, headers } = response;
  try {
    if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined)
      return { kind: 'redirect', location: headers.location };
    const refused = refusedStatus(statusCode) ?? encoded(headers['content-encoding']);
    return done(refused ?? (await collect(response, headers['cache-control'] ?? '')));
  } finally {
    response.destroy();
  }
}

function head({ url, addresses, chain, signal }: HopAsk): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { request } = clientOf(url.protocol);
    const headers = {
      accept: 'image/*',
      'accept-encoding': 'identity',
      'user-agent': 'Weir image optimisation',
      ...(chain === '' ? {} : { [chainHeader]: chain }),
    };
    const asked = request(url, { headers, lookup: pinned(addresses), signal, agent: false }, resolve);
    asked.on('error', reject);
    asked.on('upgrade', (_response, socket) => {
      socket.destroy();
      reject(new Error('it goes over to another protocol'));
    });
    // After an answer it means nothing.
    asked.on('close', () => reject(new Error('it did not answer')));
    asked.end();
  });
}

/** It was asked for as it is. */
const encoded = (encoding: string | undefined): Sourced | null =>
  encoding === undefined || encoding === 'identity'
    ? null
    : sourceFailed('OPTIMIZED_EXTERNAL_IMAGE_REQUEST_INVALID', 'The image came in an encoding that was not asked for.');

async function collect(response: http.IncomingMessage, cacheControl: string): Promise<Sourced> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.length;
    // Leaving the loop ends the connection.
    if (bytes > limits.imageBytes) return tooLarge;
    pieces.push(piece);
  }
  return sourceOf(pieces, bytes, cacheControl);
}
