import { getTransformedRoutes, mergeRoutes } from '@vercel/routing-utils';
import type { Route } from '@vercel/routing-utils';
import { UsageError } from '../../base/errors.ts';

/** What vercel.json (or weir.json, by the same names) may say of a build and of what becomes of it. */
export interface VercelSettings {
  readonly path: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const routingFields = ['cleanUrls', 'headers', 'redirects', 'rewrites', 'routes', 'trailingSlash'] as const;

/** A text, if the field is one. Throws a UsageError otherwise. Null: it is not there. */
export function textField({ path, fields }: VercelSettings, name: string): string | null {
  const value = fields[name];
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string')
    throw new UsageError(`${path}: ${name}: expected a string, got ${JSON.stringify(value)}`);
  return value;
}

/**
 * `config` (config.json of an output) with what the project's own file says: its routes beside the framework's in the order
 * of the hosted platform, its crons, its images. Null: it says nothing of these. Throws a UsageError for what is wrong.
 */
export function withSettings(config: OutputConfig, settings: VercelSettings): OutputConfig | null {
  const { crons, images } = settings.fields;
  const routes = userRoutes(settings);
  if (routes.length === 0 && crons === undefined && images === undefined) return null;
  return {
    ...config,
    routes: mergeRoutes({
      userRoutes: routes,
      builds: [{ use: '@vercel/next', entrypoint: 'package.json', routes: [...(config.routes ?? [])] }],
    }),
    ...(crons === undefined ? {} : { crons: [...listOf(config.crons), ...listOf(crons)] }),
    ...(images === undefined ? {} : { images }),
  };
}

export interface OutputConfig {
  readonly version: number;
  readonly routes?: readonly Route[];
  readonly crons?: unknown;
  readonly images?: unknown;
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);

function userRoutes({ path, fields }: VercelSettings): Route[] {
  const given = Object.fromEntries(
    routingFields.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])),
  );
  if (Object.keys(given).length === 0) return [];
  try {
    // The library changes what it is given.
    const { routes, error } = getTransformedRoutes(structuredClone(given));
    if (error !== null) throw new UsageError(`${path}: ${(error.errors ?? [error.message]).join(`\n${path}: `)}`);
    return routes ?? [];
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path}: ${(error as Error).message}`);
  }
}
