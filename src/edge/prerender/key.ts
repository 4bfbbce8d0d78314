// Hot path, pure: what tells one kept answer of a page from another.
import { limits } from '../../base/limits.ts';
import type { Prerender } from '../../model/output.ts';
import { headerList } from './fields.ts';

export interface PageKey {
  /** Within one deployment. */
  readonly text: string;
  /** The query that the answer depends on, in one order whatever the client's was; '' for none. */
  readonly query: string;
}

/** Fields that the platform sets itself, or that ask for a page to be made anew: they tell no answers apart. */
const ours =
  /^(?:host|forwarded|x-forwarded-.*|x-vercel-.*|x-matched-path|x-now-route-matches|x-invocation-id|x-prerender-.*|x-next-reval.*)$/i;

const noHeaders: readonly string[] = [];
const keyed = new WeakMap<readonly string[], readonly string[]>();

/** Request headers of which the answer may depend: what the page names, without what is the same for all. Lower case. */
export function keyedHeaders({ allowHeader }: Pick<Prerender, 'allowHeader'>): readonly string[] {
  if (allowHeader === null) return noHeaders;
  let names = keyed.get(allowHeader);
  if (names === undefined) {
    names = [...new Set(allowHeader.map((name) => name.toLowerCase()))].filter((name) => !ours.test(name)).toSorted();
    keyed.set(allowHeader, names);
  }
  return names;
}

/** The part of `query` that `allow` names (null: all of it), in the order of the names; the order of equal ones stays. */
export function allowedQuery(allow: readonly string[] | null, query: string): string {
  if (query === '' || allow?.length === 0) return '';
  const all = new URLSearchParams(query);
  const kept = new URLSearchParams();
  for (const [name, value] of all) if (allow === null || allow.includes(name)) kept.append(name, value);
  kept.sort();
  return kept.toString();
}

export const queryOf = (target: string): string => {
  const at = target.indexOf('?');
  return at === -1 ? '' : target.slice(at + 1);
};

/**
 * `output`: the path of the output in its deployment. All hosts of a deployment share its answers, unless it answers for any
 * host: then `host` is part of the key, since a page may name it in its links, and a client can ask under any name.
 * Null: it would be longer than limits.pageKeyBytes.
 */
export function pageKey(
  output: string,
  page: Prerender,
  request: { readonly target: string; readonly headers: readonly string[] },
  host: string | null,
): PageKey | null {
  const { allowQuery } = page;
  const query = allowQuery?.length === 0 ? '' : allowedQuery(allowQuery, queryOf(request.target));
  let text = query === '' ? output : `${output}?${query}`;
  for (const name of keyedHeaders(page)) {
    const value = headerList(request.headers, name);
    if (value !== undefined) text += `\n${name}: ${value}`;
  }
  if (host !== null) text += `\nhost: ${host.toLowerCase()}`;
  return text.length > limits.pageKeyBytes ? null : { text, query };
}
