// Hot path where an alias asks for it: one pass over a request's raw headers, by their lengths.
import type { Facts } from './alias.ts';

/** Of what is there several times, the first; cookies are put together. */
export function factsOf(
  raw: readonly string[],
  target: string,
  peer: { readonly address: string; readonly protocol: 'http' | 'https' },
): Facts {
  let cookie = '';
  let deploymentId = '';
  let fetchDest = '';
  let fetchMode = '';
  let fetchSite = '';
  for (let at = 0; at < raw.length; at += 2) {
    const { length } = raw[at]!;
    if (length !== 6 && length !== 14 && length !== 15) continue;
    const name = raw[at]!.toLowerCase();
    const value = raw[at + 1]!;
    if (name === 'cookie') cookie = cookie === '' ? value : `${cookie}; ${value}`;
    else if (name === 'x-deployment-id') deploymentId ||= value;
    else if (name === 'sec-fetch-dest') fetchDest ||= value;
    else if (name === 'sec-fetch-mode') fetchMode ||= value;
    else if (name === 'sec-fetch-site') fetchSite ||= value;
  }
  const query = target.indexOf('?');
  return {
    address: peer.address,
    secure: peer.protocol === 'https',
    query: query === -1 ? '' : target.slice(query + 1),
    cookie,
    deploymentId,
    fetchDest,
    fetchMode,
    fetchSite,
  };
}
