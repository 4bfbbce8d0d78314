import type { Condition } from './routing.ts';

/** What a build put at a path. */
export type Output =
  | FileOutput
  | { readonly kind: 'function'; readonly functionId: string }
  | { readonly kind: 'prerender'; readonly functionId: string; readonly prerender: Prerender };

export interface FileOutput {
  readonly kind: 'file';
  /** Absolute, without symbolic links. */
  readonly file: string;
  /** Null: by the extension of the file, whatever the path is. */
  readonly contentType: string | null;
}

/** A function whose answers are kept (incremental static regeneration): `NAME.prerender-config.json`. */
export interface Prerender {
  /** An answer is fresh for so long; null: for good. */
  readonly expirationS: number | null;
  /** Older than this it is not shown any more, not even while it is made anew; null: always. */
  readonly staleExpirationS: number | null;
  /** What has the same number is made anew together; null: alone. */
  readonly group: number | null;
  /** Whoever knows it may have answers made anew, and see drafts. Never logged. */
  readonly bypassToken: string | null;
  /** What is there from the build; null: nothing. */
  readonly fallback: Fallback | null;
  /** Query parameters that tell answers apart; null: all. */
  readonly allowQuery: readonly string[] | null;
  /** Request headers that the function gets; null: all. */
  readonly allowHeader: readonly string[] | null;
  /** The function gets the parameters of `allowQuery` as its query. */
  readonly passQuery: boolean;
  readonly initialHeaders: Readonly<Record<string, string>>;
  readonly initialStatus: number;
  /** Bodies of errors are shown. */
  readonly exposeErrorBody: boolean;
  /** Requests that match one of these go to the function, as if nothing was kept. */
  readonly bypassFor: readonly Condition[];
  /** What the build says of where the page comes from; null: nothing. It is asked for by the path of its output. */
  readonly sourcePath: string | null;
  /** Partial prerendering: what is kept is only the beginning, this output has the rest. */
  readonly chain: { readonly outputPath: string; readonly headers: Readonly<Record<string, string>> } | null;
}

export interface Fallback {
  /** Absolute. */
  readonly file: string;
}
