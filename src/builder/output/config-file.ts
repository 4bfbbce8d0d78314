import { join } from 'node:path';
import * as z from 'zod';
import { limits } from '../../base/limits.ts';
import type { CacheBypass, Images, Routing } from '../../model/routing.ts';
import { scheduleFault } from '../../model/cron-schedule.ts';
import type { Cron } from '../../model/snapshot.ts';
import { checked, readJson } from './json-file.ts';
import type { Faults } from './json-file.ts';
import { configFile } from './place.ts';
import { rulesOf } from './rules.ts';

/** `config.json` of an output, as far as it has an effect. */
export interface OutputConfig {
  readonly bytes: Buffer;
  readonly routing: Routing;
  readonly overrides: Readonly<Record<string, Override>>;
  readonly crons: readonly Cron[];
  /** What the build calls its deployment; null: it leaves that to the platform. */
  readonly deploymentId: string | null;
  readonly warnings: readonly string[];
}

/** What a static file is served as. */
export interface Override {
  readonly path?: string | undefined;
  readonly contentType?: string | undefined;
}

const text = (most: number) => z.string({ error: 'a string' }).max(most, { error: `at most ${most} characters` });
const list = <Item extends z.ZodType>(item: Item, most: number) =>
  z.array(item, { error: 'a list' }).max(most, { error: `at most ${most} entries` });

const cronFields = {
  path: text(512)
    .regex(/^\//, { error: 'a path that begins with /' })
    // It is sent as it stands.
    .regex(/^[!"$-~]*$/, { error: 'a path of printable ASCII characters without spaces and #' }),
  schedule: text(256).refine((value) => scheduleFault(value) === null, {
    error: ({ input }) => scheduleFault(String(input)) ?? '',
  }),
};
const cronError = 'an object with path and schedule';
export const cronsSchema = list(z.object(cronFields, { error: cronError }), limits.crons);
/** Of weir.json, which may say more than the hosted platform's file. */
export const ownCronsSchema = list(
  z.strictObject({ ...cronFields, overlap: z.boolean({ error: 'true or false' }).optional() }, { error: cronError }),
  limits.crons,
);

const pattern = text(limits.routingTextCharacters);
const whole = z.int({ error: 'a whole number' }).min(0, { error: 'a whole number from 0' });

export const imagesSchema = z.object(
  {
    sizes: list(whole, limits.imageRules),
    qualities: list(z.int().min(1).max(100, { error: 'a whole number from 1 to 100' }), 100).nullish(),
    domains: list(pattern, limits.imageRules).nullish(),
    remotePatterns: list(
      z.object(
        {
          protocol: z.enum(['http', 'https', 'http:', 'https:'], { error: '"http" or "https"' }).nullish(),
          hostname: pattern,
          port: pattern.nullish(),
          pathname: pattern.nullish(),
          search: pattern.nullish(),
        },
        { error: 'an object with hostname' },
      ),
      limits.imageRules,
    ).nullish(),
    localPatterns: list(
      z.object({ pathname: pattern.nullish(), search: pattern.nullish() }, { error: 'an object' }),
      limits.imageRules,
    ).nullish(),
    minimumCacheTTL: whole.nullish(),
    formats: list(
      z.enum(['image/avif', 'image/webp'], { error: '"image/avif" or "image/webp"' }),
      limits.imageRules,
    ).nullish(),
    dangerouslyAllowSVG: z.boolean({ error: 'true or false' }).nullish(),
    contentSecurityPolicy: pattern.nullish(),
    contentDispositionType: z.enum(['inline', 'attachment'], { error: '"inline" or "attachment"' }).nullish(),
  },
  { error: 'an object with sizes' },
);

const matchable = z.union(
  [
    pattern,
    z.strictObject({
      eq: z.union([pattern, z.number()]).optional(),
      neq: pattern.optional(),
      inc: z.array(pattern).optional(),
      ninc: z.array(pattern).optional(),
      pre: pattern.optional(),
      suf: pattern.optional(),
      re: pattern.optional(),
      gt: z.number().optional(),
      gte: z.number().optional(),
      lt: z.number().optional(),
      lte: z.number().optional(),
    }),
  ],
  { error: 'a pattern, or an object of eq, neq, inc, ninc, pre, suf, re, gt, gte, lt, lte' },
);

const bypassSchema = z.object(
  {
    name: text(256).nullish(),
    hasAll: list(
      z.object(
        {
          type: z.enum(['request.header', 'cache.response.header'], {
            error: '"request.header" or "cache.response.header"',
          }),
          key: text(256),
          value: matchable.nullish(),
        },
        { error: 'an object with type and key' },
      ),
      16,
    ),
  },
  { error: 'an object with hasAll' },
);

/** For display only: one without a slug is none. */
function isFramework(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  const { slug, version } = value as { slug?: unknown; version?: unknown };
  if (typeof slug !== 'string') return true;
  return slug.length <= 50 && typeof version === 'string' && version.length <= 50;
}

const configSchema = z.object(
  {
    version: z.literal(3, { error: '3' }),
    wildcard: list(
      z.object({ domain: text(256), value: text(256) }, { error: 'an object with domain and value' }),
      limits.routingRules,
    ).nullish(),
    images: imagesSchema.nullish(),
    overrides: z
      .record(
        z.string(),
        z.object({ path: text(1024).optional(), contentType: text(256).optional() }, { error: 'an object' }),
        { error: 'an object' },
      )
      .nullish(),
    crons: cronsSchema.nullish(),
    afterCacheBypass: list(bypassSchema, 64).nullish(),
    framework: z
      .unknown()
      .refine(isFramework, { error: 'an object with slug and version, each a string of at most 50 characters' })
      .optional(),
    deploymentId: z
      .string({ error: 'a string' })
      .regex(/^[A-Za-z0-9_-]{0,32}$/, { error: 'at most 32 letters, digits, - and _' })
      .nullish(),
    services: z.unknown().optional(),
    schedules: z.unknown().optional(),
  },
  { error: 'an object' },
);

/** Null when it cannot be used; the faults say why. */
export async function readOutputConfig(dir: string, faults: Faults): Promise<OutputConfig | null> {
  const path = join(dir, configFile);
  const file = await readJson(path, faults);
  if (file === null) {
    if (!faults.any) faults.add(path, 'there is no such file');
    return null;
  }
  const routes = (file.value as { routes?: unknown } | null)?.routes;
  const rules = rulesOf(routes, 'routes', (line) => faults.add(path, line));
  const config = checked(configSchema, file.value, path, faults);
  if (config === null) return null;
  const idle = (['services', 'schedules'] as const).filter((name) => config[name] !== undefined);
  return {
    bytes: file.bytes,
    routing: {
      rules,
      wildcard: config.wildcard ?? [],
      images: config.images ? imagesOf(config.images) : null,
      afterCacheBypass: (config.afterCacheBypass ?? []).map(({ name, hasAll }): CacheBypass => ({
        name: name ?? null,
        hasAll: hasAll.map(({ type, key, value }) => ({ type, key, value: (value as CacheValue | undefined) ?? null })),
      })),
    },
    overrides: config.overrides ?? {},
    crons: config.crons ?? [],
    deploymentId: config.deploymentId ? config.deploymentId : null,
    warnings: idle.length === 0 ? [] : [`${path}: without effect in this version of Weir: ${idle.join(', ')}`],
  };
}

type CacheValue = CacheBypass['hasAll'][number]['value'];

/** With the defaults of the hosted platform. */
export function imagesOf(images: z.infer<typeof imagesSchema>): Images {
  return {
    sizes: images.sizes,
    qualities: images.qualities ?? null,
    domains: images.domains ?? [],
    remotePatterns: (images.remotePatterns ?? []).map(({ protocol, hostname, port, pathname, search }) => ({
      protocol: protocol ? (protocol.replace(':', '') as 'http' | 'https') : null,
      hostname,
      port: port ?? null,
      pathname: pathname ?? null,
      search: search ?? null,
    })),
    localPatterns:
      images.localPatterns?.map(({ pathname, search }) => ({ pathname: pathname ?? null, search: search ?? null })) ??
      null,
    minimumCacheTtlS: images.minimumCacheTTL ?? limits.imageCacheDefaultS,
    formats: images.formats ?? [],
    dangerouslyAllowSvg: images.dangerouslyAllowSVG ?? false,
    contentSecurityPolicy: images.contentSecurityPolicy ?? null,
    contentDisposition: images.contentDispositionType ?? 'inline',
  };
}
