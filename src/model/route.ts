export type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  /** `[name]`: one non-empty segment. */
  | { readonly kind: 'param'; readonly name: string }
  /** `[...name]`: one segment or more. */
  | { readonly kind: 'rest'; readonly name: string };

/** A path pattern that leads to a function. Literal before param before rest, segment by segment. */
export interface Route {
  /** As people read it: `/api/users/[id]`; `/` + rest for a server that takes every path. */
  readonly pattern: string;
  readonly segments: readonly Segment[];
  /** FunctionSpec.id */
  readonly functionId: string;
}
