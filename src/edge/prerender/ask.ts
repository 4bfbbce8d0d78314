// Pure: what a request for a page asks for, and what its function is asked for instead.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { FunctionSpec } from '../../model/function.ts';
import type { RequestHead } from '../../model/invoke.ts';
import type { Prerender } from '../../model/output.ts';
import type { Condition } from '../../model/routing.ts';
import { chainHeader, invocationHeader } from '../head.ts';
import { cookieOf, headerList, headerOf } from './fields.ts';
import { keyedHeaders } from './key.ts';
import type { PageKey } from './key.ts';
import type { Shelf } from './shelf.ts';
import type { Unfit } from './unfit.ts';

/** A request that was found to lead to a page. */
export interface PageAsk {
  readonly shelf: Shelf;
  readonly page: Prerender;
  /** The path of the output, without a leading slash, decoded; the root is '' or 'index'. */
  readonly output: string;
  readonly spec: FunctionSpec;
  /** Where `page.chain` leads; null: nowhere, or there is none. */
  readonly chain: FunctionSpec | null;
  /** As it would go to the function: the target with the query that the routing table made. */
  readonly head: RequestHead;
  /** Null: what is kept is for every request. */
  readonly unfit: Unfit | null;
  /** The deployment's own host name: functions make pages under it, and all hosts share them. Null: it answers for any host. */
  readonly host: string | null;
}

/** How a request is to be answered. */
export type Wish =
  /** With what is kept, or made to be kept. */
  | { readonly kind: 'page' }
  /** By the function, as if nothing was kept. */
  | { readonly kind: 'bypass' }
  /** The page is to be made anew now. `ifKept`: only when there is one. */
  | { readonly kind: 'revalidate'; readonly ifKept: boolean };

const page: Wish = { kind: 'page' };
const bypass: Wish = { kind: 'bypass' };

export type Matches = (conditions: readonly Condition[], head: RequestHead) => boolean;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
/** Takes as long whatever `given` is. */
const sameToken = (given: string, token: string): boolean => timingSafeEqual(digest(given), digest(token));

/** `matches`: whether one of the conditions holds for the request. */
export function wishOf({ page: config, head }: PageAsk, matches: Matches): Wish {
  const { method, headers } = head;
  if ((method !== 'GET' && method !== 'HEAD') || head.upgrade) return bypass;
  const token = config.bypassToken;
  if (token !== null && token !== '') {
    const given = headerOf(headers, 'x-prerender-revalidate');
    if (given !== undefined && sameToken(given, token))
      return { kind: 'revalidate', ifKept: headerOf(headers, 'x-prerender-revalidate-if-generated') !== undefined };
    const cookies = headerList(headers, 'cookie');
    const draft = cookies === undefined ? undefined : cookieOf(cookies, '__prerender_bypass');
    if (draft !== undefined && sameToken(draft, token)) return bypass;
  }
  return config.bypassFor.length > 0 && matches(config.bypassFor, head) ? bypass : page;
}

/** The path of an output as it stands in a target. Brackets of parameters stay: Next.js looks for them. */
function outputPath(output: string): string {
  if (output === '' || output === 'index') return '/';
  return `/${encodeURI(output).replaceAll('%5B', '[').replaceAll('%5D', ']').replaceAll('?', '%3F').replaceAll('#', '%23')}`;
}

/** What the edge says of a request, which is the same whoever sent it. */
export const saidByPlatform: ReadonlySet<string> = new Set([
  'x-forwarded-proto',
  'x-vercel-deployment-url',
  'x-vercel-id',
  chainHeader,
]);

/**
 * The request by which a page is made: for all clients, so it says nothing of the one that happened to come first. It goes to
 * the path of the output, with the parameters that the page depends on in the query (`passQuery`) or in x-now-route-matches;
 * that is how Next.js in minimal mode, and the adapters of Nitro, SvelteKit and Astro, find out what is to be made. Of the
 * request's headers the function gets those that are part of the key. `onDemand`: the function is told so, by the token.
 */
export function makingHead(ask: PageAsk, key: PageKey, id: string, onDemand: boolean): RequestHead {
  const { head, page: config } = ask;
  const path = outputPath(ask.output);
  const host = ask.host ?? headerOf(head.headers, 'host') ?? 'localhost';
  const headers = ['Host', host, 'X-Forwarded-Host', host];
  for (let at = 0; at < head.headers.length; at += 2) {
    if (saidByPlatform.has(head.headers[at]!.toLowerCase())) headers.push(head.headers[at]!, head.headers[at + 1]!);
  }
  // One field each, and the very value that the key has: nothing that is not part of the key gets into the answer.
  for (const name of keyedHeaders(config)) {
    const value = headerList(head.headers, name);
    if (value !== undefined) headers.push(name, value);
  }
  // The runtime hands over a state with what can only be begun (runtimes/node/next-shell.ts).
  headers.push('X-Matched-Path', path, invocationHeader, id, 'X-Weir-Page', '1');
  if (!config.passQuery && key.query !== '') headers.push('X-Now-Route-Matches', key.query);
  if (onDemand) headers.push('X-Prerender-Revalidate', config.bypassToken!);
  const target = config.passQuery && key.query !== '' ? `${path}?${key.query}` : path;
  return { id, method: 'GET', target, headers, hasBody: false, upgrade: false, route: head.route };
}

/** Fields of the client's request that do not fit one with another body. */
const ofTheBody =
  /^(?:content-.*|transfer-encoding|expect|if-.*|range|x-matched-path|x-now-route-matches|x-invocation-id|x-prerender-.*|next-resume)$/i;

/**
 * A client's own request without its body, where it becomes known late that a function answers: a body in a GET or HEAD
 * means nothing (RFC 9110, 9.3.1), and nobody kept it meanwhile.
 */
export function bodyless(head: RequestHead): RequestHead {
  if (!head.hasBody) return head;
  const headers = head.headers.filter((_, at) => !bodyField.test(head.headers[at - (at % 2)]!));
  return { ...head, headers, hasBody: false };
}

const bodyField = /^(?:content-.*|transfer-encoding|expect|trailer)$/i;

/** The request by which a page that was begun is gone on with, for this one client: its own request, with the state as body. */
export function resumingHead(ask: PageAsk, id: string, stateBytes: number): RequestHead {
  const { head } = ask;
  const chain = ask.page.chain!;
  const headers: string[] = [];
  for (let at = 0; at < head.headers.length; at += 2) {
    if (!ofTheBody.test(head.headers[at]!)) headers.push(head.headers[at]!, head.headers[at + 1]!);
  }
  const own = Object.keys(chain.headers).map((name) => name.toLowerCase());
  if (!own.includes('x-matched-path')) headers.push('X-Matched-Path', outputPath(chain.outputPath));
  for (const [name, value] of Object.entries(chain.headers)) headers.push(name, value);
  headers.push(invocationHeader, id, 'Content-Type', 'application/octet-stream', 'Content-Length', String(stateBytes));
  return { ...head, id, method: 'POST', headers, hasBody: true };
}
