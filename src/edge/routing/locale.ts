/** `locale` of a rule: where people who prefer a language are sent. */
export interface LocaleRedirect {
  /** By locale: a path, or a URL on another domain. */
  readonly redirect: Readonly<Record<string, string>>;
  /** The cookie with which people choose; empty: none. */
  readonly cookie: string;
}

/**
 * Where to send a request, or null: it stays. A locale in the path was chosen by following a link; then comes the cookie,
 * then the languages that the browser prefers. Nobody is sent to where they are.
 */
export function localeRedirect(
  { redirect }: LocaleRedirect,
  request: {
    readonly path: string;
    readonly hostname: string;
    readonly cookie: string | undefined;
    readonly accepted: string | undefined;
  },
): string | null {
  const locales = Object.keys(redirect);
  const chosen =
    sameLocale(request.path.split('/', 2)[1] ?? '', locales) ??
    sameLocale(request.cookie ?? '', locales) ??
    preferredLocale(request.accepted ?? '', locales);
  if (chosen === undefined) return null;
  const location = redirect[chosen]!;
  if (!URL.canParse(location)) return withoutSlash(location) === withoutSlash(request.path) ? null : location;
  return new URL(location).hostname === request.hostname ? null : location;
}

const withoutSlash = (path: string): string => (path.endsWith('/') ? path.slice(0, -1) : path);

const sameLocale = (text: string, locales: readonly string[]): string | undefined =>
  text === '' ? undefined : locales.find((locale) => locale.toLowerCase() === text.toLowerCase());

/** RFC 9110, 12.5.4, and as Next.js goes about it: `de-AT` finds `de`, and `de` finds `de-AT`. */
function preferredLocale(header: string, locales: readonly string[]): string | undefined {
  const ranges = header
    .split(',')
    .map((part) => {
      const [range = '', ...parameters] = part.split(';');
      const quality = parameters.map((text) => /^\s*q=([\d.]+)\s*$/.exec(text)?.[1]).find((text) => text !== undefined);
      return { range: range.trim().toLowerCase(), quality: quality === undefined ? 1 : Number(quality) };
    })
    .filter(({ range, quality }) => range !== '' && quality > 0)
    .sort((one, other) => other.quality - one.quality);
  for (const { range } of ranges) {
    const language = range.split('-', 1)[0]!;
    const found =
      sameLocale(range, locales) ??
      sameLocale(language, locales) ??
      locales.find((locale) => locale.toLowerCase().startsWith(`${language}-`));
    if (found !== undefined) return found;
  }
  return undefined;
}
