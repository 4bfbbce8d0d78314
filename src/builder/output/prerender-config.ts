import { stat } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import * as z from 'zod';
import type { Fallback, Prerender } from '../../model/output.ts';
import type { Condition } from '../../model/routing.ts';
import { isInside, realPathOf } from './folder.ts';
import { checked } from './json-file.ts';
import type { Faults } from './json-file.ts';
import { conditionFaults } from './rules.ts';

const texts = z.array(z.string({ error: 'a string' }), { error: 'a list of strings' });
const headers = z.record(z.string(), z.string({ error: 'a string' }), { error: 'an object whose values are strings' });
const yesOrNo = z.boolean({ error: 'true or false' }).nullish();
const secondsError = 'a number of seconds, or false';
const seconds = z
  .union([z.literal(false), z.number().min(0, { error: secondsError })], { error: secondsError })
  .nullish();
const natural = z.int({ error: 'a whole number from 1' }).min(1, { error: 'a whole number from 1' });

const conditionSchema = z.union(
  [
    z.strictObject({ type: z.literal('host'), value: z.unknown() }),
    z.strictObject({
      type: z.enum(['header', 'cookie', 'query']),
      key: z.string(),
      value: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
    }),
  ],
  { error: 'an object with type, key, and a value or none' },
);

const prerenderSchema = z.object(
  {
    expiration: seconds,
    staleExpiration: seconds,
    group: natural.nullish(),
    bypassToken: z
      .string({ error: 'a string of at least 32 characters' })
      .min(32, { error: 'a string of at least 32 characters' })
      .nullish(),
    fallback: z
      .union([z.string(), z.object({ fsPath: z.string(), contentType: z.string().nullish() })], {
        error: 'the path of a file, an object with fsPath, or null',
      })
      .nullish(),
    allowQuery: texts.nullish(),
    allowHeader: texts.nullish(),
    passQuery: yesOrNo,
    initialHeaders: headers.nullish(),
    initialStatus: natural.max(999, { error: 'a status from 1 to 999' }).nullish(),
    exposeErrBody: yesOrNo,
    experimentalBypassFor: z.array(conditionSchema, { error: 'a list of conditions' }).nullish(),
    sourcePath: z.string({ error: 'a path' }).nullish(),
    chain: z
      .object(
        { outputPath: z.string({ error: 'a path' }).min(1, { error: 'a path' }), headers },
        { error: 'an object with outputPath and headers' },
      )
      .nullish(),
  },
  { error: 'an object' },
);

/** `outputDir`: where fallbacks may lie, without symbolic links. Null when it cannot be used; the faults say why. */
export async function prerenderOf(
  value: unknown,
  path: string,
  outputDir: string,
  faults: Faults,
): Promise<Prerender | null> {
  const config = checked(prerenderSchema, value, path, faults);
  if (config === null) return null;
  const bypassFor = (config.experimentalBypassFor ?? []) as readonly Condition[];
  for (const line of conditionFaults(bypassFor, 'experimentalBypassFor')) faults.add(path, line);
  const { fallback: declared } = config;
  const named = typeof declared === 'string' ? declared : declared?.fsPath;
  const ownType = typeof declared === 'string' ? null : (declared?.contentType ?? null);
  const contentType = ownType ?? fallbackTypes[extname(named ?? '')] ?? null;
  return {
    expirationS: secondsOrNone(config.expiration),
    staleExpirationS: secondsOrNone(config.staleExpiration),
    group: config.group ?? null,
    bypassToken: config.bypassToken ?? null,
    fallback: named ? await fallbackAt(named, path, outputDir, faults) : null,
    allowQuery: config.allowQuery ?? null,
    allowHeader: config.allowHeader ?? null,
    passQuery: config.passQuery ?? false,
    initialHeaders: withType(config.initialHeaders ?? {}, contentType),
    initialStatus: config.initialStatus ?? 200,
    exposeErrorBody: config.exposeErrBody ?? false,
    bypassFor,
    sourcePath: config.sourcePath ?? null,
    chain: config.chain ?? null,
  };
}

/** Of what is kept from the build, where nothing else says what it is. */
const fallbackTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.rsc': 'text/x-component',
};

const secondsOrNone = (value: number | false | null | undefined): number | null =>
  typeof value === 'number' ? value : null;

/** A header says the type of the fallback, or else the fallback's own field does, or else its name. */
function withType(given: Readonly<Record<string, string>>, contentType: string | null): Record<string, string> {
  const says = Object.keys(given).some((name) => name.toLowerCase() === 'content-type');
  return contentType === null || says ? { ...given } : { ...given, 'content-type': contentType };
}

async function fallbackAt(named: string, path: string, outputDir: string, faults: Faults): Promise<Fallback | null> {
  const file = await realPathOf(join(dirname(path), named));
  const isFile = file !== null && ((await stat(file).catch(() => null))?.isFile() ?? false);
  if (file === null || !isFile) {
    faults.add(path, `fallback: there is no file ${JSON.stringify(named)} beside it`);
    return null;
  }
  if (!isInside(outputDir, file)) {
    faults.add(path, `fallback: expected a file in the output, got ${JSON.stringify(named)}, which leads out of it`);
    return null;
  }
  return { file };
}
