/**
 * A deployment's routing table, in the form of Build Output API v3 after @vercel/routing-utils has normalised it: patterns
 * are anchored, aliases are folded. What a rule means is said in src/edge/routing.
 */
export interface Routing {
  readonly rules: readonly Rule[];
  /** `$wildcard` in a destination, by the host that was asked. */
  readonly wildcard: readonly { readonly domain: string; readonly value: string }[];
  /** Null: there is no image optimisation. */
  readonly images: Images | null;
  /** Answers with cached pages are not given to requests, or of pages, that match one of these. */
  readonly afterCacheBypass: readonly CacheBypass[];
  /** Of a plain project: its file `x.html` is also found at `x`. Default: false. */
  readonly cleanUrls?: boolean;
}

/** Where a phase begins; each at most once. */
export type Phase = 'filesystem' | 'hit' | 'miss' | 'rewrite' | 'resource' | 'error';

export type Rule = { readonly handle: Phase } | SourceRule;

export interface SourceRule {
  /** A regular expression (PCRE as far as JavaScript goes) over the path. */
  readonly src: string;
  /** A path or an absolute URL; `$1`, `$name`, `$wildcard` are replaced. */
  readonly dest?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly methods?: readonly string[];
  readonly continue?: boolean;
  readonly caseSensitive?: boolean;
  readonly check?: boolean;
  readonly override?: boolean;
  readonly important?: boolean;
  readonly status?: number;
  readonly has?: readonly Condition[];
  readonly missing?: readonly Condition[];
  readonly transforms?: readonly Transform[];
  /** Names that are replaced in `dest` and `headers` by what the deployment's environment has. */
  readonly env?: readonly string[];
  readonly mitigate?: { readonly action: 'challenge' | 'deny' };
  readonly locale?: { readonly redirect?: Readonly<Record<string, string>>; readonly cookie?: string };
  /** The path of an output: a function that decides how to go on. */
  readonly middlewarePath?: string;
  readonly middlewareRawSrc?: readonly string[];
  readonly respectOriginCacheControl?: boolean;
}

export type Condition =
  | { readonly type: 'host'; readonly value: ConditionValue }
  | { readonly type: 'header' | 'cookie' | 'query'; readonly key: string; readonly value?: ConditionValue };

/** A string is a regular expression over the whole value. */
export type ConditionValue =
  | string
  | {
      readonly eq?: string | number;
      readonly neq?: string;
      readonly inc?: readonly string[];
      readonly ninc?: readonly string[];
      readonly pre?: string;
      readonly suf?: string;
      readonly re?: string;
      readonly gt?: number;
      readonly gte?: number;
      readonly lt?: number;
      readonly lte?: number;
    };

export type Transform =
  | {
      readonly type: 'request.headers' | 'request.query' | 'response.headers';
      readonly op: 'append' | 'set' | 'delete';
      readonly target: { readonly key: ConditionValue };
      readonly args?: string | readonly string[];
      /** Names that are replaced in `args` by what the deployment's environment has. */
      readonly env?: readonly string[];
    }
  | {
      readonly type: 'request.path';
      readonly op: 'set';
      readonly args: string;
      readonly env?: readonly string[];
    };

export interface CacheBypass {
  readonly name: string | null;
  readonly hasAll: readonly {
    readonly type: 'request.header' | 'cache.response.header';
    readonly key: string;
    readonly value: ConditionValue | null;
  }[];
}

/** `images` of config.json. */
export interface Images {
  readonly sizes: readonly number[];
  readonly qualities: readonly number[] | null;
  readonly domains: readonly string[];
  readonly remotePatterns: readonly RemotePattern[];
  /** Null: any local path. */
  readonly localPatterns: readonly LocalPattern[] | null;
  readonly minimumCacheTtlS: number;
  readonly formats: readonly ('image/avif' | 'image/webp')[];
  readonly dangerouslyAllowSvg: boolean;
  readonly contentSecurityPolicy: string | null;
  readonly contentDisposition: 'inline' | 'attachment';
}

/** Patterns are regular expressions, as the framework's adapter made them of its globs. */
export interface RemotePattern {
  readonly protocol: 'http' | 'https' | null;
  readonly hostname: string;
  readonly port: string | null;
  readonly pathname: string | null;
  readonly search: string | null;
}

export interface LocalPattern {
  readonly pathname: string | null;
  readonly search: string | null;
}
