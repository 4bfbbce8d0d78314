/** What an instance asks, from JSON that nobody has checked; and its execution. */
import { limits } from '../base/limits.ts';
import {
  type AfterS,
  cacheSpaces,
  type CacheSpace,
  type PlatformServices,
  type ServiceScope,
} from '../model/services.ts';
import type { Fields } from '../tunnel/message.ts';

export interface Answer {
  readonly fields: Fields;
  readonly body: Buffer | null;
}

/** The ask is not understood. Its message names the field. */
export class BadAsk extends Error {
  override readonly name = 'BadAsk';
}

const nothing: Answer = { fields: {}, body: null };

/** Rejects with BadAsk, or with what the service rejected with. */
export async function execute(
  fields: Fields,
  body: Buffer,
  scope: ServiceScope,
  services: PlatformServices,
): Promise<Answer> {
  const { cache, purge } = services;
  switch (fields['do']) {
    case 'cache.get':
      return getItem(fields, scope, services);
    case 'cache.set':
      await cache.set(scope, {
        ...placeOf(fields),
        body,
        tags: textsOf(fields, 'tags', cacheTagBounds),
        ttlS: amountOf(fields, 'ttlS'),
        name: textOf(fields, 'name', limits.cacheNameBytes),
        note: textOf(fields, 'note', limits.cacheNoteBytes),
        madeMs: amountOf(fields, 'madeMs'),
      });
      return nothing;
    case 'cache.delete': {
      const { space, key } = placeOf(fields);
      await cache.delete(scope, space, key);
      return nothing;
    }
    case 'cache.freshness': {
      const madeMs = amountOf(fields, 'madeMs') ?? 0;
      return {
        fields: { freshness: await cache.freshness(scope, textsOf(fields, 'tags', cacheTagBounds), madeMs) },
        body: null,
      };
    }
    case 'cache.expireTags':
      await cache.expireTags(scope, textsOf(fields, 'tags', cacheTagBounds), afterOf(fields));
      return nothing;
    case 'purge.tags': {
      const [tags, afterS] = [textsOf(fields, 'tags', purgeBounds), afterOf(fields)];
      if (afterS === null) await purge.invalidateByTag(scope, tags);
      else await purge.dangerouslyDeleteByTag(scope, tags, afterS);
      return nothing;
    }
    case 'purge.images': {
      const [sources, afterS] = [textsOf(fields, 'sources', purgeBounds), afterOf(fields)];
      if (afterS === null) await purge.invalidateBySrcImage(scope, sources);
      else await purge.dangerouslyDeleteBySrcImage(scope, sources, afterS);
      return nothing;
    }
    default:
      throw new BadAsk('do: expected one that this router knows');
  }
}

async function getItem(fields: Fields, scope: ServiceScope, { cache }: PlatformServices): Promise<Answer> {
  const { space, key } = placeOf(fields);
  const hit = await cache.get(scope, space, key, textsOf(fields, 'tags', cacheTagBounds));
  if (hit === null) return { fields: { hit: false }, body: null };
  const { body, note, tags, madeMs, stale } = hit;
  return { fields: { hit: true, madeMs, stale, tags, ...(note !== null && { note }) }, body };
}

interface Bounds {
  readonly most: number;
  readonly eachBytes: number;
}

const cacheTagBounds: Bounds = { most: limits.cacheTags, eachBytes: limits.cacheTagBytes };
const purgeBounds: Bounds = { most: limits.purgedAtOnce, eachBytes: limits.purgedBytes };

function placeOf(fields: Fields): { space: CacheSpace; key: string } {
  const space = cacheSpaces.find((each) => each === fields['space']);
  const key = textOf(fields, 'key', limits.cacheKeyBytes);
  if (space === undefined) throw new BadAsk(`space: expected one of ${cacheSpaces.join(', ')}`);
  if (key === null) throw new BadAsk('key: expected text');
  return { space, key };
}

/** Null: it is not there. */
function textOf(fields: Fields, name: string, mostBytes: number): string | null {
  const value = fields[name];
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') throw new BadAsk(`${name}: expected text`);
  if (Buffer.byteLength(value) > mostBytes) throw new BadAsk(`${name}: expected at most ${mostBytes} bytes`);
  return value;
}

function textsOf(fields: Fields, name: string, { most, eachBytes }: Bounds): string[] {
  const values = fields[name];
  if (!Array.isArray(values)) throw new BadAsk(`${name}: expected a list of texts`);
  if (values.length > most) throw new BadAsk(`${name}: expected at most ${most}, got ${values.length}`);
  return values.map((value: unknown) => {
    if (typeof value !== 'string') throw new BadAsk(`${name}: expected texts`);
    if (Buffer.byteLength(value) > eachBytes) throw new BadAsk(`${name}: expected at most ${eachBytes} bytes in each`);
    return value;
  });
}

/** A number from 0; null: it is not there. */
function amountOf(fields: Fields, name: string): number | null {
  const value = fields[name];
  if (value === undefined || value === null) return null;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new BadAsk(`${name}: expected a number from 0`);
  }
  return value;
}

function afterOf(fields: Fields): AfterS {
  if (!Object.hasOwn(fields, 'afterS')) throw new BadAsk('afterS: expected a number from 0, or null');
  return amountOf(fields, 'afterS');
}
