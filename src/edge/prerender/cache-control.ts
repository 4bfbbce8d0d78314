/** What a shared cache does with an answer, and what is left for the client to read. */
export interface CacheControl {
  /** `private`, `no-store` or `no-cache`: it is one client's, or must not be kept. */
  readonly personal: boolean;
  /** Seconds; null: not said. */
  readonly sharedMaxAgeS: number | null;
  readonly maxAgeS: number | null;
  readonly staleWhileRevalidateS: number | null;
  /** Without what is meant for shared caches alone (s-maxage, stale-while-revalidate); '' when nothing else is there. */
  readonly rest: string;
}

/** A year: what is longer is as good as for good (and what the hosted platform cuts it to). */
const longestS = 31_536_000;

const directive = /([\w-]+)(?:\s*=\s*("[^"]*"|[^\s,]*))?/g;

function seconds(value: string | undefined): number | null {
  const digits = /^"?(\d{1,12})(?:\.\d*)?"?$/.exec(value ?? '');
  return digits === null ? null : Math.min(Number(digits[1]), longestS);
}

/** Reads the value of a Cache-Control field (RFC 9111, 5.2). What is not understood is left to the client. */
export function parseCacheControl(text: string): CacheControl {
  let personal = false;
  let sharedMaxAgeS: number | null = null;
  let maxAgeS: number | null = null;
  let staleWhileRevalidateS: number | null = null;
  const rest: string[] = [];
  for (const [whole, name, value] of text.matchAll(directive)) {
    switch (name!.toLowerCase()) {
      case 's-maxage':
        sharedMaxAgeS ??= seconds(value);
        continue;
      case 'stale-while-revalidate':
        // Without a value it is for good.
        staleWhileRevalidateS ??= value === undefined ? longestS : seconds(value);
        continue;
      case 'max-age':
        maxAgeS ??= seconds(value);
        break;
      case 'private':
      case 'no-store':
      case 'no-cache':
        personal = true;
        break;
      default:
    }
    rest.push(whole);
  }
  return { personal, sharedMaxAgeS, maxAgeS, staleWhileRevalidateS, rest: rest.join(', ') };
}
