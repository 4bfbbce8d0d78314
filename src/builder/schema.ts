import * as z from 'zod';
import { limits } from '../base/limits.ts';
import { cronsSchema, imagesSchema, ownCronsSchema } from './output/config-file.ts';
import { routingFields } from './routing.ts';
import { discontinuedRuntimes, pythonRuntimeForm, runtimes } from './runtimes.ts';

function listed(names: readonly string[]): string {
  const quoted = names.map((name) => JSON.stringify(name));
  return `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}

/** What each field must be, in words: the text of the error, and the description in the JSON Schema. */
const wanted = {
  memory: `a whole number from ${limits.memoryMinMiB} to ${limits.memoryMaxMiB} (MB)`,
  maxDuration: `a whole number from 1 to ${limits.maxDurationMaxMs / 1000} (seconds) or "max"`,
  maxConcurrency: `a whole number from 1 to ${limits.concurrencyMax} or "auto"`,
  maxInstances: `a whole number from 1 to ${limits.instancesPerFunction}`,
  weight: `a whole number from 1 to ${limits.weightMax}`,
  runtime: `${listed([...runtimes, 'python3.12'])} (or another 3.x)`,
  executable: 'a runtime of files: a program is said at the top level ("runtime": "executable", "command": […])',
  program:
    '"executable", with a command (a version of Node or Python is said in functions, or by package.json or .python-version)',
  command: 'a list of the program and its arguments, as in ["./server", "--verbose"]',
  environment: 'an object whose values are strings',
  value: 'a string',
  name: 'lower-case letters, digits and hyphens, at most 63, as in a host name',
  functions: 'an object from file patterns to settings',
  settings: 'an object of settings',
  file: 'an object',
} as const;

const whole = (least: number, most: number, error: string) =>
  z.int({ error }).min(least, { error }).max(most, { error });

const environment = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, {
    error: 'a name of letters, digits and underscores that does not begin with a digit',
  }),
  z.string({ error: wanted.value }),
  { error: wanted.environment },
);

const nodeRuntimes = [...runtimes, ...Object.keys(discontinuedRuntimes)];

/** Those that a function's code may say of itself. */
export const codeSettings = {
  memory: whole(limits.memoryMinMiB, limits.memoryMaxMiB, wanted.memory).optional(),
  maxDuration: z
    .union([z.literal('max'), whole(1, limits.maxDurationMaxMs / 1000, wanted.maxDuration)], {
      error: wanted.maxDuration,
    })
    .optional(),
  maxConcurrency: z
    .union([z.literal('auto'), whole(1, limits.concurrencyMax, wanted.maxConcurrency)], {
      error: wanted.maxConcurrency,
    })
    .optional(),
  maxInstances: whole(1, limits.instancesPerFunction, wanted.maxInstances).optional(),
  weight: whole(1, limits.weightMax, wanted.weight).optional(),
  runtime: z.enum(nodeRuntimes as [string, ...string[]], { error: listed(runtimes) }).optional(),
};

const anyRuntime = new RegExp(`^(?:${nodeRuntimes.join('|').replaceAll('.', '\\.')}|${pythonRuntimeForm})$`);
const runtimeFault = ({ input }: { input?: unknown }): string =>
  input === 'executable' ? wanted.executable : wanted.runtime;

const settings = {
  ...codeSettings,
  runtime: z.string({ error: wanted.runtime }).regex(anyRuntime, { error: runtimeFault }).optional(),
  environment: environment.optional(),
};

const projectName = z.string({ error: wanted.name }).regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, {
  error: wanted.name,
});

const patterns = <Settings extends z.ZodType>(schema: Settings) =>
  z
    .record(z.string().min(1).max(256, { error: 'a pattern of at most 256 characters' }), schema, {
      error: wanted.functions,
    })
    .refine((rules) => Object.keys(rules).length <= limits.functionGlobs, {
      error: `at most ${limits.functionGlobs} patterns`,
    })
    .optional();

const anything = <Name extends string>(names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, z.unknown().optional()])) as Record<Name, z.ZodOptional<z.ZodUnknown>>;

const words = z
  .array(z.string({ error: 'a text' }).min(1, { error: 'a text that is not empty' }), { error: wanted.command })
  .min(1, { error: wanted.command });

/** Looked at by `routingFaults`. */
const routing = anything([...routingFields]);

export const weirSchema = z.strictObject(
  {
    ...routing,
    crons: ownCronsSchema.optional(),
    images: imagesSchema.optional(),
    $schema: z.string().optional(),
    name: projectName.optional(),
    runtime: z.literal('executable', { error: wanted.program }).optional(),
    command: words.optional(),
    build: words.optional(),
    environment: environment.optional(),
    functions: patterns(z.strictObject(settings, { error: wanted.settings })),
  },
  { error: wanted.file },
);

/** Fields of the hosted platform's public schema that are accepted for compatibility, and named in a warning. */
export const vercelWithoutEffect = [
  'alias',
  'build',
  'buildCommand',
  'builds',
  'bulkRedirectsPath',
  'bunVersion',
  'customErrorPage',
  'devCommand',
  'experimentalServices',
  'framework',
  'functionFailoverRegions',
  'git',
  'github',
  'ignoreCommand',
  'installCommand',
  'nodeVersion',
  'outputDirectory',
  'passiveRegions',
  'probes',
  'public',
  'regions',
  'relatedProjects',
  'rootDirectory',
  'schedules',
  'scope',
  'services',
  'wildcard',
] as const;

export const vercelSettingsWithoutEffect = [
  'affinity',
  'architecture',
  'excludeFiles',
  'experimentalTriggers',
  'functionFailoverRegions',
  'includeFiles',
  'regions',
  'supportsCancellation',
] as const;

export const vercelSchema = z.strictObject(
  {
    ...anything(vercelWithoutEffect),
    ...routing,
    crons: cronsSchema.optional(),
    images: imagesSchema.optional(),
    $schema: z.string().optional(),
    version: z.literal(2, { error: '2' }).optional(),
    fluid: z.boolean({ error: 'true or false' }).optional(),
    name: projectName.optional(),
    env: environment.optional(),
    functions: patterns(
      z.strictObject({ ...anything(vercelSettingsWithoutEffect), ...settings }, { error: wanted.settings }),
    ),
  },
  { error: wanted.file },
);

const { maxDuration, runtime } = codeSettings;

/** What the exports of a function's file say of it. */
export const codeSchema = z.object({ config: z.object(codeSettings), maxDuration, runtime });

/** Settings of one pattern as they stand in either file; seconds and MB, as the hosted platform has them. */
export type Settings = z.infer<z.ZodObject<typeof settings>>;
