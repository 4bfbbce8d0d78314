import dns from 'node:dns';

/**
 * `NAME.localhost` is this machine (RFC 6761, section 6.3). Browsers and curl know that, most system resolvers do not, so
 * a function that calls its own address, or another project's, would fail in development only. Anything else is asked as
 * before.
 */
export function resolveLocalhost(): void {
  const asked = dns.lookup;
  const lookup = (host: string, options: unknown, done?: (...answer: unknown[]) => void): void => {
    const callback = (typeof options === 'function' ? options : done) as (...answer: unknown[]) => void;
    const wanted =
      typeof options === 'number' ? { family: options } : typeof options === 'object' ? { ...options } : {};
    if (!/\.localhost\.?$/i.test(host)) return void Reflect.apply(asked, dns, [host, wanted, callback]);
    const { family = 0, all = false } = wanted as { family?: number | string; all?: boolean };
    const version = family === 6 || family === 'IPv6' ? 6 : 4;
    const address = version === 6 ? '::1' : '127.0.0.1';
    if (all) process.nextTick(callback, null, [{ address, family: version }]);
    else process.nextTick(callback, null, address, version);
  };
  // util.promisify(dns.lookup) resolves to an object by this hidden method of the original.
  for (const symbol of Object.getOwnPropertySymbols(asked))
    Object.defineProperty(lookup, symbol, { value: Reflect.get(asked, symbol) });
  dns.lookup = lookup as typeof dns.lookup;
}
