// Where one is: the part of the address behind the `#`, so that the control serves one page.
import { useMemo } from 'preact/hooks';
import { store, useStore } from './store.ts';

export interface Address {
  /** `#/function/shop/api/cart` has `function`, `shop`, `api/cart`… in pieces. */
  readonly parts: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

/** An address with a token: session.ts takes it when the page is loaded, and it is no place. */
const isToken = (text: string): boolean => text.startsWith('#token=');

const hash = store(isToken(location.hash) ? '' : location.hash);
addEventListener('hashchange', () => (isToken(location.hash) ? location.reload() : hash.set(location.hash)));

function parse(text: string): Address {
  const [path = '', search = ''] = text.replace(/^#\/?/, '').split('?');
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decoded);
  return { parts, query: Object.fromEntries(new URLSearchParams(search)) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function useAddress(): Address {
  const text = useStore(hash);
  return useMemo(() => parse(text), [text]);
}

export function href(parts: readonly string[], query: Readonly<Record<string, string | undefined>> = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== '') search.set(name, value);
  const path = `#/${parts.map(encodeURIComponent).join('/')}`;
  return search.size === 0 ? path : `${path}?${search.toString()}`;
}

/** Changes what is asked for on the same page: no new entry in the history. */
export function replaceQuery(address: Address, changes: Readonly<Record<string, string | undefined>>): void {
  history.replaceState(null, '', href(address.parts, { ...address.query, ...changes }));
  hash.set(location.hash);
}

export const goTo = (parts: readonly string[], query: Readonly<Record<string, string>> = {}): void => {
  location.hash = href(parts, query);
};
