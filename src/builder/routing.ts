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
import { ownWords, rulesFromNormalised } from './output/rules.ts';

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
    return given === undefined ? [] : schemaFaults(schema, given, [name]);
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
  const fault = (line: string): void => void faults.push(line);
  const rules = rulesFromNormalised(transformed(fields, fault), 'routes', fault);
  const routing: Routing = { rules, wildcard: [], images: images ? imagesOf(images) : null, afterCacheBypass: [] };
  return { routing: rules.length === 0 && routing.images === null ? null : routing, faults };
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
