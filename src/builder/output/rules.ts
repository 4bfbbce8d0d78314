import { normalizeRoutes, routesSchema } from '@vercel/routing-utils';
import { limits } from '../../base/limits.ts';
import type { Condition, Rule, SourceRule } from '../../model/routing.ts';
import { schemaFaults } from './json-schema.ts';

/** Both are declared by the library as unions of what it accepts and what it makes; these are what goes in and comes out. */
type Input = Parameters<typeof normalizeRoutes>[0];
type Normalised = NonNullable<ReturnType<typeof normalizeRoutes>['routes']>[number];

/**
 * `routes` of a config.json, checked and normalised by @vercel/routing-utils: patterns are anchored, aliases are folded.
 * `place`: what the list is called in faults. Empty when there are faults.
 */
export function rulesOf(value: unknown, place: string, fault: (line: string) => void): readonly Rule[] {
  if (value === undefined || value === null) return [];
  const routes = Array.isArray(value) ? value.map(withoutEmpty) : value;
  const lines = schemaFaults(routesSchema, routes, [place]);
  if (Array.isArray(routes) && routes.length > limits.routingRules) {
    lines.push(`${place}: expected at most ${limits.routingRules} rules, got ${routes.length}`);
  }
  if (lines.length > 0) {
    for (const line of lines) fault(line);
    return [];
  }
  for (const line of uncheckedFaults(routes as Unchecked[], place)) fault(line);
  const normalised = normalizeRoutes(routes as Input);
  if (normalised.error !== null) {
    const { errors = [normalised.error.message] } = normalised.error;
    for (const text of errors) fault(ownWords(text));
    return [];
  }
  return rulesFromNormalised(normalised.routes ?? []);
}

/** What the library leaves unchecked in a list of rules, redirects, rewrites or headers that has the right form. */
export function uncheckedFaults(list: readonly Unchecked[], place: string): string[] {
  return list.flatMap(({ destination, has = [], missing = [] }, index) => [
    ...(typeof destination === 'object'
      ? [`${place}[${index}].destination: services of their own are not run in this version of Weir`]
      : []),
    ...conditionFaults(has, `${place}[${index}].has`),
    ...conditionFaults(missing, `${place}[${index}].missing`),
  ]);
}

interface Unchecked {
  readonly destination?: unknown;
  readonly has?: readonly Pick<Condition, 'value'>[];
  readonly missing?: readonly Pick<Condition, 'value'>[];
}

/** Takes over what has an effect. */
export const rulesFromNormalised = (routes: readonly Normalised[]): readonly Rule[] =>
  routes.map((route) =>
    'src' in route && !('handle' in route) ? sourceRule(route) : { handle: (route as { handle: Phase }).handle },
  );

type Phase = Extract<Rule, { handle: unknown }>['handle'];
type Sourced = Extract<Normalised, { src: string }>;

/** In the order of SourceRule. */
const taken = [
  'src',
  'dest',
  'headers',
  'methods',
  'continue',
  'caseSensitive',
  'check',
  'override',
  'important',
  'status',
  'has',
  'missing',
  'transforms',
  'env',
  'mitigate',
  'locale',
  'middlewarePath',
  'middlewareRawSrc',
  'respectOriginCacheControl',
] as const satisfies readonly (keyof SourceRule)[];

const sourceRule = (route: Sourced): SourceRule =>
  Object.fromEntries(
    taken.flatMap((name) => {
      const value = (route as Readonly<Record<string, unknown>>)[name];
      return value === undefined ? [] : [[name, value]];
    }),
  ) as unknown as SourceRule;

/** The patterns of conditions that JavaScript cannot compile. */
export function conditionFaults(conditions: readonly Pick<Condition, 'value'>[], place: string): string[] {
  return conditions.flatMap(({ value }, index) => {
    const at = typeof value === 'string' ? `${place}[${index}].value` : `${place}[${index}].value.re`;
    const pattern = typeof value === 'string' ? value : value?.re;
    const fault = pattern === undefined ? null : patternFault(pattern);
    return fault === null ? [] : [`${at}: ${fault}`];
  });
}

/** Null: it is a regular expression. */
function patternFault(pattern: string): string | null {
  try {
    void new RegExp(`^(?:${pattern})$`);
    return null;
  } catch (error) {
    return `expected a regular expression: ${(error as Error).message}`;
  }
}

/** Builders write empty objects and lists where there is nothing to say. */
function withoutEmpty(route: unknown): unknown {
  if (typeof route !== 'object' || route === null || Array.isArray(route)) return route;
  return Object.fromEntries(
    Object.entries(route).filter(
      ([, value]) => value !== null && (typeof value !== 'object' || Object.keys(value as object).length > 0),
    ),
  );
}

const fields: Readonly<Record<string, string>> = {
  Redirect: 'redirects',
  Rewrite: 'rewrites',
  Header: 'headers',
  Route: 'routes',
};

/** The library's words in ours: `Redirect at index 3 has …` → `redirects[3]: has …`. */
export const ownWords = (text: string): string =>
  text
    .replace(/^(\w+) at index (\d+) /, (all, kind: string, index: string) =>
      fields[kind] === undefined ? all : `${fields[kind]}[${index}]: `,
    )
    .replaceAll('`', '');
