import type { Effects, HeaderEdit } from './effects.ts';

/** What to do next with a request. All but `middleware` are the last. */
export type Step =
  /** Ask the function at `output`, and tell `Walk.resume` what it answered. */
  | {
      readonly kind: 'middleware';
      readonly output: string;
      readonly target: string;
      readonly requestEdits: readonly HeaderEdit[];
    }
  /** What the middleware answered is the answer. */
  | { readonly kind: 'answer'; readonly effects: Effects }
  /** `status`: of the answer, whatever the output says; null: the output's own. */
  | (Found & { readonly kind: 'output'; readonly status: number | null; readonly effects: Effects })
  /** Pass on to another origin, the query included in `url`. */
  | {
      readonly kind: 'external';
      readonly url: string;
      readonly effects: Effects;
    }
  /** `effects` have the `location`. */
  | { readonly kind: 'redirect'; readonly status: number; readonly effects: Effects }
  /** An answer without an output of its own; `page`: what is shown with it, null: the platform's page. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly reason: Reason;
      readonly page: Found | null;
      readonly effects: Effects;
    };

/** An output, and how it is to be asked if it is a function. */
export interface Found {
  /** Its key. */
  readonly output: string;
  /** Where it was found: encoded, begins with `/`. */
  readonly path: string;
  /**
   * Path and query that a function is asked for. The path is the one that the client asked for, not where rules led: that
   * is in the headers below. The query has what destinations added.
   */
  readonly target: string;
  /**
   * The request header `x-matched-path`: where the rules led, `/blog/[slug]` for what the client knows as `/blog/a`. Next.js
   * finds the page by it. As the bytes of UTF-8, one per character, which is how Next.js reads it; never encoded twice.
   */
  readonly matchedPath: string;
  /**
   * The request header `x-now-route-matches`, or null where no group matched: `1=a&nxtPslug=a`. A query of the groups of
   * the last rule with a destination by their numbers, and of all of them by their names. Values are encoded as they are
   * in the path, and that once more: who reads it decodes twice. Next.js takes parameters of a dynamic route from it where
   * the query has none, Nitro the path of what it renders anew (`__isr_route`).
   */
  readonly routeMatches: string | null;
}

/** Why there is no output. Those in capitals are of the catalogue (src/base/errors.ts). */
export type Reason =
  | 'rule'
  | 'deny'
  | 'challenge'
  /** `Walk.fail` was called. */
  | 'failed'
  | 'NOT_FOUND'
  | Broken;

/** The table is at fault. */
export type Broken = 'TOO_MANY_FORKS' | 'TOO_MANY_FILESYSTEM_CHECKS' | 'ROUTER_CANNOT_MATCH';
