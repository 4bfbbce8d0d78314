// The HTTP API, all of it: what is served, checked, documented and called is this table.
import type { z } from 'zod';
import type { Route } from './route.ts';
import { observedRoutes } from './routes-observed.ts';
import { platformRoutes } from './routes-platform.ts';
import { projectRoutes } from './routes-projects.ts';

export const routes = { ...platformRoutes, ...projectRoutes, ...observedRoutes } as const satisfies Record<
  string,
  Route
>;

export type RouteName = keyof typeof routes;
type Of<R, K extends string> = R extends Record<K, infer S> ? S : undefined;
type Parsed<S> = S extends z.ZodType ? z.output<S> : S extends 'bytes' ? undefined : Record<string, never>;
type Given<S> = S extends z.ZodType ? z.input<S> : undefined;

/** What a handler gets, checked. */
export interface Call<N extends RouteName> {
  readonly params: Parsed<Of<(typeof routes)[N], 'params'>>;
  readonly query: Parsed<Of<(typeof routes)[N], 'query'>>;
  readonly body: Parsed<Of<(typeof routes)[N], 'body'>>;
}
/** What a client gives. */
export interface Order<N extends RouteName> {
  readonly params: Given<Of<(typeof routes)[N], 'params'>>;
  readonly query: Given<Of<(typeof routes)[N], 'query'>>;
  readonly body: Given<Of<(typeof routes)[N], 'body'>>;
}
export type Answer<N extends RouteName> = (typeof routes)[N]['answer'] extends infer S
  ? S extends z.ZodType
    ? z.output<S>
    : S extends 'text'
      ? string
      : undefined
  : never;
