import {
  cleanUrlsSchema,
  getTransformedRoutes,
  headersSchema,
  redirectsSchema,
  rewritesSchema,
  routesSchema,
  trailingSlashSchema,
} from '@vercel/routing-utils';
import type * as z from 'zod';
import type { Routing } from '../model/routing.ts';
import { imagesOf } from './output/config-file.ts';
import type { imagesSchema } from './output/config-file.ts';
import { schemaFaults } from './output/json-schema.ts';
import type { JsonSchema } from './output/json-schema.ts';
import { ownWords, rulesFromNormalised, uncheckedFaults } from './output/rules.ts';

/** The fields of vercel.json that say how paths are answered; those of weir.json are the same. */
const schemas = {
  cleanUrls: cleanUrlsSchema,
  headers: headersSchema,
  redirects: redirectsSchema,
  rewrites: rewritesSchema,
  routes: routesSchema,
  trailingSlash: trailingSlashSchema,
} as Readonly<Record<string, JsonSchema>>;

export const routingFields = Object.keys(schemas);

/** What is wrong in those fields, a line each. */
export function routingFaults(value: unknown): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(schemas).flatMap(([name, schema]) => {
    const given = (value as Readonly<Record<string, unknown>>)[name];
    const found = given === undefined ? [] : schemaFaults(schema, given, [name]);
    return found.length === 0 && Array.isArray(given) ? uncheckedFaults(given, name) : found;
  });
}

/**
 * The table for those fields, which have no `routingFaults`, made by @vercel/routing-utils as the hosted platform makes it:
 * cleanUrls, trailingSlash, routes, redirects, headers, then what files and functions do not answer: rewrites. Null: there
 * is nothing to be done.
 */
export function routingOf(value: Routed): { routing: Routing | null; faults: readonly string[] } {
  const { images, ...fields } = value;
  const faults: string[] = [];
  const rules = rulesFromNormalised(transformed(fields, (line) => void faults.push(line)));
  const phases = rules.flatMap((rule) => ('handle' in rule ? rule.handle : []));
  if (new Set(phases).size < phases.length) {
    faults.push('routes: handle: "filesystem" cannot be used together with rewrites, which come after it');
  }
  const isIdle = !images && phases.length === rules.length;
  const table = {
    rules,
    wildcard: [],
    images: images ? imagesOf(images) : null,
    afterCacheBypass: [],
    ...(fields.cleanUrls === true ? { cleanUrls: true } : {}),
  };
  return { routing: isIdle ? null : table, faults };
}

type Routed = { readonly [field in keyof typeof schemas]?: unknown } & {
  readonly images?: z.infer<typeof imagesSchema> | undefined;
};

/** The library changes what it is given, and throws where a destination cannot be understood. */
function transformed(fields: object, fault: (line: string) => void): readonly Normalised[] {
  const given = Object.fromEntries(Object.entries(fields).filter(([name]) => routingFields.includes(name)));
  try {
    const { routes, error } = getTransformedRoutes(structuredClone(given));
    for (const text of error === null ? [] : (error.errors ?? [error.message])) fault(ownWords(text));
    return error === null ? (routes ?? []) : [];
  } catch (error) {
    fault((error as Error).message);
    return [];
  }
}

type Normalised = NonNullable<ReturnType<typeof getTransformedRoutes>['routes']>[number];
