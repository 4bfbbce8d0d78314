// Hot path, pure: headers as they are on the tunnel: name, value, name, value, …

/** The first value of `name` (lower case). */
export function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2) {
    const found = headers[at]!;
    if (found.length === name.length && found.toLowerCase() === name) return headers[at + 1];
  }
  return undefined;
}

/** All values of `name` (lower case) as one (RFC 9110, 5.3), with what stands between those of its kind. */
export function headerList(headers: readonly string[], name: string): string | undefined {
  let all: string | undefined;
  const between = name === 'cookie' ? '; ' : ', ';
  for (let at = 0; at < headers.length; at += 2) {
    const found = headers[at]!;
    if (found.length !== name.length || found.toLowerCase() !== name) continue;
    all = all === undefined ? headers[at + 1]! : `${all}${between}${headers[at + 1]!}`;
  }
  return all;
}

/** The value of a cookie as it was sent; undefined: there is none of the name. */
export function cookieOf(cookies: string, name: string): string | undefined {
  let from = 0;
  while (from < cookies.length) {
    let to = cookies.indexOf(';', from);
    if (to === -1) to = cookies.length;
    const equals = cookies.indexOf('=', from);
    if (equals !== -1 && equals < to && cookies.slice(from, equals).trim() === name)
      return cookies.slice(equals + 1, to).trim();
    from = to + 1;
  }
  return undefined;
}

/** RFC 9110, 13.1.2: weak comparison. `tag`: as in ETag. */
export function tagMatches(list: string, tag: string): boolean {
  if (list.trim() === '*') return true;
  const plain = tag.replace(/^W\//, '');
  return list.split(',').some((one) => one.trim().replace(/^W\//, '') === plain);
}
